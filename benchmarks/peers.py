"""The field: our default nets beside those of other libraries, on the same file, the same test origins and the same horizon, one thread each.

    python benchmarks/peers.py --data data/weather.parquet --horizon 24 --folder /tmp/peers

Each library lives in a virtual environment of its own under --folder, made at the first call (pip, some minutes). All see the same rows: one fit
on what lies before the last fifth, then a forecast at every --stride rows of it. Gaps are filled forward for the libraries that cannot read
them; the error is counted on observed values alone. Settings are those of the libraries' own documentation, named in PEERS.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from report import machine, table

import forecast
from forecast.data.panel import Panel
from forecast.evaluation.folds import walk_forward

NIXTLA = ("neuralforecast", "statsforecast")
# name -> packages, and the body of a program that gives `frame`: unique_id, ds, cutoff, yhat from `df` (train and test), h, n_windows, step
NEURAL = """
from neuralforecast import NeuralForecast
from neuralforecast.models import {model} as Model
import logging; logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
quiet = dict(accelerator="cpu", devices=1, logger=False, enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False)
model = Model(h=h, input_size=7 * h, scaler_type="robust", random_seed=seed, {extra} **quiet)
frame = NeuralForecast(models=[model], freq=freq).cross_validation(df, n_windows=n_windows, step_size=step, refit=False)
frame = frame.rename(columns={{"{model}": "yhat"}})
"""
PEERS: dict[str, tuple[tuple[str, ...], str]] = {
    f"neuralforecast {model}": (NIXTLA, NEURAL.format(model=model, extra=extra))
    for model, extra in (
        ("LSTM", "hist_exog_list=past or None,"),
        ("GRU", "hist_exog_list=past or None,"),
        ("NHITS", "hist_exog_list=past or None,"),
        ("DLinear", ""),
    )
}
HEAD = """
import json, resource, sys, time
import pandas as pd, torch
torch.set_num_threads(1)
ask = json.load(open(sys.argv[1])); h, n_windows, step, freq, past, seed = (ask[k] for k in ("h", "n_windows", "step", "freq", "past", "seed"))
df = pd.read_parquet(ask["data"])
begun = time.process_time()
"""
TAIL = """
seconds = time.process_time() - begun
frame.reset_index()[["unique_id", "ds", "cutoff", "yhat"]].to_parquet(ask["out"])
json.dump({"seconds": seconds, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}, open(ask["out"] + ".json", "w"))
"""


def environment(folder: Path, packages: tuple[str, ...]) -> Path:
    """The Python of an environment with these packages, made where it is not there."""
    home = folder / "-".join(packages)
    python = home / "bin" / "python"
    if not (home / ".made").exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *packages, "pyarrow"], check=True)
        (home / ".made").touch()
    return python


def long_frame(panel: Panel) -> pd.DataFrame:
    """unique_id, ds, y and the past columns, gaps filled forward (and backward at the beginning)."""
    frames = []
    for i, name in enumerate(panel.ids):
        values = pd.DataFrame(panel.values[panel.rows(i)], columns=["y", *(column.name for column in panel.columns[1:])])
        frames.append(values.ffill().bfill().fillna(0.0).assign(unique_id=name, ds=panel.times[panel.rows(i)]))
    return pd.concat(frames, ignore_index=True)


def peer(name: str, panel: Panel, origins: np.ndarray, horizon: int, stride: int, folder: Path, seed: int) -> dict[str, Any]:
    """Run one library's model in its own environment and score its forecasts at our origins."""
    packages, body = PEERS[name]
    python, work = environment(folder, packages), folder / "work"
    work.mkdir(exist_ok=True)
    long_frame(panel).to_parquet(work / "data.parquet")
    first = int(origins[:, 1].min())
    windows = 1 + (int(panel.lengths.max()) - horizon - first) // stride
    ask = {"data": str(work / "data.parquet"), "out": str(work / "out.parquet"), "h": horizon, "n_windows": windows, "step": stride, "seed": seed}
    ask |= {"freq": panel.clock.freq, "past": [column.name for column in panel.columns[1:]]}
    (work / "ask.json").write_text(json.dumps(ask))
    (work / "program.py").write_text(HEAD + body + TAIL)
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    subprocess.run([str(python), "program.py", "ask.json"], check=True, cwd=work, env=one_thread, stdout=subprocess.DEVNULL)
    frame = pd.read_parquet(work / "out.parquet").set_index(["unique_id", "cutoff", "ds"])["yhat"]
    times = panel.stamps(origins, horizon)
    names = np.repeat(np.array(panel.ids, dtype=object)[origins[:, 0]], horizon)
    index = pd.MultiIndex.from_arrays([names, np.repeat(panel.cutoffs(origins), horizon), times.ravel()])
    values = frame[~frame.index.duplicated()].reindex(index).to_numpy().reshape(times.shape)
    cost = json.loads((work / "out.parquet.json").read_text())
    return {"model": name, "mae": mae(values, panel, origins), "scored": int((~np.isnan(values[:, 0])).sum()), **cost}


def mae(values: np.ndarray, panel: Panel, origins: np.ndarray) -> float:
    """Mean absolute error over the observed truth."""
    return float(np.nanmean(np.abs(values - panel.truth(origins, values.shape[1]))))


def own(name: str, panel: Panel, until: np.ndarray, origins: np.ndarray, horizon: int, seed: int) -> dict[str, Any]:
    """Our model at its default settings."""
    begun = time.process_time()
    fitted = forecast.fit(name, panel.until(until), horizon, seed=seed)
    values = fitted.predict(panel, origins).values
    return {
        "model": f"forecast {name}",
        "mae": mae(values, panel, origins),
        "scored": len(values),
        "seconds": time.process_time() - begun,
        "memory": 0.0,
    }


def main() -> None:
    """Run all models on one file and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--target")
    parser.add_argument("--horizon", type=int, required=True)
    parser.add_argument("--stride", type=int, default=3)
    parser.add_argument("--models", default="gru,lstm,arima,seasonal")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--folder", type=Path, required=True, help="where the environments are made")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    panel = forecast.read(options.data, target=options.target)
    fold = next(walk_forward(panel, forecast.WalkForward(horizon=options.horizon, folds=1, stride=1)))
    last = panel.lengths[fold.origins[:, 0]] - options.horizon
    origins = fold.origins[(last - fold.origins[:, 1]) % options.stride == 0]  # counted from the end, as the libraries do
    until = origins[:, 1].min() + np.zeros(len(panel.ids), "int64")
    rows = [own(name, panel, until, origins, options.horizon, options.seed) for name in options.models.split(",")]
    for name in options.peers.split(","):
        rows.append(peer(name, panel, origins, options.horizon, options.stride, options.folder, options.seed))
        print(rows[-1], file=sys.stderr)
    rows.sort(key=lambda row: row["mae"])
    print(json.dumps(rows) if options.json else f"{table(rows)}\n\n{machine()}, one thread, seed {options.seed}, {len(origins)} origins")


if __name__ == "__main__":
    main()
