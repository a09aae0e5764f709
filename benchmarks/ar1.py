"""How near nets come to the best forecast of y(t) = phi y(t-1) + noise, step by step of the horizon.

    python benchmarks/ar1.py [--models gru,lstm,ridge] [--phi -0.7,0.5,0.9] [--horizons 1,12,24]
                             [--seeds 3] [--json]

Each model is fitted on the first 2,000 rows and asked at 1,000 origins after them. The noise is
normal, so the expected absolute error of a forecast is known in closed form and no luck of the test
rows is in the figures: all MAE are over that of the mean of the past (its excess is that of an
estimated mean). `step 1 / ridge`: of the first step over that of ridge. `worst`: the highest ratio
to the mean over all steps, and at which.
"""

import argparse
import json
from typing import Any

import numpy as np
from report import machine, table
from scipy.special import ndtr

import forecast as fc
from forecast.arrays import Array
from forecast.data.clock import Clock
from forecast.data.panel import Column, Panel, make_panel

ROWS = 2000  # that are fitted
ORIGINS = 1000
BURN = 200  # rows before the first: the start is forgotten


def series(phi: float, count: int, seed: int) -> Array:
    """Rows of the process, its noise of spread 1."""
    noise = np.random.default_rng(seed).normal(size=count + BURN)
    values = np.zeros(count + BURN)
    for row in range(1, len(values)):
        values[row] = phi * values[row - 1] + noise[row]
    return values[BURN:]


def panel_of(values: Array) -> Panel:
    """One series of hours."""
    hours = np.arange(len(values)) * np.timedelta64(1, "h")
    times = np.datetime64("2020-01-01T00", "ns") + hours
    clock = Clock("fixed", "1h")
    return make_panel(("y",), [times], [values[:, None]], (Column("y", "target"),), clock)


def expected_mae(forecasts: Array, last: Array, phi: float) -> Array:
    """The expected absolute error (H,) of forecasts (M, H) from the last values (M,), the mean over origins.

    Of step h the truth is normal around phi^h y, with variance (1 - phi^2h) / (1 - phi^2); |error| is
    then folded normal.
    """
    steps = np.arange(1, forecasts.shape[1] + 1)
    off = forecasts - last[:, None] * phi**steps
    spread = np.sqrt((1 - phi ** (2 * steps)) / (1 - phi**2))
    apart = off / spread
    density = np.exp(-(apart**2) / 2) * np.sqrt(2 / np.pi)
    mae: Array = (spread * density + off * (2 * ndtr(apart) - 1)).mean(0)
    return mae


def measured(model: str, settings: dict[str, Any], phi: float, horizon: int, seed: int) -> Array:
    """Expected MAE (H,) of one fit of a model, "mean" and "best" among them."""
    values = series(phi, ROWS + ORIGINS, seed)
    rows = ROWS + np.arange(ORIGINS)
    last = values[rows - 1]
    if model == "best":
        forecasts = last[:, None] * phi ** np.arange(1, horizon + 1)
    elif model == "mean":
        forecasts = np.full((ORIGINS, horizon), values[:ROWS].mean())
    else:
        panel = panel_of(values)
        fitted = fc.fit(fc.spec(model, **settings), panel.until(np.array([ROWS])), horizon, seed=seed)
        origins = np.stack([np.zeros(ORIGINS, "int64"), rows], 1)
        forecasts = fitted.predict(panel, origins).values
    return expected_mae(forecasts, last, phi)


def row_of(model: str, settings: dict[str, Any], phi: float, horizon: int, seeds: int) -> dict[str, Any]:
    """One row of the table: means over seeds."""
    ratios = []
    firsts = []
    for seed in range(seeds):
        mae = measured(model, settings, phi, horizon, seed)
        mean = measured("mean", {}, phi, horizon, seed)
        ridge = measured("ridge", {}, phi, horizon, seed)
        ratios.append(mae / mean)
        firsts.append(mae[0] / ridge[0])
    ratio = np.mean(ratios, axis=0)
    worst = int(ratio.argmax())
    return {
        "phi": phi,
        "horizon": horizon,
        "model": model,
        "step 1 / mean": float(ratio[0]),
        "step 1 / ridge": float(np.mean(firsts)),
        "all steps / mean": float(ratio.mean()),
        "worst / mean": float(ratio[worst]),
        "at step": worst + 1,
    }


def main() -> None:
    """Fit, measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default="best,ridge,gru,lstm")
    parser.add_argument("--phi", default="-0.7,0.5,0.9")
    parser.add_argument("--horizons", default="1,12,24")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", default="{}", help="settings of the nets as JSON")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = []
    for phi in map(float, options.phi.split(",")):
        for horizon in map(int, options.horizons.split(",")):
            for model in options.models.split(","):
                settings = json.loads(options.set) if model in ("gru", "lstm") else {}
                rows.append(row_of(model, settings, phi, horizon, options.seeds))
    print(json.dumps(rows) if options.json else f"{table(rows)}\n\n{machine()}; {options.seeds} seeds")


if __name__ == "__main__":
    main()
