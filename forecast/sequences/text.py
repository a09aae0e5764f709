"""From a text to numbers: words by pattern, the vocabulary of a training part, tokens. `encode` is the only road, for training
and for new texts."""

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from forecast.arrays import Array

PADDING = 0  # what a batch is filled up with, and no text has
UNKNOWN_WORD = 1  # a word that the training part did not have, or too seldom
FIRST_WORD = 2  # the number of the most frequent word
TWICE = 2  # words that occur less often in the training part teach nothing about themselves
MOST_TOKENS = 400  # tokens of a text that are read, unless a setting says more: shorter texts are read whole

End = Literal["first", "last"]

# Chinese and Japanese have no blanks between words: each of their characters is a token.
SINGLE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# Vowel signs and accents are parts of a word, which Python's \w leaves out.
MARKS = "\u0300-\u036f\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff\u0e00-\u0eff\u1000-\u109f"
SYMBOLS = "!?\u2600-\u27bf\U0001f000-\U0001faff"  # they say much about a mood: each is a token
LETTER = f"(?:[^\\W_{SINGLE}]|[{MARKS}])"
WORD = re.compile(f"{LETTER}+(?:['\u2019]{LETTER}+)*|[{SINGLE}]|[{SYMBOLS}]")
TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
INVISIBLE = dict.fromkeys(
    [0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF]
)


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case, without tags, entities and what cannot be seen.

    A word is a run of letters and digits, with apostrophes inside; each Chinese or Japanese character, exclamation or
    question mark and emoji is one too. What stands for a quotation mark is not part of a word: "enjoyed it." ends in `it`.
    """
    plain = TAG.sub(" ", html.unescape(text))
    visible = unicodedata.normalize("NFC", plain.translate(INVISIBLE))
    return WORD.findall(visible.lower().replace("\u2019", "'"))


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """What a training part taught about texts.

    words: the most frequent, the most frequent first; the i-th has the token FIRST_WORD + i · length: tokens that are read
    of a text · keep: the end of a longer one that is read.
    """

    words: tuple[str, ...]
    length: int
    keep: End

    @cached_property
    def places(self) -> dict[str, int]:
        """The token of each word."""
        return {word: FIRST_WORD + place for place, word in enumerate(self.words)}

    def __len__(self) -> int:
        """How many different tokens there are, padding and the unknown word among them."""
        return FIRST_WORD + len(self.words)

    def encode(self, text: str) -> Array:
        """The tokens int64 (n,) of a text, n from 1 to `length`; of a text without a word one unknown word."""
        tokens = [self.places.get(word, UNKNOWN_WORD) for word in self.kept(words_of(text))]
        return np.array(tokens or [UNKNOWN_WORD], "int64")

    def known(self, text: str) -> tuple[int, int]:
        """How many of the words that are read of a text are known, and how many are not."""
        read = self.kept(words_of(text))
        known = sum(word in self.places for word in read)
        return known, len(read) - known

    def kept(self, words: list[str]) -> list[str]:
        """The words of a text that are read."""
        if self.keep == "first":
            return words[: self.length]
        return words[-self.length :]


@dataclass(frozen=True)
class Texts:
    """What was found about the texts of a training part, in numbers.

    words: of the vocabulary · different: words that there were · unknown: share of the tokens read that are unknown ·
    cut: share of the texts that are longer than what is read.
    """

    words: int
    different: int
    unknown: float
    cut: float


def learn_vocabulary(
    texts: Sequence[str], most: int, length: int | None, keep: End
) -> tuple[Vocabulary, Texts]:
    """The vocabulary of a training part, and what it covers of it.

    most: words at most, the most frequent; ties go by the alphabet. A word that occurs once is unknown, so that the unknown
    word is learned too; where no word occurs twice, all are known. length: tokens to be read of a text, None = as
    many as the longest has, at most MOST_TOKENS.
    """
    split = [words_of(text) for text in texts]
    counts = Counter(word for words in split for word in words)
    lengths = np.array([max(1, len(words)) for words in split])
    if length is None:
        length = min(MOST_TOKENS, int(lengths.max()))
    often = {word: count for word, count in counts.items() if count >= TWICE}
    ranked = sorted((often or counts).items(), key=lambda item: (-item[1], item[0]))
    vocabulary = Vocabulary(tuple(word for word, _ in ranked[:most]), length, keep)
    unknown = _unknown(vocabulary, split)
    cut = float(np.mean(lengths > length))
    return vocabulary, Texts(len(vocabulary.words), len(counts), unknown, cut)


def _unknown(vocabulary: Vocabulary, split: Iterable[list[str]]) -> float:
    """The share of the tokens that are read of texts, as words, and are not known."""
    read = 0
    strange = 0
    for words in split:
        kept = vocabulary.kept(words)
        read += len(kept)
        strange += sum(word not in vocabulary.places for word in kept)
    return strange / max(1, read)
