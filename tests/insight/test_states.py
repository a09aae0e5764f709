"""Gates and states: those of an LSTM and a GRU written here from their equations, and of torch where it gives them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import single

import forecast as fc
from forecast.errors import ForecastError
from forecast.insight.states import correlations, states
from forecast.testing import rich, weather

NET = {"units": 10, "steps": 20, "batch": 32, "context": 24, "segment": 6}
SHAPES = {
    "lstm": ("lstm", {}),
    "gru": ("gru", {}),
    "a row a step": ("lstm-plain", {}),
    "stacked": ("gru", {"layers": 2}),
    "bidirectional": ("lstm", {"bidirectional": True, "layers": 2}),
    "bidirectional gru": ("gru", {"bidirectional": True}),
    "attention": ("gru", {"attention": True}),
    "recursive": ("lstm", {"head": "recursive"}),
    "linear head": ("gru", {"head": "linear"}),
    "norm": ("lstm", {"norm": "layer", "residual": True, "layers": 2}),
    "padded": ("gru", {"context": 22}),
}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, w, u, b, c):
    """Hochreiter and Schmidhuber's LSTM with a forget gate, one window (n, F), a step at a time."""
    units = u.shape[1]
    h, cell = np.zeros(units), np.zeros(units)
    made = {name: [] for name in ("input", "forget", "output", "candidate", "cell", "hidden")}
    for row in x:
        gates = w @ row + b + u @ h + c
        i, f, g, o = (gates[k * units : (k + 1) * units] for k in range(4))
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(cell)
        step = (sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g), cell, h)
        for name, value in zip(made, step, strict=True):
            made[name].append(value)
    return {name: np.array(steps) for name, steps in made.items()}


def gru(x, w, u, b, c):
    """Cho's GRU as torch has it, one window (n, F), a step at a time."""
    units = u.shape[1]
    h = np.zeros(units)
    made = {name: [] for name in ("reset", "update", "candidate", "hidden")}
    first, second, third = slice(0, units), slice(units, 2 * units), slice(2 * units, None)
    for row in x:
        entered, state = w @ row + b, u @ h + c
        r, z = sigmoid(entered[first] + state[first]), sigmoid(entered[second] + state[second])
        n = np.tanh(entered[third] + r * state[third])
        h = (1 - z) * n + z * h
        for name, value in zip(made, (r, z, n, h), strict=True):
            made[name].append(value)
    return {name: np.array(steps) for name, steps in made.items()}


@pytest.mark.parametrize("model", ["lstm", "gru", "lstm-plain", "gru-plain"])
def test_they_are_those_of_the_equations(model):
    panel = weather()
    fitted = fc.fit(model, panel, horizon=12, **NET)
    origins = np.array([[0, 100], [0, 333], [1, 300]])
    found = states(fitted, panel, origins).layer()
    learned = fitted.learned
    net = learned.nets[0]
    _, inputs = next(learned._chunks(fitted.scaled(panel), origins, fitted.scaling.fitted(panel.ids)))
    with torch.no_grad():
        seen, _, z = net.anchored(inputs[0])
        entered = net._enter(net._segments(z, seen), net._known(inputs[1], inputs[4]).reading)
        hidden, _ = net.rnn(entered)
    weights = [weight.detach().numpy().astype("float64") for weight in net.rnn.parameters()]
    cell = lstm if found.cell == "lstm" else gru
    for place, window in enumerate(entered.numpy().astype("float64")):
        expected = cell(window, *weights)
        assert list(expected) == list(found.read)
        for name, steps in expected.items():
            assert np.abs(found.read[name][place] - steps).max() < 1e-6, name
    assert np.abs(found.read["hidden"] - hidden.numpy()).max() < 1e-6


