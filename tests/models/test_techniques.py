"""Each setting of a recurrent forecaster does what its name says, and those that contradict each other are refused."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import HOURLY, hours, single, weather
from torch import nn

from forecast.data.panel import Column, make_panel
from forecast.errors import ForecastError
from forecast.fitting import fit
from forecast.models import spec
from forecast.models.nets.cells import Gru
from forecast.models.nets.feed import units_of
from forecast.models.nets.layers import Attention, Stack
from forecast.models.nets.losses import loss_of, mean_loss
from forecast.models.nets.net import Net
from forecast.models.nets.optimiser import penalty, plateau, schedule
from forecast.models.nets.recurrent import has_bfloat16
from forecast.models.nets.training import Training, _State
from forecast.saving import load, save
from forecast.task import Goal, Task

SMALL = {"units": 8, "steps": 60, "batch": 32, "context": 48}
TARGET = Goal(Task(12), ("y",))
HEADS = ("segments", "linear", "dense", "recursive")


def net(model="gru", goal=TARGET, series=0, seed=0, **settings):
    torch.manual_seed(seed)
    return Net(spec(model, **{**SMALL, "segment": 6, "anchor": "last", **settings}), goal, series, 0)


def inputs(made, batch=1, columns=1, seed=0):
    window = torch.randn(batch, 48, columns, generator=torch.Generator().manual_seed(seed))
    return window, torch.zeros(batch, dtype=torch.int64), torch.zeros(batch, made.answers, 0)


def stack(cell="gru", widths=(8,), **settings):
    usual = {
        "dropout": 0.0,
        "recurrent_dropout": 0.0,
        "norm": "none",
        "residual": False,
        "bidirectional": False,
        "asked": False,
    }
    torch.manual_seed(0)
    return Stack(cell, widths, **{**usual, **settings})


# --- the net


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_stack_without_extras_is_torch_s_own(cell):
    made = stack(cell, (8, 8))
    torchs = {"lstm": nn.LSTM, "gru": nn.GRU}[cell](8, 8, 2, batch_first=True)
    for i, layer in enumerate(made.layers):
        for name, weight in layer.cell.named_parameters():
            getattr(torchs, name.replace("l0", f"l{i}")).data.copy_(weight)
    x = torch.randn(3, 5, 8)
    (output, state), (expected, final) = made(x), torchs(x)
    assert torch.allclose(output, expected, atol=1e-6)
    more, _ = made(x[:, :1], state)
    assert torch.allclose(more, torchs(x[:, :1], final)[0], atol=1e-6)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_recurrent_dropout_mask_is_constant_over_time_and_new_for_each_batch(cell):
    made = stack(cell, (64, 64), recurrent_dropout=0.4, bidirectional=True).train()
    x = torch.randn(2, 6, 64)
    torch.manual_seed(1)
    whole, state = made(x)
    assert len(state.drawn) == 2
    assert all(len(both) == 2 for both in state.drawn)
    for matrix in (matrix for both in state.drawn for matrix in both):
        assert abs((matrix == 0).float().mean() - 0.4) < 0.02
    _, on = made(x[:, :1], state)
    assert all(
        one is two for one, two in zip(state.drawn[0], on.drawn[0], strict=True)
    )  # what is answered keeps the mask of what was read
    assert not torch.equal(made(x)[1].drawn[0][0], state.drawn[0][0])
    # one step after another with the same matrices gives the same states: no step had a mask of its own
    alone = stack(cell, (64,), recurrent_dropout=0.4).train()
    whole, first = alone(x)
    zeros = tuple(torch.zeros_like(part) for part in first.carried[0])
    output, carried = alone.layers[0].step(x[:, :1], zeros, first.drawn[0])
    for t in range(1, 6):
        output, carried = alone.layers[0].step(x[:, t : t + 1], carried, first.drawn[0])
    assert torch.allclose(output[:, 0], whole[:, -1], atol=1e-6)
    made.eval()
    assert torch.equal(made(x)[0], made(x)[0])


@pytest.mark.parametrize(
    "settings",
    [
        {"dropout": 0.4},
        {"input_dropout": 0.4},
        {"recurrent_dropout": 0.4},
        {"target_noise": 0.3},
        {"scaling": 0.3},
    ],
)
@pytest.mark.parametrize("head", HEADS)
def test_each_disturbance_acts_with_one_layer_and_only_in_training(settings, head):
    made = net(head=head, **{"dropout": 0.0, **settings})
    window = inputs(made)
    assert not torch.equal(made.train()(*window), made(*window))
    assert torch.equal(made.eval()(*window), made(*window))


def test_dropout_acts_between_the_layers_of_a_stack():
    made = stack(widths=(8, 4), dropout=0.5).train()
    x = torch.randn(2, 3, 8)
    assert not torch.equal(made(x)[0], made(x)[0])
    alone = stack(widths=(8,), dropout=0.5).train()
    assert torch.equal(
        alone(x)[0], alone(x)[0]
    )  # there is nothing between; that before the head is the net's


@pytest.mark.parametrize("model", ["lstm", "gru"])
@pytest.mark.parametrize("head", HEADS)
def test_a_bidirectional_net_uses_both_ends(model, head):
    """The backward cell alone reaches the first input and the last."""
    made = net(model, head=head, bidirectional=True, anchor="none", skip=False).eval()
    with torch.no_grad():
        made.rnn.layers[0].joins[0].weight[:, :8] = 0.0  # of the forward cell nothing is left in h
        made.rnn.layers[0].joins[-1].weight[:, :8] = 0.0
    window, series, calendar = inputs(made)
    made(window.requires_grad_(), series, calendar)[0, 0].sum().backward()
    assert window.grad[0, 0].abs() > 1e-8
    assert window.grad[0, -1].abs() > 1e-8


def test_the_two_directions_are_joined_at_their_own_ends():
    made = stack(bidirectional=True)
    x = torch.randn(2, 5, 8)
    _, state = made(x)
    layer = made.layers[0]
    forward, backward = layer.cell(x)[1], layer.back(x.flip(1))[1]
    assert torch.allclose(state.end, layer.joins[0](torch.cat([forward[0], backward[0]], 1)), atol=1e-6)


@pytest.mark.parametrize("name", ["layer", "batch"])
def test_a_norm_normalises_what_enters_each_layer(name):
    made = stack(widths=(16, 16), norm=name, asked=True).train()
    entered = []
    for layer in made.layers:
        layer.norm.register_forward_hook(lambda module, given, made: entered.append(made))
    _, state = made(5 + 3 * torch.randn(64, 10, 16))
    axis = 1 if name == "layer" else 0
    assert len(entered) == 2
    for x in entered:
        assert x.mean(axis).abs().max() < 1e-4
        assert (x.var(axis, unbiased=False) - 1).abs().max() < 0.02
    assert len(entered) == 2
    made(torch.randn(64, 1, 16), state)
    assert len(entered) == 2  # what is asked has a norm of its own


def test_a_batch_norm_s_counts_reach_the_averaged_weights():
    panel = weather((300,))
    learned = fit("gru", panel, 6, norm="batch", **SMALL).learned
    mean = learned.arrays()["member.0.rnn.layers.0.norm.running_mean"]
    assert np.abs(mean).max() > 1e-3


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_residual_stack_of_zero_weights_is_the_identity(cell, bidirectional):
    made = stack(cell, (8, 8, 8), residual=True, bidirectional=bidirectional)
    for weight in made.parameters():
        nn.init.zeros_(weight)
    x = torch.randn(2, 5, 8)
    output, state = made(x)
    assert torch.equal(output, x)
    assert torch.equal(state.end, x[:, -1])


@pytest.mark.parametrize("settings", [{}, {"norm": "layer"}])
def test_layers_stand_one_on_another(settings):
    made = net(layers=3, **settings)
    count = made.rnn.num_layers if isinstance(made.rnn, nn.GRU) else len(made.rnn.layers)
    assert count == 3
    window = inputs(made)
    before = made.eval()(*window)
    top = [
        weight for name, weight in made.rnn.named_parameters() if "l2" in name or name.startswith("layers.2.")
    ]
    assert top
    with torch.no_grad():
        for weight in top:
            weight.zero_()
    assert not torch.equal(made(*window), before)


@pytest.mark.parametrize(
    ("anchor", "expected"),
    [
        ({"anchor": "last"}, 3.0),
        ({"anchor": "target"}, 3.0),
        ({"anchor": "mean", "span": 4}, 2.0),
        ({"anchor": "none"}, 0.0),
    ],
)
def test_a_net_of_zero_weights_forecasts_its_anchor(anchor, expected):
    made = net(goal=Goal(Task(12), ("y", "x")), skip=False, **anchor).eval()
    nn.init.zeros_(made.head.weight)
    nn.init.zeros_(made.head.bias)
    window = torch.full((1, 48, 2), 50.0)
    window[0, -5:, 0] = torch.tensor([9.0, 0, math.nan, 3, 3])  # the last four have a mean of 2
    forecast = made(window, *inputs(made)[1:])[0, :, 0]
    assert forecast.tolist() == pytest.approx([expected] * 12)
    level = made._anchor(window, ~torch.isnan(window))[0, 1].item()
    assert level == (50.0 if anchor["anchor"] in ("last", "mean") else 0.0)  # that of the other columns


def test_units_as_a_list_are_the_widths_of_the_layers():
    made = net(units=[16, 4])
    assert [layer.cell.hidden_size for layer in made.rnn.layers] == [16, 4]
    assert made.head.in_features == 4
    assert "16 + 4 units" in fit("gru", weather((300,)), 6, **{**SMALL, "units": [16, 4]}).log.notes[0]


def test_attention_weights_sum_to_one_and_pool():
    torch.manual_seed(0)
    made = Attention(8)
    states = torch.randn(3, 5, 8)
    pooled, weights = made(states)
    assert torch.allclose(weights.sum(1), torch.ones(3))
    assert (weights > 0).all()
    assert torch.allclose(pooled[1], weights[1] @ states[1], atol=1e-6)


def marked(count, random):
    """Windows of noise in which a second column marks one step, the step, and the value there, which is to be forecast."""
    y, at = torch.randn(count, 20, generator=random), torch.randint(20, (count, 1), generator=random)
    return torch.stack([y, torch.zeros(count, 20).scatter_(1, at, 1.0)], 2), at[:, 0], y.gather(1, at)


@pytest.mark.parametrize("model", ["lstm", "gru"])
def test_attention_finds_the_one_informative_step(model):
    settings = {
        "units": 16,
        "context": 20,
        "segment": 1,
        "anchor": "none",
        "skip": False,
        "noise": 0.0,
        "dropout": 0.0,
        "attention": True,
    }
    made, random = net(model, Goal(Task(1), ("y", "mark")), **settings), torch.Generator().manual_seed(0)
    optimiser, nobody = torch.optim.Adam(made.parameters(), 1e-2), torch.zeros(64, dtype=torch.int64)
    for _ in range(250):
        window, _, value = marked(64, random)
        optimiser.zero_grad()
        (made(window, nobody, torch.zeros(64, 1, 0))[..., 0] - value).abs().mean().backward()
        optimiser.step()
    window, at, _ = marked(1000, random)
    weights = made.attend(window, torch.zeros(1000, dtype=torch.int64))
    assert torch.allclose(weights.sum(1), torch.ones(1000), atol=1e-5)
    assert (weights.argmax(1) == at).float().mean() >= 0.95


@pytest.mark.parametrize(
    ("init", "variance"), [("glorot", lambda ins, outs: 2 / (ins + outs)), ("he", lambda ins, outs: 2 / ins)]
)
def test_an_initialisation_has_its_moments(init, variance):
    made = net("lstm", units=128, init=init)
    matrices = [made.enter.weight, *made.rnn.weight_ih_l0.chunk(4), *made.rnn.weight_hh_l0.chunk(4)]
    for matrix in matrices:
        outs, ins = matrix.shape
        matrix = matrix.detach()
        assert abs(matrix.mean()) < 0.1 * math.sqrt(variance(ins, outs))
        assert matrix.var().item() == pytest.approx(variance(ins, outs), rel=0.15)
    assert not made.rnn.bias_ih_l0.any()
    assert not made.skip.weight.any()


@pytest.mark.parametrize("settings", [{}, {"units": [16, 8], "bidirectional": True}])
@pytest.mark.parametrize("model", ["lstm", "gru"])
def test_orthogonal_recurrent_matrices(model, settings):
    made = net(model, init="orthogonal", **settings)
    cells = [part for part in made.modules() if isinstance(part, nn.LSTM | nn.GRU)]
    assert cells
    for cell in cells:
        for gate in cell.weight_hh_l0.split(cell.hidden_size):
            assert torch.allclose(gate @ gate.T, torch.eye(len(gate)), atol=1e-5)


@pytest.mark.parametrize("settings", [{}, {"init": "glorot"}, {"units": [8, 4]}])
def test_the_bias_of_the_forget_gate(settings):
    made = net("lstm", forget_bias=1.0, **settings)
    for cell in (part for part in made.modules() if isinstance(part, nn.LSTM)):
        whole = cell.bias_ih_l0 + cell.bias_hh_l0
        assert torch.equal(whole[cell.hidden_size : 2 * cell.hidden_size], torch.ones(cell.hidden_size))
        assert not (whole[: cell.hidden_size] == 1).any()


# --- heads


@pytest.mark.parametrize("model", ["lstm", "gru"])
@pytest.mark.parametrize(
    "settings", [{}, {"bidirectional": True, "residual": True, "attention": True, "norm": "layer"}]
)
def test_recursive_equals_direct_at_horizon_one_given_equal_weights(model, settings):
    one = Goal(Task(1), ("y", "x"))
    direct, recursive = (
        net(model, one, 3, head=head, segment=1, **settings).eval() for head in ("linear", "recursive")
    )
    recursive.load_state_dict(direct.state_dict())
    nn.init.normal_(direct.skip.weight)
    recursive.skip.load_state_dict(direct.skip.state_dict())
    window = inputs(direct, 4, 2)
    assert torch.allclose(direct(*window), recursive(*window), atol=1e-6)


def test_the_recursive_head_reads_its_own_forecasts_as_if_observed():
    made = net(goal=Goal(Task(3), ("y", "x")), head="recursive", segment=1, context=48, skip=False).eval()
    window, series, calendar = inputs(made, 2, 2)
    whole = made(window, series, calendar)
    longer = torch.cat([window, torch.stack([whole[:, 0, 0], torch.full((2,), torch.nan)], 1)[:, None]], 1)
    made.anchor = "last"
    anchor = made._anchor(window, ~torch.isnan(window))
    made._anchor = lambda *_: anchor  # that of the first window: a longer one would have another
    assert torch.allclose(made(longer, series, calendar)[:, 0], whole[:, 1], atol=1e-5)


def test_the_dense_head_has_a_hidden_relu_layer():
    made = net(head="dense")
    assert [type(part) for part in made.head] == [nn.Linear, nn.ReLU, nn.Linear]
    assert made.head[2].out_features == 12


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(
    "settings", [{}, {"units": [8, 6], "bidirectional": True, "attention": True, "norm": "batch"}]
)
def test_every_head_is_saved_and_loaded(head, settings, tmp_path):
    panel = weather((300,))
    fitted = fit(
        "lstm",
        panel,
        6,
        intervals=(80,),
        **{**SMALL, "steps": 24, "loss": "quantile", "head": head, **settings},
    )
    save(fitted, tmp_path / "model.safetensors")
    loaded = load(tmp_path)
    assert loaded.spec == fitted.spec
    assert np.array_equal(loaded.predict(panel).quantiles, fitted.predict(panel).quantiles)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize(
    "settings",
    [{}, {"attention": True, "bidirectional": True, "norm": "batch"}, {"head": "recursive", "segment": 1}],
)
def test_everything_a_net_makes_is_on_the_device_of_its_weights(cell, settings):
    """On torch's meta device, which holds no values: a tensor made on the processor by oversight would not go with them."""
    goal = Goal(Task(12, levels=(0.1, 0.5, 0.9)), ("y", "x"))
    made = (
        net(cell, goal, series=3, loss="quantile", noise=0.3, target_noise=0.1, scaling=0.1, **settings)
        .to("meta")
        .train()
    )
    forecast = made(*made.example())
    assert forecast.device.type == "meta"
    loss = loss_of("quantile", goal.levels)(forecast, forecast[..., 0]).mean()
    assert loss.device.type == "meta"


