import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from conftest import single, weather
from joblib import parallel_config

from forecast.data.findings import counted
from forecast.data.windows import make_windows
from forecast.fitting import fit
from forecast.models import spec
from forecast.models.base import LOOKS, Stop, Watch
from forecast.models.nets.losses import loss_of, masked_mean
from forecast.models.nets.optimiser import schedule
from forecast.models.nets.training import Training, affordable
from forecast.runs.keeping import FolderWatch
from forecast.saving import load, save

SMALL = {"units": 8, "steps": 60, "batch": 32, "context": 48}


class Memory(Watch):
    """Keeps checkpoints as files would, and can cut a fit off after some looks."""

    def __init__(self, cut=None, last=None):
        self.cut, self.last, self.saved, self.reports, self.stores = cut, last, None, [], 0

    def report(self, step, of, value):
        self.reports.append((step, of, value))
        if self.cut is not None and len(self.reports) >= self.cut:
            raise Stop

    def load(self):
        return self.saved

    def store(self, arrays, values):
        self.stores += 1
        self.saved = ({name: array.copy() for name, array in arrays.items()}, json.loads(json.dumps(values)))
        if self.stores == self.last:
            raise KeyboardInterrupt


@pytest.mark.parametrize("cut", [1, 5, LOOKS - 1])
@pytest.mark.parametrize("model", ["lstm", "gru"])
def test_a_fit_that_was_cut_off_goes_on_to_the_same_bits(model, cut):
    panel, memory = weather((300,)), Memory(cut)
    whole = fit(model, panel, 6, **SMALL)
    with pytest.raises(Stop):
        fit(model, panel, 6, watch=memory, **SMALL)
    memory.cut = None
    resumed = fit(model, panel, 6, watch=memory, **SMALL)
    assert resumed.log.history == whole.log.history
    for name, array in whole.learned.arrays().items():
        assert np.array_equal(array, resumed.learned.arrays()[name]), name


class Files(FolderWatch):
    """Is killed at some checkpoint; the stores of all members are counted in one file."""

    def store(self, arrays, values):
        super().store(arrays, values)
        with self.tell.open("a") as file:
            file.write(".")
        if self.tell.stat().st_size == self.part[1]:
            raise KeyboardInterrupt

    def report(self, step, of, value):
        pass


@pytest.mark.parametrize("last", [LOOKS, LOOKS + 1, LOOKS + 3, LOOKS + 4, 2 * LOOKS + 5])
def test_a_fit_of_two_members_goes_on_from_any_checkpoint_to_the_same_bits(tmp_path, last):
    """Cut off between the looks, in the finish, at the end, in the second member and in its finish; no checkpoint is made twice."""
    panel, settings = weather((300,)), {**SMALL, "members": 2, "patience": LOOKS}
    watch = Files(tmp_path / "checkpoint", tmp_path / "told", ("gru", last))
    whole = fit("gru", panel, 6, **settings)
    with pytest.raises(KeyboardInterrupt):
        fit("gru", panel, 6, watch=watch, **settings)
    resumed = fit("gru", panel, 6, watch=watch, **settings)
    assert (tmp_path / "told").stat().st_size == 2 * (LOOKS + 3)
    assert resumed.log.history == whole.log.history
    for name, array in whole.learned.arrays().items():
        assert np.array_equal(array, resumed.learned.arrays()[name]), name


def test_members_are_the_fits_of_the_seeds_that_follow_and_the_forecast_is_their_mean(monkeypatch):
    """Every second one without the skip; here all are kept, however they judge."""
    monkeypatch.setattr("forecast.models.nets.recurrent.CLOSE", 100.0)
    panel = weather((300,))
    together = fit("gru", panel, 6, members=3, seed=4, **SMALL).predict(panel).values
    alone = [
        fit("gru", panel, 6, seed=seed, skip=seed != 5, **SMALL).predict(panel).values for seed in (4, 5, 6)
    ]
    assert np.abs(together - np.mean(alone, axis=0)).max() < 1e-6
    assert np.abs(together - alone[0]).max() > 1e-3


def test_a_watch_of_ones_own_that_keeps_checkpoints_does_not_mix_members():
    panel, settings = weather((300,)), {**SMALL, "members": 2, "skip": False}
    told = Memory()
    watched, alone = fit("gru", panel, 6, watch=told, **settings), fit("gru", panel, 6, **settings)
    assert all(
        np.array_equal(array, watched.learned.arrays()[name])
        for name, array in alone.learned.arrays().items()
    )
    assert (told.stores, len(told.reports) > LOOKS) == (0, True)


