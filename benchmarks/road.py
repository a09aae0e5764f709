"""The road, measured: `forecast fit` on the three files of data/, in time, memory and error.

    python benchmarks/road.py [--repeat 3] [--json] [--jobs 0] [FILE ...]

Every run is a process of its own in a temporary folder. Memory is the proportional set size (PSS) of its whole process tree, so that pages which
its workers share count once; it is looked at every 0.2 seconds, and the figure is the highest. Linux only: it reads /proc.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from report import machine

ROOT = Path(__file__).resolve().parent.parent
CASES = {  # file of data/ -> flags
    "weather.parquet": (),
    "oil.csv": (),
    "sine.csv": ("--horizon", "1"),
}
PERIOD = 0.2  # seconds between two looks at the memory


def main() -> None:
    """Measure, and print one table or one JSON object."""
    parser = argparse.ArgumentParser(description="Measure `forecast fit` on the files of data/.")
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        default=list(CASES),
        help=f"some of {', '.join(CASES)}; all by default",
    )
    parser.add_argument(
        "--repeat", type=int, default=3, metavar="N", help="runs a file; times are medians (3)"
    )
    parser.add_argument(
        "--jobs", type=int, default=0, metavar="N", help="fits side by side, 0 = one a core (0)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of every run (0)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    asked = parser.parse_args()
    unknown = sorted(set(asked.files) - set(CASES))
    if unknown or asked.repeat < 1:
        parser.error(
            f"there is no case {', '.join(unknown)}; there is: {', '.join(CASES)}"
            if unknown
            else "--repeat is at least 1"
        )
    found = {"machine": machine(), "seed": asked.seed, "jobs": asked.jobs, "repeat": asked.repeat}
    cases = {
        name: median_of([measured(name, asked.jobs, asked.seed) for _ in range(asked.repeat)])
        for name in asked.files
    }
    print(json.dumps({**found, "cases": cases}, indent=1) if asked.json else text({**found, "cases": cases}))


def measured(name: str, jobs: int, seed: int) -> dict[str, Any]:
    """One run of `forecast fit` in a folder that is removed again: its wall and CPU seconds, its highest PSS, its leaderboard."""
    with tempfile.TemporaryDirectory() as folder:
        flags = [
            *CASES[name],
            "--seed",
            str(seed),
            "--jobs",
            str(jobs),
            "--out",
            f"{folder}/run",
            "--json",
            "--quiet",
        ]
        command = [sys.executable, "-m", "forecast", "fit", str(ROOT / "data" / name), *flags]
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        with open(f"{folder}/stdout", "w+") as out:
            process = subprocess.Popen(command, cwd=ROOT, stdout=out)
            peak = watched(process)
            wall = time.monotonic() - begun
            if process.returncode:
                sys.exit(f"{' '.join(command)} ended with exit code {process.returncode}")
            out.seek(0)
            result = json.load(out)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    kept = {key: result[key] for key in ("origins", "horizon", "baseline", "best", "verdict", "leaderboard")}
    return {"wall": wall, "cpu": cpu, "pss": peak, **kept}


def watched(process: "subprocess.Popen[bytes]") -> int:
    """The highest PSS, in bytes, of a process and its descendants until it ends."""
    peak = 0
    while process.poll() is None:
        peak = max(peak, tree_pss(process.pid))
        time.sleep(PERIOD)
    return peak


def tree_pss(pid: int) -> int:
    """The PSS of a process and its descendants now, in bytes; one that ends meanwhile counts as nothing."""
    try:
        parent = psutil.Process(pid)
        return sum(pss(one.pid) for one in [parent, *parent.children(recursive=True)])
    except psutil.NoSuchProcess:
        return 0


def pss(pid: int) -> int:
    """The PSS of one process in bytes."""
    try:
        rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((1024 * int(row.split()[1]) for row in rows if row.startswith("Pss:")), 0)


def median_of(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Median times and the highest memory of several runs of one case; their results must be the same but for the seconds."""
    scores = [
        [{key: value for key, value in row.items() if key != "seconds"} for row in run["leaderboard"]]
        for run in runs
    ]
    if any(other != scores[0] for other in scores):
        sys.exit("The same run with the same seed gave other errors.")
    middle = {key: statistics.median(run[key] for run in runs) for key in ("wall", "cpu")}
    return {
        **runs[0],
        **middle,
        "pss": max(run["pss"] for run in runs),
        "walls": [run["wall"] for run in runs],
    }


def text(found: dict[str, Any]) -> str:
    """All that was measured, as tables."""
    lines = [
        found["machine"],
        f"seed {found['seed']}, jobs {found['jobs']}, {found['repeat']} runs a file (median of the times, highest memory)",
        "",
        f"{'file':18}{'wall s':>8}{'CPU s':>8}{'PSS MB':>8}   {'model':10}{'MAE':>10}{'skill':>14}{'p':>8}",
    ]
    for name, case in found["cases"].items():
        left = f"{name:18}{case['wall']:8.1f}{case['cpu']:8.1f}{case['pss'] / 1e6:8.0f}"
        for row in case["leaderboard"]:
            base = row["model"] == case["baseline"]
            skill = (
                "baseline"
                if base
                else "-"
                if row["skill"] is None
                else f"{100 * row['skill']:+,.{0 if abs(row['skill']) >= 10 else 1}f} %"
            )
            p = (
                ""
                if base
                else "-"
                if row["p"] is None
                else "< .001"
                if row["p"] < 0.001
                else f"{row['p']:.3f}"
            )
            lines.append(f"{left:42}   {row['model']:10}{row['mae']:>10.4g}{skill:>14}{p:>8}".rstrip())
            left = ""
    return "\n".join(lines)


if __name__ == "__main__":
    main()
