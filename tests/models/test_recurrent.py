import numpy as np
import pytest
import torch
from conftest import hours, single, weather

from forecast.data.clock import Clock
from forecast.data.panel import Column, make_panel
from forecast.data.seasons import find_season, season_of
from forecast.data.windows import make_windows
from forecast.errors import ForecastError
from forecast.evaluation.backtest import backtest
from forecast.evaluation.folds import WalkForward
from forecast.evaluation.metrics import score
from forecast.fitting import fit
from forecast.models import spec
from forecast.models.nets.judging import Judge
from forecast.models.nets.losses import loss_of
from forecast.models.nets.net import Net
from forecast.models.nets.settings import SEGMENTS
from forecast.models.nets.shrinkage import borne_out
from forecast.task import Goal, Task

SMALL = {"units": 8, "steps": 60, "batch": 32, "context": 48}


def net(goal=None, **settings):
    sized = spec("gru", **{**SMALL, "segment": 6, "anchor": "last", **settings})
    return Net(sized, goal or Goal(Task(12), ("y",)), 0, 0).eval()


def inputs(window):
    return torch.tensor(window, dtype=torch.float32)[None, :, None], torch.tensor([0]), torch.zeros(1, 2, 0)


def test_the_anchor_carries_a_shift_of_level():
    window = np.random.default_rng(0).normal(size=48)
    made = net()
    one, two = made(*inputs(window)), made(*inputs(window + 5))
    assert torch.allclose(one + 5, two, atol=1e-5)
    assert not torch.allclose(
        net(anchor="none")(*inputs(window)) + 5, net(anchor="none")(*inputs(window + 5)), atol=1e-3
    )


def test_the_anchor_is_the_last_observed_value():
    window = np.zeros(48)
    window[40], window[41:] = 3.0, np.nan
    shifted = window + 7
    made = net()
    assert torch.allclose(made(*inputs(window)) + 7, made(*inputs(shifted)), atol=1e-5)


@pytest.mark.parametrize("head", ["segments", "linear", "recursive"])
def test_the_anchor_season_adds_the_last_season(head):
    """With a head of zeros the forecast is the seasonal naive one, in training under a random factor too; a missing reading is the last value."""
    window = np.random.default_rng(0).normal(size=48) + 5
    window[-3] = np.nan
    made = net(anchor="season", span=5, head=head, scaling=0.5)
    torch.nn.init.zeros_(made.head.weight)
    torch.nn.init.zeros_(made.head.bias)
    season = np.array([*window[-5:-3], window[-1], *window[-2:]])
    for mode in (made.eval(), made.train()):
        np.testing.assert_allclose(mode(*inputs(window))[0, :, 0].detach(), np.resize(season, 12), rtol=1e-5)


def test_the_season_of_the_anchor_is_that_of_the_clock_and_saved():
    panel = single(np.random.default_rng(0).normal(size=600))
    assert spec("gru", anchor="season").settle(panel, 12).span == 24
    fitted = fit("gru", panel, 12, anchor="season", units=8, steps=12)
    restored = fitted.spec.restore(fitted.learned.arrays(), fitted.goal)
    assert (restored.sized.span, restored.nets[0].span) == (24, 24)
    with pytest.raises(
        ForecastError,
        match=r"the anchor season is the last 24 rows, but the net reads 12\. Take a context of at least 24",
    ):
        spec("gru", anchor="season", context=12).settle(panel, 12)


