"""The comparison of models by one metric: scores, skill, tests that know what chance can do, and the verdict."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import Any

import numpy as np

from forecast.arrays import Array, mean_observed
from forecast.errors import ForecastError
from forecast.evaluation import words
from forecast.evaluation.inference import (
    FEWEST_HORIZONS,
    confidence_set,
    diebold_mariano,
    holm,
    skill_interval,
)
from forecast.evaluation.metrics import (
    METRICS,
    absolute,
    asked_metric,
    cells_of,
    check_kind,
    metric_of,
    ranking,
    rounding_of,
    total,
    usual_metrics,
)
from forecast.evaluation.rows import Row
from forecast.models import is_baseline
from forecast.results import Outcome, by_model
from forecast.text import p_cell, signed, table

ROUNDING = (
    1e-4  # of the mean loss: losses that differ by less are equal, since nets compute in single precision
)
LACKING = 0.1  # share of the cells of the others that a model may lack and still be ranked


@dataclass(frozen=True)
class Leaderboard:
    """Models by one metric, best first, against the best of the baselines among them, with a verdict in words.

    metric: the row of METRICS that ranks · why: the reason for it, where it was not named · cold: series -> scored
    origins at which it was forecast cold, by a fit that had not seen it · dropped: series without a scored origin ·
    notes: these, and how the walk was made, in sentences.
    """

    rows: tuple[Row, ...]
    metric: str
    baseline: str
    origins: int
    horizon: int
    verdict: str
    why: str = ""
    cold: Mapping[str, int] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def best(self) -> str:
        """The best model of those that were named."""
        return next((row.model for row in self.rows if row.asked), self.rows[0].model)

    @property
    def shown(self) -> list[str]:
        """The metrics of which any model has a score: the columns of a table."""
        found = []
        for name in self.rows[0].scores:
            scores = np.array([row.scores[name] for row in self.rows])
            if not np.isnan(scores).all():
                found.append(name)
        return found

    def to_frame(self) -> Any:
        """A frame, one row per model."""
        import pandas as pd

        rows = []
        for row in self.rows:
            values = row.to_dict()
            shares = {f"coverage_{name}": share for name, share in values.pop("coverage").items()}
            rows.append({**values, **shares})
        return pd.DataFrame(rows).set_index("model")

    def __str__(self) -> str:
        shown = self.shown
        covers = list(self.rows[0].coverage)
        scores = [METRICS[name].label for name in shown]
        inside = [f"in {name} %" for name in covers]
        head = ["model", *scores, "skill", "95 % interval", "p", *inside, "CPU s"]
        rows = [self._cells(row, shown, covers) for row in self.rows]
        return "\n".join([table(head, rows), "", self.verdict, *self.notes])

    def _cells(self, row: Row, shown: Sequence[str], covers: Sequence[str]) -> list[str]:
        """One line of the printed table."""
        scores = [number(row.scores[name], METRICS[name].shown) for name in shown]
        inside = [number(100 * row.coverage[name], ".1f") for name in covers]
        skill = ""
        interval = ""
        if row.model != self.baseline:
            skill = signed(row.skill)
            interval = interval_words(row)
        return [row.model, *scores, skill, interval, p_cell(row.p), *inside, f"{row.seconds:.1f}"]

    def _repr_html_(self) -> str:
        text = escape(" ".join([self.verdict, *self.notes]))
        return f"{self.to_frame().to_html(float_format='{:.4g}'.format)}<p>{text}</p>"


def interval_words(row: Row) -> str:
    """The interval of a skill in percent; empty where there is none."""
    if math.isnan(row.skill_lo):
        return ""
    return f"{signed(row.skill_lo)} .. {signed(row.skill_hi)}"


def number(value: float, shown: str) -> str:
    """A number in a table; empty where there is none."""
    return "" if math.isnan(value) else format(value, shown)


def leaderboard(
    outcomes: Iterable[Outcome],
    baseline: str | None = None,
    metric: str | None = None,
    unasked: Sequence[str] = (),
) -> Leaderboard:
    """Score every model of a backtest against one of them, over the cells that all of them have.

    baseline: without a name the best of the models that are no nets, or else the best model.
    metric: a row of METRICS that ranks; None = the one that the walk settled on.
    unasked: models that nobody named; they are left out where a baseline that was named is better.
    Raises ForecastError where nothing can be scored, models have other origins, or the metric cannot rank them.
    """
    models = by_model(outcomes)
    if not models:
        raise ForecastError("There is nothing to compare: the backtest gave no outcome.")
    _refuse_other_origins(models)
    chosen, why = chosen_metric(models, metric)
    for name in unneeded(models, chosen, unasked):
        del models[name]
    judged = judge(models, chosen)
    found = _compared(judged, _base(judged, baseline))
    base = models[found.base]
    rows = tuple(_row(judged, found, name, name not in unasked) for name in found.order)
    field = words.Field(rows, found.base, metric_of(chosen), found.horizons, found.exact, judged.means())
    cold, dropped = unseen(base)
    return Leaderboard(
        rows=rows,
        metric=chosen,
        baseline=found.base,
        origins=sum(len(part.forecast.origins) for part in base),
        horizon=base[0].forecast.values.shape[1] * base[0].forecast.over,
        verdict=words.verdict(field),
        why=why,
        cold=cold,
        dropped=dropped,
        notes=tuple(_notes(judged, found, why)),
    )


def _notes(judged: "Judged", found: "Comparison", why: str) -> list[str]:
    """What a reader of the board should know, in sentences; why: the reason for the metric."""
    metric = metric_of(judged.metric)
    base = judged.models[found.base]
    cold, dropped = unseen(base)
    return [
        *words.of_metric(metric, why),
        *words.of_lacking(judged.lacking, judged.left_out, LACKING),
        *words.of_infinite(sorted(judged.infinite), metric),
        *words.of_equals(sorted(found.same), found.base),
        *words.of_refits(judged.models),
        *words.of_walk(base, cold, dropped),
        *words.of_intervals(judged.models),
        *words.of_bounds(judged.models),
        *words.of_tests(len(found.chance), found.best is not None),
    ]


@dataclass(frozen=True, eq=False)
class Comparison:
    """What chance says of models against a baseline.

    order: all models, best first · losses (T,) of those that are ranked · horizons: of test · exact: the baseline has no
    error but rounding · chance: model -> p corrected by Holm, of all ranked models but the baseline · best: the model
    confidence set, None where the test is too short · same: models that forecast what the baseline does.
    """

    base: str
    order: list[str]
    losses: Mapping[str, Array]
    horizons: float
    exact: bool
    chance: Mapping[str, float | None]
    best: set[str] | None
    same: list[str]


def _compared(judged: "Judged", base: str) -> Comparison:
    """The tests of all ranked models against a baseline."""
    losses = judged.losses_by_origin(base)
    order = judged.order(base, losses)
    horizons = horizons_of(judged.models[base])
    others = [name for name in order if name in losses and name != base]
    tests = [diebold_mariano(losses[name] - losses[base], horizons) for name in others]
    same = [name for name in others if np.array_equal(losses[name], losses[base], equal_nan=True)]
    return Comparison(
        base=base,
        order=order,
        losses=losses,
        horizons=horizons,
        exact=_is_exact(judged.models[base], judged),
        chance=dict(zip(others, holm(tests), strict=True)),
        best=_best_models(losses, order, horizons),
        same=same,
    )


def _best_models(losses: Mapping[str, Array], order: Sequence[str], horizons: float) -> set[str] | None:
    """The model confidence set of the ranked models; None where the test is too short."""
    if horizons < FEWEST_HORIZONS:
        return None
    ranked = [name for name in order if name in losses]
    places = confidence_set([losses[name] for name in ranked], horizons)
    return {ranked[place] for place in places}


def _row(judged: "Judged", found: Comparison, name: str, asked: bool) -> Row:
    """One model of the board; without skill where it is not ranked, or the baseline is exact."""
    ranked = name in found.losses
    measured = ranked and (name == found.base or not found.exact)
    skill = low = high = math.nan
    if measured:
        skill, low, high = skill_of(judged, name, found.base, found.losses, found.horizons)
    return Row(
        model=name,
        scores=judged.scores(name),
        skill=skill,
        skill_lo=low,
        skill_hi=high,
        p=found.chance.get(name),
        coverage=judged.coverage(name),
        among_best=name in found.best if ranked and found.best is not None else None,
        seconds=sum(part.log.seconds for part in judged.models[name]),
        asked=asked,
    )


def unneeded(models: Mapping[str, list[Outcome]], metric: str, unasked: Sequence[str]) -> list[str]:
    """The models among those that nobody named which are left out: a baseline that was named is better."""
    walked = [name for name in unasked if name in models]
    if not walked:
        return []
    judged = judge(models, metric)
    return [name for name in walked if not judged.needs(name, unasked)]


def _refuse_other_origins(models: Mapping[str, list[Outcome]]) -> None:
    """ForecastError where two models were not asked at the same origins, so that their cells cannot be compared."""
    first, *others = models
    origins = _asked_at(models[first])
    for name in others:
        if not np.array_equal(_asked_at(models[name]), origins):
            raise ForecastError(
                f"{first} and {name} were not walked over the same origins, so they cannot be compared."
                f" Walk them with the same WalkForward over the same panel."
            )


def _asked_at(parts: list[Outcome]) -> Array:
    """The origins and the horizon of one model's forecasts, fold by fold, as one array."""
    rows = [
        np.append(part.forecast.origins, [[part.fold, part.actual.shape[1] * part.forecast.over]], axis=0)
        for part in parts
    ]
    return np.concatenate(rows)


