"""The samplers of a study, and what its space is narrowed to."""

import tomllib

import numpy as np
import pytest
from conftest import single
from optuna import create_study
from optuna.samplers import RandomSampler
from optuna.trial import FixedTrial

from forecast.errors import ForecastError
from forecast.evaluation.folds import WalkForward
from forecast.models import spec
from forecast.runs.plan import make_run, to_toml
from forecast.tuning.road import tune_run
from forecast.tuning.space import Choices, Range, space_of
from forecast.tuning.study import SAMPLERS, tune

WALK = WalkForward(horizon=4, folds=1)
WAVES = {"day": [1, 2, 4], "week": 1, "year": 0}


def wave(count=400):
    return single(np.sin(2 * np.pi * np.arange(count) / 24) + np.random.default_rng(0).normal(0, 0.3, count))


def params(tuned):
    return [trial.params for trial in tuned.study.get_trials()]


def test_a_table_answers_before_the_trial_is_asked():
    table = {
        "units": [16, 48],
        "learning_rate": {"low": 1e-4, "high": 1e-3, "log": True},
        "dropout": 0.2,
        "context": {"low": 24, "high": 96},
    }
    space = space_of(spec("gru"), table)
    assert space.table["units"] == Choices((16, 48))
    assert space.table["learning_rate"] == Range(1e-4, 1e-3, log=True)
    assert space.table["context"] == Range(24, 96, whole=True)
    trial = FixedTrial({"units": 48, "learning_rate": 5e-4, "context": 72, "layers": 2})
    assert space.candidate(trial) == spec(
        "gru", units=48, learning_rate=5e-4, context=72, layers=2, dropout=0.2
    )
    assert set(trial.distributions) == {
        "units",
        "learning_rate",
        "context",
        "layers",
    }  # what is fixed is not asked
    assert space.fixed == {"dropout": 0.2}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"unit": 3}, r"gru has no setting 'unit' to tune\. Did you mean units"),
        ({"units": [32, 0]}, r"tune\.gru\.units = 0: input should be greater than or equal to 1"),
        ({"cell": ["gru", "rnn"]}, r"tune\.gru\.cell = 'rnn': input should be 'lstm' or 'gru'"),
        ({"cell": {"low": 1, "high": 2}}, r"tune\.gru\.cell has no range: it takes a list of values"),
        ({"skip": {"low": 0, "high": 1}}, r"tune\.gru\.skip has no range"),
        (
            {"dropout": {"low": 0.5, "high": 0.2}},
            r"tune\.gru\.dropout = .*: low is below high, and above 0 where log is true",
        ),
        ({"dropout": {"low": 0.0, "high": 0.2, "log": True}}, "above 0 where log is true"),
        ({"dropout": {"low": 0.1}}, "a range has low and high, such as"),
        ({"dropout": {"low": 0.1, "hihg": 0.2}}, r"tune\.gru\.dropout has no 'hihg'\. Did you mean high"),
        ({"units": []}, r"a list of values is tried, such as \[1, 2\]"),
        ({"units": [{"low": 1}]}, "a list of values is tried"),
        ({"units": [[64, 0], 32]}, r"tune\.gru\.units = \[64, 0\]: input should be"),
        ({"dropout": [[0.1, 0.2]]}, r"tune\.gru\.dropout = \[0\.1, 0\.2\]: input should be"),
        ({"context": {"low": 24.5, "high": 96}}, r"tune\.gru\.context = 24\.5: input should be"),
    ],
)
def test_a_table_that_cannot_be_is_refused_by_name(table, message):
    with pytest.raises(ForecastError, match=message):
        space_of(spec("gru"), table)


