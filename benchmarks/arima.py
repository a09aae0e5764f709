"""What the search of `arima` loses against trying every order, and what it costs, beside AutoARIMA of statsforecast in an environment of its own.
Finished cells are kept: stop it, and it goes on later.

    OMP_NUM_THREADS=1 python benchmarks/arima.py --series 20        # series a process, of 10 processes; then the tables

Cells stand one a line in benchmarks/cells/arima.jsonl; each is made from its own seed, so their number is the only thing that a later run changes.
"""

import argparse
import json
import platform
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from environments import elsewhere
from scipy.signal import lfilter
from statsmodels.tsa.statespace.sarimax import SARIMAX

import forecast as fc
from forecast.data.clock import Clock
from forecast.data.panel import Column, Panel, make_panel
from forecast.models.classic.arima import Arima
from forecast.models.classic.arima_search import Form, Series, Waves, aicc_at, candidates, estimate
from forecast.models.classic.sarima import Order, difference, forecasts, polynomials

CELLS = Path(__file__).parent / "cells" / "arima.jsonl"
Values = np.ndarray[Any, Any]
PAST, LATER, HORIZON = 240, 120, 12
PROCESSES: dict[str, tuple[Order, list[float]]] = {
    "white": (Order(), []),
    "ar2": (Order(2), [1.2, -0.4]),
    "ma2": (Order(0, 0, 2), [0.6, 0.3]),
    "arma11": (Order(1, 0, 1), [0.8, 0.5]),
    "ima11": (Order(0, 1, 1), [-0.6]),
    "ari21": (Order(2, 1, 0), [0.4, 0.3]),
    "sar7": (Order(1, 0, 0, 1, 0, 0, 7), [0.5, 0.6]),
    "sma4": (Order(1, 0, 0, 0, 1, 1, 4), [0.6, -0.5]),
    "airline12": (Order(0, 1, 1, 0, 1, 1, 12), [-0.4, -0.6]),
    "sarma12": (Order(1, 0, 1, 1, 0, 1, 12), [0.5, 0.3, 0.7, -0.4]),
}


def simulate(order: Order, parameters: list[float], count: int, seed: int) -> Values:
    """Noise (count,) of a process with standard normal shocks; what has differences starts at 0."""
    autoregression, average = polynomials(order, np.array(parameters))
    values = lfilter(average, autoregression, np.random.default_rng(seed).normal(size=count + 300))[300:]
    for lag in [1] * order.d + [order.season] * order.D:
        values = lfilter([1.0], [1.0] + [0.0] * (lag - 1) + [-1.0], values)
    return values


def panel_of(values: list[Values], clock: Clock) -> Panel:
    """Series of one clock that begin together."""
    first = np.array([np.datetime64("2000-01-01", "ns")])
    times = [
        np.arange(len(one)) if clock.kind == "step" else clock.after(first, np.arange(len(one)))[0]
        for one in values
    ]
    return make_panel(
        tuple(f"{i:04d}" for i in range(len(values))),
        times,
        [one[:, None] for one in values],
        (Column("y", "target"),),
        clock,
    )