def chosen_metric(models: Mapping[str, list[Outcome]], named: str | None) -> tuple[str, str]:
    """The metric that ranks, and the reason for it, in a sentence, where nobody named it.

    A quantile metric that nobody named gives way to the RMSE where no forecast has quantiles; one that was named is refused.
    """
    first = next(iter(models.values()))
    name = named or asked_metric(first)
    why = "" if named else first[0].truth.why
    truth = first[0].truth
    check_kind(name, truth.target, first[0].forecast.names, truth.ordered)
    if not ranking(name).quantiles:
        return name, why
    if any(_has_cells(name, parts) for parts in models.values()):
        return name, why
    if why:
        return "rmse", f"{why}; no forecast has quantiles, so there is no {METRICS[name].label}"
    raise ForecastError(
        f"The metric {name} scores quantiles, and no forecast here has any. Ask for intervals, such as 80,95, and calibrate"
        f" them, take a longer test, or rank by a metric of points, such as mae or rmse."
    )


def _has_cells(metric: str, parts: list[Outcome]) -> bool:
    """Whether any forecast of a model can be scored by a metric of quantiles."""
    if all(part.forecast.quantiles is None for part in parts):
        return False
    cells, _ = cells_of(metric_of(metric), parts)
    return not np.isnan(cells).all()


