"""One model of another library on one task; peers.py runs it in that library's own environment. Nothing of forecast is imported here.

    python peer.py TASK.npz MODEL OUT.npz

TASK: values (S, N), no gaps; stamps (N,); freq; horizon, season, context, first (rows of the fit), origins (M,) rows known, the same of all series.
OUT: values (S, M, H), low and high of the 80 % interval where the model has one, and the CPU seconds of fit and forecasts, imports left out.
"""

import resource
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

Task = dict[str, Any]
Answer = tuple[dict[str, np.ndarray], float]  # forecasts, CPU seconds
LIMIT = {"minutes": 5}  # wall time of one training at most; darts trains 100 epochs else
QUIET = {
    "accelerator": "cpu",
    "devices": 1,
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}  # of Lightning


def cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def neuralforecast(task: Task, model: str) -> Answer:
    """As its documentation sets it up for one thread: MQLoss for intervals, robust scaling of windows, 1,000 steps, the last fifth validates."""
    import torch
    from neuralforecast import NeuralForecast, auto
    from neuralforecast.losses.pytorch import MQLoss

    torch.set_num_threads(1)
    loss = MQLoss(level=[80])
    if model.startswith("Auto"):
        made = getattr(auto, model)(
            h=task["horizon"], loss=loss, backend="optuna", num_samples=5, config=searched(task)
        )
    else:
        made = neuralforecast_net(task, model, loss, max_time=LIMIT)
    frame = long(task)
    begun = cpu()
    forecaster = NeuralForecast(models=[made], freq=task["freq"])
    test, stride = steps(task)
    validation = task["first"] // 5
    answer = forecaster.cross_validation(
        df=frame, n_windows=None, test_size=test, val_size=validation, step_size=stride, refit=False
    )
    return forecasts(task, answer.reset_index(), model, "-median", "-lo-80", "-hi-80"), cpu() - begun


def neuralforecast_net(task: Task, model: str, loss: Any, **trainer: Any) -> Any:
    """A net at the library's defaults, with robust scaling of its windows."""
    from neuralforecast import models

    usual = {"h": task["horizon"], "input_size": task["context"], "random_seed": 0, "scaler_type": "robust"}
    return getattr(models, model)(**usual, loss=loss, **QUIET, **trainer)


def searched(task: Task) -> Callable[[Any], dict[str, Any]]:
    """The library's own space for its automatic recurrent nets, with contexts of the same length as the others."""

    def config(trial: Any) -> dict[str, Any]:
        return {
            "input_size": task["context"],
            "encoder_hidden_size": trial.suggest_categorical("encoder_hidden_size", [50, 100, 200, 300]),
            "encoder_n_layers": trial.suggest_int("encoder_n_layers", 1, 4),
            "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True),
            "scaler_type": trial.suggest_categorical("scaler_type", ["robust", "standard"]),
            "max_steps": trial.suggest_categorical("max_steps", [500, 1000]),
            "batch_size": trial.suggest_categorical("batch_size", [16, 32]),
            "random_seed": 0,
            "max_time": LIMIT,
            **QUIET,
        }  # fmt: skip

    return config


def statsforecast(task: Task, model: str) -> Answer:
    """Automatic ARIMA or ETS with the season of the data, fitted once and carried forward to each origin."""
    from statsforecast import StatsForecast, models

    frame = long(task)
    forecaster = StatsForecast(
        models=[getattr(models, model)(season_length=task["season"])], freq=task["freq"], n_jobs=1
    )
    begun = cpu()
    test, stride = steps(task)
    answer = forecaster.cross_validation(
        df=frame, h=task["horizon"], n_windows=None, test_size=test, step_size=stride, refit=False, level=[80]
    )
    return forecasts(task, answer.reset_index(), model, "", "-lo-80", "-hi-80"), cpu() - begun


