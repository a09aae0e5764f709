"""What every model must do, as functions: `check_spec(MySpec())` holds a Spec of your own to all of it.

Each function is one demand. It raises DemandError, which names the demand, what was expected and what was found, and
needs no test runner: call it where you like, or once in a test of yours. They are what the project's own test suite
runs on every model of the table.
"""

import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from forecast.arrays import Array
from forecast.data.clock import Clock
from forecast.data.panel import Column, Panel, make_panel
from forecast.data.vintages import Issues, issues_of, make_vintages
from forecast.errors import ForecastError
from forecast.evaluation.backtest import backtest
from forecast.evaluation.calibration import calibrate
from forecast.evaluation.folds import WalkForward
from forecast.fitting import Fitted, NotFiniteError, fit
from forecast.insight.attribution import explain
from forecast.models import settings_of
from forecast.models.base import Refits, Spec, explained, reads_of, targets_of
from forecast.models.own import made, required
from forecast.reading.neighbours import with_neighbours
from forecast.results import Forecast, Outcome
from forecast.saving import load, load_context, save, save_context
from forecast.task import Span

HORIZON = 12
CLOSE = (
    1e-5  # how near forecasts must be that were computed side by side and one by one, in units of the target
)
LONG = 700  # rows of a gap that is longer than most contexts
HOURLY = Clock("fixed", "1h")
BEGIN = np.datetime64("2024-01-01T00", "ns")
KINDS = ("day", "night", "noon")  # names of the categories in `rich`
NAMES = ("fog", "rain", "sun")  # of a target of names


class DemandError(AssertionError):
    """A model does not do what every model must."""

    def __init__(self, demand: str, expected: str, found: str) -> None:
        super().__init__(f"{demand}: expected {expected}; found {found}")
        self.demand, self.expected, self.found = demand, expected, found


def check_spec(spec: Spec, *, close: float = CLOSE, seed: int = 1) -> tuple[str, ...]:
    """Hold a model to all demands, and return the names of those that it was held to.

    It is fitted some 30 times on made panels of a few hundred rows, so give it small settings.
    close: how near forecasts must be that are computed side by side and one by one, in units of the target.
    Raises DemandError at the first demand that is not met. A model may refuse a past that is too short for it with a
    ForecastError where this says so.
    """
    done: list[str] = []
    for name, demand in _demands(spec, close, seed):
        try:
            demand()
        except NotFiniteError as error:
            raise DemandError(name, "finite forecasts", str(error)) from None
        done.append(name)
    return tuple(done)


Demands = Iterator[tuple[str, Callable[[], Any]]]


def _demands(spec: Spec, close: float, seed: int) -> Demands:
    """The demands of a model by name, in the order in which they are easiest to mend."""
    yield "a spec is a value", partial(is_a_value, spec)
    kinds = targets_of(spec)
    if "number" in kinds:
        yield from _of_numbers(spec, close, seed)
    for kind in ("event", "names"):
        if kind in kinds:
            yield from _of_names(spec, kind, close, seed)


def _of_numbers(spec: Spec, close: float, seed: int) -> Demands:
    """The demands of a model of numbers."""
    panel, full, gaps = weather(), rich(), gapped()
    for kind, make in NASTY.items():
        yield f"finite: {kind}", partial(_unless_refused, is_finite, spec, make)
    fitted = fit(spec, panel.until(np.array([330, 330])), HORIZON, seed=seed, intervals=(80, 95))
    yield "shapes", partial(answers_have_their_shape, fitted, panel)
    yield from _of_a_fit(fitted, panel, close)
    if explained(fitted.learned, *_first_of(fitted, panel)) is not None:
        yield "explained", partial(what_makes_up_a_forecast_sums_to_it, fitted, panel)
    yield "columns by name", partial(columns_are_found_by_name, fitted, panel)
    yield "new series", partial(a_new_series_is_forecast, fitted, panel)
    yield "seeds", partial(the_same_seed_gives_the_same_bits, spec, panel)
    yield "poison", partial(held_to_the_past, spec, panel)
    if isinstance(spec, Refits):
        yield "poison, warm refits", partial(held_to_the_past, spec, panel, refit="warm")
    yield "poison, all roles", partial(held_to_the_past, spec, full)
    if "future" in reads_of(spec):
        yield "poison, issues", partial(held_to_the_past, spec, issued())
    yield "reads", partial(reads_only_what_it_says, spec, full, seed)
    yield "all roles", partial(a_rich_panel_is_forecast, spec, full, close, seed)
    before = fit(spec, gaps.history(), HORIZON, seed=seed)
    yield "long gaps", partial(the_stored_rows_are_enough_in_a_gap, before, gaps)
    for kind in ("short", "a fifth missing", "last missing", "huge"):
        yield f"quantiles: {kind}", partial(_unless_refused, quantiles_are_ordered, spec, NASTY[kind])


