"""Writes a table between its marks in benchmarks/README.md, with the machine and the versions that made it."""

import platform
from importlib import metadata
from pathlib import Path

README = Path(__file__).parent / "README.md"


def machine() -> str:
    """Processor, Python and versions in one line."""
    cpu = next((line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), platform.machine())
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "scipy", "statsmodels", "torch"))
    return f"{cpu}, one thread; Python {platform.python_version()}, {versions}"


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def write_table(name: str, lines: list[str]) -> None:
    """Replace what stands between <!-- name --> and <!-- /name -->."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = README.read_text(encoding="utf-8").partition(begin)
    README.write_text(f"{before}{begin}\n" + "\n".join(lines) + f"\n{end}{rest.partition(end)[2]}", encoding="utf-8")