@dataclass(frozen=True, eq=False)
class Judged:
    """The losses of models by one metric.

    cells: model -> (n, H) · shared (n, H): the cells that all ranked models have · lacking: model -> share of the cells
    of the others that it has not, where there are any · infinite: models with an infinite loss.
    """

    models: Mapping[str, list[Outcome]]
    metric: str
    cells: Mapping[str, Array]
    shared: Array
    lacking: Mapping[str, float]
    left_out: int
    infinite: frozenset[str]

    def is_ranked(self, name: str) -> bool:
        """Whether a model has nearly all cells of the others, and a finite loss."""
        return self.lacking.get(name, 0.0) <= LACKING and name not in self.infinite

    def score(self, name: str, metric: str | None = None) -> float:
        """A score of a model over the shared cells."""
        chosen = metric_of(metric or self.metric)
        if metric in (None, self.metric):
            return total(chosen, self._shared_cells(name))
        cells, over = cells_of(chosen, self.models[name])
        return total(chosen, np.where(self.shared, cells, np.nan), over)

    def scores(self, name: str) -> dict[str, float]:
        """What a leaderboard shows of a model: the metric that ranks, and the usual ones of its target."""
        found = {self.metric: self.score(name)}
        for other in usual_metrics(self.of_names):
            if other == self.metric:
                continue
            meaningful = self.all_positive or not METRICS[other].positive
            found[other] = self.score(name, other) if meaningful else math.nan
        return found

    @property
    def of_names(self) -> bool:
        """Whether shares of names were forecast."""
        return bool(next(iter(self.models.values()))[0].forecast.names)

    @cached_property
    def all_positive(self) -> bool:
        """Whether all actual values are positive: a percentage of any other means nothing."""
        parts = next(iter(self.models.values()))
        actual = np.concatenate([part.actual for part in parts])
        return bool((actual[~np.isnan(actual)] > 0).all())

    def coverage(self, name: str) -> dict[str, float]:
        """Of each shown interval of a model the share of the actual values within it."""
        shown = self.models[name][0].forecast.bands
        return {f"{percent:g}": self.score(name, f"coverage-{percent:g}") for percent, _, _ in shown}

    def needs(self, name: str, unasked: Sequence[str]) -> bool:
        """Whether a model that nobody named is shown: no named baseline is better."""
        named = [other for other in self.models if is_baseline(other) and other not in unasked]
        scores = [self.score(other) for other in named if self.is_ranked(other)]
        return self.is_ranked(name) and all(self.score(name) < score for score in scores)

    def losses_by_origin(self, base: str) -> dict[str, Array]:
        """The losses (T,) of each ranked model; those of the baseline where the two differ by rounding."""
        ranked = [name for name in self.models if self.is_ranked(name)]
        own = {name: by_origin(self.models[name], self._shared_cells(name)) for name in ranked}
        return {name: but_for_rounding(losses, own[base]) for name, losses in own.items()}

    def _shared_cells(self, name: str) -> Array:
        return np.where(self.shared, self.cells[name], np.nan)

    def order(self, base: str, losses: Mapping[str, Array]) -> list[str]:
        """All models, best first; of equals the baseline is first; those that are not ranked are last."""

        def place(name: str) -> tuple[int, float, bool]:
            if name not in losses:
                return (1 if name in self.infinite else 2), 0.0, True
            same = name != base and np.array_equal(losses[name], losses[base], equal_nan=True)
            return 0, self.score(base if same else name), same

        return sorted(self.models, key=place)

    def means(self) -> dict[str, tuple[float, float]]:
        """Of each model the mean of its forecasts and of the actual values, over the shared cells."""
        found = {}
        for name, parts in self.models.items():
            values = np.concatenate([part.forecast.values for part in parts])
            actual = np.concatenate([part.actual for part in parts])
            found[name] = (
                float(mean_observed(np.where(self.shared, values, np.nan))),
                float(mean_observed(np.where(self.shared, actual, np.nan))),
            )
        return found


