"""Combinations: the mean of their parts to the bit, settings by part, checkpoints of each part, and what goes by their name."""

import json

import numpy as np
import pytest
from conftest import weather

from forecast.errors import ForecastError
from forecast.evaluation.backtest import backtest
from forecast.evaluation.folds import WalkForward
from forecast.evaluation.leaderboard import leaderboard
from forecast.fitting import fit
from forecast.models import describe, is_baseline, settings_of, spec
from forecast.models.combination import Combination
from forecast.runs.comparing import compare_run
from forecast.runs.keeping import FolderWatch
from forecast.runs.plan import make_run, to_toml
from forecast.tuning.objective import objective

FEW = {"units": 8, "steps": 48, "batch": 32, "context": 24}
H = 6


def answers(fitted, panel):
    """What a fitted model says in the units that it sees."""
    return fitted.learned.predict(fitted.scaled(panel), panel.ends(), fitted.scaling.fitted(panel.ids))


def same_arrays(one, two):
    return one.keys() == two.keys() and all(np.array_equal(array, two[name]) for name, array in one.items())


@pytest.mark.parametrize("transform", ["none", "asinh"])
@pytest.mark.parametrize("name", ["ridge+theta", "seasonal+gru+drift"])
def test_it_is_the_mean_of_its_parts_fitted_alone_to_the_bit(name, transform):
    panel, how = weather((300, 250)), {"transform": transform, "seed": 3}
    whole = fit(name, panel, H, **how, **({"gru": FEW} if "gru" in name else {}))
    parts = [fit(part, panel, H, **how, **(FEW if part == "gru" else {})) for part in name.split("+")]
    assert all(
        same_arrays(one.arrays(), alone.learned.arrays())
        for one, alone in zip(whole.learned.parts, parts, strict=True)
    )
    assert np.array_equal(answers(whole, panel), np.mean([answers(part, panel) for part in parts], axis=0))
    assert whole.context == max(part.context for part in parts)
    mean = np.mean([part.predict(panel).values for part in parts], axis=0)
    assert (np.abs(whole.predict(panel).values - mean).max() < 1e-9) == (transform == "none")


def test_quantiles_are_averaged_level_by_level_where_all_have_them_else_the_points_are():
    panel = weather((300, 250))
    asked = {"intervals": (50, 80)}
    ridge, theta, naive = (fit(name, panel, H, **asked) for name in ("ridge", "theta", "naive"))
    both, mixed = fit("ridge+theta", panel, H, **asked), fit("ridge+naive", panel, H, **asked)
    expected = (answers(ridge, panel) + answers(theta, panel)) / 2
    assert expected.shape == (2, H, 5)
    assert np.array_equal(answers(both, panel), expected)
    np.testing.assert_allclose(
        both.predict(panel).quantiles, (ridge.predict(panel).quantiles + theta.predict(panel).quantiles) / 2
    )
    assert np.array_equal(
        answers(mixed, panel), (answers(ridge, panel)[..., [2]] + answers(naive, panel)) / 2
    )
    assert np.isnan(mixed.predict(panel).quantiles).all()


class Killed(FolderWatch):
    """Is killed at the first look of a part from some step on."""

    def store(self, arrays, values):
        super().store(arrays, values)
        if self.place[0] == self.part[0] and values["step"] >= self.part[1]:
            raise KeyboardInterrupt


@pytest.mark.parametrize("moment", [(1, 8), (2, 8)])
@pytest.mark.parametrize("warm", [False, True])
def test_a_killed_fit_goes_on_with_the_part_under_way_to_the_same_bits(tmp_path, moment, warm):
    """theta+gru+lstm: an ended net is not trained again, and its notes are kept."""
    nets = {"gru": {**FEW, "finish": 0.9, "shrink": False}, "lstm": {**FEW, "finish": 0.9, "shrink": False}}
    panel, place, looks = weather((300,)), (tmp_path / "checkpoint", tmp_path / "told"), []
    start = fit("theta+gru+lstm", weather((270,)), H, **nets).start if warm else None
    whole = fit("theta+gru+lstm", panel, H, **nets, start=start)
    with pytest.raises(KeyboardInterrupt):
        fit("theta+gru+lstm", panel, H, **nets, start=start, watch=Killed(*place, moment))

    class Heard(FolderWatch):
        def store(self, arrays, values):
            looks.append((self.place[0], values["step"]))

    resumed = fit("theta+gru+lstm", panel, H, **nets, start=start, watch=Heard(*place, ("theta+gru+lstm", 0)))
    assert looks[0][0] == moment[0]
    assert looks[0][1] > moment[1]
    assert {net for net, _ in looks} == set(range(moment[0], 3))
    assert same_arrays(resumed.learned.arrays(), whole.learned.arrays())
    assert (resumed.log.notes, resumed.log.history, resumed.log.warm) == (
        whole.log.notes,
        whole.log.history,
        warm,
    )


def test_progress_says_of_which_of_all_fits_it_is(tmp_path):
    watch = FolderWatch(tmp_path / "checkpoint", tmp_path / "told", ("gru+theta+lstm", 0))
    fit(
        "gru+theta+lstm", weather((300,)), H, gru={**FEW, "members": 2, "patience": 12}, lstm=FEW, watch=watch
    )
    told = [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()]
    ends = {tuple(one["place"]): (one["step"], one["of"], one["fits"]) for one in told}
    assert ends == {(0, 0): (48, 48, 6), (0, 1): (48, 48, 6), (1,): (1, 1, 3), (2,): (48, 48, 3)}


