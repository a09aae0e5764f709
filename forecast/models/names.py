"""What models of names share: shares and their logits, and the names that windows are to forecast.

A logit of a name is the log of its share over that of the first name; K names have K - 1 of them (K = 2: the log odds).
"""

import numpy as np

from forecast.arrays import Array
from forecast.data.windows import Windows
from forecast.task import Goal, reduced

LEAST = 1e-6  # a share is never smaller: one that is 0 would be refuted for ever by a single row


def shares_of(logits: Array) -> Array:
    """The shares (..., K) of logits (..., K - 1), none below LEAST; they sum to 1."""
    first = np.zeros((*logits.shape[:-1], 1))
    whole = np.concatenate([first, logits], axis=-1)
    whole = np.exp(whole - whole.max(-1, keepdims=True))
    return floored(whole / whole.sum(-1, keepdims=True))


def logits_of(shares: Array) -> Array:
    """The logits (..., K - 1) of shares (..., K)."""
    logs = np.log(np.maximum(shares, LEAST))
    made: Array = logs[..., 1:] - logs[..., :1]
    return made


def floored(shares: Array) -> Array:
    """Shares (..., K) of which none is below LEAST; they sum to 1."""
    raised = np.maximum(shares, LEAST)
    made: Array = raised / raised.sum(-1, keepdims=True)
    return made


def base_shares(codes: Array, number: int) -> Array:
    """How often each of `number` names stands among codes of any shape, NaN where missing: shares (K,).

    Each has been seen half a time more (Jeffreys' prior), so that none has a share of 0.
    """
    seen = codes[~np.isnan(codes)].astype("int64")
    counts = np.bincount(seen, minlength=number) + 0.5
    made: Array = counts / counts.sum()
    return made


def names_ahead(windows: Windows, origins: Array, goal: Goal) -> Array:
    """The codes (M, A) that are to be forecast at origins (M, 2), float64, NaN where missing."""
    rows = windows.rows(origins)[:, windows.context :]
    return reduced(windows.values[rows, 0].astype("float64"), goal.task.reduce)


def names_of_windows(codes: Array, goal: Goal) -> Array:
    """What the windows that begin at each row of one series (n,) would be asked, NaN where missing: codes (n - W + 1,).

    W is 1 where each step has an answer, and the horizon where one answer is about all of it.
    """
    if len(codes) < goal.over:
        return np.zeros(0)
    windows = np.lib.stride_tricks.sliding_window_view(codes, goal.over)
    return reduced(windows, goal.task.reduce)[:, 0]