def _of_a_fit(fitted: Fitted, panel: Panel, close: float) -> Demands:
    """The demands of what was fitted on the first rows of a panel, whatever its target is."""
    yield "one by one", partial(many_origins_equal_one_by_one, fitted, panel, close)
    yield "context", partial(the_context_is_enough, fitted, panel, close)
    yield "save and load", partial(a_loaded_model_gives_the_same_bits, fitted, panel)
    yield "predict changes nothing", partial(predict_changes_nothing, fitted, panel)


def _of_names(spec: Spec, kind: str, close: float, seed: int) -> Demands:
    """The demands of a model of names, or of events."""
    panel = named(kind)
    fitted = fit(spec, panel.until(np.array([330, 330])), HORIZON, seed=seed)
    yield f"shapes, {kind}", partial(answers_have_their_shape, fitted, panel)
    for name, demand in _of_a_fit(fitted, panel, close):
        yield f"{name}, {kind}", demand
    yield f"seeds, {kind}", partial(the_same_seed_gives_the_same_bits, spec, panel)
    yield f"poison, {kind}", partial(held_to_the_past, spec, panel)
    full, holes = rich_named(kind), named(kind, missing=0.2)
    yield f"poison, all roles, {kind}", partial(held_to_the_past, spec, full)
    yield f"reads, {kind}", partial(reads_only_what_it_says, spec, full, seed)
    yield f"all roles, {kind}", partial(a_rich_panel_is_forecast, spec, full, close, seed)
    yield f"missing names, {kind}", partial(names_may_be_missing, spec, holes, close, seed)
    gaps = gapped_named(kind)
    before = fit(spec, gaps.history(), HORIZON, seed=seed)
    yield f"long gaps, {kind}", partial(the_stored_rows_are_enough_in_a_gap, before, gaps)
    if kind == "event":
        for span in ("any", "all"):
            yield f"{span} over the horizon", partial(spans_are_answered, spec, panel, span, close, seed)


def _unless_refused(demand: Callable[[Spec, Panel], Any], spec: Spec, make: Callable[[], Panel]) -> None:
    """A demand on a panel that a model may refuse with a sentence, as one that is too short for its windows."""
    try:
        demand(spec, make())
    except NotFiniteError:
        raise
    except ForecastError:
        return


# The demands.


def is_a_value(spec: Spec) -> None:
    """A Spec is a frozen dataclass of JSON values: equal and hashable, and made again from its settings."""
    demand = "a spec is a value"
    kind = type(spec)
    try:
        required(kind, kind.__name__)
        again = made(kind, dataclasses.asdict(spec))  # type: ignore[call-overload]
    except ForecastError as error:
        raise DemandError(demand, "a frozen dataclass of checked settings", str(error)) from None
    _require(again == spec, demand, "one made from the same settings to be equal", f"{again} and {spec}")
    _require(hash(again) == hash(spec), demand, "equal specs to have one hash", "two hashes")


def answers_have_their_shape(fitted: Fitted, panel: Panel) -> None:
    """`predict` answers with float arrays (M, A, P): a point or all quantiles, or of names a share of each."""
    origins = origins_from(panel, 360, 363)
    goal = fitted.goal
    z = fitted.learned.predict(fitted.scaled(panel), origins, fitted.scaling.fitted(panel.ids))
    allowed = [1]
    if goal.names:
        allowed = [len(goal.names)]
    elif goal.levels:
        allowed = [1, len(goal.levels)]
    shapes = [(len(origins), goal.answered, last) for last in allowed]
    expected = f"an array of shape (M, A, P), {' or '.join(map(str, shapes))}"
    _require(np.shape(z) in shapes, "shapes", expected, f"shape {np.shape(z)}")
    kind = np.asarray(z).dtype
    _require(kind.kind == "f", "shapes", "floats", f"{kind}")
    if goal.names:
        off = float(np.abs(z.sum(-1) - 1).max())
        _require(off < 1e-6, "shapes", "shares that sum to 1", f"sums that are off by {off:.3g}")


