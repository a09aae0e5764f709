"""How much of its departure from the anchor a net forecasts: as much as the rows that judge it bear out."""

import numpy as np

from forecast.arrays import Array

SHARES = [1.0, 0.5, 0.0]  # of the departure that are tried; of equal losses the first counts


def borne_out(losses: Array, seen: Array, series: Array, times: Array, horizons: float) -> float:
    """The share of lowest mean loss; 0, the anchor itself, where that gains less on the anchor than one standard error of the gain.

    losses (W, 3): of each judging window at each of SHARES, summed over its `seen` (W,) observed steps; series, times (W,): whose window it is
    and when its horizon begins; horizons: how many of these the judging rows hold. Windows overlap and series move together, so the error is
    that of means over blocks of time one horizon long, and over series where there is but one block; one block of one series says nothing against
    the lowest loss. The rule is that of Breiman et al. (1984), the error in units of Student's t for so few horizons.
    """
    total = losses.sum(0)
    best = int(np.where(np.isnan(total), np.inf, total).argmin())
    gain = losses[:, -1] - losses[:, best]
    blocks = np.searchsorted(np.linspace(times.min(), times.max(), int(horizons) + 2)[1:-1], times)
    error = _error(gain, seen, blocks if blocks.any() else series)
    from scipy.special import stdtrit

    doubt = (
        stdtrit(max(1.0, horizons), 0.8413) * error
    )  # the level that one standard error is of a normal variable
    return 0.0 if gain.sum() <= doubt * seen.sum() else SHARES[best]


def _error(gain: Array, seen: Array, clusters: Array) -> float:
    """The standard error of the mean gain per observed step, where windows of one cluster go together; 0 where there is one cluster."""
    count = len(np.unique(clusters))
    if count == 1:
        return 0.0
    sums = np.bincount(clusters, gain - seen * gain.sum() / seen.sum())
    return float(np.sqrt(count / (count - 1) * (sums**2).sum()) / seen.sum())