def test_in_a_warm_refit_nets_go_on_and_the_other_parts_are_fitted_anew():
    panel, longer, net = weather((270,)), weather((300,)), {**FEW, "shrink": False}
    before, gru = fit("ridge+gru", panel, H, gru=net), fit("gru", panel, H, **net)
    after = fit("ridge+gru", longer, H, gru=net, start=before.start)
    alone = (fit("ridge", longer, H), fit("gru", longer, H, **net, start=gru.start))
    assert all(
        same_arrays(one.arrays(), other.learned.arrays())
        for one, other in zip(after.learned.parts, alone, strict=True)
    )
    assert after.log.warm
    assert after.log.notes[0].startswith("ridge: reads ")
    assert after.log.notes[1:] == (
        "gru: goes on from the weights of the fit before, 12 steps on all rows (32 windows a step)",
    )
    other = fit("ridge+gru", longer, H, gru={**net, "units": 4}, start=before.start)
    assert (other.log.warm, other.log.notes[-1]) == (
        False,
        "ridge+gru: fitted cold, the fit before had other settings",
    )
    cold = fit("ridge+theta", longer, H, start=fit("ridge+theta", panel, H).start)
    assert cold.log.notes[-1] == "ridge+theta: fitted cold, this model cannot continue from an earlier fit"


def test_settings_go_to_the_parts_by_name_and_come_back_from_json():
    made = spec("ridge+gru", gru={"units": 64})
    assert made == Combination("ridge+gru", (spec("ridge"), spec("gru", units=64)))
    kept = settings_of(made)
    assert spec(kept.pop("model"), **kept) == made
    assert kept["gru"]["units"] == 64
    assert {"ridge.penalty", "gru.units"} < {one.name for one in describe("ridge+gru")}


def test_a_run_gives_the_settings_of_a_model_to_it_alone_and_in_every_combination(tmp_path):
    plan = make_run(
        "file.csv",
        overrides={"models": ["gru", "ridge+gru", "naive+lstm"], "gru.units": 64, "lstm.units": 32},
    )
    assert plan.specs() == [
        spec("gru", units=64),
        spec("ridge+gru", gru={"units": 64}),
        spec("naive+lstm", lstm={"units": 32}),
    ]
    (tmp_path / "run.toml").write_text(to_toml(plan))
    assert make_run(config=tmp_path / "run.toml").specs() == plan.specs()
    with pytest.raises(
        ForecastError,
        match=r"There are settings for arima, which is not among the models of this run: ridge\+gru\.",
    ):
        make_run("file.csv", overrides={"models": ["ridge+gru"], "arima.max_p": 2}).specs()


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (
            lambda: spec("ridge+bosting"),
            "There is no model 'bosting' in ridge+bosting. Did you mean boosting? There is: lstm, gru",
        ),
        (lambda: spec("gru+"), "There is no model '' in gru+. There is: lstm, gru"),
        (
            lambda: spec("gru+ridge+gru"),
            "gru+ridge+gru has gru twice: a combination is the mean of models that differ. Leave one out.",
        ),
        (lambda: spec("gru", model=3), "gru has no setting 'model'. There is: cell, context"),
        (
            lambda: spec("ridge+gru", model=3),
            "ridge+gru has no setting 'model': its settings are those of its parts",
        ),
        (
            lambda: spec("ridge+gru", units=3),
            "ridge+gru has no setting 'units': its settings are those of its parts, by name. There is: ridge, gru.",
        ),
        (lambda: spec("ridge+gru", gru={"unit": 3}), "gru has no setting 'unit'. Did you mean units?"),
        (lambda: spec("ridge+gru", gru=3), "ridge+gru.gru = 3: input should be a valid dictionary."),
        (
            lambda: make_run("x.csv", overrides={"models": ["ridge+gru"], "ridge+gru.gru.units": 3}),
            "ridge+gru: a combination has no settings of its own. Give each part its own: ridge, gru.",
        ),
        (
            lambda: objective("ridge+gru", weather((300,))),
            "ridge+gru is no model of its own to tune. Tune ridge, gru each by itself: what is found holds in the combination too.",
        ),
    ],
)
def test_what_cannot_be_is_said(ask, said):
    with pytest.raises(ForecastError) as raised:
        ask()
    assert str(raised.value).startswith(said)


def test_only_a_combination_of_baselines_is_a_baseline():
    assert is_baseline("ridge+theta")
    assert not any(map(is_baseline, ("gru", "ridge+gru", "naive+garch")))
    panel, walk = weather((420,)), WalkForward(horizon=H, folds=1)
    board = leaderboard(backtest(["naive", "ridge+theta", spec("theta+gru", gru=FEW)], panel, walk))
    assert board.baseline == "ridge+theta"


def test_changes_and_columns_of_a_combination_are_compared(tmp_path):
    np.savetxt(
        tmp_path / "weather.csv", weather((420,)).values, delimiter=",", header="temp,lead", comments=""
    )
    few = {f"gru.{name}": value for name, value in FEW.items()}
    plan = make_run(
        str(tmp_path / "weather.csv"), overrides={"target": "temp", "walk.horizon": H, "walk.folds": 1, **few}
    )
    found = compare_run(plan, [("theta+gru.gru.units", 4)], ablate="theta+gru", jobs=1)
    assert {row.model for row in found.board.rows} == {"theta+gru", "gru.units=4", "without lead"}
    assert found.board.baseline == "theta+gru"
    assert [row.column for row in found.ablation] == ["lead"]
    with pytest.raises(ForecastError, match=r"theta\+gru\.gru\.units = 8 is what theta\+gru has already"):
        compare_run(plan, [("theta+gru.gru.units", 8)], jobs=1)
