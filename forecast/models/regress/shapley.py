"""What makes up a forecast of trees: Shapley values between two windows, found exactly leaf by leaf.

The forecast of a window is compared with that of the window whose columns stay at their last
values, and this one with a window at the mean of the past. A feature gets its share of each
difference as Shapley 1953 has it, averaged over all orders in which features can change; for one
reference this is exact (Lundberg et al. 2020, interventional TreeSHAP; Sundararajan and Najmi 2020,
baseline Shapley). A feature that is a mean of rows is shared out among these rows alike.

Axes: M origins, J steps, n = M J pairs, F features, L rows of the window, C columns.
"""

import math
from collections.abc import Iterator

import numpy as np

from forecast.arrays import Array
from forecast.data.panel import Panel
from forecast.data.windows import Windows
from forecast.models.contributions import Contributions, chained, nothing
from forecast.models.regress.boosting import (
    Look,
    Read,
    back_rows,
    mean_rows,
    past_back_rows,
    read_blocks,
    side_by_side,
)
from forecast.models.regress.direct import Reading, read
from forecast.models.regress.forest import Forest, walk

AT_ONCE = 32  # origins whose pairs are in memory together
Path = dict[int, list[tuple[int, bool]]]  # feature -> the nodes that ask for it, and whether it is below


def explain(windows: Windows, origins: Array, steps: Array, look: Look, forest: Forest) -> Contributions:
    """What makes up the forecasts at `origins` (M, 2), steps (J,)."""
    begins = range(0, max(len(origins), 1), AT_ONCE)
    return chained(
        [_explain(windows, origins[begin : begin + AT_ONCE], steps, look, forest) for begin in begins]
    )


def _explain(windows: Windows, origins: Array, steps: Array, look: Look, forest: Forest) -> Contributions:
    panel = windows.panel
    asked = np.tile(steps, (len(origins), 1))
    reading = read(windows, origins, look.reach)
    actual = read_blocks(windows, origins, asked, look, reading)
    held = _held(actual, panel.future)
    middle = _middle(held)
    made = nothing(len(origins), len(steps), windows.context, windows.horizon, len(panel.columns))
    made.anchor[:] = reading.anchor[:, None]
    made.bias[:] = walk(forest, side_by_side(middle)).reshape(asked.shape)
    level = _shared(forest, held, middle)
    made.calendar[:] = level.calendar.sum(2)
    made.level[:] = level.last
    made.level[..., panel.future] += level.ahead + level.change
    departed = _shared(forest, actual, held)
    _add_target(made, departed, reading, steps, look.season)
    _add_columns(made, departed, reading, panel, steps)
    return made


def _add_columns(made: Contributions, said: Read, reading: Reading, panel: Panel, steps: Array) -> None:
    """What the features of the other columns say, in their rows before the origin and in that of the step."""
    rows = past_back_rows(reading.past.shape[1])
    for place, column in enumerate(panel.moving[1:]):
        made.window[..., rows - 1, column] = said.past[..., place]
    each = np.arange(len(steps))
    changes = said.ahead + said.change
    for place, column in enumerate(panel.future):
        made.ahead[:, each, steps, column] = changes[..., place]


def _held(actual: Read, future: list[int]) -> Read:
    """The features of the window, and the future columns, that stay at their last values; missing ones stay missing."""
    last = np.nan_to_num(actual.last[..., future])
    ahead = np.broadcast_to(last, actual.ahead.shape)
    return actual._replace(
        lags=actual.lags * 0.0,
        means=actual.means * 0.0,
        past=actual.past * 0.0,
        phases=actual.phases * 0.0,
        ahead=np.where(np.isnan(actual.ahead), np.nan, ahead),
        change=actual.change * 0.0,
    )


def _middle(held: Read) -> Read:
    """The features of a window at the mean of the past, at no time of the calendar."""
    return held._replace(last=held.last * 0.0, calendar=held.calendar * 0.0, ahead=held.ahead * 0.0)


