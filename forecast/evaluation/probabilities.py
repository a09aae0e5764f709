"""What probabilities are worth beside their mean score: do they come true, do they tell cases apart, and what acting on them costs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecast.arrays import Array
from forecast.errors import ForecastError
from forecast.evaluation.corp import corp
from forecast.records import Number, to_json
from forecast.results import Outcome, by_model
from forecast.text import table

Costs = tuple[float, float]  # of acting for nothing, and of an event that nobody acted on


@dataclass(frozen=True)
class Worth:
    """The probabilities that one model gave to one name, over all steps (`step` None) or at one.

    brier = miscalibration - discrimination + uncertainty (CORP) · rate: how often the name came · auc: how likely a case in
    which it came has the higher probability of two · average_precision: the mean precision over all cases in which it came.
    """

    model: str
    name: str
    step: int | None
    count: int
    rate: Number
    brier: Number
    miscalibration: Number
    discrimination: Number
    uncertainty: Number
    auc: Number
    average_precision: Number


@dataclass(frozen=True)
class Confusion:
    """How often each actual name (row) had which likeliest name (column) in the forecasts of one model: counts (K, K)."""

    model: str
    names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Acting:
    """What acting on the probabilities of one model costs on average, in the units of the costs that were given.

    threshold: the probability above which acting is cheaper · always, never: what it costs to act in all cases, and in none.
    """

    model: str
    threshold: float
    cost: Number
    always: Number
    never: Number


@dataclass(frozen=True)
class Probabilities:
    """What the probabilities of a walk are worth.

    rows: of each model and name, over all steps · steps: the same for each step · confusion: of several names, by model ·
    acting: where costs were given, by model.
    """

    rows: tuple[Worth, ...]
    steps: tuple[Worth, ...]
    confusion: tuple[Confusion, ...] = ()
    acting: tuple[Acting, ...] = ()

    @property
    def identity(self) -> str:
        """What the parts of the Brier score add up to, in words."""
        whole = "Brier score = miscalibration - discrimination + uncertainty"
        return f"{whole}, half of its sum over the names" if self.confusion else whole

    def of_model(self, model: str) -> list[Worth]:
        """The rows of one model."""
        return [row for row in self.rows if row.model == model]

    def to_json(self) -> dict[str, Any]:
        """One object of plain numbers; missing is None."""
        found: dict[str, Any] = to_json(
            {"rows": self.rows, "steps": self.steps, "confusion": self.confusion, "acting": self.acting}
        )
        return found

    def text(self, best: str) -> str:
        """Tables in words; of several names those of one model, the best."""
        several = bool(self.confusion)
        rows = self.of_model(best) if several else list(self.rows)
        first = "name" if several else "model"
        head = [first, "came", "miscalibration", "discrimination", "uncertainty", "AUC", "average precision"]
        lines = [_line(row, several) for row in rows]
        whose = f" by {best}" if several else ""
        parts = [f"The probabilities{whose} ({self.identity}):\n{table(head, lines)}"]
        if rows and not several and rows[0].rate in (0.0, 1.0):
            what = "each" if rows[0].rate else "none"
            parts.append(
                f"The event took place in {what} of the scored cases, so no probability can be told from another here."
            )
        parts += [_confusion_text(one) for one in self.confusion if one.model == best]
        if self.acting:
            parts.append(_acting_text(self.acting))
        return "\n\n".join(parts)


def probabilities(outcomes: Iterable[Outcome], costs: Costs | None = None) -> Probabilities:
    """What the probabilities of a walk are worth, of its models in their order; ForecastError where its target is a number.

    costs: of acting for nothing, and of an event that nobody acted on; of an event alone.
    """
    models = by_model(outcomes)
    rows: list[Worth] = []
    steps: list[Worth] = []
    confusion: list[Confusion] = []
    acting: list[Acting] = []
    for model, parts in models.items():
        shares, actual = cases(parts)
        names = parts[0].forecast.names
        for code in _scored(names):
            given = shares[..., code]
            rows.append(_worth(model, names[code], None, given, actual == code, ~np.isnan(actual)))
            for step in range(actual.shape[1]):
                known = ~np.isnan(actual[:, step])
                came = actual[:, step] == code
                steps.append(_worth(model, names[code], step + 1, given[:, step], came, known))
        if len(names) > 2:
            confusion.append(_confusion(model, names, shares, actual))
        elif costs is not None:
            acting.append(_acting(model, shares[..., 1], actual, costs))
    return Probabilities(tuple(rows), tuple(steps), tuple(confusion), tuple(acting))


def cases(parts: Sequence[Outcome]) -> tuple[Array, Array]:
    """The shares (M, A, K) and the actual codes (M, A) of one model, NaN where missing."""
    shares = [part.forecast.shares for part in parts]
    found = [own for own in shares if own is not None]
    if not found:
        raise ForecastError(
            "There are no probabilities: the target is a number. Forecast an event, or a column of names."
        )
    return np.concatenate(found), np.concatenate([part.actual for part in parts])


def _scored(names: tuple[str, ...]) -> range:
    """The names whose probabilities are looked at: of two the second, as the first has what it leaves."""
    return range(1, 2) if len(names) == 2 else range(len(names))


def _worth(model: str, name: str, step: int | None, given: Array, came: Array, known: Array) -> Worth:
    """What probabilities are worth that were given to cases of which `known` are scored."""
    probability = given[known]
    outcome = came[known].astype("float64")
    parts = corp(probability, outcome)
    rate = float(outcome.mean()) if len(outcome) else np.nan
    return Worth(
        model=model,
        name=name,
        step=step,
        count=len(outcome),
        rate=rate,
        brier=parts.brier,
        miscalibration=parts.miscalibration,
        discrimination=parts.discrimination,
        uncertainty=parts.uncertainty,
        auc=auc_of(probability, came[known], np.ones(len(outcome))),
        average_precision=_average_precision(probability, outcome),
    )


def auc_of(share: Array, member: Array, weights: Array) -> float:
    """The area under the ROC curve: how likely a case that is a `member` (n,) has the larger of two shares (n,); ties count half.

    weights (n,): of the cases. NaN where all cases are alike. (Mann and Whitney 1947.)
    """
    _, rank = np.unique(share, return_inverse=True)
    inside = np.bincount(rank, weights * member)
    outside = np.bincount(rank, weights * ~member)
    pairs = inside.sum() * outside.sum()
    if not pairs:
        return np.nan
    below = np.cumsum(outside) - outside / 2
    return float(inside @ below / pairs)


def _average_precision(probability: Array, outcome: Array) -> float:
    """The mean over the cases that came of the share that came among all with a probability as high; NaN where none came.

    It is the sum over thresholds of precision times the gain in recall.
    """
    yes = outcome.sum()
    if not yes:
        return np.nan
    values, place = np.unique(-probability, return_inverse=True)
    asked = np.cumsum(np.bincount(place, minlength=len(values)))
    came = np.cumsum(np.bincount(place, outcome, minlength=len(values)))
    recall = came / yes
    gain = np.diff(recall, prepend=0.0)
    return float((gain * came / asked).sum())


def _confusion(model: str, names: tuple[str, ...], shares: Array, actual: Array) -> Confusion:
    known = ~np.isnan(actual)
    code = actual[known].astype("int64")
    likeliest = shares[known].argmax(-1)
    count = len(names)
    counts = np.bincount(code * count + likeliest, minlength=count**2).reshape(count, count)
    rows = tuple(tuple(row) for row in counts.tolist())
    return Confusion(model, names, rows)


def _acting(model: str, given: Array, actual: Array, costs: Costs) -> Acting:
    """What it costs to act where the probability says that acting is cheaper."""
    for_nothing, missed = costs
    known = ~np.isnan(actual)
    came = actual[known] == 1
    threshold = for_nothing / (for_nothing + missed)
    acts = given[known] > threshold
    cost = np.where(acts, np.where(came, 0.0, for_nothing), np.where(came, missed, 0.0))
    rate = came.mean() if len(came) else np.nan
    mean = float(cost.mean()) if len(cost) else np.nan
    return Acting(model, threshold, mean, float(for_nothing * (1 - rate)), float(missed * rate))


def _line(row: Worth, several: bool) -> list[str]:
    """One line of the table."""
    parts = (row.miscalibration, row.discrimination, row.uncertainty)
    first = row.name if several else row.model
    return [
        first,
        f"{100 * row.rate:.1f} %",
        *(f"{part:.4f}" for part in parts),
        three(row.auc),
        three(row.average_precision),
    ]


def three(value: float) -> str:
    """A number with three decimals; nothing where there is none."""
    return "" if np.isnan(value) else f"{value:.3f}"


def _confusion_text(one: Confusion) -> str:
    """How often each actual name had which likeliest one."""
    head = ["actual \\ likeliest", *one.names]
    lines = [[name, *map(str, row)] for name, row in zip(one.names, one.counts, strict=True)]
    return f"The likeliest names by {one.model}:\n{table(head, lines)}"


def _acting_text(rows: Sequence[Acting]) -> str:
    """What acting costs, by model, next to acting always and never."""
    first = rows[0]
    lines = [[row.model, f"{row.cost:.4f}"] for row in rows]
    lines += [["always act", f"{first.always:.4f}"], ["never act", f"{first.never:.4f}"]]
    shown = table(["act by", "mean cost"], lines)
    return f"Acting above a probability of {first.threshold:.3f}, where it is cheaper:\n{shown}"