def test_a_net_without_skill_is_its_anchor():
    """Departures of noise are not forecast, those twice too large are halved, those that are right stay; all quantiles move as their middle."""

    class Departing(torch.nn.Module):
        def __init__(self, departures):
            super().__init__()
            self.departures = torch.tensor(departures, dtype=torch.float32)
            self.register_buffer("trust", torch.ones(1))

        def forward(self, anchor, place):
            return (anchor + self.trust * self.departures[place])[:, None, None]

    random = np.random.default_rng(0)
    panel = single(random.normal(size=1500))
    windows = make_windows(panel, 10, 1)

    def batch_of(windows, origins):
        anchor, target = (
            torch.tensor(panel.values[origins[:, 1] + step, 0], dtype=torch.float32) for step in (-1, 0)
        )
        return (anchor, torch.tensor(origins[:, 1])), target[:, None], None

    true = np.diff(panel.values[:, 0], prepend=0.0)  # at origin o the target is row o, the anchor row o - 1
    origins = windows.origins(np.arange(len(windows)))
    judge = Judge(batch_of, windows, origins, loss_of("mse", ()), half=False)
    cases = [(true, 1.0), (1.2 * true, 1.0), (2 * true, 0.5), (random.normal(size=1500) * 3, 0.0)]
    for departures, share in cases:
        assert judge.share(Departing(departures)) == share
    made = net(Goal(Task(12, levels=(0.1, 0.5, 0.9)), ("y",)), loss="quantile")
    window = inputs(random.normal(size=48))
    whole = made(*window)
    made.trust.fill_(0.25)
    moved = made(*window)
    assert torch.allclose(
        moved[..., 1], window[0][:, -1:, 0] + 0.25 * (whole[..., 1] - window[0][:, -1:, 0]), atol=1e-6
    )
    assert torch.allclose(moved.diff(dim=2), whole.diff(dim=2), atol=1e-6)


def _gains(gains, horizons, series=1):
    """The share that is borne out where departing whole gains `gains` (W,) a window on the anchor, and by half a quarter of it."""
    gains = np.asarray(gains, dtype="float64")
    losses = 10 - np.outer(gains, [1, 0.25, 0])
    own, times = (
        np.repeat(np.arange(series), len(gains) // series),
        np.tile(np.arange(len(gains) // series), series),
    )
    return borne_out(losses, np.full(len(gains), 4), own, times, horizons)


def test_a_gain_within_one_standard_error_of_nothing_is_not_departed_for():
    """Means over blocks of time one horizon long are what counts, however many windows and series lie within a block."""
    once = np.repeat([5.0, -1, -1, -1, -1, 0.5], 100)  # by luck in one of six horizons
    assert _gains(once, 5.9) == 0.0
    assert _gains(once, 599) == 1.0  # of six hundred horizons that would be proof
    assert (
        _gains(np.tile(once, 8), 5.9, series=8) == 0.0
    )  # eight series that move together tell no more than one
    assert _gains(np.repeat([5.0, 4, 1, 3, 2, 4], 100), 5.9) == 1.0
    assert _gains(np.repeat([-1.0, -2], 100), 1.9) == 0.0


def test_within_one_horizon_series_are_counted_and_of_one_series_the_lowest_loss_holds():
    assert _gains(np.full(100, 0.1), 0.8) == 1.0
    assert _gains(np.repeat([5.0, -1, -1, -1, -1, 0.5], 100), 0.8, series=6) == 0.0
    assert _gains(np.repeat([5.0, 4, 1, 3, 2, 4], 100), 0.8, series=6) == 1.0


def test_of_a_random_walk_the_last_value_is_forecast_and_said():
    panel = single(np.random.default_rng(1).normal(size=600).cumsum())
    fitted = fit("gru", panel, 6, **SMALL)
    assert (
        "forecasts the anchor itself, since departing from it gained less than one standard error: the last observed value"
        in fitted.log.notes[0]
    )
    np.testing.assert_allclose(fitted.predict(panel).values[0], panel.values[-1, 0], rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"anchor": "target"}, "the last observed value"),
        ({"anchor": "season", "span": 24}, "the last season of 24 rows again"),
        ({"anchor": "mean", "span": 10}, "the mean of the last 10 rows"),
        ({"anchor": "none"}, "the mean of the past"),
    ],
)
def test_a_net_that_forecasts_its_anchor_names_it(settings, words):
    """A net of almost no steps gains nothing on its anchor; the season of a pure wave is exact."""
    noise = np.random.default_rng(3).normal(size=400)
    panel = single(np.sin(np.arange(400) * 2 * np.pi / 24) if settings["anchor"] == "season" else noise)
    few = {**SMALL, "steps": 12, "context": 24, "skip": False, "learning_rate": 1e-6, **settings}
    note = fit("gru", panel, 6, **few).log.notes[0]
    assert note.endswith(f"departing from it gained less than one standard error: {words}")