def _shared(forest: Forest, actual: Read, reference: Read) -> Read:
    """The Shapley value (M, J, ...) of each feature."""
    origins, steps = actual.step.shape[:2]
    values = shapley(forest, side_by_side(actual), side_by_side(reference)).reshape(origins, steps, -1)
    ends = np.cumsum([math.prod(part.shape[2:]) for part in actual])
    found = np.split(values, ends[:-1], axis=2)
    shaped = [own.reshape(origins, steps, *part.shape[2:]) for own, part in zip(found, actual, strict=True)]
    return Read(*shaped)


def _add_target(made: Contributions, said: Read, reading: Reading, steps: Array, season: int) -> None:
    """What the features of the target say, in the rows that they are made of."""
    rows = reading.target.shape[1]
    seen = ~np.isnan(reading.target[:, ::-1])  # the newest first
    window = made.window[..., 0]
    window[..., back_rows(rows) - 1] += said.lags
    for number, count in enumerate(mean_rows(rows)):
        among = seen & (np.arange(rows) < count)
        window += said.means[..., number, None] * _alike(among)[:, None]
    if not said.phases.shape[2]:
        return
    blocks = rows // season
    phase = steps % season
    each = np.arange(len(steps))
    window[:, each, season - phase - 1] += said.phases[..., 0]
    window[:, each, min(2, blocks) * season - phase - 1] += said.phases[..., 1]
    for place in each:
        lags = (np.arange(blocks) + 1) * season - phase[place] - 1
        among = np.zeros_like(seen)
        among[:, lags] = seen[:, lags]
        window[:, place] += said.phases[:, place, 2, None] * _alike(among)


def _alike(among: Array) -> Array:
    """Equal shares (M, L) of 1 among the chosen rows; none where no row is."""
    return among / np.maximum(among.sum(1, keepdims=True), 1)


def shapley(forest: Forest, x: Array, reference: Array) -> Array:
    """The Shapley value (n, F) of each feature of x (n, F) against a reference (n, F): they sum to the difference of `walk`.

    A leaf is reached with the a features that only x leads there, and without the b that only the
    reference does: its value counts (a - 1)! b! / (a + b)! for each of the first, and
    -a! (b - 1)! / (a + b)! for each of the second.
    """
    made = np.zeros(x.shape)
    own, other = _below(forest, x), _below(forest, reference)
    for leaf, path in leaves(forest):
        features = list(path)
        by_x = _leads(own, path)
        by_reference = _leads(other, path)
        only_x = by_x & ~by_reference
        only_reference = by_reference & ~by_x
        reached = (by_x | by_reference).all(1)
        a = only_x.sum(1)
        b = only_reference.sum(1)
        value = np.where(reached, forest.value[leaf], 0.0)
        made[:, features] += only_x * (value * _SHARE[a, b])[:, None]
        made[:, features] -= only_reference * (value * _SHARE[b, a])[:, None]
    return made


def _share(a: int, b: int) -> float:
    """(a - 1)! b! / (a + b)!, 0 where a is 0."""
    if not a:
        return 0.0
    return math.factorial(a - 1) * math.factorial(b) / math.factorial(a + b)


_MOST = 16  # features on the way to a leaf
_SHARE = np.array([[_share(a, b) for b in range(_MOST)] for a in range(_MOST)])


def _below(forest: Forest, x: Array) -> Array:
    """Whether each node finds x (n, F) below its threshold: (nodes, n)."""
    value = x.T[forest.feature]
    below = value <= forest.threshold[:, None]
    made: Array = below | (np.isnan(value) & (forest.absent == 1)[:, None])
    return made


def _leads(below: Array, path: Path) -> Array:
    """Whether each feature of a path leads along it: (n, features)."""
    found = []
    for nodes in path.values():
        agree = [below[node] == side for node, side in nodes]
        found.append(np.logical_and.reduce(agree))
    return np.stack(found, axis=1)


def leaves(forest: Forest) -> Iterator[tuple[int, Path]]:
    """Each leaf that is not a root, and what is asked on the way to it."""
    for root in forest.roots:
        waiting: list[tuple[int, Path]] = [(int(root), {})]
        while waiting:
            node, path = waiting.pop()
            children = forest.child[node]
            if children[0] == node:
                if path:
                    yield node, path
                continue
            feature = int(forest.feature[node])
            for side, child in enumerate(children):
                asked = [*path.get(feature, []), (node, bool(side))]
                waiting.append((int(child), {**path, feature: asked}))
