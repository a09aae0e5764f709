"""Word vectors from a file: a word and its numbers a line, maybe after a line with both counts, as word2vec and GloVe write them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forecast.arrays import Array
from forecast.errors import ForecastError, of_system
from forecast.sequences.text import FIRST_WORD, PADDING, Vocabulary


@dataclass(frozen=True, eq=False)
class Vectors:
    """The vectors (words, F) float32 of a vocabulary, and how many of its words the file has."""

    table: Array
    covered: int


def read_vectors(path: str, vocabulary: Vocabulary, seed: int) -> Vectors:
    """The vectors of the words of a vocabulary; words that the file lacks are drawn at random, as wide as the others are.

    ForecastError where there is no such file, a line is not a word and its numbers, or no word of the vocabulary is in it.
    """
    found = _found(Path(path), vocabulary.places)
    if not found:
        raise ForecastError(
            f"{path} has a vector for none of the {len(vocabulary.words):,} words of the training texts."
            " Give vectors of their language, or leave `vectors` out."
        )
    known = np.array(list(found.values()), "float32")
    random = np.random.default_rng(seed)
    table = random.normal(0, known.std(), (len(vocabulary), known.shape[1])).astype("float32")
    table[list(found)] = known
    table[PADDING] = 0.0
    return Vectors(table, len(found))


def _found(path: Path, places: dict[str, int]) -> dict[int, Array]:
    """The vector of each token (from FIRST_WORD on) whose word the file has, in its first spelling there."""
    found: dict[int, Array] = {}
    width = 0
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                word, *cells = line.rstrip().split(" ")
                if number == 1 and len(cells) == 1:
                    continue  # how many words, and how many numbers each
                width = width or len(cells)
                token = places.get(word.lower())
                if len(cells) == width and (token is None or token in found):
                    continue
                vector = _vector(cells, width, f"{path}, line {number}")
                if token is not None:
                    found[token] = vector
    except OSError as error:
        raise of_system(error, path) from error
    assert all(token >= FIRST_WORD for token in found)
    return found


def _vector(cells: list[str], width: int, where: str) -> Array:
    """The numbers of one line."""
    if len(cells) != width or not width:
        raise ForecastError(
            f"{where}: {len(cells)} numbers after the word, but {width} in the first line."
            " Give a file with a word and its numbers, split by single blanks, in each line."
        )
    try:
        vector = np.array(cells, "float32")
    except ValueError:
        vector = np.full(width, np.nan, "float32")
    if not np.isfinite(vector).all():
        raise ForecastError(
            f"{where}: what follows the word is not {width} finite numbers."
            " Give a file with a word and its numbers, split by single blanks, in each line."
        )
    return vector
