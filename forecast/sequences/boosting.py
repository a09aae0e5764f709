"""boosting: gradient boosting of trees on the statistics of each column, grown by scikit-learn and kept as arrays."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field

from forecast.arrays import Array, under
from forecast.models.base import Watch
from forecast.models.regress.forest import Forest, checked, walk
from forecast.results import Log
from forecast.sequences.features import statistics_of
from forecast.sequences.linear import LEAST, softmax
from forecast.sequences.parts import inner_folds
from forecast.sequences.values import Sequences

FEWEST, MOST_IN_LEAF = 2, 20  # sequences in a leaf, a twentieth of all between these
SHARE_IN_LEAF = 20
DEFAULT_TREES = 30  # where a class has too few members to choose by


@dataclass(frozen=True)
class Boosting:
    """Histogram gradient boosting of log loss (Friedman 2001; Ke et al. 2017) on the statistics of each column.

    The number of trees is that of the lowest log loss on held parts of the training part.
    """

    kinds: ClassVar[tuple[str, ...]] = ("numbers",)
    name: str = "boosting"
    trees: Annotated[int, Field(ge=1)] = 150  # at most
    leaves: Annotated[int, Field(ge=2, le=128)] = 15
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.1

    def fit(self, past: Sequences, *, seed: int, watch: Watch) -> "Grown":
        """Choose the number of trees, then grow as many on all sequences."""
        features = statistics_of(past)
        count, words = self._count(features, past, seed)
        model = self._model(count, len(past), seed).fit(features, past.labels)
        scores = model.decision_function(features).reshape(len(features), -1)
        forests = checked(model, features, scores)
        log = Log(
            (f"{count} trees of at most {self.leaves} leaves on {features.shape[1]} statistics{words}",)
        )
        return Grown(tuple(forests), len(past.classes), log)

    def restore(self, arrays: dict[str, Array], values: dict[str, Any], classes: tuple[str, ...]) -> "Grown":
        """The Grown whose `arrays()` and `values()` these are."""
        forests = []
        for place in range(values["forests"]):
            own = under(arrays, f"{place}.")
            forests.append(Forest(*(own[name] for name in Forest._fields)))
        return Grown(tuple(forests), len(classes), Log())

    def space(self, trial: Any) -> Self:
        """This classifier with the leaves and the learning rate that the trial suggests."""
        rate = trial.suggest_float("learning_rate", 0.02, 0.3, log=True)
        return replace(self, leaves=trial.suggest_int("leaves", 3, 63, log=True), learning_rate=rate)

    def _model(self, trees: int, count: int, seed: int) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier

        in_leaf = int(np.clip(count // SHARE_IN_LEAF, FEWEST, MOST_IN_LEAF))
        return HistGradientBoostingClassifier(
            max_iter=trees,
            max_leaf_nodes=self.leaves,
            learning_rate=self.learning_rate,
            min_samples_leaf=in_leaf,
            early_stopping=False,
            random_state=seed,
        )

    def _count(self, features: Array, past: Sequences, seed: int) -> tuple[int, str]:
        """The number of trees with the lowest log loss on held sequences, and how it was chosen."""
        folds = inner_folds(past.labels, past.groups, seed)
        if not folds:
            return min(DEFAULT_TREES, self.trees), ", as a class has too few members to choose by"
        losses = np.zeros(self.trees)
        held = 0
        for train, test in folds:
            held += len(test)
            model = self._model(self.trees, len(train), seed).fit(features[train], past.labels[train])
            for place, shares in enumerate(model.staged_predict_proba(features[test])):
                given = shares[np.arange(len(test)), past.labels[test]]
                losses[place] += -np.log(np.maximum(given, LEAST)).sum()
        best = int(losses.argmin())
        return (
            best + 1,
            f", chosen by cross-validation in the training part (log loss {losses[best] / held:.4f})",
        )


@dataclass(frozen=True, eq=False)
class Grown:
    """A forest for each class; of two classes one, whose sum is the log odds of the second."""

    forests: tuple[Forest, ...]
    classes: int
    log: Log

    def shares(self, sequences: Sequences) -> Array:
        """The shares (S, K) of the classes."""
        return _shares(self.forests, statistics_of(sequences))

    def arrays(self) -> dict[str, Array]:
        """The arrays of each forest, under its number."""
        found: dict[str, Array] = {}
        for place, forest in enumerate(self.forests):
            found |= {f"{place}.{name}": array for name, array in forest._asdict().items()}
        return found

    def values(self) -> dict[str, Any]:
        """How many forests there are."""
        return {"forests": len(self.forests)}


def _shares(forests: tuple[Forest, ...], features: Array) -> Array:
    """The shares (S, K) at features (S, F)."""
    scores = [walk(forest, features) for forest in forests]
    if len(scores) == 1:
        scores = [np.zeros(len(features)), scores[0]]
    return softmax(np.stack(scores, axis=1))