# --- training


def how(**settings):
    usual = {
        "steps": 100,
        "finish": 0,
        "batch": 8,
        "learning_rate": 0.1,
        "weight_decay": 0.0,
        "clip": 1e9,
        "average": 0.0,
        "patience": 5,
    }
    return Training(
        **{
            **usual,
            "loss": loss_of("mse", ()),
            "half": False,
            "schedule": "constant",
            "warmup": 0.0,
            **settings,
        }
    )


class Line(nn.Module):
    """(B, 3) -> (B, 1, 1)."""

    def __init__(self):
        super().__init__()
        self.enter = nn.Linear(3, 1)

    def forward(self, x):
        return self.enter(x)[..., None]


def stepped(count=1, target=100.0, **settings):
    """A line after some steps on one batch, and the gradient that its last step used."""
    torch.manual_seed(0)
    line = Line()
    state = _State(line, how(**settings))
    for _ in range(count):
        state.advance((torch.eye(3),), torch.full((3, 1), target))
    return line, torch.cat([weight.grad.flatten() for weight in line.parameters()]), state


def test_gradients_are_clipped_by_norm_and_by_value():
    _, free, _ = stepped()
    assert free.norm() > 50
    assert stepped(clip=0.5)[1].norm() == pytest.approx(0.5, rel=1e-4)
    _, cut, _ = stepped(clip_value=0.25)
    assert torch.equal(cut.abs(), torch.full((4,), 0.25))
    assert stepped(clip_value=0.25, clip=0.1)[1].norm() == pytest.approx(0.1, rel=1e-4)


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("adamw", lambda g: -0.1 * g.sign()),
        ("adam", lambda g: -0.1 * g.sign()),
        ("rmsprop", lambda g: -g.sign()),
        ("sgd", lambda g: -0.1 * g),
    ],
)
def test_the_first_step_of_an_optimiser(name, step):
    torch.manual_seed(0)
    before = torch.cat([weight.detach().flatten() for weight in Line().parameters()])
    line, gradient, _ = stepped(optimiser=name)
    after = torch.cat([weight.detach().flatten() for weight in line.parameters()])
    assert torch.allclose(after - before, step(gradient), rtol=1e-3, atol=1e-5)


