"""One net over 10,000 series, and 1,000 more that it never saw: `python benchmarks/many.py`.

Each series has 200 days of its own level and spread, one of five weekly patterns, a drifting level and noise. The net is fitted on the first 186
days of 10,000 of them, at its defaults, and forecasts 14 days of all; the others are scaled on their own rows before the origin. Errors are MAE
over that of the seasonal naive forecast of the same series. It needs Linux.
"""

import argparse
import time
from dataclasses import replace

import numpy as np
from reading import peak
from report import machine, table

import forecast
from forecast.data.clock import Clock
from forecast.data.panel import Column, Panel, make_panel

DAYS, HORIZON = 200, 14


def panel_of(known: int, new: int) -> Panel:
    """All series, those that are never fitted last."""
    random, series = np.random.default_rng(0), known + new
    patterns = random.normal(size=(5, 7))[random.integers(5, size=series)]
    drift = random.normal(0, 0.2, (series, DAYS)).cumsum(1)
    values = np.take(patterns, np.arange(DAYS) % 7, axis=1) + drift + random.normal(0, 0.5, (series, DAYS))
    values = random.lognormal(3, 1, (series, 1)) * (10 + values)
    times = np.arange("2024-01-01", DAYS, dtype="datetime64[D]").astype("datetime64[ns]")
    return make_panel(
        tuple(f"{i:05d}" for i in range(series)),
        [times] * series,
        list(values[..., None]),
        (Column("y", "target"),),
        Clock("fixed", "1D"),
    )


def main() -> None:
    """Fit, forecast both kinds, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--new", type=int, default=1_000)
    options = parser.parse_args()
    panel, before, begun = panel_of(options.series, options.new), peak(), time.process_time()
    past = panel.until(np.full(len(panel.ids), DAYS - HORIZON))
    known = replace(
        past,
        ids=past.ids[: options.series],
        starts=past.starts[: options.series],
        stops=past.stops[: options.series],
    )
    fitted = forecast.fit("gru", known, HORIZON)
    rows = [
        {
            "what": f"fit on {options.series:,} series",
            "error / seasonal naive": "",
            "CPU s": time.process_time() - begun,
        }
    ]
    for what, chosen in (
        ("fitted", np.arange(options.series)),
        ("never seen", options.series + np.arange(options.new)),
    ):
        origins, begun = np.stack([chosen, np.full(len(chosen), DAYS - HORIZON)], 1), time.process_time()
        made = fitted.predict(panel, origins).values
        seconds = time.process_time() - begun
        naive = forecast.fit("seasonal", past, HORIZON).predict(panel, origins).values
        truth = panel.truth(origins, HORIZON)
        ratio = float(np.mean(np.abs(made - truth).mean(1) / np.abs(naive - truth).mean(1)))
        rows.append(
            {"what": f"forecast of {len(chosen):,} {what}", "error / seasonal naive": ratio, "CPU s": seconds}
        )
    print(
        f"{table(rows)}\n\n{peak() - before:.0f} MB above the panel; {fitted.log.notes[0]}\n{machine()}; seed 0"
    )


if __name__ == "__main__":
    main()
