"""The windows that judge a net while it is trained: which weights are best, and what they bear out."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from forecast.arrays import Array
from forecast.data.windows import Windows
from forecast.models.nets.losses import Loss, Unit, mean_loss, unit_losses
from forecast.models.nets.shrinkage import SHARES, borne_out

CHUNK = 512  # windows that are forecast at once: what is held of them fits into a cache

Inputs = tuple[Tensor, ...]
Batch = Callable[[Windows, Array], tuple[Inputs, Tensor, Unit]]
# windows, origins (B, 2) -> the net's inputs, targets (B, H), units (B,)


@dataclass(frozen=True, eq=False)
class Judge:
    """The windows at `origins` (W, 2), and the loss by which they judge; half: as in `answer`."""

    batch_of: Batch
    windows: Windows
    origins: Array
    loss: Loss
    half: bool

    @torch.inference_mode()
    def mean(self, net: nn.Module) -> float:
        """The mean loss of a net, each observed target counted once."""
        total = 0.0
        count = 0
        for inputs, target, unit in self._batches():
            seen = int((~torch.isnan(target)).sum())
            loss = mean_loss(self.loss, answer(net, inputs, self.half), target, unit)
            total += float(loss) * seen
            count += seen
        return total / max(count, 1)

    @torch.inference_mode()
    def share(self, net: nn.Module) -> float:
        """Which of SHARES of its departure from the anchor the windows bear out. The net's own `trust` is changed."""
        losses = []
        seen = []
        for inputs, target, unit in self._batches():
            anchor = self._with_trust(net, 0.0, inputs)
            departed = self._with_trust(net, 1.0, inputs)
            observed = ~torch.isnan(target)
            of_shares = []
            for share in SHARES:
                made = unit_losses(self.loss, torch.lerp(anchor, departed, share), target, unit)
                of_shares.append(torch.where(observed, made, 0.0).sum(1))
            losses.append(torch.stack(of_shares, 1))
            seen.append(observed.sum(1))
        times = self.windows.panel.cutoffs(self.origins).astype("int64")
        horizons = (self.windows.count.max() - 1) / self.windows.horizon
        return borne_out(_joined(losses), _joined(seen), self.origins[:, 0], times, horizons)

    def _with_trust(self, net: nn.Module, share: float, inputs: Inputs) -> Tensor:
        net.get_buffer("trust").fill_(share)
        return answer(net, inputs, self.half)

    def _batches(self) -> Iterator[tuple[Inputs, Tensor, Unit]]:
        """All windows, some at a time."""
        chunks = math.ceil(len(self.origins) / CHUNK)
        for chunk in np.array_split(self.origins, chunks):
            yield self.batch_of(self.windows, chunk)


def answer(net: nn.Module, inputs: Inputs, half: bool) -> Tensor:
    """The forecasts (B, H, P) of a net, float32; `half`: its products are in bfloat16."""
    with torch.autocast(inputs[0].device.type, torch.bfloat16, enabled=half):
        forecast: Tensor = net(*inputs)
    return forecast.float()


def _joined(parts: list[Tensor]) -> Array:
    joined: Array = torch.cat(parts).double().cpu().numpy()
    return joined
