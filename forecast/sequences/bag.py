"""bag: logistic regression on the words and pairs of words of a text, whatever their order. Strong, and to be beaten."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field
from scipy.sparse import csr_matrix

from forecast.arrays import Array
from forecast.models.base import Watch
from forecast.results import Log
from forecast.sequences.linear import Softmax, fit_softmax
from forecast.sequences.text import words_of
from forecast.sequences.values import Sequences

PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0)  # the inverse of the penalty, on features of length 1


@dataclass(frozen=True)
class Bag:
    """Multinomial logistic regression on tf-idf of words and pairs of neighbouring words.

    A term counts as 1 + log of how often it is in the text, times log((1 + S) / (1 + texts with it)) + 1, and a text has
    length 1. The penalty is chosen by cross-validation inside the training part.
    """

    kinds: ClassVar[tuple[str, ...]] = ("texts",)
    name: str = "bag"
    terms: Annotated[int, Field(ge=1)] = 200_000  # at most, the most frequent
    least: Annotated[int, Field(ge=1)] = 2  # texts that a term is in, unless none is in so many

    def fit(self, past: Sequences, *, seed: int, watch: Watch) -> "Weighed":
        """Learn the terms of the training part, and fit."""
        texts = [_terms(text) for text in past.texts]
        places, idf = self._terms(texts)
        features = _features(texts, places, idf)
        model, chosen = fit_softmax(features, past.labels, len(past.classes), past.groups, seed, PENALTIES)
        log = Log((f"{len(places):,} words and pairs of words, {chosen.words}",))
        return Weighed(places, idf, model, log)

    def restore(
        self, arrays: dict[str, Array], values: dict[str, Any], classes: tuple[str, ...]
    ) -> "Weighed":
        """The Weighed whose `arrays()` and `values()` these are."""
        places = {term: place for place, term in enumerate(values["terms"])}
        return Weighed(places, arrays["idf"], Softmax(arrays["weight"], arrays["bias"]), Log())

    def space(self, trial: Any) -> Self:
        """This classifier with the terms that the trial suggests."""
        terms = trial.suggest_int("terms", 2_000, 200_000, log=True)
        return replace(self, terms=terms, least=trial.suggest_int("least", 1, 10, log=True))

    def _terms(self, texts: list[list[str]]) -> tuple[dict[str, int], Array]:
        """The place of each term that is learned from, by the alphabet, and its weight idf (F,)."""
        within: Counter[str] = Counter()
        for terms in texts:
            within.update(set(terms))
        often = {term: count for term, count in within.items() if count >= self.least} or within
        ranked = sorted(often.items(), key=lambda item: (-item[1], item[0]))[: self.terms]
        terms = sorted(term for term, _ in ranked)
        seen = np.array([within[term] for term in terms], "float64")
        idf = np.log((1 + len(texts)) / (1 + seen)) + 1
        return {term: place for place, term in enumerate(terms)}, idf


@dataclass(frozen=True, eq=False)
class Weighed:
    """places: of each term · idf (F,) · the regression on both."""

    places: dict[str, int]
    idf: Array
    model: Softmax
    log: Log

    def shares(self, sequences: Sequences) -> Array:
        """The shares (S, K) of the classes."""
        return self.model.shares(_features([_terms(text) for text in sequences.texts], self.places, self.idf))

    def tokens(self, sequences: Sequences) -> Array:
        """How many words of each text are known and how many are not, int64 (S, 2)."""
        found = np.zeros((len(sequences), 2), "int64")
        for place, text in enumerate(sequences.texts):
            words = words_of(text)
            known = sum(word in self.places for word in words)
            found[place] = known, len(words) - known
        return found

    def arrays(self) -> dict[str, Array]:
        """idf (F,), weight (F, K), bias (K,)."""
        return {"idf": self.idf, **self.model.arrays()}

    def values(self) -> dict[str, Any]:
        """The terms, in the order of the arrays."""
        return {"terms": list(self.places)}


def _terms(text: str) -> list[str]:
    """The words of a text and the pairs of neighbours, with a blank between them."""
    words = words_of(text)
    pairs = [f"{one} {two}" for one, two in pairwise(words)]
    return words + pairs


def _features(texts: Iterable[list[str]], places: dict[str, int], idf: Array) -> Any:
    """tf-idf (S, F), sparse, rows of length 1; one without a known term is 0."""
    columns: list[Array] = []
    cells: list[Array] = []
    begins = [0]
    for terms in texts:
        counts = Counter(places[term] for term in terms if term in places)
        own = np.array(sorted(counts), "int64")
        often = np.array([counts[place] for place in own.tolist()], "float64")
        weights = (1 + np.log(often)) * idf[own]
        length = np.sqrt((weights**2).sum())
        columns.append(own)
        cells.append(weights / length if length else weights)
        begins.append(begins[-1] + len(own))
    shape = (len(columns), len(idf))
    flat = np.concatenate(cells) if cells else np.zeros(0)
    where = np.concatenate(columns) if columns else np.zeros(0, "int64")
    return csr_matrix((flat, where, begins), shape=shape)
