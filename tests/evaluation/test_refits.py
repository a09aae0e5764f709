"""Warm refits: a net goes on, before each fold, from what the fold before had taught it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import past_of, single, weather

from forecast.data.panel import Column
from forecast.evaluation.ablation import Without
from forecast.evaluation.backtest import Keep, backtest
from forecast.evaluation.folds import WalkForward
from forecast.evaluation.leaderboard import leaderboard
from forecast.fitting import fit
from forecast.models import spec
from forecast.models.base import LOOKS
from forecast.runs.keeping import FolderKeep, FolderWatch
from forecast.runs.plan import make_run
from forecast.runs.road import run

SMALL = {"units": 8, "steps": 48, "batch": 32, "context": 24}
COLD = WalkForward(horizon=6, folds=3, stride=3)
WARM = replace(COLD, refit="warm")


def small(name="gru", **settings):
    return spec(name, **{**SMALL, **settings})


def values(outcomes):
    return [outcome.forecast.values for outcome in outcomes]


def same(one, two):
    return [np.array_equal(a, b) for a, b in zip(one, two, strict=True)]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {
            "members": 2,
            "norm": "batch",
            "weighting": "mase",
            "anchor": "season",
            "seconds": 1e6,
            "shrink": False,
        },
    ],
)
def test_a_warm_walk_is_a_fit_that_goes_on(settings):
    """Its first fold is that of a cold walk, to the bit; each after it is, by hand, `fit` from the start of the one before."""
    panel, net, fitted = weather(), small(**settings), None
    warm, cold = (list(backtest(net, panel, walk)) for walk in (WARM, COLD))
    assert same(values(warm), values(cold)) == [True, False, False]
    for outcome in warm:
        fitted = fit(
            net, panel.until(past_of(panel, WARM, outcome).lengths), 6, start=fitted and fitted.start
        )
        assert np.array_equal(outcome.forecast.values, fitted.predict(panel, outcome.forecast.origins).values)
    assert [outcome.log.warm for outcome in warm] == [False, True, True]
    assert warm[2].log.notes == (
        "gru: goes on from the weights of the fit before, 12 steps on all rows (32 windows a step)",
    )


def test_a_warm_refit_learns_the_new_rows_and_keeps_the_rest():
    """A rule of the new rows alone is learned; without a finish all weights stay as they are."""
    y = np.random.default_rng(0).normal(size=600)
    y[400:] = np.where(np.arange(200) % 2, 3.0, -3.0)
    panel, origins = single(y), np.array([[0, row] for row in range(550, 594)])
    errors = []
    for finish in (0.0, 0.9):
        net = small(learning_rate=1e-2, dropout=0.0, shrink=False, finish=finish, steps=200)
        before = fit(net, panel.until(np.array([400])), 6)
        after = fit(net, panel.until(np.array([550])), 6, start=before.start)
        errors.append(np.abs(after.predict(panel, origins).values - panel.truth(origins, 6)).mean())
        assert all(np.array_equal(array, after.start[name]) for name, array in before.start.items()) == (
            finish == 0
        )
    assert errors[1] < 0.3 * errors[0]


def test_sizes_and_the_share_of_the_departure_stay_those_of_the_first_fit():
    """Sizes are open, and the longer past would choose others; a half that judged well once is not judged again."""
    walk = np.random.default_rng(0).normal(size=3400).cumsum()
    net = spec("gru", batch=16, context=24, steps=24)
    before = fit(net, single(walk[:300]), 6)
    after = fit(net, single(walk), 6, start={**before.start, "member.0.trust": np.array([0.5], "float32")})
    assert after.log.warm
    assert float(after.learned.nets[0].trust) == 0.5
    assert net.settle(single(walk), 6).units == 64
    assert after.learned.sized == before.learned.sized


def test_jobs_do_not_change_a_bit():
    """The folds of a model are a chain, two models are side by side."""
    models, panel = [small(), small("lstm"), "ridge"], weather()
    one, two = (list(backtest(models, panel, WARM, jobs=jobs)) for jobs in (1, 2))
    assert [(o.fold, o.forecast.model) for o in two] == [
        (fold, name) for fold in range(3) for name in ("gru", "lstm", "ridge")
    ]
    assert all(same(values(one), values(two)))


class Cut(FolderKeep):
    """Is killed at the third checkpoint of the second fold."""

    def watch(self, part):
        return CutWatch(*vars(super().watch(part)).values())


class CutWatch(FolderWatch):
    def store(self, arrays, values):
        super().store(arrays, values)
        if self.part[1] == 1 and values["step"] == 3:
            raise KeyboardInterrupt


def test_a_walk_that_was_cut_off_in_a_warm_refit_goes_on_to_the_same_bits(tmp_path):
    panel, net, place = weather(), small(members=2, skip=False), (tmp_path, tmp_path / "progress.jsonl")
    with pytest.raises(KeyboardInterrupt):
        list(backtest(net, panel, WARM, keep=Cut(*place)))
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {"gru-0.safetensors", "gru-1.checkpoint.0", "progress.jsonl"}
    resumed, whole = (list(backtest(net, panel, WARM, keep=keep)) for keep in (FolderKeep(*place), Keep()))
    assert all(same(values(resumed), values(whole)))
    assert "the mean of 2 nets" in resumed[0].log.notes[0]
    assert not [path for path in tmp_path.iterdir() if ".checkpoint" in path.name]
    (tmp_path / "gru-2.safetensors").unlink()
    again = list(backtest(net, panel, WARM, keep=FolderKeep(*place)))
    assert all(same(values(again), values(whole)))
    assert [outcome.log.warm for outcome in again] == [False, True, True]


def test_a_warm_refit_keeps_as_many_checkpoints_as_a_fit_has_looks(tmp_path):
    stores = []

    class Counted(FolderWatch):
        def store(self, arrays, values):
            stores.append(values["step"])

    before = fit(small(), weather((300,)), 6)
    fit(
        small(),
        weather((310,)),
        6,
        start=before.start,
        watch=Counted(tmp_path / "none", tmp_path / "told", ("gru", 1)),
    )
    assert stores == [look + 1 for look in range(LOOKS)]


def late():
    """Two series, the second of which begins while the first is tested."""
    panel = weather((300, 40))
    times = panel.times.copy()
    times[300:] = panel.times[255:295]
    return replace(panel, times=times)


def test_a_net_that_knew_other_series_is_fitted_cold_and_says_so():
    warm, cold = (list(backtest(small(), late(), walk)) for walk in (WARM, COLD))
    others = [len(outcome.truth.scaling.ids) for outcome in warm]
    assert others == [1, 2, 2]
    assert same(values(warm), values(cold)) == [True, True, False]
    assert warm[1].log.notes[-1] == "gru: fitted cold, the fit before had other series"
    assert (
        leaderboard(warm).notes[0]
        == "From the second of 3 folds on, gru (at 1 of 2) went on from the fold before (warm)."
    )


def test_a_net_that_knew_other_names_of_a_category_is_fitted_cold_and_says_so():
    panel = weather((300,))
    kinds = np.where(np.arange(300) < 260, np.arange(300) % 2, 2.0)
    panel = replace(
        panel,
        values=np.column_stack([panel.values, kinds]),
        columns=(*panel.columns, Column("sky", "past", ("a", "b", "c"))),
    )
    before = fit(small(), panel.until(np.array([250])), 6)
    after = fit(small(), panel, 6, start=before.start)
    assert not after.log.warm
    assert (
        after.log.notes[-1]
        == "gru: fitted cold, the fit before had other columns, horizon, units, intervals or bounds"
    )


@pytest.mark.parametrize("settings", [{"units": 12}, {"layers": 2}, {"head": "linear"}])
def test_a_net_of_other_shapes_is_fitted_cold_and_says_so(settings):
    before, cold = fit(small(), weather((200,)), 6), fit(small(**settings), weather((220,)), 6)
    after = fit(small(**settings), weather((220,)), 6, start=before.start)
    assert not after.log.warm
    assert after.log.notes == (*cold.log.notes, "gru: fitted cold, the fit before had other settings")
    assert same(after.start.values(), cold.start.values()) == [True] * len(cold.start)


def test_other_steps_of_training_go_on_from_the_same_shapes():
    before = fit(small(), weather((200,)), 6)
    assert fit(small(finish=0.9, learning_rate=1e-4), weather((220,)), 6, start=before.start).log.warm


def test_a_model_that_cannot_go_on_is_fitted_cold_and_says_so():
    warm, cold = (list(backtest(["ridge", small()], weather(), walk)) for walk in (WARM, COLD))
    assert same(values(warm)[::2], values(cold)[::2]) == [True] * 3
    assert "ridge: fitted cold, this model cannot continue from an earlier fit" in warm[2].log.notes
    said = (
        "From the second of 3 folds on, gru went on from the fold before (warm); fitted anew (cold): ridge."
    )
    assert leaderboard(warm).notes[0] == said
    assert leaderboard(cold).notes[0] == "Each model was fitted anew (cold) before each of 3 folds."


def test_a_net_that_forecast_its_anchor_is_fitted_cold_and_may_leave_it():
    """A season sets in after the first fold: a warm net would say the last value for ever."""
    random, rows = np.random.default_rng(0), np.arange(1200)
    panel = single(
        random.normal(size=1200).cumsum() / 4 + np.where(rows > 700, 6 * np.sin(2 * np.pi * rows / 24), 0.0)
    )
    warm = list(backtest([small(steps=120)], panel, WalkForward(horizon=6, folds=2, test=500, refit="warm")))
    assert "forecasts the anchor itself" in warm[0].log.notes[0]
    assert "gru: fitted cold, this model cannot continue from an earlier fit" in warm[1].log.notes
    assert np.abs(warm[1].forecast.values - warm[1].truth.last[:, None]).max() > 1


def test_a_model_without_a_column_goes_on_as_the_model_on_a_file_without_it():
    panel, blind = (
        weather((300,)),
        [
            Without(small(), ("lead",), "gru without lead"),
            Without(spec("ridge"), ("lead",), "ridge without lead"),
        ],
    )
    less = replace(panel, values=panel.values[:, :1], columns=panel.columns[:1])
    found = list(backtest(blind, panel, WARM))
    for one, two in zip(values(found)[::2], values(backtest(small(), less, WARM)), strict=True):
        assert np.allclose(one, two, atol=1e-4)  # means of one column are rounded otherwise than means of two
    assert [outcome.log.warm for outcome in found] == [False, False, True, False, True, False]


def test_the_final_fit_goes_on_from_the_last_fold(tmp_path):
    file = Path(__file__).parents[2] / "data" / "sine.csv"
    how = {
        "walk.refit": "warm",
        "walk.horizon": 6,
        "walk.folds": 2,
        "walk.stride": 9,
        "gru.context": 24,
        "gru.steps": 48,
        "gru.units": 8,
    }
    result = run(file, out=tmp_path / "run", jobs=1, models=["gru"], set=how)
    assert make_run(config=tmp_path / "run" / "run.toml").walk.refit == "warm"
    net = spec("gru", context=24, steps=48, units=8)
    fitted = None
    plan = make_run(config=tmp_path / "run" / "run.toml")
    pasts = [past_of(result.panel, plan.walk, outcome) for outcome in result.outcomes]
    for past in (*pasts, result.panel):
        fitted = fit(net, past, replace(plan.task, horizon=6), start=fitted and fitted.start)
    assert same(result.fitted.start.values(), fitted.start.values()) == [True] * len(fitted.start)