def test_a_fit_never_reads_more_than_so_many_segments():
    settled = spec("gru", batch=50_000).settle(single(np.zeros(8000)), 24)
    assert settled.steps == SEGMENTS // (50_000 * 8)


def test_a_skip_is_zero_at_first_and_a_linear_map_of_the_window():
    window = np.random.default_rng(0).normal(size=48)
    torch.manual_seed(0)
    without = net(skip=False)
    torch.manual_seed(0)
    beside = net(skip=True)
    assert torch.equal(without(*inputs(window)), beside(*inputs(window)))


def test_each_series_follows_the_skip_as_far_as_it_has_learned_and_a_cold_one_as_far_as_they_do_on_average():
    sized = spec("gru", **SMALL, segment=6, anchor="last")
    made = Net(sized, Goal(Task(12), ("y",)), 2, 0).eval()
    with torch.no_grad():
        made.series[:] = 0.0  # nothing else tells the series apart
        made.skip.weight.normal_()
        made.follow[:] = torch.tensor([0.0, 3.0])
    window = torch.randn(1, 48, 1, generator=torch.Generator().manual_seed(0)).expand(3, -1, -1)
    none, thrice, cold = made(window, torch.tensor([0, 1, -1]), torch.zeros(3, 2, 0))
    linear = made.skip((window - window[:, -1:])[0, :, 0])[:, None]
    assert torch.allclose(thrice - none, 3 * linear, atol=1e-5)
    assert torch.allclose(cold - none, 1.5 * linear, atol=1e-5)


@pytest.mark.parametrize(("context", "segment"), [(48, 6), (50, 6), (7, 12)])
def test_a_context_that_is_no_multiple_of_the_segment(context, segment):
    made = net(context=context, segment=segment)
    window = torch.zeros(2, context, 1).requires_grad_()
    answer = made(window, torch.zeros(2, dtype=torch.int64), torch.zeros(2, made.answers, 0))
    assert answer.shape == (2, 12, 1)
    answer.sum().backward()
    assert window.grad[0, -1, 0] != 0


def test_dropout_acts_with_one_layer_and_only_in_training():
    made = net(dropout=0.5)
    window = inputs(np.random.default_rng(0).normal(size=48))
    assert torch.equal(made(*window), made(*window))
    made.train()
    assert not torch.equal(made(*window), made(*window))


def test_a_cold_series_has_the_mean_embedding():
    sized = spec("gru", **SMALL, segment=6, anchor="last")
    made = Net(sized, Goal(Task(12), ("y",)), 3, 0).eval()
    with torch.no_grad():
        made.series[:] = made.series.mean(1, keepdim=True)  # all series alike: then a cold one is like them
    window = torch.zeros(2, 48, 1)
    known, cold = made(window, torch.tensor([1, -1]), torch.zeros(2, 2, 0))
    assert torch.allclose(known, cold)


@pytest.mark.parametrize(
    ("panel", "horizon", "sizes"),
    [
        (single(np.zeros(8000)), 24, (168, 24, 64)),
        (single(np.zeros(60_000)), 96, (720, 48, 128)),
        (single(np.zeros(60_000), Clock("fixed", "15min")), 96, (720, 48, 128)),
        (single(np.zeros(3000), Clock("fixed", "1D")), 7, (49, 7, 64)),
        (single(np.zeros(3000), Clock("fixed", "1D")), 1, (28, 1, 64)),
        (single(np.zeros(300)), 24, (120, 24, 32)),
        (single(np.zeros(60), Clock("calendar", "MS")), 12, (12, 12, 32)),
    ],
)
def test_sizes_follow_from_clock_season_and_length(panel, horizon, sizes):
    settled = spec("gru").settle(panel, horizon)
    assert (settled.context, settled.segment, settled.units) == sizes


