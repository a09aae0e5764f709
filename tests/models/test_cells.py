"""The GRU with its passes written out is torch's GRU: forwards, backwards, from a state, in layers, in bfloat16."""

import copy

import pytest
import torch
from torch import nn

from forecast.models.nets.cells import Gru


def pair(features=5, units=7, layers=1, kind=torch.float64):
    """Torch's GRU, and ours with the same weights."""
    torch.manual_seed(0)
    theirs = nn.GRU(features, units, layers, batch_first=True).to(kind)
    ours = Gru(features, units, layers).to(kind)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("started", [False, True])
def test_outputs_states_and_gradients_are_those_of_torch(layers, started):
    theirs, ours = pair(layers=layers)
    x = torch.randn(4, 6, 5, dtype=torch.float64)
    start = torch.randn(layers, 4, 7, dtype=torch.float64)
    found = []
    for cell in (theirs, ours):
        read, state = x.clone().requires_grad_(), start.clone().requires_grad_()
        output, end = cell(read, state) if started else cell(read)
        (output.sin().sum() + end.square().sum()).backward()
        gradients = (
            [weight.grad for weight in cell.parameters()] + [read.grad] + ([state.grad] if started else [])
        )
        found.append([output, end, *gradients])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("used", ["outputs", "end"])
def test_gradients_by_differences(used):
    _, ours = pair(3, 4)
    x, start = (
        torch.randn(2, 3, 3, dtype=torch.float64, requires_grad=True),
        torch.randn(1, 2, 4, dtype=torch.float64, requires_grad=True),
    )
    assert torch.autograd.gradcheck(lambda *given: ours(*given)[0 if used == "outputs" else 1], (x, start))


def test_within_autocast_it_computes_in_bfloat16_and_its_weights_keep_float32_gradients():
    theirs, ours = pair(16, 32, kind=torch.float32)
    x = torch.randn(8, 5, 16)
    exact = theirs(x)[0]
    with torch.autocast("cpu", torch.bfloat16):
        output, end = ours(x)
    assert output.dtype == end.dtype == torch.bfloat16
    torch.testing.assert_close(output.float(), exact, rtol=0, atol=0.02)
    output.float().sum().backward()
    assert {weight.grad.dtype for weight in ours.parameters()} == {torch.float32}


def test_without_gradients_the_answers_keep_their_bits():
    _, ours = pair(kind=torch.float32)
    x = torch.randn(4, 6, 5)
    with torch.inference_mode():
        quiet = ours(x)
    assert all(torch.equal(one, other) for one, other in zip(quiet, ours(x), strict=True))


def test_dropout_acts_between_its_layers_in_training_alone():
    torch.manual_seed(0)
    ours = Gru(5, 7, 2, dropout=0.5)
    x = torch.randn(4, 6, 5)
    twin = copy.deepcopy(ours)
    assert not torch.equal(ours(x)[0], twin(x)[0])
    ours.eval(), twin.eval()
    assert torch.equal(ours(x)[0], twin(x)[0])
