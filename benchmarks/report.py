"""What the scripts of this folder share: a table of results, and where they were measured."""

import ast
import hashlib
import json
import os
import platform
from collections.abc import Callable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import forecast
from forecast.files import sha256

README = Path(__file__).parent / "README.md"
CELLS = Path(__file__).parent / "cells"


def table(rows: list[Mapping[str, Any]]) -> str:
    """Rows as a Markdown table; numbers with four digits."""
    names = list(rows[0])
    cells = [names, *([_text(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in cells
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def package_hash() -> str:
    """A hash of the code that a fit depends on: what a kept cell is known by."""
    root = Path(forecast.__file__).parent
    code = [path for part in ("data", "models") for path in sorted((root / part).rglob("*.py"))] + [
        root / "fitting.py"
    ]
    return hashlib.sha256("".join(sha256(path) for path in code).encode()).hexdigest()[:16]


@cache
def code_of(*modules: str) -> str:
    """A hash of modules of the package, such as "models.nets.recurrent", and of all of it that they import, and what that imports: what a net that is
    fitted on a panel is known by, whatever becomes of the reader."""
    root, found, open_ = Path(forecast.__file__).parent, {}, [module.split(".") for module in modules]
    while open_:
        path = root.joinpath(*open_.pop())
        path = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
        if path in found or not path.exists():
            continue
        found[path] = sha256(path)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("forecast."):
                inside = str(node.module).split(".")[1:]
                open_ += [inside, *([*inside, alias.name] for alias in node.names)]
    return hashlib.sha256("".join(found[path] for path in sorted(found)).encode()).hexdigest()[:16]


def kept(what: str, key: Any, make: Callable[[], dict[str, Any]], code: str = "") -> dict[str, Any]:
    """What `make()` gives, JSON values, from benchmarks/cells where it is there.

    key, JSON values: all it depends on beside the code. code: that code, where it is not the package's.
    """
    known = hashlib.sha256(json.dumps([key, code or package_hash()]).encode()).hexdigest()[:16]
    stored = CELLS / f"{what}-{known}.json"
    if not stored.exists():
        answer = make()
        CELLS.mkdir(exist_ok=True)
        stored.write_text(json.dumps(answer))
    return json.loads(stored.read_text())


def machine() -> str:
    """Processor, cores, Python and the versions that the figures depend on."""
    cpu = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "",
    )
    names = ("torch", "numpy", "pandas", "scipy", "statsmodels")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    return f"{cpu or platform.processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}"


def write_table(name: str, lines: list[str]) -> None:
    """Replace what stands between <!-- name --> and <!-- /name --> in benchmarks/README.md."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = README.read_text(encoding="utf-8").partition(begin)
    README.write_text(
        f"{before}{begin}\n" + "\n".join(lines) + f"\n{end}{rest.partition(end)[2]}", encoding="utf-8"
    )
