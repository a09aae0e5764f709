"""The same file, origins and horizon for our nets and for other libraries, each in an environment of its own, on one thread.

    python benchmarks/peers.py --data-folder DIR                       # builds the environments in benchmarks/cells/env, some minutes and GB
    python benchmarks/peers.py --data-folder DIR --tasks weather --models gru darts.LSTM

Tasks: data/weather.parquet (three stations, 24 h ahead), ETTh1.csv (OT, 24 h), daily-min-temperatures.csv (7 days), returns of
sp500_1999_2018.csv.gz (1 day); the last fifth is the test, one fit before it, an origin every so many steps. Missing values are interpolated for
all, since most of them take none. Every model sees the target alone; `gru+columns` is ours with the file's other columns, as `forecast fit` does
by default. Every model runs at the settings that its documentation gives, ours at its defaults. Finished cells are kept.
"""

import argparse
import hashlib
import json
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from environments import answer, elsewhere
from report import machine, package_hash, table

HERE = Path(__file__).parent
OURS = ["gru", "lstm", "gru+columns", "lstm+columns"]
PEERS = [
    "neuralforecast.LSTM", "neuralforecast.GRU", "neuralforecast.AutoLSTM", "darts.LSTM", "darts.GRU",
    "neuralforecast.DLinear", "neuralforecast.NHITS", "neuralforecast.PatchTST", "statsforecast.AutoETS", "statsforecast.AutoARIMA",
]  # fmt: skip
TASKS = {  # file, horizon, season, context of the peers' nets, steps between origins
    "weather": ("weather.parquet", 24, 24, 168, 23),
    "ETTh1": ("ETTh1.csv", 24, 24, 168, 23),
    "Melbourne": ("daily-min-temperatures.csv", 7, 7, 28, 5),
    "S&P returns": ("sp500_1999_2018.csv.gz", 1, 5, 28, 5),
}


def frame_of(task: str, folder: Path) -> tuple[pd.DataFrame, list[str], str]:
    """The long frame of a task (unique_id, ds, y and other columns), those columns, and its frequency; no gap is left."""
    name = TASKS[task][0]
    if task == "weather":
        frame = pd.read_parquet(HERE.parent / "data" / name).rename(
            columns={"station": "unique_id", "time": "ds", "temp_c": "y"}
        )
        parts = [(name, one.set_index("ds").asfreq("h")) for name, one in frame.groupby("unique_id")]
        numbers = [
            column
            for column in frame
            if column not in ("unique_id", "ds", "y") and pd.api.types.is_numeric_dtype(frame[column])
        ]
        parts = [
            one[["y", *numbers]].interpolate(limit_direction="both").assign(unique_id=name)
            for name, one in parts
        ]
        frame = pd.concat(parts).reset_index()
        return frame.assign(ds=frame["ds"].dt.tz_localize(None)), numbers, "h"
    frame = pd.read_csv(folder / name)
    if task == "ETTh1":
        frame = frame.rename(columns={"date": "ds", "OT": "y"})
        return (
            frame.assign(unique_id="OT", ds=pd.to_datetime(frame["ds"])),
            [c for c in frame if c not in ("ds", "y")],
            "h",
        )
    column = "Temp" if task == "Melbourne" else "Adj Close"
    values = frame[column].to_numpy("float64")
    values = values if task == "Melbourne" else np.diff(np.log(values))
    stamps = pd.date_range(
        "2000-01-01", periods=len(values), freq="D"
    )  # its own calendar has gaps, which no peer takes
    return pd.DataFrame({"unique_id": "y", "ds": stamps, "y": values}), [], "D"


def prepared(task: str, folder: Path) -> tuple[pd.DataFrame, list[str], dict[str, Any]]:
    """The frame, its other columns, and what peer.py is given: series end where the last origin's horizon does."""
    frame, columns, freq = frame_of(task, folder)
    _, horizon, season, context, stride = TASKS[task]
    values = np.stack([one["y"].to_numpy() for _, one in frame.groupby("unique_id")])
    first = int(values.shape[1] * 0.8)
    origins = np.arange(first, values.shape[1] - horizon + 1, stride)
    end = int(origins[-1]) + horizon
    stamps = np.sort(frame["ds"].unique())[:end]
    given = {
        "values": values[:, :end],
        "stamps": stamps.astype("datetime64[ns]"),
        "freq": freq,
        "horizon": horizon,
        "season": season,
    }
    return frame, columns, {**given, "context": context, "first": first, "origins": origins}


