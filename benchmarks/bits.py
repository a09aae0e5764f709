"""Do forecasts keep their bits? Hashes of every forecast of a walk and of the final model, to be compared before and after a change.

    OMP_NUM_THREADS=1 python benchmarks/bits.py --out before.json
    OMP_NUM_THREADS=1 python benchmarks/bits.py --against before.json

Points and shown quantiles are hashed apart, so that a change of the intervals is not taken for one of the forecasts. Each case is a run by the
settings a user gets: `weather.parquet`, `oil.csv` as a price, `sine.csv` one step ahead, a folder of two made price files, and, where it is
given with `--seattle FILE`, Seattle's daily weather (vega_datasets) with every model of the table that can forecast it.
"""

import argparse
import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from report import machine

import forecast as fc
from forecast.models import models_for

DATA = Path(__file__).parent.parent / "data"
BARRED = {"har", "median"}  # takes variances alone; came later than the hashes that are compared
Case = tuple[str, dict[str, Any]]  # name, arguments of fc.run


def price_folder(folder: Path) -> Path:
    """A folder of two made daily price files, geometric random walks from a seed."""
    prices = folder / "prices"
    prices.mkdir()
    days = pd.bdate_range("2019-01-01", periods=900)
    for seed, name in enumerate(("AAA", "BBB")):
        steps = np.random.default_rng(seed).normal(0.0003, 0.012, len(days))
        close = (100 * np.exp(np.cumsum(steps))).round(2)
        pd.DataFrame({"date": days, "close": close}).to_csv(prices / f"{name}.csv", index=False)
    return prices


def cases(folder: Path, seattle: str | None) -> Iterator[Case]:
    """The runs that are hashed."""
    yield "weather", {"data": str(DATA / "weather.parquet")}
    yield "oil", {"data": str(DATA / "oil.csv"), "price": True}
    yield "sine", {"data": str(DATA / "sine.csv"), "set": {"walk.horizon": 1}}
    yield "prices", {"data": str(price_folder(folder)), "price": True}
    if seattle:
        models = [name for name in models_for("number") if name not in BARRED]
        yield "seattle", {"data": seattle, "target": "temp_max", "models": models}


def digest(frame: pd.DataFrame) -> str:
    """The hash of the bits of a frame's numbers."""
    return hashlib.sha256(np.ascontiguousarray(frame.to_numpy("float64")).tobytes()).hexdigest()[:16]


def hashes(forecasts: pd.DataFrame, model: str) -> dict[str, str]:
    """Hashes of the points of a model and of its shown quantiles."""
    shown = [name for name in forecasts if name.startswith((f"{model}-lo-", f"{model}-hi-"))]
    return {"points": digest(forecasts[[model]]), "quantiles": digest(forecasts[shown])}


def measure(case: dict[str, Any], folder: Path) -> dict[str, dict[str, str]]:
    """Hashes of each part of one run, and of its final forecast."""
    arguments = dict(case)
    result = fc.run(arguments.pop("data"), out=folder, **arguments)
    parts = {
        f"{outcome.forecast.model} fold {outcome.fold}": hashes(outcome.to_frame(), outcome.forecast.model)
        for outcome in result.outcomes
    }
    final = result.forecast
    return {**parts, f"{final.model} final": hashes(final.to_frame(), final.model)}


def differences(now: dict[str, Any], before: dict[str, Any]) -> list[str]:
    """What is not as it was, in words."""
    found = []
    for case, parts in before.items():
        for part, kinds in parts.items():
            for kind, value in kinds.items():
                if now.get(case, {}).get(part, {}).get(kind) != value:
                    found.append(f"{case}: {kind} of {part}")
    return found


def main() -> None:
    """Run the cases and print, keep or compare their hashes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seattle", help="seattle-weather.csv")
    parser.add_argument("--out", help="JSON file to keep the hashes in")
    parser.add_argument("--against", help="JSON file of an earlier run to compare with")
    parser.add_argument("--only", help="names of cases, with commas")
    options = parser.parse_args()
    wanted = options.only.split(",") if options.only else None
    now: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as made:
        for name, case in cases(Path(made), options.seattle):
            if wanted is None or name in wanted:
                now[name] = measure(case, Path(made) / f"run-{name}")
                if options.out:
                    Path(options.out).write_text(json.dumps(now, indent=1))
    print(f"{sum(map(len, now.values()))} parts of {len(now)} cases, {machine()}")
    if options.against:
        before = json.loads(Path(options.against).read_text())
        changed = differences(now, {name: parts for name, parts in before.items() if name in now})
        print("\n".join(changed) or "all bits are the same")


if __name__ == "__main__":
    main()
