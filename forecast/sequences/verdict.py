"""The board of classifiers and what may be said of it: paired bootstrap over sequences or groups, McNemar, Holm, words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecast.arrays import Array
from forecast.data.findings import counted, listed
from forecast.evaluation.inference import LEVEL, RESAMPLES, holm
from forecast.records import Number
from forecast.sequences.scores import Score, hits, ranking, scores_of
from forecast.sequences.table import LEAST, PLAIN
from forecast.text import p_cell, p_words, table

FEWEST = 10  # sequences, or groups, below which no test is made
SHOWN = ("log_loss", "accuracy", "balanced_accuracy", "f1_macro", "auc", "mcc", "brier", "ece")


@dataclass(frozen=True, eq=False)
class Answered:
    """What all models were asked, and what each answered.

    labels (T,) · classes (K,) · groups (T,) or None · shares: (T, K) by model · seconds: CPU of fits and answers by model ·
    places (T,): which sequences these are · folds (T,).
    """

    labels: Array
    classes: tuple[str, ...]
    groups: Array | None
    shares: Mapping[str, Array]
    seconds: Mapping[str, float]
    places: Array
    folds: Array


@dataclass(frozen=True)
class Row:
    """A model on the board.

    scores: metrics by name · gain, low, high: how much better its metric is than that of the baseline, positive is
    better, and the 95 % interval of that · p: how likely a difference of this size is if both were equally good, corrected for the number of models;
    None = not tested · mcnemar: the same of the errors next to the best row that is no net.
    """

    model: str
    scores: dict[str, Number]
    gain: Number
    low: Number
    high: Number
    p: float | None
    mcnemar: float | None
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """One entry of the leaderboard in JSON: each metric by name."""
        return {
            "model": self.model,
            **self.scores,
            "gain": self.gain,
            "gain_low": self.low,
            "gain_high": self.high,
            "p": self.p,
            "mcnemar": self.mcnemar,
            "seconds": self.seconds,
        }


@dataclass(frozen=True)
class Board:
    """Models, best first, and the verdict.

    metric: what ranks · best: the first model · baseline: what the gain is measured against · tested: sequences that were
    scored · notes: how it was tested · tests: what p is, and other tests.
    """

    metric: str
    rows: tuple[Row, ...]
    best: str
    baseline: str
    tested: int
    verdict: str
    notes: tuple[str, ...]
    tests: tuple[str, ...]

    def row(self, model: str) -> Row:
        """The row of a model."""
        return next(row for row in self.rows if row.model == model)

    def __str__(self) -> str:
        head = ["model", *(SHORT.get(name, name) for name in SHOWN), "p", "CPU s"]
        lines = []
        for row in self.rows:
            cells = [f"{row.scores[name]:.4f}" for name in SHOWN]
            lines.append([row.model, *cells, p_cell(row.p), f"{row.seconds:.1f}"])
        parts = [table(head, lines), self.verdict, *self.notes, *self.tests]
        return "\n\n".join(parts)


SHORT = {"balanced_accuracy": "balanced", "f1_macro": "f1"}


def judge(tested: Answered, metric: str, seed: int, notes: Sequence[str] = ()) -> Board:
    """The board of what was tested, ranked by a metric, with tests against majority and between the models.

    Raises ForecastError where a metric does not rank.
    """
    score = ranking(metric)
    scores = {name: scores_of(shares, tested.labels) for name, shares in tested.shares.items()}
    order = sorted(scores, key=lambda name: _rank(scores[name][metric], score))
    baseline = LEAST if LEAST in scores else order[-1]
    drawn = resampled(tested, score, seed)
    tests = {name: compare(drawn, name, baseline, score) for name in order}
    corrected = holm([tests[name].p if name != baseline else None for name in order])
    plain = next((name for name in order if name in PLAIN and name != LEAST), baseline)
    rows = []
    for name, p in zip(order, corrected, strict=True):
        test = tests[name]
        errors = None if name == plain else mcnemar(tested, name, plain)
        rows.append(
            Row(name, scores[name], test.gain, test.low, test.high, p, errors, tested.seconds.get(name, 0.0))
        )
    judged = Judged(tuple(rows), metric, score, baseline, drawn)
    return Board(
        metric=metric,
        rows=judged.rows,
        best=order[0],
        baseline=baseline,
        tested=len(tested.labels),
        verdict=" ".join(sentences(judged)),
        notes=tuple(notes),
        tests=tuple(_tests(tested, judged, plain)),
    )


def _rank(value: float, score: Score) -> float:
    """What sorts models, best first; one without a value is last."""
    if np.isnan(value):
        return np.inf
    return -value if score.higher else value


@dataclass(frozen=True, eq=False)
class Drawn:
    """The metric of each model, by name: on all sequences, and (RESAMPLES,) on resamples, the same for all models."""

    whole: Mapping[str, float]
    again: Mapping[str, Array]
    units: int


@dataclass(frozen=True)
class Compared:
    """How much better one model is than another: the gain, its 95 % interval, and p; None where too little was tested."""

    gain: float
    low: float
    high: float
    p: float | None


@dataclass(frozen=True, eq=False)
class Judged:
    """Rows best first, and what they were judged by."""

    rows: tuple[Row, ...]
    metric: str
    score: Score
    baseline: str
    drawn: Drawn


def resampled(tested: Answered, score: Score, seed: int) -> Drawn:
    """The metric on resamples of the sequences, of whole groups where there are groups (Efron 1979)."""
    count = len(tested.labels)
    units = np.arange(count)
    if tested.groups is not None:
        _, units = np.unique(tested.groups, return_inverse=True)
    size = int(units.max()) + 1
    random = np.random.default_rng(seed)
    losses = {}
    if score.losses is not None:
        losses = {name: score.losses(shares, tested.labels) for name, shares in tested.shares.items()}
    again: dict[str, list[float]] = {name: [] for name in tested.shares}
    for _ in range(RESAMPLES):
        weights = np.bincount(random.integers(0, size, size), minlength=size)[units].astype("float64")
        total = weights.sum()
        for name, shares in tested.shares.items():
            if name in losses:
                again[name].append(float(losses[name] @ weights / total))
            else:
                again[name].append(score.of(shares, tested.labels, weights))
    every = np.ones(count)
    whole = {name: score.of(shares, tested.labels, every) for name, shares in tested.shares.items()}
    return Drawn(whole, {name: np.array(values) for name, values in again.items()}, size)


def compare(drawn: Drawn, model: str, other: str, score: Score) -> Compared:
    """How much better a model is than another, by the paired resamples; positive is better."""
    sign = 1 if score.higher else -1
    gain = sign * (drawn.whole[model] - drawn.whole[other])
    gains = sign * (drawn.again[model] - drawn.again[other])
    gains = gains[~np.isnan(gains)]
    if drawn.units < FEWEST or not len(gains):
        return Compared(gain, np.nan, np.nan, None)
    low, high = np.quantile(gains, [LEVEL / 2, 1 - LEVEL / 2])
    beyond = np.abs(gains - gain) >= abs(gain) * (1 - 1e-12)
    p = (1 + int(beyond.sum())) / (1 + len(gains))
    return Compared(gain, float(low), float(high), min(1.0, p))


def mcnemar(tested: Answered, model: str, other: str) -> float | None:
    """Two-sided exact p of equal accuracy, of the sequences that one of two models names rightly (McNemar 1947).

    None where sequences are of groups, as those of one are not independent, or where both err alike.
    """
    if tested.groups is not None:
        return None
    from scipy.stats import binomtest

    first = hits(tested.shares[model], tested.labels) > 0
    second = hits(tested.shares[other], tested.labels) > 0
    gained = int((first & ~second).sum())
    lost = int((second & ~first).sum())
    if gained + lost == 0:
        return None
    return float(binomtest(gained, gained + lost).pvalue)


def sentences(judged: Judged) -> list[str]:
    """What may be said of a board: whether anything was learned, which model is best, whether a net is ahead."""
    best = judged.rows[0]
    label = judged.score.label
    value = best.scores[judged.metric]
    if best.model == judged.baseline:
        return [f"Nothing was learned: no model is ahead of {judged.baseline} ({label} {value:.4f})."]
    base = judged.drawn.whole[judged.baseline]
    found = [f"{best.model} is best: {label} {value:.4f}, {judged.baseline} has {base:.4f}."]
    if best.p is None:
        found.append("The test is too short to say whether that could be chance.")
    elif best.p < LEVEL:
        found[0] = f"{found[0][:-1]} ({p_words(best.p)})."
    else:
        found.append(f"That could be chance ({p_words(best.p)}): no skill is shown.")
        return found
    return [*found, *_of_nets(judged), *_of_near(judged)]


def _of_nets(judged: Judged) -> list[str]:
    """Of each net or combination, whether it is ahead of the best row that is none."""
    names = [row.model for row in judged.rows]
    plain = [name for name in names if name in PLAIN]
    nets = [name for name in names if name not in PLAIN]
    if not plain or not nets:
        return []
    tests = [compare(judged.drawn, name, plain[0], judged.score) for name in nets]
    corrected = holm([test.p for test in tests])
    found = []
    for name, test, p in zip(nets, tests, corrected, strict=True):
        if test.gain > 0 and p is not None and p < LEVEL:
            found.append(f"{name} is ahead of {plain[0]} ({p_words(p)}).")
            continue
        reason = f" ({p_words(p)})" if test.gain > 0 and p is not None else ""
        found.append(f"{name} is not ahead of {plain[0]}{reason}.")
    return found


def _of_near(judged: Judged) -> list[str]:
    """The models that cannot be told apart from the best."""
    best = judged.rows[0].model
    others = [row.model for row in judged.rows[1:]]
    tests = [compare(judged.drawn, best, name, judged.score) for name in others]
    corrected = holm([test.p for test in tests])
    near = [name for name, p in zip(others, corrected, strict=True) if p is None or p >= LEVEL]
    return [f"Not to be told apart from it: {listed(near)}."] if near else []


def _tests(tested: Answered, judged: Judged, plain: str) -> list[str]:
    """How the models were tested against each other, in words."""
    units = "groups" if tested.groups is not None else "sequences"
    found = [
        f"p: how likely a difference of this size from {judged.baseline} is if both were equally good (paired bootstrap over"
        f" {units}, {RESAMPLES:,} resamples, corrected for the number of models by Holm)."
    ]
    if judged.drawn.units < FEWEST:
        found = [f"No test is made of {counted(judged.drawn.units, units[:-1])}."]
    errors = [f"{row.model} {p_words(row.mcnemar)}" for row in judged.rows if row.mcnemar is not None]
    if errors:
        found.append(f"Errors next to those of {plain} (McNemar): {listed(errors, 12)}.")
    return found
