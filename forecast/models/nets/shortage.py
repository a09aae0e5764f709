"""Series with fewer rows than a net reads: from how many rows on it forecasts them; of fewer their last season is forecast again.

No window of such a series was trained on, for each would begin before the series. The windows that judge the net say what it
is worth there: as many of their first rows are taken away as such a series lacks.

Axes: B batch, L rows of the context, H steps.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from forecast.arrays import Array


class Short(NamedTuple):
    """At origins before which a series has fewer than `enough` rows its last `season` rows are forecast again."""

    season: int
    enough: int


NONE_SHORT = Short(1, 0)


def season_again(target: Tensor, horizon: int, season: int) -> Tensor:
    """The last `season` rows of targets (B, L) again and again, (B, H); where one is missing the last observed, 0 without any."""
    steps = torch.arange(horizon, device=target.device) % season
    again = target[:, target.shape[1] - season + steps]
    seen = ~torch.isnan(target)
    places = torch.arange(target.shape[1], device=target.device)
    latest = torch.where(seen, places, -1).amax(1)
    last = target.gather(1, latest.clamp_min(0)[:, None]).nan_to_num()
    return torch.where(torch.isnan(again), last, again)


def without_first(window: Tensor, rows: int) -> Tensor:
    """Windows (B, L, C) of which only the last rows are there, the others missing."""
    shorter = window.clone()
    shorter[:, : window.shape[1] - rows] = torch.nan
    return shorter


def short_lengths(lengths: Array, context: int) -> Array:
    """The lengths of the series that have fewer rows than the context, but any."""
    found: Array = lengths[(lengths > 0) & (lengths < context)]
    return found


def about_short(name: str, lengths: Array, context: int, season: int, enough: int) -> str:
    """One sentence on the short series. lengths (n,): theirs · enough: rows from which on the nets forecast them."""
    few = int((lengths < enough).sum())
    again = "their last value" if season == 1 else f"their last season of {season} rows"
    begin = f"{name}: {len(lengths):,} series with fewer rows than the {context} that are read"
    if not few:
        return f"{begin}: the net forecasts them too, which on the judging rows is better than {again} again"
    if few == len(lengths):
        return f"{begin}: {again} again is their forecast, which on the judging rows is better than that of the net"
    return f"{begin}: {again} again is the forecast of the {few:,} with fewer than {enough} rows, as the judging rows say"
