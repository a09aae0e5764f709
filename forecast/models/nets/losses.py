"""Losses of nets: of forecasts (B, H, P), of observed targets alone, in the units of each window."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

Unit = Tensor | None  # (B,): what the errors of each window are multiplied by before the loss; None = 1
Loss = Callable[[Tensor, Tensor], Tensor]  # forecasts (B, H, P), targets (B, H) -> losses (B, H)


def qlike(error: Tensor) -> Tensor:
    """y / f - log(y / f) - 1 of values y and forecasts f whose logs differ by the error (Patton 2011)."""
    return torch.expm1(error.clamp(max=20)) - error


def huber(error: Tensor) -> Tensor:
    """Half the square up to 1, linear beyond (Huber 1964)."""
    return nn.functional.huber_loss(error, torch.zeros_like(error), reduction="none")


LOSSES: dict[str, Callable[[Tensor], Tensor]] = {  # of errors, target - forecast
    "mae": torch.abs,
    "mse": torch.square,
    "qlike": qlike,
    "huber": huber,
}


def loss_of(name: str, levels: tuple[float, ...], point: int = 0) -> Loss:
    """A loss by name, of the output `point` of each step; "quantile" is the pinball loss at the levels.

    Without levels that is the absolute error.
    """
    if name == "quantile" and levels:
        return pinball_of(levels)
    one = LOSSES["mae" if name == "quantile" else name]
    return lambda forecast, target: one(target - forecast[..., point])


def pinball_of(levels: tuple[float, ...]) -> Loss:
    """Twice the pinball loss, averaged over the levels (Koenker and Bassett 1978): at the median the absolute error."""
    steps = torch.tensor(levels)

    def pinball(forecast: Tensor, target: Tensor) -> Tensor:
        error = target[..., None] - forecast
        rise = steps.to(forecast.device)
        return 2 * torch.maximum(rise * error, (rise - 1) * error).mean(-1)

    return pinball


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """-log of the share of the actual name (B, A), of logits (B, A, K - 1) over the first name, and codes (B, A)."""
    first = torch.zeros_like(logits[..., :1])
    logs = torch.cat([first, logits], -1).log_softmax(-1)
    return -logs.gather(-1, target.long()[..., None])[..., 0]


def mean_loss(loss: Loss, forecast: Tensor, target: Tensor, unit: Unit) -> Tensor:
    """The mean of `unit_losses` over the observed targets."""
    return masked_mean(unit_losses(loss, forecast, target, unit), target)


def unit_losses(loss: Loss, forecast: Tensor, target: Tensor, unit: Unit) -> Tensor:
    """The losses (B, H) of forecasts (B, H, P) of targets (B, H), their errors in the units (B,) of their windows.

    Where no target was observed they are of any size.
    """
    known = target.nan_to_num()
    if unit is not None:
        forecast = forecast * unit[:, None, None]
        known = known * unit[:, None]
    return loss(forecast, known)


def masked_mean(loss: Tensor, target: Tensor) -> Tensor:
    """The mean of losses (B, H) over the observed targets; zero where none was observed."""
    seen = ~torch.isnan(target)
    return torch.where(seen, loss, 0.0).sum() / seen.sum().clamp(min=1)
