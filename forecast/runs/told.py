"""What was forecast of a market, in the units that people speak of it: returns in percent, and the next price."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forecast.arrays import Array
from forecast.data.clock import CYCLES, Clock
from forecast.data.derived import place_of
from forecast.data.panel import Panel
from forecast.data.zones import placed
from forecast.results import Forecast

if TYPE_CHECKING:
    import pandas as pd

TRADING_DAYS = 252  # of a year, by convention
WEEKS = 52


@dataclass(frozen=True, eq=False)
class Told:
    """A forecast in other units: a sentence that says which, and a long frame `unique_id, ds, <model>-percent, ...`."""

    words: str
    frame: "pd.DataFrame"


def told(forecast: Forecast, panel: Panel) -> Told | None:
    """A forecast of a derived target in other units; None of any other target.

    panel: one that has the rows which the forecast was made from. Of log returns these are returns in percent, 100
    (exp(r) - 1), and for the first step the price that follows from the last one, p exp(r); both keep their intervals, as
    neither turns an order round. Of a variance it is the annualised volatility in percent, 100 times the root of the variance
    times the steps of a year.
    """
    made = panel.columns[0].made
    if made == "variance":
        return _volatility(forecast, panel.clock)
    if made != "return":
        return None
    price = panel.columns[0].of
    frame = _frame(forecast)
    for name, values in _answers(forecast, "percent").items():
        frame[name] = 100 * np.expm1(values).ravel()
    last = last_observed(panel, forecast.on(panel).origins, place_of(panel, price))
    for name, values in _answers(forecast, "price").items():
        next_price = np.full(values.shape, np.nan)
        next_price[:, 0] = last * np.exp(values[:, 0])
        frame[name] = next_price.ravel()
    return Told(f"The same in percent, and the next {price}", frame)


def _volatility(forecast: Forecast, clock: Clock) -> Told:
    """The annualised volatility of a forecast of variances; on a clock without years that of a step."""
    count, noun = steps_of_a_year(clock)
    frame = _frame(forecast)
    for name, values in _answers(forecast, "volatility").items():
        frame[name] = 100 * np.sqrt(values * count).ravel()
    if not noun:
        return Told("The volatility of each step in percent, the root of its variance", frame)
    return Told(f"Annualised volatility in percent, 100 sqrt({count:g} variance), of {noun} a year", frame)


def steps_of_a_year(clock: Clock) -> tuple[float, str]:
    """How many steps of a clock a year has, and what they are, in words: 252 trading days by convention.

    On the step clock, which has no years, 1 and nothing.
    """
    if clock.kind == "step":
        return 1.0, ""
    if clock.kind == "sessions" and clock.weekly:
        return WEEKS * clock.bars, f"{WEEKS} weeks of {clock.bars} steps"
    if clock.kind == "sessions":
        bars = "" if clock.bars == 1 else f" of {clock.bars} steps"
        return float(TRADING_DAYS * clock.bars), f"{TRADING_DAYS} trading days{bars}"
    if clock.kind == "fixed":
        count = round(CYCLES["year"] / clock.step)
        return float(count), f"{count:,} steps ({clock.words})"
    if clock.freq[0] == "B":
        return float(TRADING_DAYS), f"{TRADING_DAYS} trading days"
    count = 1 if clock.freq[0] == "Y" else clock.seasons[0]
    return float(count), f"{count} steps ({clock.words})"


def _frame(forecast: Forecast) -> "pd.DataFrame":
    """The series and the stamp of each step."""
    import pandas as pd

    names = np.array(forecast.ids, dtype=object)[forecast.origins[:, 0]]
    stamps = placed(forecast.times.ravel(), forecast.zone)
    return pd.DataFrame({"unique_id": np.repeat(names, forecast.values.shape[1]), "ds": stamps})


def _answers(forecast: Forecast, unit: str) -> dict[str, Array]:
    """The point and the ends of the shown intervals (M, H), by the names of their columns."""
    name = f"{forecast.model}-{unit}"
    found = {name: forecast.values}
    for coverage, low, high in forecast.bands:
        found[f"{name}-lo-{coverage:g}"] = low
        found[f"{name}-hi-{coverage:g}"] = high
    return found


def last_observed(panel: Panel, origins: Array, place: int) -> Array:
    """The last observed value (M,) of a column before each of origins (M, 2); NaN where there is none."""
    found = np.full(len(origins), np.nan)
    for row, (series, known) in enumerate(origins):
        begin = panel.starts[series]
        values = panel.values[begin : begin + known, place]
        seen = values[~np.isnan(values)]
        if len(seen):
            found[row] = seen[-1]
    return found