def test_toml_holds_the_study_and_reads_it_again(tmp_path):
    lines = [
        'data = "x.csv"',
        "[tune]",
        'sampler = "grid"',
        "[tune.gru]",
        "units = [32, 64]",
        "dropout = 0.2",
    ]
    lines.append("learning_rate = {low = 1e-5, high = 1e-2, log = true}")
    (tmp_path / "study.toml").write_text("\n".join(lines))
    plan = make_run(config=tmp_path / "study.toml", overrides={"tune.gru.layers": {"low": 1, "high": 3}})
    assert plan.tune.sampler == "grid"
    assert plan.tune.space["gru"]["layers"] == {"low": 1, "high": 3}
    written = tomllib.loads(to_toml(plan))
    assert written["tune"]["gru"]["learning_rate"] == {"low": 1e-5, "high": 1e-2, "log": True}
    (tmp_path / "again.toml").write_text(to_toml(plan))
    assert make_run(config=tmp_path / "again.toml").tune == plan.tune
    for overrides, message in (
        (
            {"tune.sampler": "bayes"},
            "tune.sampler = 'bayes': input should be 'tpe', 'random', 'grid' or 'gp'",
        ),
        ({"tune.gruu.units": 3}, r"There is no setting tune\.gruu\. Did you mean gru"),
    ):
        with pytest.raises(ForecastError, match=message):
            make_run("x.csv", overrides=overrides)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_each_sampler_begins_with_the_default_repeats_itself_and_goes_on(sampler, tmp_path):
    how = {"sampler": sampler, "space": {"day": {"low": 1, "high": 20}, "week": 3, "year": 3}, "seed": 3}
    whole = tune("climatology", wave(), WALK, trials=5, **how)
    assert params(whole)[0] == {"day": 4}
    assert params(whole) == params(tune("climatology", wave(), WALK, trials=5, **how))
    tune("climatology", wave(), WALK, trials=3, folder=tmp_path, **how)
    resumed = tune("climatology", wave(), WALK, trials=5, folder=tmp_path, **how)
    assert [trial.number for trial in resumed.study.get_trials()] == list(range(5))
    assert params(resumed)[:3] == params(whole)[:3]
    if sampler in ("random", "grid"):
        assert len({one["day"] for one in params(resumed)[1:]}) > 2  # nothing drawn again
    with pytest.raises(ForecastError, match=r"holds another study: space was .* Choose another folder"):
        tune("climatology", wave(), WALK, trials=5, folder=tmp_path, **{**how, "space": WAVES})


def test_a_grid_ends_when_it_is_exhausted_and_says_its_size():
    tuned = tune(
        "climatology", wave(), WALK, trials=50, sampler="grid", space={**WAVES, "week": [1, 3], "year": 3}
    )
    assert params(tuned)[0] == {"day": 4, "week": 3}
    found = [(one["day"], one["week"]) for one in params(tuned)]
    assert sorted(found) == [(day, week) for day in (1, 2, 4) for week in (1, 3)]
    assert tuned.notes == ("The grid has 6 points, the default among them; 50 trials at most.",)
    few = tune(
        "climatology", wave(), WALK, trials=3, sampler="grid", space={**WAVES, "week": [1, 3], "year": 3}
    )
    assert params(few) == params(tuned)[:3]


def test_a_grid_takes_four_steps_of_a_range_and_refuses_too_many_points():
    points = space_of(
        spec("gru"),
        {"units": 32, "layers": 1, "dropout": 0.1, "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True}},
    ).grid(0)
    assert sorted(point["learning_rate"] for point in points) == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1])
    assert {
        point["layers"] for point in space_of(spec("gru"), {"layers": {"low": 1, "high": 9}}).grid(0)
    } == {1, 4, 6, 9}
    with pytest.raises(
        ForecastError,
        match=r"The grid of gru has more than 10,000 points, already of units, .* at most 10,000 are tried\. Narrow it under",
    ):
        space_of(spec("gru", search="full")).grid(0)


def test_a_default_outside_of_the_space_is_no_trial_and_that_is_said():
    tuned = tune("climatology", wave(), WALK, trials=2, space={"day": [1, 2], "week": 3, "year": 3})
    assert tuned.notes == ("The default has day = 4, outside of the space that is tried: it is no trial.",)
    assert all(one["day"] in (1, 2) for one in params(tuned))
    assert tuned.verdict.startswith("On the test origins the MAE is ")
    assert " for the tuned climatology, " in tuned.verdict


def test_a_contradiction_of_the_table_fails_its_trial_and_not_the_study():
    table = {
        "anchor": ["last", "mean"],
        "span": 6,
        "units": 8,
        "layers": 1,
        "dropout": 0.1,
        "learning_rate": 0.01,
    }
    tuned = tune(
        spec("gru", steps=12, context=12, batch=16), wave(200), WALK, trials=2, sampler="grid", space=table
    )
    states = {trial.params["anchor"]: trial.state.name for trial in tuned.study.get_trials()}
    assert states == {"last": "FAIL", "mean": "COMPLETE"}
    assert tuned.spec.span == 6


REST = {"dropout": 0.1, "learning_rate": 0.01}
WIDTHS = {"units": [[8, 4], [6], 8], **REST}


