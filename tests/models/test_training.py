import math

import numpy as np
import pytest
import torch
from conftest import weather

from forecast.fitting import fit
from forecast.models.base import LOOKS, Stop, Watch
from forecast.models.training import masked_mean, schedule

SMALL = {"units": 8, "steps": 60, "batch": 32, "context": 48}


class Memory(Watch):
    """Keeps checkpoints as files would, and can cut a fit off after some looks."""

    def __init__(self, cut=None):
        self.cut, self.saved, self.reports = cut, None, []

    def report(self, step, of, value):
        self.reports.append((step, of, value))
        if self.cut is not None and len(self.reports) >= self.cut:
            raise Stop

    def load(self):
        return self.saved

    def store(self, arrays, values):
        self.saved = ({name: array.copy() for name, array in arrays.items()}, dict(values))


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


def test_the_best_weights_are_restored():
    """The forecasts on the validation windows have the lowest loss of the history, not the last."""
    from forecast.data.scaling import fit_scaling
    from forecast.data.windows import split_windows

    panel = weather((300,))
    fitted = fit("gru", panel, 6, dropout=0.0, learning_rate=0.05, patience=LOOKS, **SMALL)
    history = fitted.log.history
    lowest = min(value for _, _, value in history)
    assert lowest < history[-1][2]
    scaled = fit_scaling(panel).apply(panel)
    _, validation = split_windows(scaled, 48, 6, 0.15)
    origins = validation.origins(np.arange(len(validation)))
    z = fitted.learned.predict(scaled, origins, np.array([0]))
    assert np.abs(z - scaled.truth(origins, 6)).mean() == pytest.approx(lowest, rel=1e-4)


def test_training_ends_when_validation_no_longer_falls():
    history = fit("gru", weather((300,)), 6, dropout=0.0, learning_rate=0.1, patience=2, **SMALL).log.history
    best = min(range(len(history)), key=lambda i: history[i][2])
    assert len(history) == best + 3 < LOOKS


def test_reports_are_steps_of_the_whole():
    memory = Memory()
    fit("gru", weather((300,)), 6, watch=memory, patience=LOOKS, **SMALL)
    assert [step for step, _, _ in memory.reports] == [round((look + 1) * 60 / LOOKS) for look in range(LOOKS)]
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