def what_makes_up_a_forecast_sums_to_it(fitted: Fitted, panel: Panel) -> None:
    """The parts that `explain` gives sum to the forecast, but for a hundredth of its departure."""
    made = explain(fitted, panel, origins_from(panel, 360, 363))
    departed = float(np.abs(made.forecast - made.parts.held).mean())
    missed = float(np.abs(made.total - made.forecast).mean())
    size = float(np.abs(made.forecast).mean())
    found = f"sums that are off by {missed:.3g}, where forecasts depart by {departed:.3g}"
    _require(missed <= 0.01 * departed + 1e-6 * size, "explained", "parts that sum to the forecast", found)


def _first_of(fitted: Fitted, panel: Panel) -> tuple[Panel, Array, Array, Array, int]:
    """A question about the first step of one forecast, as `explain` of what was learned is asked."""
    rows = fitted.scaling.fitted(panel.ids)
    return fitted.scaled(panel), origins_from(panel, 360, 361), rows, np.zeros(1, "int64"), 1


def held_to_the_past(
    spec: Spec, panel: Panel, *, refit: Literal["cold", "warm"] = "cold", span: Span = "each"
) -> None:
    """Rewriting every value after a moment moves no forecast whose origin is at or before it by a bit.

    Of future columns those within the horizon are left, and static ones. span: of an event, as in `Task`.
    """
    demand = f"poison, {refit} refits"
    stamp = panel.times[380]
    walk = WalkForward(horizon=HORIZON, test=0.3, folds=2, stride=2, refit=refit)
    clean = _walked(spec, panel, walk, span)
    dirty = _walked(spec, poisoned(panel, stamp), walk, span)
    compared, bounded = 0, 0
    for one, two in zip(clean, dirty, strict=True):
        early = panel.times[one.forecast.origins[:, 1] - 1] < stamp
        first, second = _arrays(one.forecast, early), _arrays(two.forecast, early)
        found = f"some in fold {one.fold} that differ by up to {_apart(first, second):.3g}"
        _require(
            _same(first, second), demand, f"the same bits before {stamp} when later values differ", found
        )
        compared += int(early.sum())
        bounded += int((~np.isnan(first[-1])).all((1, 2)).sum())
    most = sum(len(one.forecast.origins) for one in clean)
    _require(
        50 < compared < most, demand, "origins on both sides of the moment", f"{compared} of {most} before it"
    )
    _require(bounded > 5, demand, "intervals or shares to compare", f"{bounded}")


def _walked(spec: Spec, panel: Panel, walk: WalkForward, span: Span) -> list[Outcome]:
    """The calibrated outcomes of a walk."""
    if panel.names:
        return calibrate(backtest(spec, panel, walk, reduce=span))[0]
    return calibrate(backtest(spec, panel, walk, intervals=(20,)), (20,))[0]


def many_origins_equal_one_by_one(
    fitted: Fitted, panel: Panel, close: float = CLOSE, last: int = 372
) -> None:
    """A forecast does not depend on what else is asked at the same time."""
    origins = origins_from(panel, 360, last)
    whole = _arrays(fitted.predict(panel, origins))
    each = [_arrays(fitted.predict(panel, origins[[place]])) for place in range(len(origins))]
    alone = [np.concatenate(parts) for parts in zip(*each, strict=True)]
    apart = _apart(alone, whole)
    expected = f"the same forecast to {close:g} when an origin is asked alone"
    _require(apart < close, "one by one", expected, f"a difference of {apart:.3g}")


def the_context_is_enough(fitted: Fitted, panel: Panel, close: float = CLOSE) -> None:
    """The last `context` rows give the forecast that all rows give."""
    ends = np.array([400] * len(panel.ids))
    short = panel.until(ends).tail(fitted.context).compact()
    whole = fitted.predict(panel, np.stack([np.arange(len(panel.ids)), ends], axis=1))
    apart = _apart(_arrays(fitted.predict(short)), _arrays(whole))
    expected = f"the same forecast to {close:g} from the last {fitted.context} rows as from all"
    found = f"a difference of {apart:.3g}: see whether `context` says how far back predict reads"
    _require(apart < close, "context", expected, found)