def test_momentum_keeps_going():
    free, heavy = (
        stepped(3, optimiser="sgd", learning_rate=1e-4, momentum=momentum)[0].enter.weight.detach()
        for momentum in (0.0, 0.9)
    )
    assert (heavy > free).all()  # both go towards a target far above


def test_weight_decay_shrinks_all_weights_where_there_is_no_gradient():
    torch.manual_seed(0)
    line = Line()
    before = torch.cat([weight.detach().flatten() for weight in line.parameters()])
    _State(line, how(optimiser="adamw", weight_decay=0.5)).advance(
        (torch.eye(3),), line(torch.eye(3))[..., 0].detach()
    )
    after = torch.cat([weight.detach().flatten() for weight in line.parameters()])
    assert torch.allclose(after, before * (1 - 0.1 * 0.5))


@pytest.mark.parametrize("average", [0.0, 0.5, 0.99])
def test_the_average_of_the_weights_is_exponential_and_shorter_at_first(average):
    torch.manual_seed(0)
    line = Line()
    state = _State(line, how(average=average))
    expected = line.enter.weight.detach().clone()
    for step in range(30):
        state.advance((torch.eye(3),), torch.full((3, 1), 100.0))
        keep = min(average, (1 + step) / (10 + step))
        expected = keep * expected + (1 - keep) * line.enter.weight.detach()
    assert torch.allclose(state.average.enter.weight, expected, rtol=1e-5)
    assert torch.equal(state.average.enter.weight, line.enter.weight) == (average == 0)


