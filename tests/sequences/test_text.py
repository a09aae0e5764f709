"""From a text to tokens: one road, for training and for new texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.sequences.text import (
    FIRST_WORD,
    MOST_TOKENS,
    PADDING,
    UNKNOWN_WORD,
    Vocabulary,
    learn_vocabulary,
    words_of,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I did not enjoy it.", ["i", "did", "not", "enjoy", "it"]),
        ("enjoyed it.<br /><br />Don't", ["enjoyed", "it", "don't"]),
        ("Tom &amp; Jerry&#39;s &lt;b&gt;best&lt;/b&gt;", ["tom", "jerry's", "best"]),
        ("a < b and c > d", ["a", "b", "and", "c", "d"]),
        ("the ‘quoted’ word’s", ["the", "quoted", "word's"]),
        ("今日はいい", list("今日はいい")),
        ("电影Matrix很好", ["电", "影", "matrix", "很", "好"]),
        ("great!! 😀", ["great", "!", "!", "😀"]),
        ("naïve cafe\u0301", ["naïve", "café"]),
        ("שלום עולם", ["שלום", "עולם"]),
        ("हिन्दी मूवी", ["हिन्दी", "मूवी"]),
        ("so\u00adft\u200b hy\x00phen", ["soft", "hy", "phen"]),
        ("", []),
        ("... --- (,) <br/>", []),
    ],
)
def test_words(text, words):
    assert words_of(text) == words


def test_no_blank_tag_or_entity_is_left_in_a_word():
    assert words_of("Enjoyed&nbsp;it.<p class='x'>And&eacute;") == ["enjoyed", "it", "andé"]


@given(st.text(max_size=60))
def test_any_text_has_tokens_of_the_vocabulary(text):
    vocabulary = Vocabulary(("a", "b"), 5, "last")
    tokens = vocabulary.encode(text)
    assert 1 <= len(tokens) <= 5
    assert set(tokens) <= {UNKNOWN_WORD, 2, 3}


def test_padding_and_unknown_are_two_numbers_and_words_come_after_them():
    vocabulary, found = learn_vocabulary(["b a a", "a b c"], 100, 10, "last")
    assert len({PADDING, UNKNOWN_WORD, FIRST_WORD}) == 3
    assert vocabulary.words == ("a", "b")  # by how often they occur; c occurs once
    assert vocabulary.encode("a b zebra c").tolist() == [2, 3, UNKNOWN_WORD, UNKNOWN_WORD]
    assert vocabulary.encode("").tolist() == [UNKNOWN_WORD]
    assert (found.words, found.different) == (2, 3)
    assert found.unknown == pytest.approx(1 / 6)


def test_a_word_has_the_same_number_in_training_and_in_a_new_text():
    """The textbook's trap: indices shifted by an offset at prediction."""
    texts = [f"word{i} word{i} common" for i in range(50)]
    vocabulary, _ = learn_vocabulary(texts, 30, None, "last")
    alone = {word: int(vocabulary.encode(word)[0]) for word in vocabulary.words}
    assert sorted(alone.values()) == list(range(FIRST_WORD, FIRST_WORD + 30))
    for text in texts:
        expected = [alone.get(word, UNKNOWN_WORD) for word in text.split()]
        assert vocabulary.encode(text).tolist() == expected


def test_the_most_frequent_words_are_known_ties_by_the_alphabet():
    vocabulary, _ = learn_vocabulary(["z z y y x x x"], 2, None, "last")
    assert vocabulary.words == ("x", "y")


def test_length_comes_from_the_lengths_and_an_end_is_kept():
    short = ["a " * n for n in range(1, 101)]
    vocabulary, found = learn_vocabulary(short, 10, None, "last")
    assert vocabulary.length == 100
    assert found.cut == 0
    vocabulary, found = learn_vocabulary([*short, "a " * 2000], 10, None, "last")
    assert vocabulary.length == MOST_TOKENS
    assert found.cut == pytest.approx(1 / 101)
    vocabulary, found = learn_vocabulary(short, 10, 90, "last")
    assert vocabulary.length == 90
    assert found.cut == pytest.approx(0.1)
    told = Vocabulary(("one", "two", "three"), 2, "last")
    assert told.encode("one two three").tolist() == [3, 4]
    assert Vocabulary(told.words, 2, "first").encode("one two three").tolist() == [2, 3]
    assert told.known("one two zebra") == (1, 1)


def test_a_million_characters_take_no_longer_than_reading_them():
    vocabulary = Vocabulary(("a",), 400, "last")
    for text in ("a " * 500_000, "<a" * 500_000, "&amp" * 250_000, "'" * 1_000_000, "x" * 1_000_000):
        assert 1 <= len(vocabulary.encode(text)) <= 400
