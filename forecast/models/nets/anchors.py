"""What is subtracted from each column of a window, and where the answer starts from.

Axes as in `settings.py`. Windows hold NaN where nothing was observed.
"""

import torch
from torch import Tensor


def last_observed(window: Tensor, seen: Tensor) -> Tensor:
    """The last observed value (B, C) of each column of windows (B, L, C); 0, the scaled mean, where none was.

    seen (B, L, C): what was observed.
    """
    if _ends_observed(seen):
        return window[:, -1]
    rows = torch.arange(1, window.shape[1] + 1, device=window.device)
    place = (seen * rows[:, None]).amax(1)
    index = (place - 1).clamp(min=0)
    last = window.nan_to_num().gather(1, index[:, None])[:, 0]
    return torch.where(place > 0, last, 0.0)


def _ends_observed(seen: Tensor) -> bool:
    """Whether every window ends with an observed row, the usual case, in which nothing is searched.

    A GPU would have to be waited for, so there it is never asked.
    """
    return seen.device.type == "cpu" and bool(seen[:, -1].all())


def window_mean(window: Tensor, seen: Tensor) -> Tensor:
    """The mean (B, C) of the observed values of windows (B, L, C); 0 where nothing was."""
    count = seen.sum(1).clamp(min=1)
    return window.nan_to_num().sum(1) / count


def last_season(target: Tensor, horizon: int) -> Tensor:
    """A season of targets (B, span) over and over: (B, H)."""
    steps = torch.arange(horizon, device=target.device)
    return target[:, steps % target.shape[1]]


def rows_since(seen: Tensor) -> Tensor:
    """Rows since the last observation at each row (B, L), 0 where it is one; before the first, since the window began.

    seen (B, L): which rows were observed.
    """
    place = torch.arange(1, seen.shape[1] + 1, device=seen.device)
    latest = (seen * place).cummax(1).values
    return (place - latest).float()