def a_loaded_model_gives_the_same_bits(fitted: Fitted, panel: Panel) -> None:
    """Saved and loaded a model is the same Spec, and its forecasts have the same bits, from its stored rows too."""
    demand = "save and load"
    loaded, rows = _saved_and_loaded(fitted, panel)
    _require(loaded.spec == fitted.spec, demand, f"the spec {fitted.spec}", str(loaded.spec))
    origins = origins_from(panel, 340, 350)
    first = _arrays(fitted.predict(panel, origins)) + _arrays(fitted.predict(rows))
    second = _arrays(loaded.predict(panel, origins)) + _arrays(loaded.predict(rows))
    found = f"a difference of {_apart(first, second):.3g}"
    _require(_same(first, second), demand, "the same bits from what `restore` made of `arrays`", found)


def _saved_and_loaded(fitted: Fitted, panel: Panel) -> tuple[Fitted, Panel]:
    """A model and its last rows, as they come back from a folder."""
    own = [type(fitted.spec)] if "class" in settings_of(fitted.spec) else []
    with tempfile.TemporaryDirectory() as made_folder:
        folder = Path(made_folder)
        save(fitted, folder / "model.safetensors")
        save_context(fitted, panel, folder / "context.parquet")
        loaded = load(folder, specs=own)
        return loaded, load_context(loaded, folder / "context.parquet")


def predict_changes_nothing(fitted: Fitted, panel: Panel) -> None:
    """`predict` leaves the panel and what was learned as they are, and answers the same when it is asked again."""
    demand = "predict changes nothing"
    before = {key: array.copy() for key, array in fitted.learned.arrays().items()}
    values = panel.values.copy()
    one, two = _arrays(fitted.predict(panel)), _arrays(fitted.predict(panel))
    _require(_same(one, two), demand, "the same bits twice", f"a difference of {_apart(one, two):.3g}")
    unchanged = np.array_equal(values, panel.values, equal_nan=True)
    _require(unchanged, demand, "the panel unchanged", "other values")
    moved = [key for key, array in fitted.learned.arrays().items() if not np.array_equal(array, before[key])]
    _require(not moved, demand, "arrays unchanged", f"other values in {', '.join(moved)}")


def the_same_seed_gives_the_same_bits(spec: Spec, panel: Panel) -> None:
    """A fit depends on its seed alone, and leaves the caller's random state and threads as they are."""
    import torch

    demand = "seeds"
    np.random.seed(3)
    torch.manual_seed(3)
    state, numpy_state = torch.get_rng_state(), np.random.get_state()
    threads = torch.get_num_threads()
    one, two = (_arrays(fit(spec, panel, HORIZON, seed=5).predict(panel)) for _ in range(2))
    found = f"a difference of {_apart(one, two):.3g}"
    _require(_same(one, two), demand, "the same bits from the same seed", found)
    same = torch.equal(state, torch.get_rng_state())
    _require(same, demand, "torch's random state unchanged", "another: fork it, with torch.random.fork_rng()")
    same = np.array_equal(numpy_state[1], np.random.get_state()[1])  # type: ignore[index]
    _require(same, demand, "NumPy's random state unchanged", "another: take np.random.default_rng(seed)")
    now = torch.get_num_threads()
    _require(now == threads, demand, f"{threads} threads of torch, as before", f"{now}")


def reads_only_what_it_says(spec: Spec, panel: Panel, seed: int = 1) -> None:
    """Columns of a role that `reads` does not name make no difference, neither to the fit nor to a forecast."""
    unread = [role for role in ("past", "future", "static") if role not in reads_of(spec)]
    numbers = [place for place, column in enumerate(panel.columns) if column.names is None]
    places = [place for place in numbers if panel.columns[place].role in unread]
    values = panel.values.copy()
    values[:, places] = 2 * values[::-1, places] + 1
    origins = origins_from(panel, 360, 363)
    found = []
    for each in (panel, replace(panel, values=values)):
        fitted = fit(spec, each.until(np.array([330, 330])), HORIZON, seed=seed)
        found.append(_arrays(fitted.predict(each, origins)))
    expected = f"the same bits whatever the {' and '.join(unread)} columns are, which `reads` does not name"
    _require(_same(*found), "reads", expected, f"a difference of {_apart(*found):.3g}")