@pytest.mark.skipif(
    not has_bfloat16(torch.device("cpu")), reason="this processor has no products in bfloat16"
)
def test_bfloat16_is_of_the_products_and_not_of_the_weights():
    panel = weather((300,))
    whole, half, auto = (
        fit("gru", panel, 6, **{**SMALL, "steps": 12}, **chosen).learned
        for chosen in ({"precision": "float32"}, {"precision": "bfloat16"}, {})
    )
    assert {tensor.dtype for tensor in half.nets[0].parameters()} == {torch.float32}
    names = [name for name in whole.arrays() if name.startswith("member")]
    assert all(
        np.array_equal(whole.arrays()[name], auto.arrays()[name]) for name in names
    )  # few units gain nothing by it
    assert not all(np.array_equal(whole.arrays()[name], half.arrays()[name]) for name in names)
    assert np.abs(whole.log.history[-1][2] - half.log.history[-1][2]) < 0.05


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(
        ForecastError,
        match=r"`gru\.device=cuda`, but torch finds no GPU here\. Take `gru\.device=cpu`, or leave it out",
    ):
        fit("gru", weather((300,)), 6, device="cuda", **SMALL)


def test_validation_is_the_share_of_windows_that_judge_and_do_not_train():
    """Of one series of 300 rows: the judged targets lie in its last rows, and no training window reaches into them."""

    def trained(share):
        note = fit("gru", weather((300,)), 6, **{**SMALL, "steps": 12}, validation=share).log.notes[0]
        return int(note.partition(" training windows")[0].rpartition(" ")[2].replace(",", ""))

    assert [trained(share) for share in (0.1, 0.2, 0.4)] == [
        300 - 48 - 6 + 1 - round(300 * share) for share in (0.1, 0.2, 0.4)
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mae", [0.5, 3.0]), ("mse", [0.25, 9.0]), ("huber", [0.125, 2.5]), ("quantile", [0.5, 3.0])],
)
def test_a_loss_has_its_closed_form(name, expected):
    forecast, target = torch.zeros(1, 2, 1), torch.tensor([[0.5, -3.0]])
    assert loss_of(name, ())(forecast, target)[0].tolist() == pytest.approx(expected)