def test_the_anchor_follows_from_how_near_values_are_to_the_one_before():
    """Levels persist, returns do not; of several series the most rows count, whatever their units. What was chosen is saved."""
    random = np.random.default_rng(0)
    walk, noise = random.normal(size=500).cumsum(), random.normal(size=500)
    assert [spec("gru").settle(single(y), 1).anchor for y in (walk, noise, np.zeros(500))] == [
        "last",
        "none",
        "last",
    ]
    many = make_panel(
        ("a", "b", "c"),
        [hours(500)] * 3,
        [y[:, None] for y in (walk * 1000, noise, noise[::-1])],
        (Column("y", "target"),),
        Clock("step"),
    )
    assert spec("gru").settle(many, 1).anchor == "none"
    assert spec("gru", anchor="mean").settle(many, 1).anchor == "mean"
    fitted = fit("gru", single(noise), 1, units=8, steps=12)
    assert "no anchor" in fitted.log.notes[0]
    assert fitted.spec.restore(fitted.learned.arrays(), fitted.goal).nets[0].anchor == "none"


def test_a_size_that_is_given_stays():
    settled = spec("lstm", units=17, context=99).settle(single(np.zeros(8000)), 24)
    assert (settled.units, settled.context) == (17, 99)


def test_past_columns_are_used():
    """A column that shows the target twelve hours early is worth more than the target's own past."""
    random = np.random.default_rng(1)
    y = random.normal(size=1200).cumsum() * 0.2 + random.normal(size=1200)
    values = np.stack([y[:-12], y[12:]], 1)
    panel = make_panel(
        ("y",), [hours(1188)], [values], (Column("y", "target"), Column("ahead")), Clock("fixed", "1h")
    )
    alone = make_panel(("y",), [hours(1188)], [values[:, :1]], (Column("y", "target"),), Clock("fixed", "1h"))
    walk = WalkForward(horizon=12, folds=1)
    settings = {"units": 32, "steps": 400, "learning_rate": 5e-3, "dropout": 0.0, "context": 48}
    with_column, without = (
        score(list(backtest(spec("gru", **settings), p, walk)), "mae") for p in (panel, alone)
    )
    assert with_column < 0.7 * without


def test_the_calendar_is_used():
    """An event at one hour of Mondays, which a context of a day cannot foresee, is foreseen from the calendar."""
    times = hours(24 * 7 * 20)
    monday = ((times.astype("datetime64[h]").astype(int) // 24 + 3) % 7 == 0).astype(float)
    panel = make_panel(("y",), [times], [monday[:, None] * 5], (Column("y", "target"),), Clock("fixed", "1h"))
    walk = WalkForward(horizon=24, folds=1, stride=24)
    outcome = next(
        backtest(spec("gru", units=32, steps=400, context=24, dropout=0.0, learning_rate=5e-3), panel, walk)
    )
    mondays = (outcome.actual > 0).all(1)
    assert mondays.any()
    assert outcome.forecast.values[mondays].mean() > 3.5
    assert np.abs(outcome.forecast.values[~mondays].mean()) < 1


@pytest.mark.parametrize("period", [12, 24, 63])
def test_a_season_is_found_in_the_values(period):
    wave = (
        np.sin(2 * np.pi * np.arange(900) / period)
        + np.random.default_rng(0).normal(0, 0.3, 900)
        + 0.01 * np.arange(900)
    )
    assert abs(find_season(wave) - period) <= 1


def test_no_season_is_found_where_there_is_none():
    random = np.random.default_rng(0)
    assert find_season(random.normal(size=800)) == 1
    assert find_season(np.arange(100.0)) == 1
    assert find_season(np.full(100, 3.0)) == 1
    assert find_season(np.array([1.0, np.nan, 2.0])) == 1


def test_the_clock_s_season_goes_before_the_values():
    assert season_of(weather((100,))) == 24
    assert season_of(weather((30,))) == 1  # seen less than twice


def test_one_long_series_among_many_short_ones_does_not_choose_the_context():
    assert (
        spec("gru").settle(weather((2000, *[60] * 6)), 6).context
        == spec("gru").settle(weather((2000,)), 6).context
    )
    many = make_panel(
        tuple(f"{i:03d}" for i in range(200)),
        [np.arange(400 if i == 0 else 30) for i in range(200)],
        [np.zeros((400 if i == 0 else 30, 1)) for i in range(200)],
        (Column("y", "target"),),
        Clock("step"),
    )
    assert spec("gru").settle(many, 6).context == 6
