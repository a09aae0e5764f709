"""Seconds and memory of reading 5 million rows x 6 columns from Parquet and from CSV, beside pandas alone: `python benchmarks/reading.py`.

The files are made in a temporary folder. Each reading happens in a process of its own; the table gives the median seconds of five and the most
memory that a reading added to what the process had before it.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROWS, REPEATS = 5_000_000, 5
COLUMNS = ["y", "a", "b", "c", "d"]


def make(folder: Path, rows: int) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({name: random.normal(size=rows).round(4) for name in COLUMNS})
    frame.insert(0, "ds", pd.date_range("2000-01-01", periods=rows, freq="min"))
    frame.to_parquet(folder / "x.parquet", index=False)
    frame.to_csv(folder / "x.csv", index=False)


def peak() -> float:
    """The most memory that this process has held so far, in MB (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def once(how: str, path: str) -> None:
    """One reading, told as JSON: seconds, and MB at the peak above what the process held before."""
    from forecast.reading.door import read

    tiny = pd.DataFrame({"ds": pd.date_range("2000-01-01", periods=9), "y": range(9)})
    read(tiny)  # imports are not reading
    before = peak()
    begin = time.perf_counter()
    if how == "forecast":
        kept: object = read(path)
    else:
        kept = pd.read_parquet(path) if path.endswith("parquet") else pd.read_csv(path, parse_dates=["ds"])
    seconds = time.perf_counter() - begin
    assert kept is not None
    print(json.dumps({"seconds": seconds, "mb": peak() - before}))


def measured(how: str, path: Path) -> tuple[float, float]:
    runs = []
    for _ in range(REPEATS):
        told = subprocess.run(
            [sys.executable, __file__, how, str(path)], capture_output=True, text=True, check=True
        ).stdout
        runs.append(json.loads(told))
    return statistics.median(run["seconds"] for run in runs), max(run["mb"] for run in runs)


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    numeric = rows * (len(COLUMNS) + 1) * 8 / 2**20
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), rows)
        print(f"{rows:,} rows x {len(COLUMNS) + 1} columns, {numeric:,.0f} MB of numbers")
        print(
            f"{'file':10}{'pandas s':>10}{'forecast s':>12}{'ratio':>8}{'pandas MB':>12}{'forecast MB':>13}{'x numbers':>11}"
        )
        for name in ("x.parquet", "x.csv"):
            (pandas_s, pandas_mb), (ours_s, ours_mb) = (
                measured(how, Path(folder) / name) for how in ("pandas", "forecast")
            )
            seconds = f"{pandas_s:>10.2f}{ours_s:>12.2f}{ours_s / pandas_s:>8.2f}"
            print(f"{name[2:]:10}{seconds}{pandas_mb:>12,.0f}{ours_mb:>13,.0f}{ours_mb / numeric:>11.2f}")


if __name__ == "__main__":
    once(*sys.argv[1:]) if len(sys.argv) == 3 else main()