@pytest.mark.parametrize("shape", SHAPES)
def test_they_are_those_of_torch_in_every_shape(shape):
    model, settings = SHAPES[shape]
    panel = rich()
    fitted = fc.fit(model, panel, horizon=12, **{**NET, **settings})
    made = states(fitted, panel, np.array([[0, 333], [1, 60]]))
    rows = fitted.learned.sized.sizes.segment
    assert made.distance < 1e-6
    assert made.rounding < 1e-6
    steps = -(-fitted.context // rows)
    layers = fitted.learned.sized.layers
    two_ways = 2 if settings.get("bidirectional") else 1
    assert len(made.layers) == layers * two_ways
    for one in made.layers:
        assert one.read["hidden"].shape == (2, steps, 10)
        assert (one.keeping > 0).all()
        assert (one.keeping < 1).all()
    answers = {"recursive": 12 // rows - 1, "linear": 0}.get(fitted.learned.sized.head, 12 // rows)
    assert made.answers.shape == (2, answers)
    if answers:
        assert made.layer().answered["hidden"].shape == (2, answers, 10)


def test_an_lstm_shows_what_its_cell_is_made_of():
    panel = weather()
    one = states(fc.fit("lstm", panel, horizon=12, **NET), panel).layer().read
    cell = np.zeros((2, 10))
    for step in range(4):
        cell = one["forget"][:, step] * cell + one["input"][:, step] * one["candidate"][:, step]
        assert np.allclose(one["cell"][:, step], cell, atol=1e-6)
        assert np.allclose(one["hidden"][:, step], one["output"][:, step] * np.tanh(cell), atol=1e-6)


def test_steps_are_labelled_with_their_stamps():
    panel = weather()
    fitted = fc.fit("gru", panel, horizon=12, **NET)
    made = states(fitted, panel, np.array([[0, 100], [1, 8]]))
    assert (made.stamps[0] == panel.times[[81, 87, 93, 99]]).all()
    assert np.isnat(made.stamps[1, :2]).all()
    assert made.stamps[1, 3] == panel.times[panel.starts[1] + 7]
    assert (made.answers[0] == panel.times[[100, 106]]).all()
    frame = made.to_frame()
    assert list(frame.columns[:4]) == ["unique_id", "cutoff", "ds", "unit"]
    assert len(frame) == 2 * 4 * 10
    assert frame["ds"].iloc[0] == pd.Timestamp(panel.times[81])


def test_how_long_a_unit_remembers_follows_from_its_gate():
    panel = single(np.sin(np.arange(300) / 4))
    fitted = fc.fit("lstm", panel, horizon=12, **NET)
    net = fitted.learned.nets[0]
    with torch.no_grad():
        for matrix in (net.rnn.weight_ih_l0, net.rnn.weight_hh_l0):
            matrix[10:20] = 0.0
        net.rnn.bias_hh_l0[10:20] = 0.0
        net.rnn.bias_ih_l0[10:20] = float(np.log(0.99 / 0.01))
        net.rnn.bias_ih_l0[10] = 0.0
        net.rnn.bias_ih_l0[11] = 60.0
    made = states(fitted, panel)
    memory = made.memory()
    assert memory[2] == pytest.approx(-6 / np.log(0.99), rel=1e-4)
    assert memory[0] == pytest.approx(-6 / np.log(0.5), rel=1e-4)
    assert np.isinf(memory[1])
    table = made.units().set_index("unit")
    assert table.loc[2, "gate"] == pytest.approx(0.99, abs=1e-5)
    assert table.loc[2, "hours"] == pytest.approx(memory[2])


def test_units_are_ordered_by_what_they_follow():
    random = np.random.default_rng(0)
    signal, noise = random.normal(size=(500, 1)), random.normal(size=(500, 1))
    units = np.hstack([noise, -2 * signal + 0.01 * noise, np.ones((500, 1))])
    signal[::7] = np.nan
    found = correlations(units, np.hstack([signal, np.zeros((500, 1))]))
    assert found[1, 0] == pytest.approx(-1, abs=1e-3)
    assert abs(found[0, 0]) < 0.15
    assert not found[2].any()
    assert not found[:, 1].any()
    panel = weather()
    made = states(fc.fit("gru", panel, horizon=12, **NET), panel, np.array([[0, r] for r in range(50, 400)]))
    table = made.units()
    assert (table["correlation"].abs().diff().dropna() <= 0).all()
    assert set(table["follows"]) <= {"temp", "lead", "sine of the day", "cosine of the day"}
    assert table["correlation"].abs()[0] > 0.5


def test_wide_nets_say_how_far_float32_is_from_what_they_forecast():
    panel = weather()
    fitted = fc.fit("gru", panel, horizon=12, **{**NET, "precision": "float32"})
    assert states(fitted, panel).rounding == 0
    if torch.cpu._is_avx512_bf16_supported():
        half = fc.fit("gru", panel, horizon=12, **{**NET, "precision": "bfloat16"})
        made = states(half, panel)
        assert 0 < made.rounding < 0.1
        assert made.distance < 1e-6


def test_each_member_and_each_new_series_has_its_own():
    panel = weather()
    past = panel.until(np.array([420, 0]))
    fitted, other = (fc.fit("gru", past, horizon=12, seed=seed, **NET) for seed in (0, 1))
    nets = (*fitted.learned.nets, *other.learned.nets)
    fitted = replace(fitted, learned=replace(fitted.learned, nets=nets))
    first, second = (states(fitted, panel, member=member) for member in (0, 1))
    assert not np.allclose(first.layer().read["hidden"], second.layer().read["hidden"])
    alone = states(fitted, panel, np.array([[1, 420]]))
    assert np.allclose(alone.layer().read["hidden"][0], first.layer().read["hidden"][1], atol=1e-6)


@pytest.mark.parametrize("model", ["ridge", "naive", "gru+ridge"])
def test_a_model_without_states_is_refused(model):
    panel = weather()
    settings = {"gru": NET} if "+" in model else {}
    fitted = fc.fit(model, panel, horizon=12, **settings)
    with pytest.raises(ForecastError, match="has no states: only a recurrent net does"):
        states(fitted, panel)


def test_what_is_not_there_is_refused():
    panel = weather()
    fitted = fc.fit("gru", panel, horizon=12, **NET)
    with pytest.raises(ForecastError, match="gru has members 0 to 0; found member=1"):
        states(fitted, panel, member=1)
    with pytest.raises(ForecastError, match=r"gru has no layer 'layer 2'. There is: layer 1"):
        states(fitted, panel).layer("layer 2")
    with pytest.raises(ForecastError, match=r"There is no origin \(series 2, row 5\)"):
        states(fitted, panel, np.array([[2, 5]]))