@pytest.mark.parametrize(
    ("first", "bare"),
    [
        ([1.0, 1.02], [False, True]),
        ([1.0, 1.2], [False, False]),
        ([1.2, 1.0], [True, True]),
        ([math.inf, 1.0], [True, True]),
    ],
)
def test_members_take_turns_with_the_skip_or_are_of_the_kind_that_judged_better(first, bare):
    assert [not spec("gru").recipe(member, first).skip for member in range(4)] == [False, True, *bare]
    assert all(
        spec("gru", skip=False).recipe(member, first) == spec("gru", skip=False) for member in range(4)
    )


def test_members_side_by_side_have_the_same_bits_and_go_on_where_they_were_cut_off(tmp_path):
    panel, settings = weather((300,)), {**SMALL, "members": 4}
    watch = Files(tmp_path / "checkpoint", tmp_path / "told", ("gru", LOOKS + 5))
    with pytest.raises(KeyboardInterrupt):
        fit("gru", panel, 6, watch=watch, **settings)
    one, two, resumed = (
        fit("gru", panel, 6, **settings),
        fit("gru", panel, 6, jobs=2, **settings),
        fit("gru", panel, 6, jobs=2, watch=watch, **settings),
    )
    for name, array in one.learned.arrays().items():
        assert np.array_equal(array, two.learned.arrays()[name]), name
        assert np.array_equal(array, resumed.learned.arrays()[name]), name
    with parallel_config(backend="threading"):  # which would share torch's random state
        threads = fit("gru", panel, 6, jobs=2, **settings)
    assert all(
        np.array_equal(array, threads.learned.arrays()[name]) for name, array in one.learned.arrays().items()
    )
    assert one.log.notes == two.log.notes == resumed.log.notes
    assert one.log.history == two.log.history == resumed.log.history
    assert two.log.seconds > 0.5 * one.log.seconds  # those of the other processes count


def test_a_time_limit_takes_as_many_steps_as_it_allows_and_no_more_than_all():
    panel, settings = weather((300,)), {**SMALL, "steps": 100_000, "patience": LOOKS}
    short = fit("gru", panel, 6, seconds=0.5, **settings).log
    planned = short.history[-1][0]
    assert LOOKS <= planned < 10_000
    assert f"of {planned} kept" in short.notes[0]
    longer = fit("gru", panel, 6, seconds=1.5, **settings).log.history[-1][0]
    assert longer > 1.5 * planned
    whole, limited = (fit("gru", panel, 6, **SMALL, seconds=seconds) for seconds in (None, 1e6))
    assert whole.log.history == limited.log.history


def test_members_that_judge_badly_are_left_out_and_a_bad_recipe_is_not_tried_again(tmp_path):
    """A line that goes on is nothing to a linear skip, and hard to a small net without one."""
    panel = single(np.arange(400.0) + 0.1 * np.random.default_rng(0).normal(size=400))
    fitted = fit("gru", panel, 6, members=4, **{**SMALL, "units": 2})
    lowest = [
        min(value for step, _, value in fitted.log.history if member * 60 < step <= (member + 1) * 60)
        for member in range(4)
    ]
    assert lowest[1] > 1.05 * lowest[0]
    assert all(net.skip is not None for net in fitted.learned.nets)
    assert len(fitted.learned.nets) == sum(loss <= 1.05 * min(lowest) for loss in lowest) < 4
    assert (
        f"the mean of {counted(len(fitted.learned.nets), 'net')}, 0 of them without the skip"
        in fitted.log.notes[0]
    )
    save(fitted, tmp_path / "model.safetensors")
    loaded = load(tmp_path / "model.safetensors")
    assert np.array_equal(loaded.predict(panel).values, fitted.predict(panel).values)


def test_a_net_that_diverges_keeps_its_first_weights():
    usual = spec("gru", loss="mse", clip=1e9, finish=0.0, **SMALL)
    hasty = dataclasses.replace(usual, learning_rate=1e30)  # beyond what a setting may be
    fitted = fit(hasty, weather((300,)), 6)
    assert math.isnan(fitted.log.history[0][2])
    assert len(fitted.learned.nets) == 1
    assert np.isfinite(fitted.predict(weather((300,))).values).all()