def a_rich_panel_is_forecast(spec: Spec, panel: Panel, close: float = CLOSE, seed: int = 1) -> Fitted:
    """With columns of every role a model forecasts alike one by one, from its context and from a file."""
    fitted = fit(spec, panel.until(np.array([330, 330])), HORIZON, seed=seed)
    many_origins_equal_one_by_one(fitted, panel, close, last=366)
    tomorrow = without_later_values(panel)
    loaded, context = _saved_and_loaded(fitted, tomorrow)
    lengths = [min(fitted.context, 360) + 60] * 2
    stored = context.lengths.tolist()
    _require(stored == lengths, "context", f"{lengths} stored rows", f"{stored}")
    apart = _apart(_arrays(loaded.predict(context)), _arrays(fitted.predict(tomorrow)))
    expected = f"the same forecast to {close:g} from stored rows and a file"
    _require(apart < close, "context", expected, f"a difference of {apart:.3g}")
    fitted.predict(replace(tomorrow, ids=("a", "new")))  # raises where a forecast is not finite
    return fitted


def the_stored_rows_are_enough_in_a_gap(fitted: Fitted, panel: Panel) -> None:
    """In a gap that is longer than the context the stored rows give the same bits as all rows.

    Where a model starts from the last observed value it does so however old that is (`Panel.latest`). A model whose
    context is as long as the gap is not held to it.
    """
    if fitted.context >= LONG - HORIZON:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "context.parquet"
        save_context(fitted, panel, path)
        context = load_context(fitted, path)
    rows = [min(fitted.context, 300) + LONG] * 2
    stored = context.lengths.tolist()
    _require(stored == rows, "long gaps", f"{rows} stored rows", f"{stored}")
    there = LATE - np.stack([np.zeros(2, "int64"), panel.lengths - context.lengths], axis=1)
    whole, short = _arrays(fitted.predict(panel, LATE)), _arrays(fitted.predict(context, there))
    expected = f"the same bits from the stored rows, {LONG - HORIZON} rows after the last observed value"
    _require(_same(whole, short), "long gaps", expected, f"a difference of {_apart(whole, short):.3g}")


def is_finite(spec: Spec, panel: Panel) -> None:
    """Forecasts (S, H) without a missing value, also of short, constant, ragged or gapped series."""
    forecast = fit(spec, panel, 6).predict(panel)  # raises where it is not finite
    shape = (len(panel.ids), 6)
    _require(forecast.values.shape == shape, "finite", f"shape {shape}", str(forecast.values.shape))


def quantiles_are_ordered(spec: Spec, panel: Panel) -> bool:
    """A model's own quantiles, and those of the calibration, rise and have the point at the median.

    Whether all of its forecasts have quantiles.
    """
    walk = WalkForward(horizon=6, folds=1)
    own = list(backtest(spec, panel, walk, intervals=(50, 80)))
    forecasts = [outcome.forecast for outcome in own + calibrate(own, (50, 80))[0]]
    for forecast in forecasts:
        if forecast.quantiles is not None:
            _require_ordered(forecast, forecast.quantiles)
    return all(forecast.quantiles is not None for forecast in forecasts)


def _require_ordered(forecast: Forecast, quantiles: Array) -> None:
    levels = (0.1, 0.25, 0.5, 0.75, 0.9)
    _require(forecast.levels == levels, "quantiles", f"levels {levels}", str(forecast.levels))
    median = np.array_equal(quantiles[..., 2], forecast.values)
    _require(median, "quantiles", "the point at the median", "another value there")
    steps = np.diff(quantiles, axis=-1)
    falls = int((steps[~np.isnan(steps)] < 0).sum())
    _require(not falls, "quantiles", "quantiles that rise", f"{falls} that fall")


def names_may_be_missing(spec: Spec, panel: Panel, close: float = CLOSE, seed: int = 1) -> None:
    """Where names are missing in the past and before the origin, shares are formed none the less, also of a new series."""
    fitted = fit(spec, panel.until(np.array([330, 330])), HORIZON, seed=seed)
    answers_have_their_shape(fitted, panel)
    many_origins_equal_one_by_one(fitted, panel, close, last=366)
    the_context_is_enough(fitted, panel, close)
    new = replace(panel, ids=("a", "new"))
    fitted.predict(new, np.array([[1, 380], [1, 30], [1, 1]]))  # raises where a share is not finite


