"""The glossary names what there is: a term in code font is a public name, a setting, a model, a metric or a column."""

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
from conftest import single

import forecast as fc
from forecast.evaluation.metrics import METRICS
from forecast.models import MODELS
from forecast.models.nets.settings import Settings
from forecast.results import Forecast, Outcome

TEXT = (Path(__file__).parent.parent / "docs" / "glossary.md").read_text(encoding="utf-8")
ENTRIES = dict(re.findall(r"^- \*\*(.*?)\*\*: (.*)$", TEXT, re.M))


def columns() -> set[str]:
    """The columns of the frame of an outcome."""
    walk = fc.WalkForward(horizon=2, folds=1, test=10)
    (outcome,) = fc.backtest("naive", single(np.arange(60.0)), walk)
    return set(outcome.to_frame().columns)


def known() -> set[str]:
    """All names that a term in code font may be."""
    owners = (fc.Task, fc.WalkForward, fc.Reading, fc.Run, fc.Panel, Settings, Forecast, Outcome)
    settings = {field.name for owner in owners for field in fields(owner)}
    return settings | set(fc.__all__) | set(MODELS) | set(METRICS) | columns()


def test_every_term_in_code_font_exists():
    named = set(re.findall(r"`(.*?)`", TEXT)) - {"code font"}
    assert len(named) > 35
    assert named <= known()


def test_every_entry_is_one_or_two_sentences_in_alphabetical_order():
    terms = [term.strip("`").lower() for term in ENTRIES]
    assert len(ENTRIES) == TEXT.count("\n- ")
    assert terms == sorted(terms)
    for meaning in ENTRIES.values():
        assert 1 <= len(re.findall(r"[.](?= [A-Z`]|$)", meaning)) <= 2, meaning
        assert meaning.endswith(".")


def test_every_field_of_a_task_and_a_walk_whose_word_is_no_common_one_has_an_entry():
    terms = {term.strip("`") for term in ENTRIES}
    common = {"test", "align", "max_past"}
    asked = {field.name for owner in (fc.Task, fc.WalkForward) for field in fields(owner)} - common
    singular = {"folds": "fold", "intervals": "interval"}
    assert {singular.get(name, name) for name in asked} <= terms
