"""What values look like: what cannot be (infinite), what may stand for missing, what lies far out, what never changes. Nothing is changed here."""

import numpy as np

from forecast.arrays import Array
from forecast.data.clock import show
from forecast.data.findings import Report, counted, listed
from forecast.data.panel import Panel
from forecast.data.zones import to_local
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


def look_at_values(name: str, values: Array, table: Table, report: Report) -> None:
    """Findings on one column float64 (n,) in the order of the file; infinite values are an error."""
    low, high = float(np.fmin.reduce(values, initial=np.inf)), float(np.fmax.reduce(values, initial=-np.inf))
    if low > high:
        return
    if np.isinf([low, high]).any():
        wrong = np.flatnonzero(np.isinf(values))
        report.say(
            "infinite",
            f"{table.at(wrong[:1])} is infinite in column {name!r} ({table.many(wrong)}).",
            rows=table.rows(wrong),
            example=values[wrong[0]],
            remedy="Leave the cell empty if the value is unknown, or say so with --missing inf.",
        )
        return
    if max(-low, high) > EXACT:
        large = np.flatnonzero(np.abs(values) > EXACT)
        report.say(
            "int-overflow",
            f"{name}: {counted(len(large), 'value')} beyond 2^53, of which only the first 15 to 16 digits are kept",
            rows=table.rows(large),
            example=f"{values[large[0]]:.17g}",
        )
    suspects = _sentinels(values, low, high)
    for value in suspects:
        rows = np.flatnonzero(values == value)
        often = f"{len(rows):,} times" if len(rows) > 1 else "once"
        report.say(
            "sentinel",
            f"{name}: {value:g} stands {often} far outside of all other values and may mean missing ({table.at(rows).lower()})",
            rows=table.rows(rows),
            example=f"{value:g}",
            remedy=f"(--missing {value:g} takes it so)",
        )
    _say_outliers(name, values, low, high, suspects, table, report)


def _some(values: Array, without: list[float]) -> Array:
    """At most SAMPLE observed values spread over the column."""
    some = values[:: max(1, len(values) // SAMPLE)]
    return some[~np.isnan(some) & ~np.isin(some, without)]


def _sentinels(values: Array, low: float, high: float) -> list[float]:
    """Usual signs for missing that are the least or the greatest value, further from the next one than all others are spread."""
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
    """Say which values lie far out and alone: a heavy tail, as of rain or returns, has many and no gap before them."""
    some = _some(values, suspects)
    if len(some) < 10:
        return
    middle = float(np.median(some))
    spread = 1.4826 * float(np.median(np.abs(some - middle)))
    if not spread or max(high - middle, middle - low) <= OUTLIER * spread:
        return
    distance = np.where(np.isnan(values) | np.isin(values, suspects), 0.0, np.abs(values - middle))
    few = min(len(values), 2 + len(values) // 1000)
    furthest = np.argpartition(distance, len(distance) - few)[-few:]
    furthest = furthest[np.argsort(-distance[furthest], kind="stable")]
    far = distance[furthest]
    alone = np.flatnonzero((far[:-1] > OUTLIER * spread) & (far[:-1] >= 2 * far[1:]))
    if len(alone):
        rows = furthest[: alone[-1] + 1]
        more = f", {counted(len(rows) - 1, 'more value')} far out and alone" if len(rows) > 1 else ""
        report.say(
            "outlier",
            f"{name}: {values[rows[0]]:g} in {table.at(rows[:1]).lower()} lies {far[0] / spread:,.0f} robust standard deviations from the middle"
            f" ({middle:.4g}){more}; nothing is changed",
            rows=table.rows(rows),
            example=f"{values[rows[0]]:g}",
        )


def look_at_series(panel: Panel, report: Report, *, newer: bool = False) -> None:
    """Findings on the target of series that are on their clock; one without any observed value at all is an error.

    newer: these are rows that follow others, and where there are future columns they may tell of the future alone.
    """
    known, ids, clock = panel.history(), panel.ids, panel.clock
    targets = [known.values[known.rows(i), 0] for i in range(len(ids))]
    seen = [int(np.count_nonzero(~np.isnan(target))) for target in targets]
    if not any(seen) and not (newer and panel.future):
        report.refuse(
            "no-target", "The target has no value in any row.", remedy="Name another column with --target."
        )
    holes = [i for i, (target, known) in enumerate(zip(targets, seen, strict=True)) if known < len(target)]
    for i in holes[:SAID]:
        missing, longest = _runs(np.isnan(targets[i]))
        report.say(
            "missing",
            f"{ids[i]}: {missing:,} of {len(targets[i]):,} target values missing, at most {longest:,} in a row",
        )
    if len(holes) > SAID:
        report.say(
            "missing",
            f"missing target values in {len(holes) - SAID} more series: {listed([ids[i] for i in holes[SAID:]])}",
        )
    constant = [
        ids[i] for i, target in enumerate(targets) if seen[i] > 2 and _equal(target[:1000]) and _equal(target)
    ]
    if constant:
        report.say("constant", f"the target never changes in {listed(constant)}", example=constant[0])
    least = 3 * clock.horizon
    short = [ids[i] for i, known in enumerate(seen) if known < least]
    if short and not newer:
        report.say(
            "short",
            f"series with under {least} target values, three default horizons: {listed(short)}",
            example=short[0],
        )
    ends = known.times[known.stops[known.lengths > 0] - 1]
    if clock.kind != "step" and len(ends) > 1 and (ends != ends[0]).any():
        ends = to_local(ends, clock.tz)
        report.say(
            "ragged-ends",
            f"series end at different times, from {show(ends.min())} to {show(ends.max())}; each is forecast from its own end",
        )


def _equal(values: Array) -> bool:
    """Whether all observed values are one, or none is."""
    low, high = np.fmin.reduce(values), np.fmax.reduce(values)
    return bool(low == high or np.isnan(low))


def _runs(missing: Array) -> tuple[int, int]:
    """How many are missing, and the longest run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], missing.astype("int8"), [0]])))
    return int(missing.sum()), int((edges[1::2] - edges[::2]).max(initial=0))
