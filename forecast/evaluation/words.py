"""The verdict and the notes of a leaderboard, in sentences."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forecast.arrays import Array, mean_observed
from forecast.data.findings import counted, listed
from forecast.evaluation.calibration import LEAST
from forecast.evaluation.inference import FEWEST_HORIZONS, LEVEL
from forecast.evaluation.metrics import Metric
from forecast.evaluation.rows import Row
from forecast.models import is_baseline
from forecast.results import Basis, Outcome
from forecast.text import p_words, with_article

NEARLY_ALL = 0.995  # share of calibrated intervals from which on the others are not mentioned
LEAST_SHARE = 0.0005  # below it a gain or a loss is not given as a number
SIDED = 0.75  # share of the MAE from which on the mean error says that forecasts lie to one side
SHARE_TOPS = (1, 100)  # upper ends of targets that are shares
LEAST_BEYOND = 0.01  # share of the intervals beyond a bound from which on it is offered
CLOSER = 1e-4  # share of the RMSE by which another model must be better to be mentioned


@dataclass(frozen=True)
class Field:
    """What a verdict is given on: rows, best first, against a baseline.

    horizons: of test · exact: the baseline has no error but rounding · means: model -> the mean of its forecasts, and
    of the actual values.
    """

    rows: Sequence[Row]
    baseline: str
    metric: Metric
    horizons: float
    exact: bool
    means: Mapping[str, tuple[float, float]]

    @property
    def best(self) -> Row:
        """The best model of those that were named."""
        return next((row for row in self.rows if row.asked), self.rows[0])

    @property
    def base(self) -> Row:
        """The row of the baseline."""
        return next(row for row in self.rows if row.model == self.baseline)

    @property
    def short(self) -> bool:
        """Whether the test is too short for a verdict on chance."""
        return self.horizons < FEWEST_HORIZONS


def verdict(field: Field) -> str:
    """Which model is best, by how much, whether that could be chance, and what speaks against it."""
    if len(field.rows) == 1:
        return f"{field.best.model} alone was run: there is nothing to compare it with."
    if field.exact:
        return f"{field.baseline} is exact but for rounding: nothing can be better."
    sentences = [_headline(field), *_alike(field), _by_rmse(field), _sided(field)]
    return " ".join(filter(None, sentences))


def _headline(field: Field) -> str:
    """The first sentence."""
    if not field.rows[0].asked:
        return _beaten_by_unasked(field)
    if field.best.model == field.baseline:
        return _baseline_is_best(field)
    return _best_is_ahead(field)


def _beaten_by_unasked(field: Field) -> str:
    """A model that nobody named is ahead of all that were named."""
    ahead, best = field.rows[0], field.best
    gap = behind(best.skill, field.metric.label)
    found = f"No named model beats {_meaning(ahead.model)}, which was tested as well: the best of them, {best.model}, {gap}"
    if best.skill and _is_sure(field, best):
        return f"{found}, and that is hardly chance ({p_words(best.p or 0.0)})."
    return f"{found}."


def _meaning(model: str) -> str:
    return "the median of the past" if model == "median" else model


def _baseline_is_best(field: Field) -> str:
    """The best model is what the others are measured against."""
    second = next(row for row in field.rows if row is not field.best)
    gap = behind(second.skill, field.metric.label)
    sentence = f"No model beats the baseline {field.baseline}: the next, {second.model}, {gap}."
    if field.short:
        return f"{sentence} The test spans {field.horizons:.1f} horizons, and below {FEWEST_HORIZONS} no verdict is given on chance."
    return sentence


def _best_is_ahead(field: Field) -> str:
    """The best model is ahead of the baseline."""
    best, label = field.best, field.metric.label
    ahead = f"{100 * best.skill:.1f} %" if best.skill >= LEAST_SHARE else "less than 0.1 %"
    whose = f"{field.baseline}, the best baseline" if is_baseline(field.baseline) else field.baseline
    gain = f"{best.model} is best: its {label} is {ahead} below that of {whose}"
    if best.p is None:
        return (
            f"{gain}; but the test spans {field.horizons:.1f} horizons, and below {FEWEST_HORIZONS} no verdict is"
            f" given on whether that is chance."
        )
    if best.p >= LEVEL:
        return f"{gain}, but that could be chance (p = {best.p:.2f}): not distinguishable from {field.baseline} on this test."
    if not _is_sure(field, best):
        return (
            f"{gain}, but that could be chance: {p_words(best.p)} by the test of equal accuracy, yet {field.baseline} is among"
            f" the models of which any may be the best (model confidence set, {1 - LEVEL:.0%})."
        )
    compared = len([row for row in field.rows if row.p is not None])
    models = f", {compared} models compared" if compared > 1 else ""
    return (
        f"{gain}, and that is hardly chance ({p_words(best.p)}, Diebold-Mariano, level {LEVEL:.0%}{models})."
    )


def _is_sure(field: Field, row: Row) -> bool:
    """Whether test and confidence set both say that a model and the baseline differ."""
    return is_sure(row, field.base)


def is_sure(row: Row, base: Row) -> bool:
    """Whether the test of equal accuracy and the model confidence set both say that a model and the baseline differ."""
    different = row.p is not None and row.p < LEVEL
    worse = base if row.skill > 0 else row
    return different and worse.among_best is False


def _alike(field: Field) -> list[str]:
    """The models that cannot be distinguished from the best, where that one is surely ahead of the baseline."""
    best = field.best
    if best is not field.rows[0] or best.model == field.baseline or not _is_sure(field, best):
        return []
    alike = [row.model for row in field.rows if row.among_best and row is not best]
    if not alike:
        return []
    verb = "is" if len(alike) == 1 else "are"
    return [
        f"{listed(alike)} {verb} statistically indistinguishable from it (model confidence set, {1 - LEVEL:.0%})."
    ]


def _by_rmse(field: Field) -> str:
    """The baseline that has a lower RMSE than the winner, where there is one."""
    best = field.best
    own = best.scores.get("rmse", math.nan)
    closer = [
        row
        for row in field.rows
        if is_baseline(row.model) and row.scores.get("rmse", math.nan) < own * (1 - CLOSER)
    ]
    if field.metric.label == "RMSE" or not closer:
        return ""
    least = min(closer, key=lambda row: row.scores["rmse"])
    return f"By RMSE {least.model} is better: {least.scores['rmse']:.4g}, against {own:.4g} of {best.model}."


def _sided(field: Field) -> str:
    """That the forecasts of the winner lie to one side of the actual values, where most of their error is of that kind."""
    best = field.best
    forecast, actual = field.means.get(best.model, (math.nan, math.nan))
    size = best.scores.get("mae", math.nan)
    if not abs(forecast - actual) > SIDED * size:
        return ""
    side = "low" if forecast < actual else "high"
    return (
        f"The forecasts of {best.model} are too {side} on the whole: their mean is {forecast:.4g}, that of the actual values"
        f" {actual:.4g}."
    )


def behind(skill: float, label: str) -> str:
    """What a model does that is no better than the baseline: in percent, or from twice the loss on as a multiple."""
    if math.isnan(skill):
        return f"cannot be ranked by {label}"
    if not skill:
        return "forecasts the same"
    if skill > -LEAST_SHARE:
        return f"is as good by {label}"
    if skill > -1:
        return f"has {with_article(label)} {-100 * skill:.1f} % higher"
    decimals = 1 if skill > -9 else 0
    return f"has {1 - skill:,.{decimals}f} times its {label}"


def of_metric(metric: Metric, why: str) -> list[str]:
    """By what models are ranked, where nobody named it and it is not the usual one."""
    return [f"Ranked by {metric.label}: {why}."] if why else []


def of_lacking(lacking: Mapping[str, float], left_out: int, most: float) -> list[str]:
    """Which models lack forecasts that others have, and what follows."""
    sentences = []
    few = [name for name, share in lacking.items() if share <= most]
    if few and left_out:
        cells = counted(left_out, "forecast value")
        sentences.append(
            f"Scores are over what all models have: {cells} left out, which {listed(few)} lacks."
        )
    for name, share in lacking.items():
        if share > most:
            sentences.append(
                f"{name} is not ranked: it lacks {share:.0%} of the forecast values of the others."
            )
    return sentences


def of_infinite(names: Sequence[str], metric: Metric) -> list[str]:
    """Which models have an infinite loss."""
    if not names:
        return []
    verb = "has" if len(names) == 1 else "have"
    return [f"{listed(names)} {verb} an infinite {metric.label}, and so no skill and no test."]


def of_equals(same: Sequence[str], baseline: str) -> list[str]:
    """Which models forecast what the baseline does."""
    if not same:
        return []
    verb = "forecast" if len(same) > 1 else "forecasts"
    return [f"{listed(same)} {verb} the same as {baseline}, but for rounding, at every origin."]


def of_refits(models: Mapping[str, list[Outcome]]) -> list[str]:
    """How the models were fitted fold by fold; nothing to say of one fold."""
    folds = len(next(iter(models.values())))
    warm = {name: sum(part.log.warm for part in parts) for name, parts in models.items()}
    if folds == 1:
        return []
    if not any(warm.values()):
        return [f"Each model was fitted anew (cold) before each of {folds} folds."]
    went = []
    for name, count in warm.items():
        if count:
            went.append(name if count == folds - 1 else f"{name} (at {count} of {folds - 1})")
    anew = [name for name, count in warm.items() if not count]
    also = f"; fitted anew (cold): {', '.join(anew)}" if anew else ""
    return [
        f"From the second of {folds} folds on, {' and '.join(went)} went on from the fold before (warm){also}."
    ]


def of_tests(compared: int, enough: bool) -> list[str]:
    """For how many comparisons the tests are corrected; nothing to say of one, or of a test that is too short."""
    if compared < 2 or not enough:
        return []
    return [f"p is corrected for {compared} comparisons (Holm); each interval is its model's own."]


def of_walk(outcomes: list[Outcome], cold: Mapping[str, int], dropped: tuple[str, ...]) -> list[str]:
    """What a reader of the scores should know of the walk behind them."""
    places = outcomes[0].truth.places
    notes = [_from_the_end(outcomes[0], places), _cold(cold), _dropped(dropped, places)]
    return [note for note in notes if note]


def _from_the_end(outcome: Outcome, places: Array | None) -> str:
    if places is None:
        return ""
    sentence = "Origins are counted back from the end of each series."
    first = places == places[:1]
    dates_differ = outcome.truth.clock.kind != "step" and len(np.unique(outcome.forecast.cutoffs[first])) > 1
    if not dates_differ:
        return sentence
    return (
        f"{sentence} A model of all series has seen later dates of those that end later: where series move together, a mild"
        f" leak."
    )


def _cold(cold: Mapping[str, int]) -> str:
    if not cold:
        return ""
    were = f"series {'were' if len(cold) > 1 else 'was'}"
    origins = counted(sum(cold.values()), "origin")
    return f"{len(cold):,} {were} forecast cold at {origins}, where the fit had not seen them: {listed(list(cold))}."


def _dropped(dropped: tuple[str, ...], places: Array | None) -> str:
    if not dropped:
        return ""
    have = f"series {'have' if len(dropped) > 1 else 'has'}"
    remedy = "" if places is not None else " `align=end` counts back from the end of each."
    return f"{len(dropped):,} {have} no forecast to score: too short, or ended before the test: {listed(dropped)}.{remedy}"


def of_intervals(models: Mapping[str, list[Outcome]]) -> list[str]:
    """What the intervals of the models rest on, a sentence for those of the same shares.

    There is none where all are calibrated, or none were asked for.
    """
    alike: dict[str, list[str]] = {}
    for name, parts in models.items():
        bases = [part.basis for part in parts if part.basis is not None]
        if bases:
            alike.setdefault(_shares(np.concatenate(bases)), []).append(name)
    if len(alike) == 1:
        return [f"{sentence[0].upper()}{sentence[1:]}" for sentence in alike if sentence]
    return [f"{listed(names)}: {sentence}" for sentence, names in alike.items() if sentence]


def of_bounds(models: Mapping[str, list[Outcome]]) -> list[str]:
    """The bounds that the target may have, where no actual value is below 0 and intervals are; nothing where any are set.

    A target between 0 and 1, or 0 and 100, that comes near the upper end may have both. It is an offer: nothing is cut.
    """
    parts = [part for own in models.values() for part in own]
    forecast = parts[0].forecast
    if forecast.names or parts[0].truth.task.bounds != (None, None):
        return []
    seen = np.concatenate([np.column_stack([part.truth.last, part.actual]).ravel() for part in parts])
    seen = seen[~np.isnan(seen)]
    bands = [part.forecast.bands[-1] for part in parts if part.forecast.bands]
    if not bands or not len(seen) or seen.min() < 0:
        return []
    lows = np.concatenate([low.ravel() for _, low, _ in bands])
    highs = np.concatenate([high.ravel() for _, _, high in bands])
    return _offer(lows, highs, float(seen.max()), f"{bands[0][0]:g} %")


def _offer(lows: Array, highs: Array, largest: float, kind: str) -> list[str]:
    """Bounds for a target from 0 to the `largest` actual value, where intervals (n,) of this kind go beyond them."""
    below = mean_observed(np.where(np.isnan(lows), np.nan, lows < 0))
    for top in SHARE_TOPS:
        above = mean_observed(np.where(np.isnan(highs), np.nan, highs > top))
        if top / 2 <= largest <= top and above >= LEAST_BEYOND:
            return [
                f"All actual values lie between 0 and {top}, and {_percent(float(above))} of the {kind} intervals go above"
                f" that: if the target cannot leave this range, give `bounds=0,{top}`."
            ]
    if below >= LEAST_BEYOND:
        return [
            f"No actual value is below 0, and {_percent(float(below))} of the {kind} intervals go below it: if the target"
            f" cannot, give `bounds=0,`."
        ]
    return []


def _shares(basis: Array) -> str:
    """What share of the forecasts has an interval of which kind, basis (M, H); empty where nearly all are calibrated."""
    share = {kind: float((basis == kind).mean()) for kind in Basis}
    calibrated = share[Basis.CALIBRATED]
    if calibrated >= NEARLY_ALL:
        return ""
    have = f"{_percent(calibrated)} of the forecasts have" if calibrated else "no forecast has"
    kinds = (Basis.OWN, Basis.POOLED, Basis.EXACT, Basis.NONE)
    others = [f"{_percent(share[kind])} have {kind.words}" for kind in kinds if share[kind]]
    return f"{have} a calibrated interval; each step needs {LEAST} past errors first; {', '.join(others)}."


def _percent(share: float) -> str:
    """A share in whole percent; one that would be rounded to nothing or to all is named as such."""
    if share == 1:
        return "all"
    if share < 0.005:
        return "under 1 %"
    return "over 99 %" if share > NEARLY_ALL else f"{100 * share:.0f} %"