def maximum(values: Values, order: Order) -> tuple[float, Values]:
    """AICc and parameters by statsmodels from its own start; its differences are taken by hand, as the search takes them."""
    changes = difference(values, order.d, order.D, order.season)
    seasonal = (order.P, 0, order.Q, order.season) if order.P + order.Q else (0, 0, 0, 0)
    model = SARIMAX(changes, order=(order.p, 0, order.q), seasonal_order=seasonal, concentrate_scale=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = (
                model.fit(
                    disp=0, maxiter=100, cov_type="none", low_memory=True, optim_complex_step=False
                ).params
                if order.size
                else np.zeros(0)
            )
        except (np.linalg.LinAlgError, ValueError):
            return np.inf, np.zeros(order.size)
    return aicc_at(values, order, np.asarray(found)), np.asarray(found)


def order_cell(name: str, index: int) -> dict[str, float]:
    """The search beside all orders p, q <= 3 and P, Q <= 1, the differences given: AICc, loss over the horizon at later origins, CPU seconds."""
    order, parameters = PROCESSES[name]
    values = simulate(order, parameters, PAST + LATER, 1000 * list(PROCESSES).index(name) + index)
    orders = candidates(
        Order(3, order.d, 3, int(order.season > 1), order.D, int(order.season > 1), order.season)
    )
    begun = time.process_time()
    series = Series(panel_of([values[:PAST]], Clock("step")), 0, Waves((0, 0, 0, 0), order.season), PAST)
    model = estimate(series, orders, Form(order.d, order.D, ()))
    searched = time.process_time()
    noise = values - series_trend(model.weights, len(values))
    past = noise[:PAST]
    every = [(*maximum(past, one), one) for one in orders]
    ended = time.process_time()
    least, best, chosen = min(every, key=lambda one: one[0])
    rows = np.arange(PAST, PAST + LATER - HORIZON)
    truth = np.lib.stride_tricks.sliding_window_view(noise, HORIZON)[rows]
    losses = [
        float(np.abs(truth - forecasts(noise, o, p, rows, HORIZON)).mean())
        for o, p in ((model.order, model.parameters), (chosen, best))
    ]
    excess = aicc_at(past, model.order, model.parameters) - least
    return {
        "excess": excess,
        "loss": losses[0],
        "best_loss": losses[1],
        "seconds": searched - begun,
        "every_seconds": ended - searched,
    }


def series_trend(weights: Values, count: int) -> Values:
    """The constant and the drift of a model without waves."""
    return np.asarray(weights[0] + weights[1] * np.arange(count))


KINDS = {
    "plain": (["ar2", "ma2", "arma11", "ima11", "ari21"], Clock("step")),
    "monthly": (["airline12", "sarma12"], Clock("calendar", "MS")),
}


def many(kind: str, count: int, rows: int, seed: int = 0) -> Panel:
    """Series of the processes of a kind in turn."""
    names, clock = KINDS[kind]
    return panel_of(
        [simulate(*PROCESSES[names[i % len(names)]], rows, 10**6 + seed + i) for i in range(count)], clock
    )


def speed_cell(kind: str, count: int) -> dict[str, float]:
    """CPU seconds of one fit of so many series of 500 points and of its forecast, and its loss; of more than 20 series five are searched."""
    panel = many(kind, count, 500 + HORIZON)
    origins = np.stack([np.arange(count), np.full(count, 500)], axis=1)
    begun = time.process_time()
    made = fc.fit("arima", panel.until(np.full(count, 500)), HORIZON).predict(panel, origins).values
    return {
        "seconds": time.process_time() - begun,
        "loss": float(np.abs(made - panel.truth(origins, HORIZON)).mean()),
    }


def peer_cell(kind: str, count: int) -> dict[str, float]:
    """The same of AutoARIMA at its defaults, given the season; it searches each series."""
    values = many(kind, count, 500 + HORIZON).values[:, 0].reshape(count, -1)
    names, clock = KINDS[kind]
    freq = "D" if clock.kind == "step" else clock.freq
    stamps = pd.date_range("2000", periods=values.shape[1], freq=freq).to_numpy("datetime64[ns]")
    task = {
        "values": values,
        "stamps": stamps,
        "freq": freq,
        "season": PROCESSES[names[0]][0].season,
        "horizon": HORIZON,
        "origins": [500],
    }
    found = elsewhere("peer.py", task, "statsforecast.AutoARIMA")
    return {
        "seconds": float(found["seconds"]),
        "loss": float(np.abs(found["values"][:, 0] - values[:, 500:]).mean()),
    }


def walk_cell(kind: str, refits: int) -> dict[str, float]:
    """CPU seconds of one fit on 500 rows that answers 1,000 origins, and of a fit at each of some of these; the loss of both there."""
    panel = many(kind, 1, 500 + 1000 + HORIZON, seed=77)
    origins = np.stack([np.zeros(1000, "int64"), np.arange(500, 1500)], axis=1)
    begun = time.process_time()
    walked = fc.fit("arima", panel.until(np.array([500])), HORIZON).predict(panel, origins).values
    ended = time.process_time()
    some = np.arange(0, 1000, 1000 // refits)[:refits]
    again = [
        fc.fit(Arima(), panel.until(origins[i, 1:]), HORIZON).predict(panel, origins[i : i + 1]).values[0]
        for i in some
    ]
    spent = time.process_time() - ended
    truth = panel.truth(origins, HORIZON)
    losses = [float(np.abs(one - truth[some]).mean()) for one in (walked[some], np.array(again))]
    return {"walk": ended - begun, "refit": spent / refits, "loss": losses[0], "refit_loss": losses[1]}


def kept() -> dict[str, dict[str, float]]:
    """The finished cells by name."""
    lines = CELLS.read_text().splitlines() if CELLS.exists() else []
    return {one["cell"]: one for one in map(json.loads, lines)}


def cell(
    done: dict[str, dict[str, float]], name: str, make: Callable[..., dict[str, float]], *arguments: Any
) -> None:
    if name not in done:
        done[name] = make(*arguments)
        CELLS.parent.mkdir(exist_ok=True)
        with CELLS.open("a") as file:
            file.write(
                json.dumps({"cell": name, **{key: round(value, 5) for key, value in done[name].items()}})
                + "\n"
            )
        print(name, {key: round(value, 3) for key, value in done[name].items()}, flush=True)


def tables(done: dict[str, dict[str, float]]) -> None:
    """Print what README.md shows."""
    print(
        "\n| process | series | AICc within 2 | mean excess | loss / best | search, s | every order, s |\n|---|---|---|---|---|---|---|"
    )
    for name in (*PROCESSES, "order"):
        mine = [
            one
            for key, one in done.items()
            if key.startswith("order/") and (name == "order" or key.split("/")[1] == name)
        ]
        if mine:
            within = np.mean([one["excess"] <= 2 for one in mine])
            ratio = sum(one["loss"] for one in mine) / sum(one["best_loss"] for one in mine)
            mean = [np.mean([one[key] for one in mine]) for key in ("excess", "seconds", "every_seconds")]
            label = "all" if name == "order" else name
            print(
                f"| {label} | {len(mine)} | {within:.0%} | {mean[0]:.2f} | {ratio:.4f} | {mean[1]:.2f} | {mean[2]:.1f} |"
            )
    for key, one in done.items():
        if not key.startswith("order/"):
            print(key, one)
    print(platform.processor() or platform.machine(), platform.python_version(), np.__version__)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=20, help="series of each process")
    parser.add_argument("--refits", type=int, default=20, help="origins at which the model is fitted again")
    parser.add_argument("--panel", type=int, default=1000, help="series of the panel that shares orders")
    parser.add_argument("--peer", type=int, default=100, help="series that AutoARIMA searches, beside 20")
    parser.add_argument(
        "--kinds",
        nargs="+",
        choices=list(KINDS),
        default=list(KINDS),
        help="of the panels whose seconds are measured",
    )
    asked = parser.parse_args()
    done = kept()
    fc.fit("arima", many("plain", 1, 100), 1)  # imports are not timed
    for kind in asked.kinds:
        cell(done, f"speed/{kind}/20", speed_cell, kind, 20)
        cell(done, f"walk/{kind}/{asked.refits}", walk_cell, kind, asked.refits)
        for count in (asked.peer, asked.panel):
            cell(done, f"speed/{kind}/{count}", speed_cell, kind, count)
        for count in (20, asked.peer):
            cell(done, f"AutoARIMA/{kind}/{count}", peer_cell, kind, count)
    for index in range(asked.series):
        for name in PROCESSES:
            cell(done, f"order/{name}/{index}", order_cell, name, index)
    tables(done)


if __name__ == "__main__":
    main()