def test_the_pinball_loss_weighs_what_is_above_by_the_level():
    forecast, target = torch.zeros(1, 2, 2), torch.tensor([[1.0, -1.0]])
    assert loss_of("quantile", (0.5, 0.9))(forecast, target)[0].tolist() == pytest.approx(
        [(0.5 + 0.9) / 1, (0.5 + 0.1) / 1]
    )


STEPS = 1000


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("cosine", {0: 1.0, 500: 0.51, 999: 0.02}),
        ("constant", {0: 1.0, 500: 1.0, 999: 1.0}),
        ("exponential", {0: 1.0, 500: math.sqrt(0.02), 250: 0.02**0.25, 999: 0.02**0.999}),
        ("staircase", {0: 1.0, 199: 1.0, 200: 0.02**0.25, 599: math.sqrt(0.02), 999: 0.02}),
        ("plateau", {0: 1.0, 999: 1.0}),
        ("one-cycle", {0: 0.04, 150: 0.52, 300: 1.0, 650: 0.5, 999: 0.0}),
    ],
)
def test_a_schedule_has_its_closed_form(kind, values):
    for step, share in values.items():
        assert schedule(step, STEPS, kind, None if kind == "one-cycle" else 0.0) == pytest.approx(
            share, abs=1e-4
        )


