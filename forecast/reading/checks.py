"""What values look like: what cannot be (infinite), what may stand for missing, what lies far out,
what never changes. Nothing is changed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np

from forecast.arrays import Array
from forecast.data.clock import show
from forecast.data.findings import Report, counted, listed
from forecast.data.panel import Column, Panel
from forecast.data.zones import to_local
from forecast.reading.grid import Rows
from forecast.reading.tables import Table

_NINES = (99.0, 99.9, 99.99, 999.0, 999.9, 999.99, 9999.0, 9999.9, 99999.0, 999999.0)
_LIMITS = (
    -32768.0,
    32767.0,
    65535.0,
    -2147483648.0,
    2147483647.0,
    4294967295.0,
)  # of whole numbers of 16 and 32 bits
SENTINELS = (
    -200.0,
    1e20,
    -1e20,
    1e30,
    9.969209968386869e36,
    *_LIMITS,
    *_NINES,
    *(-value for value in _NINES),
)
EXACT = 2.0**53  # above it float64 no longer tells whole numbers apart
OUTLIER = 20  # robust standard deviations
SAMPLE = 100_000  # values from which the middle and the spread of a column are taken
SAID = 5  # series that are named one by one
LEVEL = 5  # rows on each side of a jump whose middle is their level
JUMP = 12  # robust standard deviations of the steps of a series in logs
LEAST_JUMP = 0.4  # in logs: half as much again
FAR_CHANGES = 3  # times the changes that all but three in a hundred do not exceed
FEWEST_STEPS = 30  # values of a series whose jumps are looked for
MOST_JUMPS = 20  # of one series: with more its level wanders
MOST_OFF_SCALE = 10  # rows in a row that are off by a power of ten
POWERS = (10, 100, 1000)
SPLITS = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100, 1000)
NEAR = 0.08  # in logs, that a jump may be away from such a ratio


def look_at_values(name: str, values: Array, table: Table, report: Report) -> None:
    """Findings on one column float64 (n,) in the order of the file; infinite values are an error."""
    low = float(np.fmin.reduce(values, initial=np.inf))
    high = float(np.fmax.reduce(values, initial=-np.inf))
    if low > high:
        return
    if np.isinf([low, high]).any():
        _say_infinite(name, values, table, report)
        return
    if max(-low, high) > EXACT:
        large = np.flatnonzero(np.abs(values) > EXACT)
        many = counted(len(large), "value")
        report.say(
            "int-overflow",
            f"{name}: {many} beyond 2^53, of which only the first 15 to 16 digits are kept",
            rows=table.rows(large),
            example=f"{values[large[0]]:.17g}",
        )
    suspects = _sentinels(values, low, high)
    for value in suspects:
        _say_sentinel(name, value, np.flatnonzero(values == value), table, report)
    _say_outliers(name, values, low, high, suspects, table, report)


def _say_infinite(name: str, values: Array, table: Table, report: Report) -> None:
    """Report the rows of a column that are infinite."""
    wrong = np.flatnonzero(np.isinf(values))
    report.say(
        "infinite",
        f"{table.at(wrong[:1])} is infinite in column {name!r} ({table.many(wrong)}).",
        rows=table.rows(wrong),
        example=values[wrong[0]],
        remedy="Leave the cell empty if the value is unknown, or say so with `missing=inf`.",
    )


def _say_sentinel(name: str, value: float, rows: Array, table: Table, report: Report) -> None:
    """Report the rows (k,) with a value that may stand for missing."""
    often = f"{len(rows):,} times" if len(rows) > 1 else "once"
    report.say(
        "sentinel",
        f"{name}: {value:g} stands {often} far outside of all other values and may mean missing"
        f" ({table.at(rows).lower()})",
        rows=table.rows(rows),
        example=f"{value:g}",
        remedy=f"(`missing={value:g}` takes it so)",
    )


def _some(values: Array, without: list[float]) -> Array:
    """At most SAMPLE observed values spread over the column."""
    some = values[:: max(1, len(values) // SAMPLE)]
    return some[~np.isnan(some) & ~np.isin(some, without)]


def _sentinels(values: Array, low: float, high: float) -> list[float]:
    """Usual signs for missing that are the least or the greatest value, further from the next one
    than all others are spread.
    """
    found: list[float] = []
    for end in (low, high):
        while end in SENTINELS and len(found) < 4:
            inner = np.where(np.isin(values, [*found, end]), np.nan, values)
            following = np.fmin.reduce(inner) if end == low or end < 0 else np.fmax.reduce(inner)
            some = _some(inner, [])
            if (
                np.isnan(following)
                or len(some) < 3
                or abs(following - end) <= max(np.ptp(np.quantile(some, [0.01, 0.99])), 1e-9)
            ):
                break
            found.append(end)
            end = float(following)
    return found


def _say_outliers(
    name: str, values: Array, low: float, high: float, suspects: list[float], table: Table, report: Report
) -> None:
    """Say which values lie far out and alone: a heavy tail, as of rain or returns, has many and no
    gap before them.
    """
    some = _some(values, suspects)
    if len(some) < 10:
        return
    middle = float(np.median(some))
    spread = 1.4826 * float(np.median(np.abs(some - middle)))
    if not spread or max(high - middle, middle - low) <= OUTLIER * spread:
        return
    observed = ~np.isnan(values) & ~np.isin(values, suspects)
    distance = np.where(observed, np.abs(values - middle), 0.0)
    rows = _far_and_alone(distance, OUTLIER * spread)
    if not len(rows):
        return
    more = ""
    if len(rows) > 1:
        more = f", {counted(len(rows) - 1, 'more value')} far out and alone"
    report.say(
        "outlier",
        f"{name}: {values[rows[0]]:g} in {table.at(rows[:1]).lower()} lies"
        f" {distance[rows[0]] / spread:,.0f} robust"
        f" standard deviations from the middle ({middle:.4g}){more}; nothing is changed",
        rows=table.rows(rows),
        example=f"{values[rows[0]]:g}",
    )


def _far_and_alone(distance: Array, least: float) -> Array:
    """The rows (k,) whose distance (n,) is above `least` and at least twice that of all others, the
    furthest first.
    """
    few = min(len(distance), 2 + len(distance) // 1000)
    furthest = np.argpartition(distance, len(distance) - few)[-few:]
    furthest = furthest[np.argsort(-distance[furthest], kind="stable")]
    far = distance[furthest]
    alone = np.flatnonzero((far[:-1] > least) & (far[:-1] >= 2 * far[1:]))
    if not len(alone):
        return furthest[:0]
    return furthest[: alone[-1] + 1]


def look_at_jumps(
    rows: Rows, columns: Sequence[Column], targets: Sequence[int], table: Table, report: Report
) -> None:
    """Findings on jumps of the targets at the places `targets` of rows in order, measured by the
    steps of each series: values at a hundredth of those next to them, and a level that falls to a
    tenth for good.
    """
    found: list[tuple[str, Jump]] = []
    for place in targets:
        for i, (start, stop) in enumerate(pairwise(rows.bounds())):
            values = rows.values[start:stop, place]
            seen = start + np.flatnonzero(~np.isnan(values))
            name = rows.ids[i] if len(rows.ids) > 1 else columns[place].name
            found += [(name, replace(jump, rows=seen[jump.rows])) for jump in jumps(rows.values[seen, place])]
    for name, jump in found[:SAID]:
        _say_jump(name, jump, rows, table, report)
    if len(found) > SAID:
        others = list(dict.fromkeys(name for name, _ in found[SAID:]))
        report.say("off-scale", f"{len(found) - SAID} more such jumps in {listed(others)}")


@dataclass(frozen=True, eq=False)
class Jump:
    """Rows (k,) that are `times` as large as those next to them, or, where it lasts, as those
    before.
    """

    rows: Array
    times: Fraction
    lasts: bool


def jumps(values: Array) -> list[Jump]:
    """The jumps of one series, its observed values (n,): rows off by a power of ten, and a level
    that from some row on is a simple multiple or fraction of what it was.

    In logs a jump is larger than JUMP robust standard deviations of the series' own steps, and than
    twice what all but three in a hundred of them are; in units it is FAR_CHANGES times as large as these.
    """
    if len(values) < FEWEST_STEPS or not (values > 0).all():
        return []
    logs = np.log(values)
    steps = np.diff(logs)
    spread = 1.4826 * float(np.median(np.abs(steps - np.median(steps))))
    usual = float(np.quantile(np.abs(steps), 0.97))
    least = max(JUMP * spread, 2 * usual, LEAST_JUMP)
    changes = np.abs(np.diff(values))
    far = changes > FAR_CHANGES * np.quantile(changes, 0.97)  # near 0 a small change is large in logs
    large = np.flatnonzero((np.abs(steps) > least) & far).tolist()
    if not spread or len(large) > MOST_JUMPS:  # its level rests, or wanders
        return []
    found: list[Jump | None] = []
    while large:
        begin = large.pop(0)
        back = large[0] if large else len(steps)
        if back - begin <= MOST_OFF_SCALE and back < len(steps) and abs(steps[begin] + steps[back]) <= least:
            large.pop(0)
            found.append(_off_scale(float(steps[begin]), np.arange(begin, back) + 1, spread))
        else:
            found.append(_new_level(logs, begin + 1, spread))
    return [jump for jump in found if jump is not None]


def _off_scale(step: float, rows: Array, spread: float) -> Jump | None:
    """Rows (k,) after a step in logs, if that is one by a power of ten."""
    times = _near(step, POWERS, spread)
    return None if times is None else Jump(rows, times, lasts=False)


def _new_level(logs: Array, row: int, spread: float) -> Jump | None:
    """The row at which logs (n,) take another level, if that is a simple multiple or fraction of the one before."""
    times = _near(float(logs[row] - logs[row - 1]), SPLITS, spread)
    before = np.median(logs[max(0, row - LEVEL) : row])
    after = np.median(logs[row : row + LEVEL])
    if times is None or _near(float(after - before), SPLITS, LEVEL * spread) != times:
        return None
    return Jump(np.array([row]), times, lasts=True)


def _near(step: float, ratios: Sequence[int], spread: float) -> Fraction | None:
    """The ratio, or one over it, whose log a step comes near to; None where it is near to none."""
    for ratio in ratios:
        if abs(abs(step) - np.log(ratio)) <= min(max(3 * spread, NEAR / 4), NEAR):
            return Fraction(ratio) if step > 0 else Fraction(1, ratio)
    return None


def _say_jump(name: str, jump: Jump, rows: Rows, table: Table, report: Report) -> None:
    """Report one jump of a series, with its rows."""
    records = rows.record(jump.rows)
    if jump.lasts:
        report.say(
            "level-shift",
            f"{name}: from {table.at(records).lower()} on values are {jump.times} of those"
            " before, for good: a split,"
            " or another unit? Nothing is changed",
            rows=table.rows(records),
            example=str(jump.times),
            remedy="(adjust the rows before it if so)",
        )
        return
    are = "is" if len(records) == 1 else "are"
    report.say(
        "off-scale",
        f"{name}: {table.at(records).lower()} {are} {jump.times} of the rows next to it: another"
        " unit, or a point"
        " that is lost? Nothing is changed",
        rows=table.rows(records),
        example=str(jump.times),
        remedy="(mend or remove it if so)",
    )


def look_at_series(panel: Panel, report: Report, *, newer: bool = False) -> None:
    """Findings on the target of series that are on their clock; one without any observed value at
    all is an error.

    newer: these are rows that follow others, and where there are future columns they may tell of
    the future alone.
    """
    known = panel.history()
    targets = [known.values[known.rows(i), 0] for i in range(len(panel.ids))]
    counts = [int(np.count_nonzero(~np.isnan(target))) for target in targets]
    if not any(counts) and not (newer and panel.future):
        report.refuse(
            "no-target", "The target has no value in any row.", remedy="Name another column with `target`."
        )
    _say_missing(panel.ids, targets, counts, report)
    constant = []
    for name, target, count in zip(panel.ids, targets, counts, strict=True):
        if count > 2 and _equal(target[:1000]) and _equal(target):
            constant.append(name)
    if constant:
        report.say("constant", f"the target never changes in {listed(constant)}", example=constant[0])
    least = 3 * panel.clock.horizon
    short = [name for name, count in zip(panel.ids, counts, strict=True) if count < least]
    if short and not newer:
        report.say(
            "short",
            f"series with under {least} target values, three default horizons: {listed(short)}",
            example=short[0],
        )
    _say_ends(known, report)


def _say_missing(ids: Sequence[str], targets: Sequence[Array], counts: Sequence[int], report: Report) -> None:
    """Report missing targets, those of the first series one by one; counts: of observed ones."""
    holes = [i for i, target in enumerate(targets) if counts[i] < len(target)]
    for i in holes[:SAID]:
        missing, longest = _runs(np.isnan(targets[i]))
        report.say(
            "missing",
            f"{ids[i]}: {missing:,} of {len(targets[i]):,} target values missing, at most"
            f" {longest:,} in a row",
        )
    if len(holes) > SAID:
        others = listed([ids[i] for i in holes[SAID:]])
        report.say("missing", f"missing target values in {len(holes) - SAID} more series: {others}")


def _say_ends(known: Panel, report: Report) -> None:
    """Report that series end at different times."""
    ends = known.times[known.stops[known.lengths > 0] - 1]
    if known.clock.kind == "step" or len(ends) < 2 or (ends == ends[0]).all():
        return
    ends = to_local(ends, known.clock.tz)
    report.say(
        "ragged-ends",
        f"series end at different times, from {show(ends.min())} to {show(ends.max())}; each is"
        " forecast from its own end",
    )


def _equal(values: Array) -> bool:
    """Whether all observed values are one, or none is."""
    low, high = np.fmin.reduce(values), np.fmax.reduce(values)
    return bool(low == high or np.isnan(low))


def _runs(missing: Array) -> tuple[int, int]:
    """How many are missing, and the longest run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], missing.astype("int8"), [0]])))
    return int(missing.sum()), int((edges[1::2] - edges[::2]).max(initial=0))
