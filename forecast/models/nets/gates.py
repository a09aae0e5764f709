"""Gates and states of LSTM and GRU cells, step by step: torch gives the hidden state alone.

They are computed again in float32 from the weights and from what entered each cell. A cell is asked
more than once in a forecast: it reads the window, and then answers.

Axes as in `net.py`, and G arrays of a cell: its gates, its candidate and its states.

    LSTM (Hochreiter and Schmidhuber 1997; Gers et al. 2000)     GRU (Cho et al. 2014)
    i, f, o = sigmoid(W x + b + U h + c), each with its own      r, z = sigmoid(W x + b + U h + c)
    g = tanh(W_g x + b_g + U_g h + c_g)                          n = tanh(W_n x + b_n + r (U_n h + c_n))
    C' = f C + i g                                               h' = (1 - z) n + z h
    h' = o tanh(C')
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from forecast.arrays import Array
from forecast.models.nets.cells import Gru
from forecast.models.nets.judging import Inputs
from forecast.models.nets.layered import LayerStates
from forecast.models.nets.layers import Cell
from forecast.models.nets.net import Net

LSTM = ("input", "forget", "output", "candidate", "cell", "hidden")
GRU = ("reset", "update", "candidate", "hidden")

Traced = dict[str, Tensor]  # name of a gate or state -> (B, n, D)


@dataclass(frozen=True, eq=False)
class Call:
    """One pass through one layer of a cell: its gates and states by name (B, n, D), and how far its hidden states are from
    torch's at most. layer: its name among all; backward: whether it reads from the end."""

    layer: str
    backward: bool
    traced: Traced
    distance: float


@dataclass
class Recorder:
    """Records what enters the cells of a net while it forecasts."""

    calls: list[Call] = field(default_factory=list)

    def hook(self, name: str) -> Any:
        """A hook of torch that records each pass of a cell."""

        def record(cell: Cell, given: tuple[Any, ...], made: tuple[Tensor, Any]) -> None:
            x = given[0]
            start = given[1] if len(given) > 1 else None
            for layer in range(cell.num_layers):
                weights = [*cell.all_weights[layer]]
                traced = trace(x, _start_of(start, layer), weights, is_lstm=isinstance(cell, nn.LSTM))
                x = traced["hidden"]
                apart = float((x[:, -1] - _end_of(made, layer)).abs().max())
                if layer + 1 == cell.num_layers:
                    apart = max(apart, float((x - made[0]).abs().max()))
                number = f" {layer + 1}" if cell.num_layers > 1 else ""
                self.calls.append(Call(f"{name}{number}", name.endswith("back"), traced, apart))

        return record


def trace(x: Tensor, start: Sequence[Tensor] | None, weights: Sequence[Tensor], *, is_lstm: bool) -> Traced:
    """The gates and states (B, n, D) of one layer that reads x (B, n, F) from states (B, D), None = 0.

    weights: (G D, F) of what is read and (G D, D) of the state, and the biases (G D,) of both, the gates in torch's order.
    """
    w, u, b, c = weights
    units = u.shape[1]
    zeros = x.new_zeros(len(x), units)
    states = list(start) if start is not None else [zeros, zeros]
    entered = nn.functional.linear(x, w, b)
    steps: list[tuple[Tensor, ...]] = []
    for step in range(x.shape[1]):
        from_state = nn.functional.linear(states[0], u, c)
        one = _lstm_step if is_lstm else _gru_step
        made = one(entered[:, step], from_state, states)
        states = [made[-1], made[-2]]
        steps.append(made)
    names = LSTM if is_lstm else GRU
    stacked = [torch.stack(of_steps, 1) for of_steps in zip(*steps, strict=True)]
    return dict(zip(names, stacked, strict=True))


def _lstm_step(entered: Tensor, from_state: Tensor, states: list[Tensor]) -> tuple[Tensor, ...]:
    """One step of an LSTM, as LSTM names what it gives; states: hidden and cell."""
    i, f, g, o = (entered + from_state).chunk(4, 1)
    write = i.sigmoid()
    keep = f.sigmoid()
    show = o.sigmoid()
    candidate = g.tanh()
    cell = keep * states[1] + write * candidate
    return write, keep, show, candidate, cell, show * cell.tanh()


def _gru_step(entered: Tensor, from_state: Tensor, states: list[Tensor]) -> tuple[Tensor, ...]:
    """One step of a GRU, as GRU names what it gives; states: hidden first."""
    read_r, read_z, read_n = entered.chunk(3, 1)
    state_r, state_z, state_n = from_state.chunk(3, 1)
    reset = (read_r + state_r).sigmoid()
    update = (read_z + state_z).sigmoid()
    candidate = (read_n + reset * state_n).tanh()
    hidden = candidate + update * (states[0] - candidate)
    return reset, update, candidate, hidden


def traced(net: Net, inputs: Inputs) -> tuple[list[Call], Tensor]:
    """Every pass of the cells of a net in the order in which a forecast makes them, and that forecast (B, H), in float32."""
    calls, forecast = recorded(net, inputs)
    return calls, forecast[..., net.middle]


@torch.no_grad()
def recorded(net: nn.Module, inputs: Inputs) -> tuple[list[Call], Tensor]:
    """Every pass of the cells of any net in the order in which it makes them, and what it gives."""
    recorder = Recorder()
    handles = []
    for name, module in net.named_modules():
        if isinstance(module, nn.LSTM | Gru):
            handles.append(module.register_forward_hook(recorder.hook(name)))
    try:
        made: Tensor = net(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    return recorder.calls, made


def _start_of(start: Any, layer: int) -> list[Tensor] | None:
    """The states (B, D) that a layer starts from: the hidden one of a GRU, hidden and cell of an LSTM."""
    if start is None:
        return None
    if isinstance(start, tuple):
        return [part[layer] for part in start]
    return [start[layer]]


def _end_of(made: tuple[Tensor, Any], layer: int) -> Tensor:
    """The hidden state (B, D) at which a layer ended."""
    end = made[1][0] if isinstance(made[1], tuple) else made[1]
    state: Tensor = end[layer]
    return state


def layer_states(calls: Sequence[Call], windows: int) -> list[LayerStates]:
    """The passes of so many windows, one layer after another: the first of each reads, all others answer."""
    of_layers: dict[str, list[Call]] = {}
    for call in calls:
        of_layers.setdefault(call.layer, []).append(call)
    found = []
    number = 0
    for own in of_layers.values():
        number += not own[0].backward
        name = f"layer {number} backward" if own[0].backward else f"layer {number}"
        cell = "lstm" if "cell" in own[0].traced else "gru"
        found.append(LayerStates(name, cell, _read(own[0]), _answered(own[1:], windows)))
    return found


def _read(call: Call) -> dict[str, Array]:
    """The arrays (M, n, D) of a pass over the window; one that goes backwards turned round."""
    arrays = {}
    for name, tensor in call.traced.items():
        arrays[name] = (tensor.flip(1) if call.backward else tensor).cpu().numpy()
    return arrays


def _answered(calls: Sequence[Call], windows: int) -> dict[str, Array]:
    """The arrays (M, m, D) of passes that answer: all at once, m for each window, or one step after another."""
    arrays: dict[str, list[Array]] = {}
    for call in calls:
        for name, tensor in call.traced.items():
            one = tensor.reshape(windows, -1, tensor.shape[2]).cpu().numpy()
            arrays.setdefault(name, []).append(one)
    return {name: np.concatenate(parts, axis=1) for name, parts in arrays.items()}
