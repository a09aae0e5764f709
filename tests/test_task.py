"""One question is one value: what is asked stands in a Task, and nowhere else."""

import dataclasses

import pytest
from conftest import weather

import forecast as fc
from forecast.errors import ForecastError
from forecast.models import MODELS, spec
from forecast.task import LEVELS, Task, bands, task_of


def test_no_field_of_a_task_is_a_setting_of_a_model():
    asked = {one.name for one in dataclasses.fields(Task)}
    for name in MODELS:
        settings = {one.name for one in dataclasses.fields(spec(name))}
        assert not asked & settings, name


def test_the_ends_of_the_intervals_and_the_median_are_among_the_levels():
    assert Task(intervals=(80, 95)).levels == (0.025, 0.1, 0.5, 0.9, 0.975)
    assert Task(levels=(0.3,)).levels == (0.3, 0.5)
    assert Task().levels == ()
    task = Task(intervals=(80, 95), levels=LEVELS)
    assert set(task.levels) == {*LEVELS, 0.025, 0.975}
    assert list(task.levels) == sorted(task.levels)


def test_bands_are_the_places_of_the_ends():
    levels = Task(intervals=(80,), levels=LEVELS).levels
    ((coverage, low, high),) = bands((80,), levels)
    assert (coverage, levels[low], levels[high]) == (80.0, 0.1, 0.9)
    assert bands((99,), (0.1, 0.5, 0.9)) == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"intervals": (120,)}, "between 0 and 100"),
        ({"intervals": 80}, r"intervals = 80: give a list, such as \[80\]"),
        ({"levels": (1.5,)}, "between 0 and 1"),
        ({"transform": "cube"}, "cube"),
        ({"bounds": ("a", None)}, "bounds"),
    ],
)
def test_a_task_that_cannot_be_is_refused_by_its_field(fields, words):
    with pytest.raises(ForecastError, match=words):
        Task(**fields)


def test_keywords_change_a_task_and_an_unknown_one_is_refused():
    assert task_of(24, {"bounds": (0, None)}) == Task(24, bounds=(0, None))
    assert task_of(Task(5, scale="none"), {"horizon": 7}) == Task(7, scale="none")
    with pytest.raises(ForecastError, match=r"no option 'horizn'. Did you mean horizon"):
        task_of(None, {"horizn": 3})


def test_a_fit_ranks_nothing_and_says_where_a_metric_belongs():
    with pytest.raises(ForecastError, match=r"a fit ranks nothing.*judge"):
        fc.fit("gru", weather((100,)), 3, metric="rmse")


def test_settings_next_to_a_spec_are_refused():
    with pytest.raises(ForecastError, match="Spec with settings of its own; units"):
        fc.fit(spec("gru"), weather((100,)), 3, units=8)


def test_two_horizons_that_differ_are_refused():
    panel = weather((200,))
    walk = fc.WalkForward(horizon=6)
    with pytest.raises(ForecastError, match="6 in the walk and 7 in the task"):
        next(fc.backtest("naive", panel, walk, horizon=7))
    outcome = next(fc.backtest("naive", panel, horizon=7))
    assert outcome.actual.shape[1] == 7


def test_the_old_name_of_judge_is_refused_by_name():
    with pytest.raises(ForecastError, match=r"gru.metric is called gru.judge now"):
        spec("gru", metric="mae")
