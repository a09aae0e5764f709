"""The long-horizon protocol of the literature (Informer, PatchTST, SegRNN ...) with the package's nets at their default settings.

    python benchmarks/longhorizon.py --data ETTh1.csv --splits 12,4,4 --horizons 96,192 --seeds 3 --members 3 --jobs 2

A CSV with a date column first and one series in each other column; train, validation and test are its first rows, in months of 30 days
(12,4,4) or shares (.7,.1,.2). Every series is standardised by its own train rows; every window of the test block counts, with stride 1; a
window may look back into the block before. Errors are in standardised units. Training sees train and validation rows, as `fc.fit` does: the
validation block stops the training, and the finish of the default recipe reads it too (--strict leaves the finish out, so that no weight has
seen a validation row). --members 5 is what `members=5` gives, made of cells, so that the fits of the seeds serve as members too.
Rows are taken as evenly spaced, as in the published code. Finished cells are kept in --cache.
"""

import argparse
import hashlib
import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from report import code_of, machine, table

import forecast
from forecast.data.clock import Clock
from forecast.data.panel import Column, Panel, make_panel
from forecast.files import sha256
from forecast.models import spec
from forecast.models.nets.recurrent import CLOSE

CHUNK = 4096  # origins at once


@dataclass(frozen=True)
class Cell:
    """One fit, scored on the whole test block."""

    data: str
    splits: str
    horizon: int
    model: str
    seed: int
    settings: str  # JSON

    def key(self) -> str:
        """A hash of all that the cell depends on: the data, the settings and the package's code."""
        parts = json.dumps(asdict(self)), sha256(Path(self.data)), code_of("fitting", "models.nets.recurrent")
        return hashlib.sha256("".join(parts).encode()).hexdigest()[:16]


def load(path: str, splits: str) -> tuple[Panel, int, int]:
    """The standardised panel of a file up to the end of its test block, and the rows at which validation and test begin."""
    frame = pd.read_csv(path)
    stamps = pd.to_datetime(frame.iloc[:, 0])
    step = stamps.diff().mode()[0]
    sizes = [float(part) for part in splits.split(",")]
    if (
        sum(sizes) <= 1.001
    ):  # shares: train and test are cut down to whole rows, validation is what lies between them
        train, test = int(len(frame) * sizes[0]), int(len(frame) * sizes[2])
        validation, end = len(frame) - test, len(frame)
    else:
        month = round(pd.Timedelta(days=30) / step)
        train, validation, end = (int(month * sum(sizes[: i + 1])) for i in range(3))
    values = frame.iloc[:end, 1:].to_numpy("float64")
    values = (values - values[:train].mean(0)) / np.maximum(values[:train].std(0), 1e-12)
    begin = stamps.iloc[0].to_datetime64().astype("datetime64[ns]")
    freq = pd.tseries.frequencies.to_offset(step).freqstr
    clock = Clock("fixed", freq if freq[0].isdigit() else f"1{freq}")
    times = clock.after(np.array([begin]), np.arange(end))[0]
    ids = tuple(f"{i:03d} {name}" for i, name in enumerate(frame.columns[1:]))
    panel = make_panel(
        ids, [times] * len(ids), [values[:, [i]] for i in range(len(ids))], (Column("y", "target"),), clock
    )
    return panel, train, validation


def run(cell: Cell, cache: Path, keep: bool) -> dict[str, Any]:
    """Fit and score one cell, or take it from the cache; `keep` stores its forecasts too, as those of a member."""
    path, stored = cache / f"{cell.key()}.json", cache / f"{cell.key()}.npy"
    if path.exists() and (stored.exists() or not keep):
        return json.loads(path.read_text())
    panel, train, test = load(cell.data, cell.splits)
    until = np.full(len(panel.ids), test)
    begun = time.process_time()
    settings = {"validation": 1 - train / test, **json.loads(cell.settings)}
    fitted = forecast.fit(cell.model, panel.until(until), cell.horizon, seed=cell.seed, **settings)
    seconds = time.process_time() - begun
    forecasts = [] if keep else None
    squared = absolute = count = 0.0
    begun = time.process_time()
    for origins in blocks(panel, test, cell.horizon):
        values = fitted.predict(panel, origins).values
        error = values - panel.truth(origins, cell.horizon)
        squared, absolute, count = (
            squared + (error**2).sum(),
            absolute + np.abs(error).sum(),
            count + error.size,
        )
        if forecasts is not None:
            forecasts.append(values.astype("float32"))
    answer = {
        "mse": squared / count,
        "mae": absolute / count,
        "cpu_seconds": seconds,
        "predict_seconds": time.process_time() - begun,
    }
    cache.mkdir(parents=True, exist_ok=True)
    if forecasts is not None:
        np.save(stored, np.concatenate(forecasts))
    validation = min(value for _, _, value in fitted.log.history)
    answer |= {"validation": validation, "note": fitted.log.notes[0]}
    path.write_text(json.dumps(answer))
    return answer