def darts(task: Task, model: str) -> Answer:
    """BlockRNNModel of an LSTM or GRU as its user guide builds it: series scaled, 100 epochs or the limit, quantile regression for intervals."""
    import torch
    from darts.utils.likelihood_models import QuantileRegression

    torch.set_num_threads(1)
    begun = cpu()
    series, low, spread = darts_series(task)
    net = darts_net(task, model, likelihood=QuantileRegression([0.1, 0.5, 0.9]), max_time=LIMIT)
    net.fit([one[: task["first"]] for one in series])
    made = np.empty((3, len(series), len(task["origins"]), task["horizon"]))
    for m, origin in enumerate(task["origins"]):
        answers = net.predict(
            task["horizon"],
            series=[one[: int(origin)] for one in series],
            predict_likelihood_parameters=True,
            verbose=False,
        )
        for s, answer in enumerate(answers):
            made[:, s, m] = answer.values().T * spread[s] + low[s]
    return {"values": made[1], "low": made[0], "high": made[2]}, cpu() - begun


def darts_series(task: Task) -> tuple[list[Any], np.ndarray, np.ndarray]:
    """Each series scaled to 0 .. 1 by its rows before `first`, as the library's Scaler does, and its lowest value and its spread there (S,)."""
    from darts import TimeSeries

    past = task["values"][:, : task["first"]]
    low, spread = past.min(axis=1), np.ptp(past, axis=1)
    index = pd.date_range("2000", periods=len(task["stamps"]), freq=task["freq"])
    scaled = ((task["values"] - low[:, None]) / spread[:, None]).astype("float32")
    return [TimeSeries.from_times_and_values(index, row) for row in scaled], low, spread


def darts_net(task: Task, model: str, *, max_time: Any = None, callbacks: Any = (), **loss: Any) -> Any:
    """A net at the library's defaults."""
    from darts.models import BlockRNNModel

    trainer = {**QUIET, "max_time": max_time, "callbacks": callbacks}
    return BlockRNNModel(
        task["context"], task["horizon"], model=model, random_state=0, pl_trainer_kwargs=trainer, **loss
    )


def steps(task: Task) -> tuple[int, int]:
    """Rows from the first origin on, and from one origin to the next."""
    return len(task["stamps"]) - int(task["origins"][0]), int(
        np.diff(task["origins"], append=len(task["stamps"]))[0]
    )


def long(task: Task) -> pd.DataFrame:
    """Series as a long frame; rows after the last origin's horizon are left out."""
    stamps = pd.to_datetime(task["stamps"])
    return pd.concat(
        [
            pd.DataFrame({"unique_id": f"{i:03d}", "ds": stamps, "y": row})
            for i, row in enumerate(task["values"])
        ],
        ignore_index=True,
    )


def forecasts(
    task: Task, frame: pd.DataFrame, model: str, point: str, low: str, high: str
) -> dict[str, np.ndarray]:
    """(S, M, H) of the columns of a cross validation, in the order of the origins."""
    frame = frame.sort_values(["unique_id", "cutoff", "ds"])
    shape = (len(task["values"]), len(task["origins"]), task["horizon"])
    cutoffs = frame["cutoff"].to_numpy().reshape(shape)[0, :, 0]
    assert (cutoffs == pd.to_datetime(task["stamps"])[task["origins"] - 1].to_numpy()).all(), (
        "other origins than asked"
    )
    names = {
        "values": model + point if model + point in frame else model,
        "low": model + low,
        "high": model + high,
    }
    return {key: frame[name].to_numpy().reshape(shape) for key, name in names.items() if name in frame}


def main() -> None:
    """Run one and write its forecasts."""
    warnings.filterwarnings("ignore")
    path, name, out = sys.argv[1:]
    stored = np.load(path)
    task = {key: stored[key] if stored[key].ndim else stored[key].item() for key in stored}
    library, model = name.split(".")
    answers, seconds = {"neuralforecast": neuralforecast, "statsforecast": statsforecast, "darts": darts}[
        library
    ](task, model)
    np.savez(out, **answers, seconds=seconds, peak=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    main()