def judge(models: Mapping[str, list[Outcome]], metric: str) -> Judged:
    """The cells of all models by one metric, and which of them all have; ForecastError where nothing can be scored."""
    chosen = metric_of(metric)
    cells = {name: cells_of(chosen, parts)[0] for name, parts in models.items()}
    seen = {name: ~np.isnan(own) for name, own in cells.items()}
    observed = np.logical_or.reduce(list(seen.values()))
    count = int(observed.sum())
    if not count:
        raise ForecastError(_nothing_scored(models, metric))
    lacking = {name: 1 - own.sum() / count for name, own in seen.items() if own.sum() < count}
    complete = [name for name in models if lacking.get(name, 0.0) <= LACKING]
    if not complete:
        raise ForecastError(
            f"No two models have the same cells by {metric}: each lacks over {LACKING:.0%} of them. Rank by another metric."
        )
    shared = np.logical_and.reduce([seen[name] for name in complete])
    infinite = frozenset(name for name in complete if np.isinf(cells[name][shared]).any())
    return Judged(models, metric, cells, shared, lacking, count - int(shared.sum()), infinite)


def _nothing_scored(models: Mapping[str, list[Outcome]], metric: str) -> str:
    """Why no cell has a score."""
    parts = next(iter(models.values()))
    if all(np.isnan(part.actual).all() for part in parts):
        return "The target has no observed value in the test part, so nothing can be scored. Test on another part (`test`)."
    label = METRICS[metric].label
    return f"No forecast of the test part can be scored by {label} ({METRICS[metric].words}). Rank by another metric."


def _base(judged: Judged, named: str | None) -> str:
    """The model that all others are measured against; ForecastError where the named one cannot be it."""
    ranked = sorted(filter(judged.is_ranked, judged.models), key=judged.score)
    if named is not None and named not in judged.models:
        raise ForecastError(
            f"There is no model {named} to measure against. There is: {', '.join(judged.models)}."
        )
    if named in ranked:
        return str(named)
    if not ranked:
        label = METRICS[judged.metric].label
        raise ForecastError(
            f"Every model has an infinite {label}, so none can be ranked by it. Rank by another metric, such as mae."
        )
    return next(filter(is_baseline, ranked), ranked[0])


