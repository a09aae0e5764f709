"""What was known when: a column that is published late as it was known at each row, and forecasts of
others by the moment of their issue.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa

from forecast.arrays import Array
from forecast.data.clock import months_of, nanoseconds_of, parse_horizon, show
from forecast.data.findings import Report, counted, listed
from forecast.data.panel import Column, Panel
from forecast.data.vintages import Issues, issues_of, make_vintages
from forecast.data.zones import to_local
from forecast.errors import ForecastError, nearest
from forecast.reading.grid import Rows
from forecast.reading.local import to_moments
from forecast.reading.stamps import parse_stamps
from forecast.reading.tables import Table


def lags_of(given: Sequence[str]) -> dict[str, str]:
    """After which span, or number of steps, each column is published; ForecastError where a text is no such pair."""
    lags = {}
    for text in given:
        name, _, span = text.rpartition("=")
        if not name or not span:
            raise ForecastError(f"`lag={text}` is not a column and a span: write gdp=45D.")
        try:
            _, unit = parse_horizon(span)
        except ForecastError:
            unit = "B"
        if unit == "B":
            raise ForecastError(
                f"`lag={text}`: after how long a column is published is a number of steps or a span of s, min, h, D, W,"
                " M, Q or Y, such as gdp=45D."
            )
        lags[name] = span
    return lags


def as_published(panel: Panel, lags: Mapping[str, str], report: Report) -> Panel:
    """The panel in which each row of a column holds the latest value that had been published by its
    stamp: that observed at t is published at t + lag, and holds until the next one.
    """
    if not lags:
        return panel
    values = panel.values.copy()
    columns = list(panel.columns)
    for name, span in lags.items():
        places = _late_places(columns, name, report)
        for i in range(len(panel.ids)):
            rows = panel.rows(i)
            published = _published(panel.times[rows], span)
            for place in places:
                values[rows, place] = _latest(values[rows, place], published, panel.times[rows])
        for place in places:
            columns[place] = replace(columns[place], lag=span)
        steps = "steps" if span.strip().isdigit() else ""
        report.say(
            "lag",
            f"{name} is published {f'{span} {steps}'.strip()} after its stamp: each row holds the latest value that was"
            " known by then",
        )
    return replace(panel, values=values, columns=tuple(columns))


def _late_places(columns: Sequence[Column], name: str, report: Report) -> list[int]:
    """The places of a past column, or of what was made of it; refused where it is none."""
    places = [i for i, column in enumerate(columns) if name in (column.name, column.of)]
    past = [i for i in places if columns[i].role == "past"]
    if past:
        return past
    known = [column.of or column.name for column in columns if column.role == "past"]
    if not places:
        report.refuse("no-such-column", f"There is no past column {name!r} for `lag`.{nearest(name, known)}")
    role = columns[places[0]].role
    kind = "the target" if role == "target" else f"a {role} column"
    report.refuse(
        "no-such-column",
        f"`lag={name}`: {name} is {kind}, and only past columns are published late.",
        remedy=f"Name one of {listed(list(dict.fromkeys(known)), 20)}." if known else "Leave `lag` out.",
    )


def _published(times: Array, span: str) -> Array:
    """When what was observed at stamps (n,) of a series is published: a span or a number of steps later."""
    count, unit = parse_horizon(span)
    if not unit:
        late = np.full(len(times), _never(times))
        late[: max(len(times) - count, 0)] = times[count:]
        return late
    if times.dtype.kind != "M":
        raise ForecastError(
            f"`lag` of {span}: rows without stamps have no days or hours. Give a number of steps, such as gdp=3."
        )
    months = months_of(unit)
    if months:
        later = pd.DatetimeIndex(times) + pd.DateOffset(months=count * months)
        return later.to_numpy().astype("datetime64[ns]")
    moved: Array = times + np.timedelta64(count * nanoseconds_of(unit), "ns")
    return moved


def _never(times: Array) -> object:
    """A moment after all others of the kind of stamps (n,)."""
    last = np.iinfo("int64").max
    return np.datetime64(last, "ns") if times.dtype.kind == "M" else last


def _latest(values: Array, published: Array, times: Array) -> Array:
    """For each of `times` (n,) the last observed of `values` (n,) that was published by then; NaN before the first."""
    seen = np.flatnonzero(~np.isnan(values))
    place = np.searchsorted(published[seen], times, side="right") - 1
    known = np.full(len(times), np.nan)
    known[place >= 0] = values[seen[place[place >= 0]]]
    return known


def issue_moments(
    column: pa.ChunkedArray, name: str, dates: bool, tz: str, series: Array, table: Table, report: Report
) -> Array:
    """The moments datetime64[ns] (n,) of a column of issues, UTC, or local dates where the rows have dates; NaT where a
    cell is empty. series (n,): of each row.
    """
    stamps = parse_stamps(column, name=name)
    wrong = np.union1d(stamps.bad, stamps.outside).astype("int64")
    if len(wrong) or stamps.wall.size == 0 or np.isnat(stamps.wall).all():
        cell = str(column[int(wrong[0])].as_py()) if len(wrong) else ""
        where = f"{table.at(wrong[:1])} has {cell!r}" if len(wrong) else "it has none"
        report.refuse(
            "unreadable-stamp",
            f"Column {name!r} of `issued` must hold moments; {where}.",
            rows=table.rows(wrong),
            example=cell,
            remedy="Name the column that says when each forecast was issued.",
        )
    return to_moments(stamps, tz, series, dates).times


def by_issue(
    rows: Rows, issued: Array, columns: Sequence[Column], zone: str, table: Table, report: Report
) -> tuple[Rows, dict[str, Issues]]:
    """Rows of which several may be of one stamp, each with what was issued for it at another moment, as one row per
    stamp; and the issues of the future columns, by series.

    rows: in order of series and time · issued (n,): the moment of each. A row holds what the newest issue by its own
    stamp says; the other columns of the rows of a stamp must agree.
    """
    assert rows.times is not None
    future = np.flatnonzero([column.role == "future" for column in columns])
    _refuse_names(columns, future)
    said = ~np.isnan(rows.values[:, future]).all(axis=1)
    _refuse_without_issue(rows, said & np.isnat(issued), table, report)
    single = _agreeing(rows, columns, zone, table, report)
    issues: dict[str, Issues] = {}
    for i, name in enumerate(rows.ids):
        own = np.flatnonzero(said & (rows.series == i))
        issues[name] = issues_of(rows.times[own], issued[own], rows.values[np.ix_(own, future)])
    names = tuple(columns[int(i)].name for i in future)
    _say_issues(names, rows.times[said] - issued[said], report)
    return _with_newest(single, future, names, issues), issues


def _agreeing(rows: Rows, columns: Sequence[Column], zone: str, table: Table, report: Report) -> Rows:
    """One row per stamp and series of rows in order, whose columns but the future ones must agree; an empty cell says
    nothing.
    """
    assert rows.times is not None
    new = np.ones(len(rows.times), bool)
    new[1:] = (rows.times[1:] != rows.times[:-1]) | (rows.series[1:] != rows.series[:-1])
    first = np.flatnonzero(new)
    single = rows.take(first)
    values = single.values.copy()
    for place, column in enumerate(columns):
        if column.role == "future":
            continue
        low = np.fmin.reduceat(rows.values[:, place], first)
        high = np.fmax.reduceat(rows.values[:, place], first)
        _refuse_conflict(single, np.flatnonzero(low < high), column, zone, table, report)
        values[:, place] = low
    return replace(single, values=values)


def _with_newest(single: Rows, future: Array, names: tuple[str, ...], issues: Mapping[str, Issues]) -> Rows:
    """Rows, one per stamp, whose future columns hold what the newest issue by their own stamp says."""
    assert single.times is not None
    bounds = single.bounds()
    spans = [slice(start, stop) for start, stop in pairwise(bounds)]
    vintages = make_vintages(names, single.ids, spans, single.times, issues)
    values = single.values.copy()
    values[:, future] = vintages.known(np.arange(len(single.times)), single.times)
    return replace(single, values=values)


def issued_of(panel: Panel, names: Collection[str], issues: Mapping[str, Issues], report: Report) -> Panel:
    """The panel with its vintages; `issues` are those of each series of the file, of a wide one those of all."""
    own = dict(issues)
    if panel.wide:
        own = {name: one for name in panel.ids for one in issues.values()}
    bounds = [panel.rows(i) for i in range(len(panel.ids))]
    vintages = make_vintages(tuple(names), panel.ids, bounds, panel.times, own)
    for name, rows in zip(panel.ids, bounds, strict=True):
        stamps = own[name].stamps if name in own else np.zeros(0, "datetime64[ns]")
        lost = stamps[~np.isin(stamps, panel.times[rows])]
        if len(lost):
            report.refuse(
                "off-grid",
                f"Forecasts of {listed(sorted(names))} are about {show(to_local(lost[:1], panel.clock.tz)[0])}, which is no"
                f" step of series {name!r}: {panel.clock.words}.",
                remedy="With `issued` the stamps of forecasts are those of the rows they are about: write them alike.",
            )
    return replace(panel, vintages=vintages)


def _refuse_names(columns: Sequence[Column], future: Array) -> None:
    """ForecastError where a future column holds names: of these no issues are kept."""
    named = [columns[int(i)].name for i in future if columns[int(i)].names is not None]
    if named:
        raise ForecastError(
            f"`issued` keeps forecasts that are numbers, and {listed(named)} holds names. Leave it out of `future`."
        )


def _refuse_without_issue(rows: Rows, wrong: Array, table: Table, report: Report) -> None:
    """Refuse a forecast of which nobody says when it was issued."""
    records = rows.record(np.flatnonzero(wrong))
    if len(records):
        report.refuse(
            "missing-stamp",
            f"{table.at(records[:1])} has a forecast without the moment of its issue ({table.many(records)}).",
            rows=table.rows(records),
            remedy="Fill it in; what was known from the beginning, such as a holiday, may have any early one.",
        )


def _refuse_conflict(
    single: Rows, wrong: Array, column: Column, zone: str, table: Table, report: Report
) -> None:
    """Refuse rows of one stamp that give two values of a column that is not issued."""
    if not len(wrong):
        return
    assert single.times is not None
    records = single.record(wrong)
    stamp = show(to_local(single.times[wrong[:1]], zone)[0])
    series = single.ids[single.series[wrong[0]]]
    report.refuse(
        "conflicting-duplicate",
        f"Rows of series {series!r} with the stamp {stamp} have different values of {column.name}, which is no future"
        f" column ({counted(len(wrong), 'such stamp')}).",
        rows=table.rows(records),
        example=stamp,
        remedy="Only what `future` names may differ from issue to issue.",
    )


def _say_issues(names: Sequence[str], leads: Array, report: Report) -> None:
    """Report what was issued; leads timedelta64 (n,): how long before the stamp that each is about."""
    shortest, longest = (pd.Timedelta(lead) for lead in (leads.min(), leads.max()))
    report.say(
        "issued",
        f"{listed(names)}: {counted(len(leads), 'forecast')}, issued {_span(shortest)} to {_span(longest)} before what they"
        " are about; at an origin the newest issued by its last known stamp is seen",
    )


def _span(span: pd.Timedelta) -> str:
    """A span in hours, or in days where these are whole."""
    hours = span.total_seconds() / 3600
    if hours % 24 == 0:
        return counted(int(hours // 24), "day")
    return f"{hours:g} hours"
