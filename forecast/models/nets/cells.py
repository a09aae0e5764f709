"""A GRU with its two passes written out. Torch's own has no fused one on a CPU: there a step is made
of many small operations, each of them recorded.

Here each gate lies in memory by itself, a step of a gate is one product and one or two operations in
place, and the weights get their gradient of all steps in one product. Axes: n steps, B batch,
F features, D units; the gates of the stacked weights are r, z, n.

    r = sigmoid(W_r x + b_r + U_r h + c_r)
    z = sigmoid(W_z x + b_z + U_z h + c_z)
    m = U_n h + c_n
    n = tanh(W_n x + b_n + r m)
    h' = n + z (h - n)

as torch and cuDNN have it (after Cho et al. 2014).
"""

from typing import Any

import torch
from torch import Tensor, nn


class Gru(nn.GRU):
    """nn.GRU, batch first and in one direction: the same parameters, the same answers, in fewer operations on a CPU."""

    def __init__(self, entering: int, width: int, layers: int = 1, *, dropout: float = 0.0) -> None:
        super().__init__(entering, width, layers, batch_first=True, dropout=dropout)

    def forward(self, x: Tensor, start: Tensor | None = None) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """(B, n, F) and states (layers, B, D), None = 0 -> outputs (B, n, D) of the last layer, final states (layers, B, D)."""
        before = [None] * self.num_layers if start is None else start.unbind(0)
        states = []
        for layer, own in enumerate(before):
            if layer:
                x = nn.functional.dropout(x, self.dropout, self.training)
            x, end = gru(x, own, [*self.all_weights[layer]])
            states.append(end)
        return x, torch.stack(states)


def gru(x: Tensor, start: Tensor | None, weights: list[Tensor]) -> tuple[Tensor, Tensor]:
    """One layer on (B, n, F) from states (B, D), None = 0 -> outputs (B, n, D), final states (B, D).

    weights: (3 D, F) of what is read, (3 D, D) of the state, and the biases (3 D,) of both. Within
    autocast all is computed in its dtype. On a GPU it is torch's own, which is fused there.
    """
    units = weights[1].shape[1]
    if x.is_cuda:
        first = x.new_zeros(1, len(x), units) if start is None else start[None]
        training = torch.is_grad_enabled()
        output, last = torch.gru(x, first, weights, True, 1, 0.0, training, False, True)
        return output, last[0]
    kind = x.dtype
    if torch.is_autocast_enabled("cpu"):
        kind = torch.get_autocast_dtype("cpu")
    steps = x.transpose(0, 1).to(kind).contiguous()
    state = steps.new_zeros(len(x), units) if start is None else start.to(kind)
    cast = [weight.to(kind) for weight in weights]
    with torch.autocast("cpu", enabled=False):
        output, end = _Passes.apply(steps, state, *cast)  # type: ignore[no-untyped-call]
    return output.transpose(0, 1), end


class _Passes(torch.autograd.Function):
    """Forwards and backwards through all steps.

    Backwards, with d. for the derivative of the loss by something, and by what enters the gates'
    sigmoid or tanh for r, z and n themselves:

        dn = dh' (1 - z) (1 - n^2)
        dz = dh' (h - n) z (1 - z)
        dm = dn r
        dr = dn m r (1 - r)
        dh = dh' z + U_r^T dr + U_z^T dz + U_n^T dm

    to which the derivative by the output of the step before is added. Of the weights:
    dW = sum of d(gate) x^T, dU = sum of (dr, dz, dm) h^T, the biases likewise without x or h.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, start: Tensor, w: Tensor, u: Tensor, b: Tensor, c: Tensor
    ) -> tuple[Tensor, Tensor]:
        n, batch, _ = x.shape
        units = start.shape[1]
        gates = _entered(x, w, b, c)  # step by step they become the gates themselves
        middle = x.new_empty(n, batch, units)
        states = x.new_empty(n + 1, batch, units)
        states[0] = start
        ur, uz, un = (matrix.t() for matrix in u.view(3, units, units))
        cn = c[2 * units :]
        for step in range(n):
            r, z, new = gates[:, step].unbind(0)
            m = middle[step]
            h = states[step]
            r.addmm_(h, ur).sigmoid_()
            z.addmm_(h, uz).sigmoid_()
            torch.addmm(cn, h, un, out=m)
            new.addcmul_(r, m).tanh_()
            torch.lerp(new, h, z, out=states[step + 1])
        ctx.save_for_backward(x, w, u, gates, middle, states)
        ctx.set_materialize_grads(False)
        return states[1:], states[-1].clone()

    @staticmethod
    def backward(ctx: Any, outputs: Tensor | None, end: Tensor | None) -> tuple[Tensor, ...]:
        x, w, u, gates, middle, states = ctx.saved_tensors
        (n, _, features), units = x.shape, states.shape[2]
        slopes, dmiddle = (
            torch.empty_like(gates),
            torch.empty_like(middle),
        )  # by what enters the gates' sigmoid or tanh, and by m
        dh, apart = torch.zeros_like(states[0]) if end is None else end.clone(), torch.empty_like(states[0])
        ur, uz, un = u.view(3, units, units)
        below = [None] * n if outputs is None else outputs.unbind(0)
        parts = (*gates, middle, *slopes, dmiddle)
        for own, h, r, z, new, m, dr, dz, dnew, dm in reversed(
            list(zip(below, states.unbind(0), *(part.unbind(0) for part in parts), strict=False))
        ):
            if own is not None:
                dh += own
            torch.sub(h, new, out=apart)
            torch.mul(dh, z, out=dz)
            torch.sub(dh, dz, out=dnew)  # by n: dh (1 - z)
            dh.copy_(dz)  # what goes on to the step before, to which the three products are added below
            dz.addcmul_(dz, z, value=-1).mul_(apart)  # dh (h - n) z (1 - z)
            dnew.addcmul_(dnew, torch.mul(new, new, out=apart), value=-1)
            torch.mul(dnew, r, out=dm)
            torch.mul(dm, m, out=dr).addcmul_(dr, r, value=-1)  # dn m r (1 - r)
            dh.addmm_(dr, ur).addmm_(dz, uz).addmm_(dm, un)
        read, before, rows = x.view(-1, features), states[:-1].view(-1, units), slopes.view(3, -1, units)
        dw, du = torch.empty_like(w), torch.empty_like(u)
        for slope, weight in zip(rows, dw.view(3, units, features), strict=True):
            torch.mm(slope.t(), read, out=weight)
        for slope, weight in zip(
            (rows[0], rows[1], dmiddle.view(-1, units)), du.view(3, units, units), strict=True
        ):
            torch.mm(slope.t(), before, out=weight)
        db = rows.sum(1).flatten()
        dc = torch.cat([db[: 2 * units], dmiddle.sum((0, 1))])
        wr, wz, wn = w.view(3, units, features)
        dx = (rows[0] @ wr).addmm_(rows[1], wz).addmm_(rows[2], wn).view_as(x)
        return dx, dh, dw, du, db, dc


def _entered(x: Tensor, w: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """What enters each gate of what is read: (n, B, F) -> (3, n, B, D).

    The biases of the state are added too, but for that of the new gate, which r multiplies.
    """
    n, batch, features = x.shape
    units = len(w) // 3
    both = b[: 2 * units] + c[: 2 * units]
    biases = torch.cat([both, b[2 * units :]]).view(3, units)
    gates = x.new_empty(3, n, batch, units)
    read = x.view(-1, features)
    for gate, weight, bias in zip(gates, w.view(3, units, features), biases, strict=True):
        torch.addmm(bias, read, weight.t(), out=gate.view(-1, units))
    return gates
