"""What the nets are told beside the values, what judges them, and how many windows they take at a time."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import HOURLY, hours, single, weather

from forecast.data.panel import Column, Panel, make_panel
from forecast.fitting import fit
from forecast.models import spec
from forecast.models.nets.losses import loss_of
from forecast.models.nets.net import Net, point_of
from forecast.models.nets.settings import fitting_batch
from forecast.saving import load, save
from forecast.task import Goal, Task

SMALL = {"units": 8, "steps": 60, "batch": 32, "context": 48, "segment": 6, "anchor": "last"}


def net(goal=None, **settings):
    torch.manual_seed(0)
    return Net(spec("gru", **{**SMALL, **settings}), goal or Goal(Task(12), ("y",)), 0, 0).eval()


def read_by(made, window):
    """The features of each segment (B, n, features)."""
    seen, _, z = made.anchored(window)
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
    made = net(Goal(Task(3), ("y", "x")), head="recursive", segment=1, since=True)
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


def cooling(count):
    """Readings at random times of what each reading warms up: 4 exp(-gap / 8) and some noise, missing in between."""
    random = np.random.default_rng(0)
    gaps = random.integers(1, 25, count // 12)
    at = np.cumsum(gaps)
    values = np.full(count, np.nan)
    values[at[at < count]] = (4 * np.exp(-gaps / 8) + random.normal(0, 0.1, len(gaps)))[at < count]
    return values


def test_since_halves_the_error_where_a_value_depends_on_how_long_ago_the_last_one_was():
    values = cooling(4000)
    panel, read = single(values), np.flatnonzero(~np.isnan(values))
    origins = np.array([[0, row] for row in read[read >= 3000]])

    def error(**settings):
        made = spec(
            "gru", units=16, steps=100, batch=64, context=48, segment=1, learning_rate=0.01, **settings
        )
        found = fit(made, panel.until(np.array([3000])), 1).predict(panel, origins).values[:, 0]
        return np.abs(found - values[origins[:, 1]]).mean()

    told = error(since=True)
    assert told < 0.5 * error()
    assert told < 0.5 * np.abs(values[origins[:, 1]] - np.nanmedian(values[:3000])).mean()


# --- what judges the weights, and how many windows fit


def levelled():
    """A target that is zero but for a rare, large value: its median is 0, its mean is not, and neither judge agrees with the other."""
    random = np.random.default_rng(0)
    values = np.where(random.random(900) < 0.2, 10.0, 0.0) + random.normal(0, 0.1, 900)
    return single(values)


@pytest.mark.parametrize("metric", ["mae", "mse"])
def test_the_metric_judges_and_patience_waits_for_it(metric):
    settings = {
        "units": 8,
        "steps": 120,
        "batch": 64,
        "context": 12,
        "learning_rate": 0.01,
        "dropout": 0.0,
        "finish": 0.0,
        "anchor": "none",
    }
    learned = fit(spec("gru", **settings, judge=metric, loss="mae"), levelled(), 6).learned
    plain = fit(spec("gru", **settings, loss="mae"), levelled(), 6).learned
    same = [row[:2] for row in learned.log.history] == [row[:2] for row in plain.log.history][
        : len(learned.log.history)
    ]
    assert same  # the training is that of the loss
    judged, loss = ([row[2] for row in one.log.history] for one in (learned, plain))
    if metric == "mae":
        assert judged == loss
    else:  # going to the median, squared errors rise: the first look is the best, and five later training ends
        assert np.argmin(loss) > np.argmin(judged) == 0
        assert len(judged) == 6


def test_quantiles_are_judged_by_their_median():
    settings = {"units": 8, "steps": 24, "batch": 64, "context": 12, "loss": "quantile"}
    panel = levelled()
    judged = fit(spec("gru", **settings, judge="mae", finish=0.0), panel, 6, intervals=(80,))
    assert point_of(judged.goal, "quantile") == 1
    forecast = torch.tensor([[[0.0, 1.0, 5.0]]])
    assert loss_of("mse", (), point_of(judged.goal, "quantile"))(
        forecast, torch.tensor([[3.0]])
    ).tolist() == [[4.0]]
    pinball = fit(spec("gru", **settings, finish=0.0), panel, 6, intervals=(80,))
    assert judged.log.history[0][2] != pinball.log.history[0][2]


@pytest.mark.parametrize(
    ("cells", "batch"), [(1, 256), (2**17, 256), (2**17 + 1, 128), (2**20, 32), (2**40, 1)]
)
def test_the_batch_is_halved_until_its_windows_fit(cells, batch):
    assert fitting_batch(256, cells) == batch


def test_a_batch_that_was_halved_is_said_and_one_that_is_given_stays(monkeypatch):
    monkeypatch.setattr("forecast.models.nets.settings.MEMORY", 4 * 8 * 40 * (48 + 12) * 2)
    settings = {"units": 8, "steps": 12, "context": 48, "segment": 6, "anchor": "last"}
    learned = fit(spec("gru", **settings), weather(), 12)
    assert learned.learned.sized.batch == 32
    assert "32 windows a step instead of 128, so that those of 2 columns fit into" in learned.log.notes[1]
    assert fit(spec("gru", **settings, batch=64), weather(), 12).learned.sized.batch == 64


# --- columns without spread

MOVING = (Column("y", "target"), Column("p"), Column("f", "future"), Column("s", "static"))


def with_idle_columns(jump: float, scale: float = 1.0) -> Panel:
    """Two series of 90 rows, the target's last 12 to come: p, f and s are the same in all rows of the fit.

    With a jump p differs in the last two rows of the target, f after them, s in all.
    """
    y = np.sin(np.arange(90) / 3)[:, None] + np.random.default_rng(0).normal(0, 0.1, (90, 1))
    others = np.tile(scale * np.array([5.0, -3.0, 2.0]), (90, 1))
    values = np.hstack([y, others])
    values[78:, 0] = np.nan
    values[76:78, 1] += jump
    values[78:, 2] += jump
    values[:, 3] += jump
    second = values.copy()
    second[:, 0] += 3
    return make_panel(("a", "b"), [hours(90), hours(90)], [values, second], MOVING, HOURLY)


@pytest.mark.parametrize("scale", ["standard", "none", "mean-abs"])
@pytest.mark.parametrize("head", ["segments", "linear", "dense", "recursive"])
@pytest.mark.parametrize("model", ["lstm", "gru"])
def test_a_column_that_never_varied_has_no_weight_and_is_named(model, head, scale, tmp_path):
    """Whatever a column holds later that was the same in all rows of the fit, the forecast is the same to the last bit."""
    still = with_idle_columns(0.0)
    asked = {"scale": scale, "head": head, "noise": 0.5, "steps": 24, "units": 8}
    if model == "lstm" and head == "dense":
        asked |= {"bidirectional": True, "attention": True}
    fitted = fit(model, still, 12, **asked)
    jumped = replace(with_idle_columns(4.0), columns=still.columns)
    assert np.array_equal(fitted.predict(jumped).values, fitted.predict(still).values)
    save(fitted, tmp_path / "model.safetensors")
    again = load(tmp_path / "model.safetensors")
    assert np.array_equal(again.predict(jumped).values, fitted.predict(still).values)
    assert f"{model}: p, f, s did not vary in the rows that were fitted" in " ".join(fitted.log.notes)


@pytest.mark.parametrize("model", ["ridge", "boosting"])
def test_a_regression_gives_no_weight_to_a_column_that_never_varied(model):
    fitted = fit(model, with_idle_columns(0.0), 12)
    assert np.array_equal(
        fitted.predict(with_idle_columns(4.0)).values, fitted.predict(with_idle_columns(0.0)).values
    )


def test_a_column_that_varied_keeps_its_weight_and_is_not_named():
    panel = weather((200,))
    fitted = fit("gru", panel, 6, steps=24, units=8)
    moved = panel.values.copy()
    moved[-1, 1] += 3
    assert not np.array_equal(
        fitted.predict(replace(panel, values=moved)).values, fitted.predict(panel).values
    )
    assert "did not vary" not in " ".join(fitted.log.notes)