def spans_are_answered(
    spec: Spec, panel: Panel, span: Literal["any", "all"], close: float = CLOSE, seed: int = 1
) -> None:
    """Asked of any, or all, steps of the horizon, a model has one answer; it holds to the past, and comes back from a file."""
    fitted = fit(spec, panel.until(np.array([330, 330])), HORIZON, seed=seed, reduce=span)
    answers_have_their_shape(fitted, panel)
    many_origins_equal_one_by_one(fitted, panel, close, last=366)
    the_context_is_enough(fitted, panel, close)
    a_loaded_model_gives_the_same_bits(fitted, panel)
    held_to_the_past(spec, panel, span=span)


def columns_are_found_by_name(fitted: Fitted, panel: Panel) -> None:
    """The order of a panel's columns makes no difference."""
    swapped = replace(panel, values=panel.values[:, ::-1], columns=panel.columns[::-1])
    origins = origins_from(panel, 350, 353)
    one, two = _arrays(fitted.predict(panel, origins)), _arrays(fitted.predict(swapped, origins))
    found = f"a difference of {_apart(one, two):.3g}"
    _require(_same(one, two), "columns by name", "the same bits with the columns in another order", found)


def a_new_series_is_forecast(fitted: Fitted, panel: Panel) -> None:
    """A series never seen is scaled on its own rows; far away in level and spread, it is forecast near its own level."""
    demand = "new series"
    begin = int(panel.starts[1])
    is_second = np.arange(len(panel.values))[:, None] >= begin
    values = np.where(is_second, 1000 + 10 * panel.values, panel.values)
    new = replace(panel, ids=("a", "new"), values=values)
    forecast = fitted.predict(new, np.array([[0, 380], [1, 380], [1, 30], [1, 1]]))
    level = new.values[begin + 300 : begin + 380, 0]
    limit = 3 * (level.max() - level.min())
    apart = abs(forecast.values[1].mean() - level.mean())
    _require(
        apart < limit, demand, f"a forecast within {limit:.3g} of its own level", f"one {apart:.3g} away"
    )
    known = fitted.predict(panel, np.array([[0, 380]])).values[0]
    unchanged = np.array_equal(forecast.values[0], known)
    _require(unchanged, demand, "the forecast of the others unchanged", "another")


# What is compared.


def _require(met: Any, demand: str, expected: str, found: str) -> None:
    """DemandError where a demand is not met."""
    if not met:
        raise DemandError(demand, expected, found)


def _arrays(forecast: Forecast, where: Any = slice(None)) -> list[Array]:
    """The numbers of a forecast at the origins `where`: values, and quantiles or shares."""
    arrays = (forecast.values, forecast.quantiles, forecast.shares)
    return [array[where] for array in arrays if array is not None]


def _same(one: list[Array], two: list[Array]) -> bool:
    """Whether two lists of arrays have the same bits."""
    pairs = zip(one, two, strict=True)
    return all(np.array_equal(first, second, equal_nan=True) for first, second in pairs)


def _apart(one: list[Array], two: list[Array]) -> float:
    """The largest difference between two lists of arrays; infinite where one has a value that the other lacks."""
    most = 0.0
    for first, second in zip(one, two, strict=True):
        if not np.array_equal(np.isnan(first), np.isnan(second)):
            return np.inf
        most = max(most, float(np.nanmax(np.abs(first - second), initial=0.0)))
    return most


# The panels.


def hours(count: int, begin: int = 0) -> Array:
    """`count` hourly stamps."""
    return BEGIN + (np.arange(begin, begin + count) * 3600 * 10**9).astype("timedelta64[ns]")


def weather(lengths: tuple[int, ...] = (420, 420), seed: int = 0) -> Panel:
    """Series with a daily wave, slow wander and noise, and one past column that leads by an hour."""
    random = np.random.default_rng(seed)
    values = []
    for i, length in enumerate(lengths):
        wave = 3 * np.sin(2 * np.pi * (np.arange(length + 1) + 5 * i) / 24)
        y = 10 * i + wave + np.cumsum(random.normal(0, 0.2, length + 1)) + random.normal(0, 0.3, length + 1)
        values.append(np.stack([y[:-1], y[1:] + random.normal(0, 0.5, length)], 1))
    names = tuple("abcdefgh"[: len(lengths)])
    columns = (Column("temp", "target"), Column("lead"))
    return make_panel(names, [hours(length) for length in lengths], values, columns, HOURLY)