def test_a_list_of_widths_is_one_value_and_names_its_layers():
    space = space_of(spec("gru"), {"units": [[64, 32], (128, 64), 32]})
    assert space.table["units"] == Choices(((64, 32), (128, 64), 32))
    trial = FixedTrial({"units": "[128, 64]", **REST})
    assert space.candidate(trial) == spec("gru", units=[128, 64], **REST)
    assert set(trial.distributions) == {"units", *REST}  # no trial is asked for layers that its widths name
    assert space.candidate(FixedTrial({"units": 32, "layers": 2, **REST})) == spec(
        "gru", units=32, layers=2, **REST
    )
    assert space_of(spec("gru"), {"units": [[64, 32]]}).fixed == {"units": (64, 32)}
    assert space.default(spec("gru", units=(64, 32)))["units"] == "[64, 32]"
    assert space.outside(spec("gru", units=(64, 16))) == ["units = (64, 16)"]
    full = space_of(spec("gru", search="full"), {"units": [[64, 32], [32, 32]]})
    assert "residual" not in asked_by(full, "[64, 32]")  # unequal widths exclude it
    assert "residual" in asked_by(full, "[32, 32]")


def asked_by(space, units):
    """The names that a trial of these units is asked for."""
    study = create_study(sampler=RandomSampler(seed=0))
    study.enqueue_trial({"units": units})
    trial = study.ask()
    space.candidate(trial)
    return set(trial.params)


def test_a_grid_asks_each_point_for_what_belongs_to_it():
    points = space_of(spec("gru"), WIDTHS).grid(0)
    assert sorted(map(str, points)) == sorted(
        map(
            str, [{"units": "[8, 4]"}, {"units": "[6]"}, {"units": 8, "layers": 1}, {"units": 8, "layers": 2}]
        )
    )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_each_sampler_tries_lists_of_widths(sampler):
    base = spec("gru", units=8, steps=12, context=12, batch=16, **REST)
    tuned = tune(base, wave(160), WALK, trials=5, sampler=sampler, space=WIDTHS, seed=1)
    tried = [(one["units"], one.get("layers")) for one in params(tuned)]
    assert tried[0] == (8, 1)
    assert {units for units, _ in tried} & {"[8, 4]", "[6]"}
    assert all((layers is None) == isinstance(units, str) for units, layers in tried)
    assert all(trial.state.name in ("COMPLETE", "PRUNED") for trial in tuned.study.get_trials())
    assert tuned.params == {name: getattr(tuned.spec, name) for name in tuned.study.best_params}
    if sampler == "grid":
        assert len(set(tried)) == len(tried) == 4


def test_widths_found_stand_in_the_tuned_settings_as_a_list(tmp_path):
    (tmp_path / "y.csv").write_text(
        "step,y\n" + "\n".join(f"{i},{value:.4f}" for i, value in enumerate(wave(160).values[:, 0])) + "\n"
    )
    lines = ['data = "y.csv"', 'models = ["gru"]', 'target = "y"', "[walk]", "horizon = 4", "folds = 1"]
    lines += [
        "[gru]",
        "steps = 12",
        "context = 12",
        "[tune.gru]",
        "units = [[8, 4], [6, 4]]",
        "dropout = 0.1",
    ]
    (tmp_path / "study.toml").write_text("\n".join(lines))
    plan = make_run(config=tmp_path / "study.toml")
    assert plan.tune.space["gru"]["units"] == [[8, 4], [6, 4]]
    (tmp_path / "again.toml").write_text(to_toml(plan))
    assert make_run(config=tmp_path / "again.toml").tune == plan.tune
    result = tune_run(plan, trials=2, out=tmp_path / "run", jobs=1)
    again = make_run(config=tmp_path / "run" / "tuned.toml")
    assert again.settings["gru"]["units"] == list(result.params["units"])
    assert {one.name: one for one in again.specs()}["gru"].units in ((8, 4), (6, 4))


def test_what_was_fixed_stands_in_the_tuned_settings(tmp_path):
    rows = "\n".join(f"{i},{value:.4f}" for i, value in enumerate(wave().values[:, 0]))
    (tmp_path / "y.csv").write_text(f"step,y\n{rows}\n")
    overrides = {
        "models": ["climatology"],
        "target": "y",
        "past": "none",
        "walk.horizon": 4,
        "walk.folds": 1,
        "tune.climatology.week": 2,
    }
    result = tune_run(
        make_run(str(tmp_path / "y.csv"), overrides=overrides), trials=2, out=tmp_path / "run", jobs=1
    )
    assert "The default has week = 3" in result.notes[0]
    again = make_run(config=tmp_path / "run" / "tuned.toml")
    assert again.settings["climatology"]["week"] == 2
    assert again.tune.space == {}