def blocks(panel: Panel, test: int, horizon: int) -> list[np.ndarray]:
    """All origins of the test block, series after series, in chunks."""
    rows = np.arange(test, int(panel.lengths[0]) - horizon + 1)
    origins = np.stack(
        [np.repeat(np.arange(len(panel.ids)), len(rows)), np.tile(rows, len(panel.ids))], axis=1
    )
    return np.array_split(origins, -(-len(origins) // CHUNK))


def members(base: Cell, count: int, cache: Path) -> list[Cell]:
    """Cells of the members that `members=count` fits and keeps: each of the recipe that it has after those before it."""
    settings, cells, lowest = json.loads(base.settings), [], []
    for member in range(count):
        recipe = spec(base.model, **settings).recipe(member, lowest[:2])
        cells.append(
            replace(
                base,
                seed=base.seed + member,
                settings=json.dumps(settings if recipe.skip else {**settings, "skip": False}),
            )
        )
        lowest.append(run(cells[-1], cache, keep=True)["validation"])
    return [cell for cell, loss in zip(cells, lowest, strict=True) if loss <= CLOSE * min(lowest)]


def mean(cells: list[Cell], cache: Path) -> dict[str, float]:
    """The score of the mean of several fits' forecasts."""
    panel, _, test = load(cells[0].data, cells[0].splits)
    stored = [np.load(cache / f"{cell.key()}.npy", mmap_mode="r") for cell in cells]
    squared = absolute = count = 0.0
    begin = 0
    for origins in blocks(panel, test, cells[0].horizon):
        values = np.mean(
            [forecasts[begin : begin + len(origins)] for forecasts in stored], axis=0, dtype="float64"
        )
        error = values - panel.truth(origins, cells[0].horizon)
        begin += len(origins)
        squared, absolute, count = (
            squared + (error**2).sum(),
            absolute + np.abs(error).sum(),
            count + error.size,
        )
    return {"mse": squared / count, "mae": absolute / count}


def main() -> None:
    """Run the cells that are asked for and print their table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, nargs="+", help="CSV files")
    parser.add_argument(
        "--splits", default="12,4,4", help="train, validation, test: months of 30 days, or shares"
    )
    parser.add_argument("--horizons", default="96,192,336,720")
    parser.add_argument("--models", default="gru")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument(
        "--members", type=int, default=1, help="also so many members, as the setting of that name has them"
    )
    parser.add_argument("--set", action="append", default=[], help="a setting, such as units=64")
    parser.add_argument("--strict", action="store_true", help="no weight sees a validation row")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=Path(__file__).parent / "cells")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    settings = {name: json.loads(value) for name, value in (pair.split("=") for pair in options.set)}
    if options.strict:
        settings["finish"] = 0.0
    groups = [
        (data, int(horizon), model)
        for data in options.data
        for horizon in options.horizons.split(",")
        for model in options.models.split(",")
    ]
    cells = {
        (*group, seed): Cell(group[0], options.splits, group[1], group[2], seed, json.dumps(settings))
        for group in groups
        for seed in range(options.seeds)
    }
    keep = options.members > 1
    done = Parallel(n_jobs=options.jobs)(delayed(run)(cell, options.cache, keep) for cell in cells.values())
    scores = dict(zip(cells, done, strict=True))
    together = (
        dict(
            zip(
                groups,
                Parallel(n_jobs=options.jobs)(
                    delayed(members)(cells[*group, 0], options.members, options.cache) for group in groups
                ),
                strict=True,
            )
        )
        if keep
        else {}
    )
    rows = []
    for data, horizon, model in groups:
        own = [scores[data, horizon, model, seed] for seed in range(options.seeds)]
        name = Path(data).name.split(".")[0]
        score = {key: float(np.mean([one[key] for one in own])) for key in ("mse", "mae", "cpu_seconds")}
        rows.append(
            {
                "data": name,
                "horizon": horizon,
                "model": model,
                **score,
                "sd": float(np.std([one["mae"] for one in own])),
            }
        )
        if keep:
            kept = together[data, horizon, model]
            seconds = sum(run(cell, options.cache, keep=True)["cpu_seconds"] for cell in kept)
            many = {
                "data": name,
                "horizon": horizon,
                "model": f"{model} x{options.members}",
                **mean(kept, options.cache),
            }
            rows.append({**many, "cpu_seconds": seconds, "sd": 0.0})
    print(
        json.dumps(rows)
        if options.json
        else f"{table(rows)}\n\n{machine()}; seeds 0..{options.seeds - 1}; settings {settings or 'default'}"
    )


if __name__ == "__main__":
    main()