def single(values: Array, clock: Clock = HOURLY) -> Panel:
    """One series without past columns."""
    times = np.arange(len(values))
    if clock.kind != "step":
        times = clock.after(np.array([BEGIN]), times)[0]
    return make_panel(("y",), [times], [np.asarray(values, float)[:, None]], (Column("y", "target"),), clock)


def rich() -> Panel:
    """Two series with columns of every role.

    A past column, numbers and names that are known ahead, names that are not, numbers and names that tell the series
    apart, and each other as neighbours.
    """
    panel, random = weather(), np.random.default_rng(5)
    codes = random.integers(2, size=(len(panel.values), 2))  # the third name is in no past
    still = np.repeat([[120.0, 0], [40, 1]], panel.lengths, axis=0)
    values = np.column_stack([panel.values, random.normal(size=len(panel.values)), codes, still])
    values[:, 0] += 2 * values[:, 2] + codes[:, 0]
    values[random.random(len(values)) < 0.05, 3] = np.nan
    columns = (
        *panel.columns,
        Column("load", "future"),
        Column("plan", "future", KINDS),
        Column("sky", "past", KINDS),
        Column("height", "static"),
        Column("site", "static", KINDS),
    )
    return with_neighbours(replace(panel, values=values, columns=columns), panel.ids)


def without_later_values(panel: Panel) -> Panel:
    """The rich panel as it is 60 rows before its end: from row 360 on nothing but the future columns is known."""
    values = panel.values.copy()
    ahead = _rows_from(panel, 360)
    for place, column in enumerate(panel.columns):
        if column.role not in ("future", "static"):
            values[ahead, place] = np.nan
    values[ahead, 3] = 1.0
    return replace(panel, values=values)


