"""The loss of a net with a hurdle: the chance of an amount, and its size where there is one (`forecast.models.hurdle`)."""

from torch import Tensor, nn

from forecast.arrays import Array
from forecast.models.hurdle import CONDITIONAL, joined, share_of
from forecast.models.nets.losses import Loss, pinball_of

OUTPUTS = 1 + len(CONDITIONAL)  # of each step: the logit of the chance, then the sizes


def hurdle_loss() -> Loss:
    """The log loss of whether there is an amount, and where there is one the pinball loss of its size.

    Of forecasts (B, H, OUTPUTS) and amounts (B, H).
    """
    pinball = pinball_of(CONDITIONAL)

    def loss(forecast: Tensor, target: Tensor) -> Tensor:
        there = (target > 0).to(forecast.dtype)
        chance = nn.functional.binary_cross_entropy_with_logits(forecast[..., 0], there, reduction="none")
        return chance + there * pinball(forecast[..., 1:], target)

    return loss


def joined_answers(answers: Array, zero: Array, levels: tuple[float, ...]) -> Array:
    """Quantiles (M, H, Q), or the mean (M, H, 1), of what a net answers (M, H, OUTPUTS)."""
    return joined(share_of(answers[..., 0]), answers[..., 1:], zero, levels)
