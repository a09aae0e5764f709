"""What the nets are told beside the values: how long ago the target was seen."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import weather

from forecast.fitting import fit
from forecast.models import spec
from forecast.models.base import Goal
from forecast.models.net import Net

SMALL = {"units": 8, "steps": 60, "batch": 32, "context": 48, "segment": 6}


def net(goal=None, **settings):
    torch.manual_seed(0)
    return Net(spec("gru", **{**SMALL, **settings}), goal or Goal(12, ("y",)), 0, 0).eval()


def read_by(made, window):
    """The features of each segment (B, n, features)."""
    seen, _, z = made._anchored(window)
    return made._segments(z, seen)


def test_since_counts_the_rows_from_the_last_observation_in_segments():
    window = torch.zeros(1, 46, 1)  # two rows fill up the first of eight segments
    window[0, :7] = math.nan  # nothing yet in segments 0 and, at its end, something in 1
    window[0, 14:25] = math.nan  # rows 13 .. 24: the end of segment 2 (row 15) and of 3 (row 21) lie in it
    ago = read_by(net(context=46, since=True), window)[0, :, -1]
    expected = [math.log1p(rows / 6) for rows in (4, 0, 2, 8, 0, 0, 0, 0)]
    assert ago.tolist() == pytest.approx(expected, abs=1e-6)


def test_since_adds_one_feature_and_nothing_else():
    window = torch.randn(4, 48, 1)
    window[:, 5:30] = math.nan
    with_it, without = net(since=True), net()
    assert with_it.enter.weight.shape == (8, 13)
    assert torch.equal(read_by(with_it, window)[..., :-1], read_by(without, window))
    assert not read_by(with_it, torch.randn(4, 48, 1))[..., -1].any()  # nothing missing, nothing said


def test_what_is_fed_back_counts_as_observed():
    made = net(Goal(3, ("y", "x")), head="recursive", segment=1, since=True)
    assert made._as_read(torch.ones(2, 1), None, 0)[..., -1].tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize("head", ["segments", "linear", "dense", "recursive"])
def test_a_net_with_since_trains_on_missing_targets_and_reads_it(head):
    panel = weather()
    values = panel.values.copy()
    values[np.random.default_rng(0).random(len(values)) < 0.4, 0] = np.nan
    panel = replace(panel, values=values)
    fitted = fit(spec("gru", **SMALL, since=True, head=head), panel, 12)
    told = fitted.predict(panel).values
    assert np.isfinite(told).all()
    with torch.no_grad():
        fitted.learned.nets[0].enter.weight[:, -1] = 0
    assert (fitted.predict(panel).values != told).any()