def issued() -> Panel:
    """Two series of hours with a column that others forecast anew every six hours, up to 30 hours ahead, the better the nearer."""
    panel = weather()
    random = np.random.default_rng(8)
    truth = panel.values[:, 0]
    issues: dict[str, Issues] = {}
    for i, name in enumerate(panel.ids):
        rows = panel.rows(i)
        times = panel.times[rows]
        lead = np.tile(np.arange(30), len(times) // 6)
        about = lead + np.repeat(6 * np.arange(len(times) // 6), 30)
        inside = about < len(times)
        about = about[inside]
        lead = lead[inside]
        said = truth[rows][about] + lead * random.normal(size=len(lead))
        issues[name] = issues_of(times[about], times[about - lead], said[:, None])
    bounds = [panel.rows(i) for i in range(len(panel.ids))]
    vintages = make_vintages(("wind",), panel.ids, bounds, panel.times, issues)
    known = vintages.known(np.arange(len(truth)), panel.times)
    return replace(
        panel,
        values=np.column_stack([panel.values, known]),
        columns=(*panel.columns, Column("wind", "future")),
        vintages=vintages,
    )


def gapped() -> Panel:
    """Two series of which nothing but a column known ahead was observed in the last rows."""
    panel = weather((300 + LONG, 300 + LONG))
    values = np.column_stack([panel.values, np.sin(np.arange(len(panel.values)) / 9)])
    for stop in panel.stops:
        values[stop - LONG : stop, :2] = np.nan
    return replace(panel, values=values, columns=(*panel.columns, Column("plan", "future")))


LATE = np.array([[0, 300 + LONG - HORIZON], [1, 300 + LONG - HORIZON]])  # origins deep in the gap of `gapped`


def named(kind: str = "names", missing: float = 0.0) -> Panel:
    """Two series of hours whose target is one of three names, or of two (`event`), and a number next to it.

    missing: the share of the cells that were not observed, among them the last three names of the first series.
    """
    panel = with_names(weather(), kind)
    if not missing:
        return panel
    values = panel.values.copy()
    values[np.random.default_rng(2).random(values.shape) < missing] = np.nan
    values[panel.stops[0] - 3 : panel.stops[0], 0] = np.nan
    return replace(panel, values=values)


def with_names(panel: Panel, kind: str) -> Panel:
    """A panel with one of three names, or of two, in place of its target; a missing target stays missing."""
    random = np.random.default_rng(7)
    names = NAMES[:2] if kind == "event" else NAMES
    draws = random.integers(len(names), size=len(panel.values))
    stays = random.random(len(draws)) < 0.7
    last = np.maximum.accumulate(
        np.where(stays, 0, np.arange(len(draws)))
    )  # the row since which a name has stayed
    codes = np.where(np.isnan(panel.values[:, 0]), np.nan, draws[last])
    values = np.column_stack([codes, panel.values[:, 1:]])
    return replace(panel, values=values, columns=(Column("weather", "target", names), *panel.columns[1:]))


def rich_named(kind: str) -> Panel:
    """The rich panel with names as its target, which are the likelier the higher its future column is."""
    panel = with_names(rich(), kind)
    values = panel.values.copy()
    values[values[:, 2] > 1, 0] = 1.0
    return replace(panel, values=values)


def gapped_named(kind: str) -> Panel:
    """The panel with a long gap at its end, with names as its target."""
    return with_names(gapped(), kind)


def poisoned(panel: Panel, stamp: Any) -> Panel:
    """The panel with every value at or after a stamp replaced by noise, a few of them missing.

    Of future columns what lies a horizon later is replaced, of those with vintages all that was issued at or after the
    stamp, and of static ones nothing.
    """
    random = np.random.default_rng(9)
    values = panel.values.copy()
    later = panel.times >= stamp
    values[later] = random.normal(50, 30, values[later].shape)
    missing = later & (random.random(len(values)) < 0.1)
    missing[panel.stops - 1] = False  # with future columns the last target says where the history ends
    values[missing] = np.nan
    names = [place for place, column in enumerate(panel.columns) if column.names is not None]
    most = len(panel.names) or len(KINDS)
    values[np.ix_(later, names)] = random.integers(most, size=(later.sum(), len(names)))
    issued = () if panel.vintages is None else panel.vintages.names
    future = [place for place in panel.future if panel.columns[place].name not in issued]
    known = np.ix_(panel.times < stamp + np.timedelta64(HORIZON, "h"), future)
    values[known] = panel.values[known]
    values[:, panel.static] = panel.values[:, panel.static]
    if panel.vintages is None:
        return replace(panel, values=values)
    late = panel.vintages.issued >= stamp
    noise = random.normal(50, 30, (int(late.sum()), len(issued)))
    return replace(panel, values=values, vintages=panel.vintages.rewritten(late, noise))


def _missing_fifth() -> Panel:
    panel = weather()
    values = panel.values.copy()
    values[np.random.default_rng(2).random(values.shape) < 0.2] = np.nan
    return replace(panel, values=values)


def _last_missing() -> Panel:
    panel = weather()
    values = panel.values.copy()
    values[panel.stops[0] - 3 : panel.stops[0], 0] = np.nan
    values[panel.stops - 1, 1] = np.nan
    return replace(panel, values=values)


NASTY: dict[str, Callable[[], Panel]] = {  # small panels that break what expects long, whole, wavy series
    "short": lambda: weather((60,)),
    "ragged": lambda: weather((420, 70, 7)),
    "constant": lambda: single(np.full(200, 7.0)),
    "trend": lambda: single(np.arange(200.0)),
    "a fifth missing": _missing_fifth,
    "last missing": _last_missing,
    "steps": lambda: single(np.sin(np.arange(300) / 5), Clock("step")),
    "months": lambda: single(np.arange(120) % 12 + 0.1 * np.arange(120), Clock("calendar", "MS")),
    "huge": lambda: single(1e12 + 1e9 * np.sin(np.arange(200) / 4)),
}


def origins_from(panel: Panel, first: int, last: int) -> Array:
    """The origins (M, 2) at rows first, first + 1, ... last - 1 of each series."""
    rows = np.arange(first, last)
    series = np.repeat(np.arange(len(panel.ids)), len(rows))
    return np.stack([series, np.tile(rows, len(panel.ids))], axis=1)


def _rows_from(panel: Panel, row: int) -> Array:
    """The rows of `values` from a row of each series on."""
    return np.concatenate(
        [np.arange(begin + row, stop) for begin, stop in zip(panel.starts, panel.stops, strict=True)]
    )