def ours(frame: pd.DataFrame, columns: list[str], given: dict[str, Any], model: str) -> dict[str, Any]:
    """Our net at its defaults, one fit before the test, with intervals from what had matured before it; on: the share that they hold where they go on
    learning through the test, as in a backtest."""
    import forecast as fc
    from forecast.evaluation.calibration import calibrate
    from forecast.results import Outcome

    name, _, more = model.partition("+")
    panel = fc.read(frame, target="y", id="unique_id", past=columns if more else "none")
    horizon, first = given["horizon"], given["first"]
    origins = np.stack(
        np.meshgrid(np.arange(len(panel.ids)), given["origins"], indexing="ij"), axis=-1
    ).reshape(-1, 2)
    begun = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    past = panel.until(np.full(len(panel.ids), first))
    inner = list(fc.backtest(name, past, fc.WalkForward(horizon=horizon, folds=1)))
    _, calibrations = calibrate(inner, (80,), (None, None))
    fitted = fc.fit(name, past, horizon, intervals=(80,))
    made = replace(fitted, calibration=calibrations[name]).predict(panel, origins)
    seconds = sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) - begun
    truth = replace(
        inner[0].truth,
        values=panel.truth(origins, horizon),
        last=panel.last(origins),
        scaling=fitted.scaling,
    )
    after = Outcome(1, replace(made, levels=(), quantiles=None), truth)
    on = calibrate([*inner, after], (80,))[0][-1].forecast.quantiles
    inside = np.mean((on[..., 0] <= after.actual) & (after.actual <= on[..., -1]))
    shape = (len(panel.ids), -1, horizon)
    answer = {
        "values": made.values.reshape(shape),
        "seconds": seconds,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    return {
        **answer,
        "low": made.quantiles[..., 0].reshape(shape),
        "high": made.quantiles[..., -1].reshape(shape),
        "on": inside,
    }


def cell(task: str, model: str, folder: Path, limit: float) -> dict[str, Any]:
    """The scores of one model on one task, from the cache where they are there."""
    path = TASKS[task][0] if task != "weather" else str(HERE.parent / "data" / "weather.parquet")
    key = [
        task,
        TASKS[task],
        model,
        package_hash() if model in OURS else (HERE / "peer.py").read_text(),
        path,
    ]
    stored = HERE / "cells" / f"peer-{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]}.json"
    if stored.exists():
        return json.loads(stored.read_text())
    _, columns, given = prepared(task, folder)
    if model.endswith("+columns") and not columns:
        return {}
    try:
        if model in OURS:
            found = answer(
                sys.executable, __file__, "--data-folder", folder, "--one", task, model, limit=limit
            )
        else:
            found = elsewhere("peer.py", given, model, limit)
        truth = np.stack([given["values"][:, o : o + given["horizon"]] for o in given["origins"]], axis=1)
        error = found["values"] - truth
        row = {
            "task": task,
            "model": model,
            "MAE": float(np.abs(error).mean()),
            "RMSE": float(np.sqrt((error**2).mean())),
        }
        inside = (
            float(((found["low"] <= truth) & (truth <= found["high"])).mean())
            if "low" in found
            else float("nan")
        )
        row |= {
            "coverage 80 %": inside,
            "CPU s": float(found["seconds"]),
            "peak MB": float(found["peak"]),
            "note": "",
        }
        if "on" in found:
            row["note"] = f"{float(found['on']):.0%} in intervals that go on learning from matured errors"
    except subprocess.TimeoutExpired:
        row = {
            "task": task,
            "model": model,
            **dict.fromkeys(("MAE", "RMSE", "coverage 80 %", "CPU s", "peak MB"), float("nan")),
        }
        row["note"] = f"not done after {limit:.0f} s"
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode().strip().splitlines()
        row = {
            "task": task,
            "model": model,
            **dict.fromkeys(("MAE", "RMSE", "coverage 80 %", "CPU s", "peak MB"), float("nan")),
        }
        row["note"] = f"failed: {lines[-1][:120] if lines else error.returncode}"
        print(*lines[-12:], sep="\n", file=sys.stderr)
        return row
    stored.write_text(json.dumps(row))
    return row


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-folder", type=Path, required=True, help="where ETTh1.csv and the others lie")
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--models", nargs="+", default=[*OURS, *PEERS])
    parser.add_argument("--limit", type=float, default=900, help="wall seconds for one cell at most")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        task, model, out = options.one
        frame, columns, given = prepared(task, options.data_folder)
        np.savez(out, **ours(frame, columns, given, model))
        return
    rows = []
    for task in options.tasks:
        for model in options.models:
            row = cell(task, model, options.data_folder.resolve(), options.limit)
            if row:
                rows.append(row)
                print(json.dumps(row), file=sys.stderr, flush=True)
    print(json.dumps(rows) if options.json else f"{table(rows)}\n\n{machine()}")


if __name__ == "__main__":
    main()
