"""What is unusual in the rows that came: values outside of their own interval, far outside of all before, or stuck.

Nothing is changed by it: it is said, and somebody looks at the sensor, the unit or the file.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecast.arrays import Array
from forecast.data.clock import show
from forecast.data.findings import counted
from forecast.data.panel import Panel
from forecast.data.zones import unplaced
from forecast.evaluation.inference import holm
from forecast.fitting import Fitted

WIDE = 99.0  # percent of the interval that each forecast is kept with
LEVEL = 0.05  # chance that any row at all is named while the intervals hold
FAR = 0.5  # of the width of all known values: a value that lies farther outside of them is far
SPREADS = 3.0  # around the mean of the fit, which count as known of columns whose past is not stored
KNOWN = 30  # known values below which nothing is called far or stuck
STUCK = 5  # equal values in a row below which nothing is called stuck
NAMED = 5  # of each kind, in words


@dataclass(frozen=True)
class Outside:
    """A row outside of the interval of WIDE percent that the latest forecast of it gave; p: corrected by Holm."""

    unique_id: str
    ds: str
    cutoff: str
    actual: float
    low: float
    high: float
    p: float

    def __str__(self) -> str:
        return (
            f"{self.unique_id} at {self.ds} is {self.actual:.6g}, outside of its {WIDE:g} % interval"
            f" {self.low:.6g} to {self.high:.6g} (p = {self.p:.2g} over all rows)"
        )


@dataclass(frozen=True)
class Stretch:
    """Rows of one column, `begin` to `end`, `count` of them: far outside of what is known, or all of one value.

    low, high: between these lies all that is known; of a stuck column the value, twice. value: the first one.
    before: how many equal values in a row the past had at most; 0 where the stretch is far outside.
    """

    unique_id: str
    column: str
    begin: str
    end: str
    count: int
    value: float
    low: float
    high: float
    before: int = 0

    def __str__(self) -> str:
        where = f"{self.unique_id}: {self.column}, {self.begin} to {self.end}"
        if self.before:
            had = counted(self.before, "equal value")
            return (
                f"{where}, is {self.value:.6g} in {counted(self.count, 'row')} in a row; the past had at most {had}"
                " in a row. Is a sensor stuck?"
            )
        return (
            f"{where}, is far outside of all that the run knows, {self.low:.6g} to {self.high:.6g}, in"
            f" {counted(self.count, 'row')}; the first is {self.value:.6g}. Has a unit changed?"
        )


@dataclass(frozen=True)
class Unusual:
    """All of it. tested: rows with an interval, each counted once."""

    tested: int = 0
    outside: tuple[Outside, ...] = ()
    far: tuple[Stretch, ...] = ()
    stuck: tuple[Stretch, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        kinds: dict[str, tuple[Any, ...]] = {"outside": self.outside, "far": self.far, "stuck": self.stuck}
        return {
            "tested": self.tested,
            **{kind: [asdict(one) for one in found] for kind, found in kinds.items()},
        }

    def __str__(self) -> str:
        """One line per row or stretch, the first NAMED of each kind; empty where there is none."""
        lines = []
        for found in (self.far, self.stuck, self.outside):
            lines += [f"! {one}" for one in found[:NAMED]]
            if len(found) > NAMED:
                lines.append(f"  ... and {len(found) - NAMED} more (`json` lists all)")
        return "\n".join(lines)


NOTHING_UNUSUAL = Unusual()


def unusual(
    fitted: Fitted, kept: pd.DataFrame, truth: Array, panel: Panel, known: Panel, walk: pd.DataFrame
) -> Unusual:
    """What is unusual in the rows of `panel` that came after those of `known`, which the last fit had.

    kept: forecasts in a frame of H rows per origin, truth (M, H): their actual values, NaN where nothing came ·
    walk: the frame of the walk, whose actual values are known too. A target of names is not looked at.
    """
    if fitted.goal.names:
        return NOTHING_UNUSUAL
    tested, outside = rows_outside(fitted.spec.name, kept, truth, panel.clock.tz)
    far, stuck = [], []
    place = {name: i for i, name in enumerate(known.ids)}
    for i, name in enumerate(panel.ids):
        if name not in place:
            continue
        for column in _numbers(panel):
            past = _past_of(fitted, known, place[name], column, walk)
            came = _newer(panel, i, known, place[name], column)
            far += _far_stretches(panel, i, column, came, past)
            stuck += _stuck_stretches(panel, i, column, came, past)
    return Unusual(tested, outside, tuple(far), tuple(stuck))


def rows_outside(model: str, kept: pd.DataFrame, truth: Array, zone: str) -> tuple[int, tuple[Outside, ...]]:
    """How many rows have an interval of WIDE percent and an actual value, and those that are outside of it.

    Each row is tested once, against the latest forecast of it. The chance of a value at r times the distance from the
    point to the end of the interval is 0.01^r, that of a Laplace distribution with such an interval, whose tails are
    heavier than a normal one's. It is corrected by Holm for the number of rows, at LEVEL for all together.
    """
    low, high = f"{model}-lo-{WIDE:g}", f"{model}-hi-{WIDE:g}"
    if low not in kept:
        return 0, ()
    frame = kept.assign(y=truth.ravel()).sort_values("cutoff", kind="stable")
    frame = frame[frame[[low, high, "y"]].notna().all(axis=1)].drop_duplicates(
        ["unique_id", "ds"], keep="last"
    )
    frame = frame.sort_values(["unique_id", "ds"])
    actual, point = frame["y"].to_numpy(), frame[model].to_numpy()
    end = np.where(actual > point, frame[high], frame[low])
    reach, off = np.abs(end - point), np.abs(actual - point)
    times = np.divide(off, reach, out=np.where(off > 0, np.inf, 0.0), where=reach > 0)
    chance = np.where(times > 1, (1 - WIDE / 100) ** times, 1.0)
    corrected = np.array(holm(list(chance)), "float64")
    found = []
    for row in np.flatnonzero(corrected <= LEVEL):
        one = frame.iloc[row]
        stamp, cutoff = _stamp(one["ds"]), _stamp(one["cutoff"])
        numbers = (float(actual[row]), float(one[low]), float(one[high]), float(corrected[row]))
        found.append(Outside(str(one["unique_id"]), stamp, cutoff, *numbers))
    return len(frame), tuple(found)


@dataclass(frozen=True)
class Past:
    """Known values (n,) of a column of one series in the order of time.

    lowest, highest: all of it lies between them, NaN where too little is known to say so.
    """

    values: Array
    lowest: float
    highest: float


def _past_of(fitted: Fitted, known: Panel, series: int, column: int, walk: pd.DataFrame) -> Past:
    """What is known of a column before the newer rows: stored rows, of the target those of the walk, of others the scale of the fit."""
    name = known.columns[column].name
    stored = known.values[known.rows(series), column]
    values = stored[~np.isnan(stored)]
    scaled = np.zeros(0)
    row = int(fitted.scaling.fitted((known.ids[series],))[0])
    if column == 0:
        own = walk[walk["unique_id"] == known.ids[series]].drop_duplicates("ds").sort_values("ds")
        own = own[unplaced(own["ds"]) < known.times[known.starts[series]]]
        values = np.concatenate([own["y"].dropna().to_numpy("float64"), values])
    elif row >= 0 and name in fitted.goal.columns:
        place = fitted.goal.columns.index(name)
        loc, spread = fitted.scaling.loc[row, place], fitted.scaling.spread[row, place]
        scaled = np.array([loc - SPREADS * spread, loc + SPREADS * spread])
    all_known = np.concatenate([values, scaled])
    if len(values) < KNOWN and not len(scaled):
        return Past(values, np.nan, np.nan)
    return Past(values, float(all_known.min()), float(all_known.max()))


def _numbers(panel: Panel) -> list[int]:
    """The places of the columns that hold numbers which change."""
    return [place for place in panel.moving if panel.columns[place].names is None]


@dataclass(frozen=True)
class Came:
    """The observed values (n,) of a column that came, and their rows (n,) in the panel."""

    values: Array
    rows: Array


def _newer(panel: Panel, series: int, known: Panel, own: int, column: int) -> Came:
    """The values of a column after the last observed target of the known rows."""
    rows = known.rows(own)
    seen = np.flatnonzero(~np.isnan(known.values[rows, 0]))
    last = known.times[rows][seen[-1]]
    inside = panel.rows(series)
    observed = (panel.times[inside] > last) & ~np.isnan(panel.values[inside, column])
    place = np.flatnonzero(observed) + inside.start
    return Came(panel.values[place, column], place)


def _far_stretches(panel: Panel, series: int, column: int, came: Came, past: Past) -> list[Stretch]:
    """The stretches of values that are far outside of all before them; those that are not become known as they come."""
    if np.isnan(past.lowest):
        return []
    low, high = past.lowest, past.highest
    far = np.zeros(len(came.values), bool)
    for place, value in enumerate(came.values):
        far[place] = is_far(value, low, high)
        if not far[place]:
            low, high = min(low, value), max(high, value)
    return [_stretch(panel, series, column, came, run, low, high) for run in _runs_of(far)]


def is_far(value: float, low: float, high: float) -> bool:
    """Whether a value is farther outside of low to high than FAR of their width; of positive ones also on a scale of logs."""
    reach = FAR * (high - low)
    if not reach:
        return False
    if value < low - reach or value > high + reach:
        return True
    if low <= 0 or value <= 0:
        return False
    ratio = (high / low) ** FAR
    return value < low / ratio


def _stuck_stretches(panel: Panel, series: int, column: int, came: Came, past: Past) -> list[Stretch]:
    """The runs of one value that are over twice as long as any of the past, where enough of it is known to tell."""
    if not len(came.values) or panel.columns[column].role == "future":
        return []
    longest = longest_run(past.values)
    changes = np.flatnonzero(np.diff(came.values) != 0) + 1
    found = []
    for run in np.split(np.arange(len(came.values)), changes):
        enough = len(run) >= STUCK and len(past.values) >= KNOWN
        if enough and len(run) > 2 * longest:
            value = float(came.values[run[0]])
            found.append(_stretch(panel, series, column, came, run, value, value, longest))
    return found


def longest_run(values: Array) -> int:
    """The most equal values in a row (n,), 0 of none."""
    if not len(values):
        return 0
    changes = np.flatnonzero(np.diff(values) != 0) + 1
    return int(np.diff(np.concatenate([[0], changes, [len(values)]])).max())


def _runs_of(chosen: Array) -> list[Array]:
    """The runs of neighbouring places at which `chosen` (n,) is true."""
    places = np.flatnonzero(chosen)
    if not len(places):
        return []
    return np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)


def _stretch(
    panel: Panel, series: int, column: int, came: Came, run: Array, low: float, high: float, before: int = 0
) -> Stretch:
    """The stretch of the places `run` (n,) among the values that came."""
    begin, end = (panel.stamp(int(came.rows[place])) for place in (run[0], run[-1]))
    value = float(came.values[run[0]])
    name = panel.columns[column].name
    return Stretch(panel.ids[series], name, begin, end, len(run), value, float(low), float(high), before)


def _stamp(stamp: Any) -> str:
    """A stamp or a step in words."""
    if isinstance(stamp, pd.Timestamp):
        return stamp.isoformat() if stamp.tz is not None else show(stamp.to_datetime64())
    return f"step {stamp}"