def test_a_warm_up_is_linear_over_its_share_of_the_steps():
    assert [schedule(step, STEPS, "constant", 0.2) for step in (0, 99, 199, 500)] == pytest.approx(
        [1 / 200, 0.5, 1.0, 1.0]
    )
    assert schedule(49, STEPS, "constant") == pytest.approx(0.5)


def test_a_plateau_halves_the_rate_after_each_look_that_was_not_the_lowest():
    assert [plateau(losses) for losses in ([], [3.0], [3.0, 2.0], [3.0, 2.0, 2.5], [3.0, 2.0, 2.5, 2.0])] == [
        1,
        1,
        1,
        0.5,
        0.25,
    ]
    _, _, state = stepped(schedule="plateau")
    for value in (1.0, 2.0, 3.0):
        state.history.append((0, 0.0, value))
    assert state.rate == pytest.approx(0.025)


def test_l1_drives_weights_to_zero_and_l2_makes_them_small():
    panel = weather((300,))
    shares, sizes = {}, {}
    for name, settings in {"none": {}, "l1": {"l1": 3e-2}, "l2": {"l2": 3e-2}}.items():
        learned = fit(
            "gru",
            panel,
            6,
            **{**SMALL, "steps": 200, "patience": 12, "batch": 16, "finish": 0.0},
            learning_rate=1e-2,
            **settings,
        ).learned
        weights = np.concatenate(
            [array.ravel() for key, array in learned.arrays().items() if "rnn.weight" in key]
        )
        shares[name], sizes[name] = (np.abs(weights) < 1e-2).mean(), np.square(weights).sum()
    assert shares["l1"] > 0.8
    assert shares["none"] < 0.1
    assert sizes["l2"] < 0.2 * sizes["none"]


def test_a_penalty_is_of_weights_and_of_nothing_else():
    made = net(series=3)
    with torch.no_grad():
        for name, weight in made.named_parameters():
            weight.fill_(1.0 if "weight" in name else 100.0)
    count = sum(weight.numel() for name, weight in made.named_parameters() if "weight" in name)
    assert penalty(made, 0.5, 0.25).item() == pytest.approx(0.75 * count)


def test_noise_and_scaling_disturb_as_much_as_they_say():
    made = net(goal=Goal(Task(12), ("y", "x")), target_noise=0.3, scaling=0.2, noise=0.0)
    seen = torch.ones(2000, 48, 2, dtype=torch.bool)
    seen[:, 0] = False
    z = torch.zeros(2000, 48, 2)
    factor = made._augment(z, seen)
    assert factor.log().std() == pytest.approx(0.2, rel=0.1)
    assert (z[:, 1:, 0] / factor[:, 0]).std() == pytest.approx(0.3, rel=0.05)
    assert not z[:, 0].any()  # what is missing stays so
    assert not z[:, :, 1].any()


def test_noise_is_one_offset_a_window_to_each_past_column():
    made = net(goal=Goal(Task(12), ("y", "x", "w")), noise=0.4)
    seen = torch.ones(2000, 48, 3, dtype=torch.bool)
    seen[:, 0] = False
    z = torch.zeros(2000, 48, 3)
    assert made._augment(z, seen) is None
    assert not z[..., 0].any()  # the target has none
    assert not z[:, 0].any()  # what is missing stays so
    assert torch.equal(z[:, 1:, 1:], z[:, -1:, 1:].expand(-1, 47, -1))
    assert z[:, -1, 1:].std(0).tolist() == pytest.approx([0.4, 0.4], rel=0.1)
    assert abs(torch.corrcoef(z[:, -1, 1:].T)[0, 1]) < 0.1


def test_scaling_scales_the_answer_too():
    """A linear forecaster answers a window times f with its answer times f: for it the augmentation changes nothing."""
    made = net(scaling=0.5, dropout=0.0, noise=0.0)
    nn.init.zeros_(made.head.weight)
    nn.init.zeros_(made.head.bias)
    nn.init.normal_(made.skip.weight)
    window = inputs(made, 5)
    assert torch.allclose(made.train()(*window), made.eval()(*window), atol=1e-4)


def several(values):
    """Hourly series of one length without past columns."""
    times = [hours(len(one)) for one in values]
    ids = tuple(f"{i:02d}" for i in range(len(values)))
    return make_panel(
        ids, times, [np.asarray(one, float)[:, None] for one in values], (Column("y", "target"),), HOURLY
    )


def test_qlike_is_that_of_the_values_whose_logs_are_forecast():
    y, f = torch.tensor([[0.5, 2.0, 7.0]]), torch.tensor([[1.0, 2.0, 3.0]])
    loss = loss_of("qlike", ())(f.log()[..., None], y.log())
    assert torch.allclose(loss, y / f - (y / f).log() - 1, atol=1e-6)