def test_the_finish_learns_from_the_rows_that_judged():
    """A rule that holds in the judging rows alone is learned in the finish."""
    y = np.random.default_rng(0).normal(size=600)
    y[500:] = np.where(np.arange(100) % 2, 3.0, -3.0)
    errors = []
    for finish in (0.0, 0.9):
        learned = fit(
            "gru", single(y), 1, **{**SMALL, "steps": 300}, learning_rate=1e-2, dropout=0.0, finish=finish
        )
        origins = np.array([[0, row] for row in range(560, 599)])
        errors.append(np.abs(learned.predict(single(y), origins).values[:, 0] - y[560:599]).mean())
    assert errors[1] < 0.3 * errors[0]


def test_the_best_weights_are_restored():
    """The forecasts on the validation windows have the lowest loss of the history, not the last."""
    from forecast.data.scaling import fit_scaling
    from forecast.data.windows import split_windows

    panel = weather((300,))
    fitted = fit("gru", panel, 6, dropout=0.0, learning_rate=0.05, patience=LOOKS, finish=0.0, **SMALL)
    history = fitted.log.history
    lowest = min(value for _, _, value in history)
    assert lowest < history[-1][2]
    scaled = fit_scaling(panel).apply(panel)
    _, validation, _ = split_windows(scaled, 48, 6, 0.15)
    origins = validation.origins(np.arange(len(validation)))
    z = fitted.learned.predict(scaled, origins, np.array([0]))[..., 0]
    assert np.abs(z - scaled.truth(origins, 6)).mean() == pytest.approx(lowest, rel=1e-4)


def test_training_ends_when_validation_no_longer_falls():
    noise = single(np.random.default_rng(0).normal(size=300))
    history = fit("gru", noise, 6, dropout=0.0, learning_rate=0.1, patience=2, **SMALL).log.history
    best = min(range(len(history)), key=lambda i: history[i][2])
    assert len(history) == best + 3 < LOOKS


def test_reports_are_steps_of_the_whole():
    memory = Memory()
    fit("gru", weather((300,)), 6, watch=memory, patience=LOOKS, **SMALL)
    assert [step for step, _, _ in memory.reports] == [
        round((look + 1) * 60 / LOOKS) for look in range(LOOKS)
    ]
    assert {of for _, of, _ in memory.reports} == {60}


def test_the_schedule():
    assert schedule(0, 1000) == pytest.approx(0.01)
    assert schedule(99, 1000) == pytest.approx(0.49 * (1 + math.cos(math.pi * 0.099)) + 0.02)
    assert schedule(500, 1000) == pytest.approx(0.51)
    assert schedule(999, 1000) == pytest.approx(0.02, abs=1e-4)


def test_a_missing_target_is_no_loss():
    target = torch.tensor([[1.0, float("nan")], [float("nan"), float("nan")]])
    assert masked_mean(torch.full((2, 2), 3.0), target) == 3
    assert masked_mean(torch.full((1, 1), 3.0), target[1:, 1:]) == 0


@pytest.mark.parametrize(("steps", "times"), [(None, 1), (400, 1), (800, 1), (200, 2), (40, 3)])
def test_fewer_steps_than_usual_take_a_rate_that_is_higher_as_many_times_up_to_three(steps, times):
    past = single(np.zeros(8000))
    assert spec("gru", steps=steps).settle(past, 24).learning_rate == pytest.approx(1e-3 * times)


@pytest.mark.parametrize("settings", [{"learning_rate": 5e-3}, {"optimiser": "sgd"}])
def test_a_rate_that_is_given_and_that_of_sgd_hold_for_any_number_of_steps(settings):
    past = single(np.zeros(8000))
    assert (
        spec("gru", steps=40, **settings).settle(past, 24).learning_rate
        == spec("gru", **settings).settle(past, 24).learning_rate
    )


@pytest.mark.parametrize(("hasty", "times"), [(False, 1), (True, 3)])
def test_a_limit_of_seconds_that_leaves_few_steps_raises_an_open_rate_alone(hasty, times):
    class Last(torch.nn.Linear):
        def forward(self, window):
            return super().forward(window)[..., None]

    windows = make_windows(single(np.zeros(100)), 4, 2)
    how = Training(1200, 300, 8, 1e-3, 0.0, 1.0, 0.99, loss_of("mae", ()), 5, half=False)
    found = affordable(
        1e-9,
        Last(4, 2),
        lambda _, origins: ((torch.zeros(len(origins), 4),), torch.zeros(len(origins), 2), None),
        windows,
        how,
        hasty,
    )
    assert (found.steps, found.finish, found.learning_rate) == (LOOKS, 0, pytest.approx(1e-3 * times))