def skill_of(
    judged: Judged, name: str, base: str, losses: Mapping[str, Array], horizons: float
) -> tuple[float, float, float]:
    """The skill of a model and its 95 % interval; of a root they are those of the squared loss, through the root."""
    same = np.array_equal(losses[name], losses[base], equal_nan=True)
    skill = 0.0 if same else 1 - judged.score(name) / judged.score(base)
    if name == base:
        return skill, 0.0, 0.0
    finish = metric_of(judged.metric).finish
    low, high = skill_interval(losses[name], losses[base], horizons)
    return skill, 1 - finish(1 - low), 1 - finish(max(1 - high, 0.0))


def by_origin(parts: list[Outcome], cells: Array) -> Array:
    """The loss of each moment, (T,) in order of the walk, of cells (n, H): summed and divided by their usual number.

    The mean over moments is the mean over cells, each cell counted once, also where moments have different numbers of
    series: the skill, its interval and the test then speak of the same mean. NaN where nothing was observed.
    """
    asked = np.concatenate([part.moments[:, 1] for part in parts])
    moments, place = np.unique(asked, return_inverse=True)
    sums = np.bincount(place, np.nansum(cells, axis=1), len(moments))
    observed = (~np.isnan(cells)).sum(1)
    count = np.bincount(place, observed, len(moments))
    scored = count > 0
    usual = count.sum() / max(scored.sum(), 1)
    return np.where(scored, sums / max(usual, 1), np.nan)


def loss_by_origin(outcomes: list[Outcome], metric: str | None = None) -> Array:
    """The loss of each moment of one model, (T,), by a metric; None = the one that the walk settled on."""
    chosen = metric_of(metric or asked_metric(outcomes))
    return by_origin(outcomes, cells_of(chosen, outcomes)[0])


def but_for_rounding(losses: Array, baseline: Array) -> Array:
    """Losses (T,), but the baseline's where the two differ by no more than rounding.

    A net whose forecast is the last value gives it in single precision.
    """
    alike = np.abs(losses - baseline) <= ROUNDING * mean_observed(baseline)
    return np.where(alike, baseline, losses)


def unseen(outcomes: list[Outcome]) -> tuple[dict[str, int], tuple[str, ...]]:
    """Of one model's outcomes the series forecast cold, with the number of origins, and the series without any.

    Origins that are scored count.
    """
    ids = outcomes[0].forecast.ids
    count = np.zeros(len(ids), "int64")
    cold = np.zeros(len(ids), "int64")
    for outcome in outcomes:
        series = outcome.forecast.origins[:, 0]
        scored = ~np.isnan(outcome.actual).all(1)
        count += np.bincount(series[scored], minlength=len(ids))
        cold += np.bincount(series[scored & (outcome.fitted < 0)], minlength=len(ids))
    unfitted = {ids[i]: int(cold[i]) for i in np.flatnonzero(cold)}
    return unfitted, tuple(ids[i] for i in np.flatnonzero(count == 0))


def _is_exact(parts: list[Outcome], judged: Judged) -> bool:
    """Whether the errors of a baseline are rounding in every series: shares of them mean nothing."""
    if judged.of_names:
        return False
    series = np.concatenate([part.forecast.origins[:, 0] for part in parts])
    actual = np.concatenate([part.actual for part in parts])
    last = np.concatenate([part.truth.last for part in parts])
    errors = np.concatenate([absolute(part) for part in parts])
    scored = judged.shared & ~np.isnan(errors)
    for one in np.unique(series[scored.any(1)]):
        own = scored & (series == one)[:, None]
        change = mean_observed(np.abs(actual - last[:, None])[own])
        rounding = rounding_of(np.abs(actual[own]).mean(), change)
        if errors[own].mean() > rounding:
            return False
    return True


def horizons_of(outcomes: list[Outcome]) -> float:
    """How many horizons the origins of a test span."""
    origins = np.concatenate([outcome.forecast.origins for outcome in outcomes])
    longest = np.bincount(origins[:, 0]).argmax()
    rows = origins[origins[:, 0] == longest, 1]
    step = int(np.min(np.diff(rows))) if len(rows) > 1 else 1
    span = int(rows.max() - rows.min()) + step
    first = outcomes[0].forecast
    return span / (first.values.shape[1] * first.over)