def test_qlike_is_of_logs_and_says_so():
    panel = single(np.exp(np.random.default_rng(0).normal(size=300)))
    with pytest.raises(
        ForecastError,
        match=r"`gru\.loss=qlike` compares variances in logs: add `transform=log` and `scale=none`",
    ):
        fit("gru", panel, 1, transform="log", loss="qlike", **SMALL)
    assert (
        fit("gru", panel, 1, transform="log", scale="none", loss="qlike", **SMALL).predict(panel).values > 0
    )


def test_series_count_by_the_error_of_their_own_naive_forecast():
    """Mean errors over three days of 1, 2 and 0 against yesterday's same hour: the last counts as a twentieth of the mean."""
    rows = np.arange(72)
    panel = several([rows // 24 + np.sin(rows % 24), 2 * (rows // 24), np.zeros(72)])
    easy = 0.05 * np.mean([1, 2, 0])
    units = np.array([1, 0.5, 1 / easy])
    assert units_of(panel, "mase") == pytest.approx(units / units.mean())
    both = 1 + units
    assert units_of(panel, "owa") == pytest.approx(both / both.mean())
    assert units_of(panel, "equal") is None


def test_a_unit_multiplies_errors():
    forecast, target, unit = (
        torch.tensor([[[1.0]], [[3.0]]]),
        torch.tensor([[2.0], [5.0]]),
        torch.tensor([3.0, 0.5]),
    )
    assert mean_loss(loss_of("mae", ()), forecast, target, unit) == (3 * 1 + 0.5 * 2) / 2
    assert mean_loss(loss_of("mse", ()), forecast, target, unit) == (9 + 1) / 2


def test_weighting_is_of_series_and_changes_nothing_where_there_is_one():
    def forecasts(panel, weighting):
        return fit("gru", panel, 6, weighting=weighting, **SMALL).predict(panel).values

    random = np.random.default_rng(0)
    easy, hard = np.sin(0.26 * np.arange(300)), random.normal(size=300)
    assert not np.array_equal(
        *(forecasts(several([easy, hard]), weighting) for weighting in ("equal", "mase"))
    )
    assert np.array_equal(*(forecasts(single(easy), weighting) for weighting in ("equal", "mase")))


# --- together


EXOTIC = [
    {
        "optimiser": "rmsprop",
        "norm": "batch",
        "recurrent_dropout": 0.3,
        "bidirectional": True,
        "attention": True,
        "schedule": "plateau",
    },
    {
        "optimiser": "sgd",
        "units": [8, 6],
        "l1": 1e-4,
        "clip_value": 0.1,
        "scaling": 0.2,
        "target_noise": 0.1,
        "head": "dense",
        "bidirectional": True,
    },
    {
        "optimiser": "sgd",
        "momentum": 0.0,
        "residual": True,
        "layers": 2,
        "norm": "layer",
        "schedule": "one-cycle",
        "head": "recursive",
        "segment": 3,
    },
]


@pytest.mark.parametrize("settings", EXOTIC)
@pytest.mark.parametrize("last", [3, 14])
def test_a_fit_with_exotic_settings_goes_on_from_a_checkpoint_to_the_same_bits(settings, last, tmp_path):
    from test_training import Memory

    from forecast.files import load_arrays, save_arrays

    panel, memory, settings = weather((300,)), Memory(last=last), {**SMALL, "patience": 12, **settings}
    whole = fit("lstm", panel, 6, **settings)
    with pytest.raises(KeyboardInterrupt):
        fit("lstm", panel, 6, watch=memory, **settings)
    save_arrays(tmp_path / "checkpoint", *memory.saved)  # through a file, as a run folder keeps it
    memory.saved = load_arrays(tmp_path / "checkpoint")
    resumed = fit("lstm", panel, 6, watch=memory, **settings)
    assert resumed.log.history == whole.log.history
    for name, array in whole.learned.arrays().items():
        assert np.array_equal(array, resumed.learned.arrays()[name]), name


def gappy(lengths, late=None):
    """A panel with a fifth of its values missing; those of the first series from row `late` on are others."""
    panel = weather(lengths)
    values = panel.values.copy()
    values[np.random.default_rng(2).random(values.shape) < 0.2] = np.nan
    if late is not None:
        values[late : lengths[0]] = 99.0
    return replace(panel, values=values)


def test_bfloat16_on_a_processor_without_it_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    with pytest.raises(ForecastError, match=r"`gru.precision=bfloat16`, but this processor"):
        fit("gru", weather((300,)), 6, **SMALL, precision="bfloat16")


@pytest.mark.parametrize("settings", EXOTIC)
def test_exotic_nets_bear_missing_values_answer_one_by_one_as_together_and_see_nothing_later(settings):
    panel = gappy((300, 80))
    precision = "bfloat16" if has_bfloat16(torch.device("cpu")) else "float32"
    fitted = fit("lstm", panel, 6, **{**SMALL, "steps": 12, "precision": precision, **settings})
    origins = np.array([[s, row] for s in (0, 1) for row in range(5, 75, 10)])
    values = fitted.predict(panel, origins).values
    assert np.isfinite(values).all()
    assert (
        np.abs(
            values - np.concatenate([fitted.predict(panel, origins[[i]]).values for i in range(len(origins))])
        ).max()
        < 1e-4
    )
    early = origins[(origins[:, 0] == 0) & (origins[:, 1] <= 45)]
    assert np.array_equal(
        fitted.predict(gappy((300, 80), late=45), early).values, fitted.predict(panel, early).values
    )


@pytest.mark.parametrize("model", ["lstm", "gru"])
def test_by_default_nothing_is_added_to_a_plain_cell(model):
    made = net(model)
    assert type(made.rnn) is {"lstm": nn.LSTM, "gru": Gru}[model]
    parts = {name.partition(".")[0] for name, _ in made.named_parameters()}
    assert parts == {"enter", "rnn", "head", "position", "skip"}
    assert [name for name, _ in made.named_buffers()] == ["trust"]
    assert not list(net(model, shrink=False).buffers())
    torch.manual_seed(5)
    made.eval()(*inputs(made))
    state = torch.get_rng_state()
    torch.manual_seed(5)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("name", ["sgd", "rmsprop", "adam"])
def test_each_optimiser_learns_at_its_usual_rate(name):
    wave = single(np.sin(0.1 * np.arange(600)))
    learned = fit(
        "gru", wave, 1, units=16, steps=120, batch=32, skip=False, dropout=0.0, finish=0.0, optimiser=name
    ).learned
    values = [value for _, _, value in learned.log.history]
    assert min(values) < 0.8 * values[0]


class Asked:
    """A trial that takes one of the ends of every range, and names what it was asked."""

    def __init__(self, last):
        self.last, self.params = last, {}

    def suggest_categorical(self, name, choices):
        self.params[name] = choices[-self.last]
        return self.params[name]

    def suggest_float(self, name, low, high, **_):
        self.params[name] = (low, high)[self.last]
        return self.params[name]

    suggest_int = suggest_float


@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"units": [64, 32], "layers": 2},
        {"optimiser": "sgd", "momentum": 0.5},
        {"weight_decay": 0.1},
        {"warmup": 0.1},
        {"span": 24, "anchor": "mean"},
        {"span": 24, "anchor": "season"},
        {"batch": 1},
    ],
)
def test_a_full_study_tries_no_contradiction_and_its_findings_are_settings(settings, last):
    base, trial = spec("gru", search="full", **settings), Asked(last)
    candidate = base.space(trial)
    assert candidate == spec("gru", **{**settings, "search": "full", **trial.params})
    assert {"recurrent_dropout", "attention", "schedule", "scaling"} <= set(trial.params)


@pytest.mark.parametrize("model", ["lstm", "gru", "gru-plain"])
def test_the_default_is_a_trial_of_the_full_study(model):
    from optuna.trial import FixedTrial

    from forecast.evaluation.folds import WalkForward
    from forecast.tuning.objective import Search
    from forecast.tuning.space import space_of

    panel, base = weather((300,)), spec(model, search="full")
    search = Search.before_test(panel, WalkForward(horizon=6), Task(), 0)
    settled = base.settle(search.panel, 6)
    first = base.space(FixedTrial(space_of(base).default(settled)))  # refuses what is outside a range
    assert first.settle(search.panel, 6) == settled


# --- contradictions


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        (
            "gru",
            {"units": [64, 32], "layers": 3},
            r"gru: layers = 3, but units = \[64, 32\] has 2 widths\. Leave layers out",
        ),
        ("gru", {"units": []}, "units = .* names no layer"),
        ("gru", {"units": [64, 32], "residual": True}, r"all widths are equal; found units = \[64, 32\]"),
        ("gru", {"forget_bias": 1.0}, "a GRU has no forget gate"),
        (
            "lstm",
            {"weight_decay": 0.1, "optimiser": "sgd"},
            "lstm: weight_decay is of adamw; with optimiser sgd use l2",
        ),
        ("gru", {"momentum": 0.5}, "momentum is of sgd, not of adamw"),
        ("gru", {"schedule": "one-cycle", "warmup": 0.1}, "one-cycle has a warm-up of its own"),
        ("gru", {"span": 24}, "span is of the anchors mean and season, not of auto"),
        ("gru", {"norm": "batch", "batch": 1}, "norm batch needs batches of at least 2 windows"),
        ("gru", {"optimiser": "adamax"}, "gru.optimiser = 'adamax'"),
        ("gru", {"recurrent_dropout": 1.0}, "gru.recurrent_dropout = 1.0"),
        ("gru", {"units": [8, 0]}, r"gru.units = \[8, 0\]"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(model, settings, message):
    with pytest.raises(ForecastError, match=message):
        spec(model, **settings)
