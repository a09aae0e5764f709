"""What a net holds while it forecasts: gates and states, step by step, and how long each unit remembers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forecast.arrays import Array, mean_observed
from forecast.data.panel import Panel
from forecast.data.zones import placed
from forecast.errors import ForecastError
from forecast.fitting import Fitted, Question
from forecast.models.nets.layered import Layered, LayerStates
from forecast.workers import one_thread

if TYPE_CHECKING:
    import pandas as pd

    from forecast.models.nets.recurrent import LearnedNet

HOUR = 3600 * 10**9  # nanoseconds


@dataclass(frozen=True, eq=False)
class States(Layered):
    """Gates and states of a net over the n steps of its window and the m steps that answer, at M origins.

    A step is a segment of `rows` rows. model · member: which of its nets, from 0 · ids (S,) · origins int64 (M, 2) ·
    cutoffs (M,) · stamps (M, n): the last row of each step read, missing before a series began · answers (M, m): the first
    row of each step answered · hours: of a row, NaN where rows have no length in hours · layers: arrays by name, those of
    both directions · signals: what units are compared with, by name, (M, n), scaled: the mean of each column in each step,
    and the sines and cosines of the calendar · distance: the largest between the hidden states and torch's own, in
    float32 · rounding: the largest between the forecasts in float32 and those that are given, in scaled units; 0 unless
    the net forecasts in bfloat16.
    """

    model: str
    member: int
    ids: tuple[str, ...]
    origins: Array
    cutoffs: Array
    stamps: Array
    answers: Array
    rows: int
    hours: float
    layers: tuple[LayerStates, ...]
    signals: dict[str, Array]
    distance: float
    rounding: float
    zone: str = ""

    def units(self, layer: str | None = None) -> "pd.DataFrame":
        """One row per unit, those that follow something most first: `unit, gate, memory, hours, follows, correlation`.

        gate: the mean of the gate that keeps · memory: in rows, and in hours · follows: the column or the wave of the
        calendar with which its hidden state correlates most over all steps of all windows.
        """
        import pandas as pd

        own = self.layer(layer)
        hidden = own.read["hidden"].reshape(-1, own.units).astype("float64")
        names = list(self.signals)
        table = np.stack([signal.ravel() for signal in self.signals.values()], axis=1)
        found = correlations(hidden, table)
        best = np.abs(found).argmax(1)
        memory = self.memory(layer)
        frame = pd.DataFrame(
            {
                "unit": np.arange(own.units),
                "gate": own.keeping.mean((0, 1), dtype="float64"),
                "memory": memory,
                "hours": memory * self.hours,
                "follows": [names[place] for place in best],
                "correlation": found[np.arange(own.units), best],
            }
        )
        order = frame["correlation"].abs().sort_values(ascending=False, kind="stable").index
        return frame.loc[order].reset_index(drop=True)

    def to_frame(self, layer: str | None = None) -> "pd.DataFrame":
        """A long frame of one layer over the window: `unique_id, cutoff, ds, unit` and a column for each gate and state."""
        import pandas as pd

        own = self.layer(layer)
        windows, steps, units = own.read["hidden"].shape
        each = steps * units
        names = np.array(self.ids, dtype=object)[self.origins[:, 0]]
        stamps = placed(np.repeat(self.stamps.ravel(), units), self.zone)
        return pd.DataFrame(
            {
                "unique_id": np.repeat(names, each),
                "cutoff": placed(np.repeat(self.cutoffs, each), self.zone),
                "ds": stamps,
                "unit": np.tile(np.arange(units), windows * steps),
                **{name: array.ravel() for name, array in own.read.items()},
            }
        )


def states(fitted: Fitted, panel: Panel, origins: Array | None = None, *, member: int = 0) -> States:
    """Gates and states of a fitted net at origins (M, 2): `fc.states(fitted, panel).layer().read["forget"]`.

    By default after the last observed target of each series, as `Fitted.predict`. They are computed from the weights in
    float32. Raises ForecastError for a model that is no net, a member that it has not, and as `Fitted.predict`.
    """
    learned = _net_of(fitted)
    if not 0 <= member < len(learned.nets):
        raise ForecastError(
            f"{fitted.spec.name} has members 0 to {len(learned.nets) - 1}; found member={member}."
        )
    asked, origins = fitted.asked(panel, origins)
    if not len(origins):
        raise ForecastError("There is no origin to show states of: no series has an observed target.")
    with one_thread():
        found = []
        for question in fitted.questions(asked, origins):
            found.append(_ask(fitted, question, member))
    return _joined(fitted, member, asked, origins, found)


@dataclass(frozen=True, eq=False)
class _Asked:
    """What a net holds for one question: where (m,) are its origins among all, and the parts of States for these."""

    where: Array
    layers: list[LayerStates]
    signals: dict[str, Array]
    distance: float
    rounding: float


def _ask(fitted: Fitted, question: Question, member: int) -> _Asked:
    """What one member holds for one question."""
    learned = _net_of(fitted)
    layers, apart, rounding = learned.states(question.panel, question.origins, question.fitted, member)
    return _Asked(question.where, layers, _signals(question, learned), apart, rounding)


def _joined(fitted: Fitted, member: int, panel: Panel, origins: Array, found: Sequence[_Asked]) -> States:
    """The states of all questions, in the order of the origins (M, 2)."""
    rows = _net_of(fitted).sized.sizes.segment
    layers = found[0].layers
    steps = layers[0].read["hidden"].shape[1]
    answered = layers[0].answered
    count = answered["hidden"].shape[1] if answered else 0
    back = np.argsort(np.concatenate([one.where for one in found]))
    return States(
        model=fitted.spec.name,
        member=member,
        ids=panel.ids,
        origins=origins,
        cutoffs=panel.cutoffs(origins),
        stamps=_stamps_read(panel, origins, steps, rows),
        answers=_stamps_answered(panel, origins, fitted.goal.horizon, rows, count),
        rows=rows,
        hours=panel.clock.step / HOUR if panel.clock.kind == "fixed" else math.nan,
        layers=_joined_layers([one.layers for one in found], back),
        signals=_joined_signals([one.signals for one in found], back),
        distance=max(one.distance for one in found),
        rounding=max(one.rounding for one in found),
        zone=panel.clock.tz,
    )


def _net_of(fitted: Fitted) -> "LearnedNet":
    from forecast.models.nets.recurrent import LearnedNet

    if not isinstance(fitted.learned, LearnedNet):
        raise ForecastError(
            f"{fitted.spec.name} has no states: only a recurrent net does. Fit lstm or gru alone."
        )
    return fitted.learned


def _signals(question: Question, learned: "LearnedNet") -> dict[str, Array]:
    """What units are compared with (M, n): means of the scaled columns in each step, and waves of the calendar at its end."""
    panel = question.panel
    k = learned.sized.sizes.segment
    steps = -(-learned.context // k)
    rows = _rows_read(panel, question.origins, steps * k)
    rows[:, : steps * k - learned.context] = -1  # the first step is filled up with nothing
    inside = rows >= 0
    made = {}
    for place in panel.moving:
        values = np.where(inside, panel.values[np.maximum(rows, 0), place], np.nan)
        by_step = values.reshape(len(rows), steps, k)
        made[panel.columns[place].name] = mean_observed(by_step, 2)
    ends = panel.times[np.maximum(rows[:, k - 1 :: k], 0)]
    for cycle in learned.cycles:
        waves = panel.clock.harmonics(ends, cycle, 1)
        made[f"sine of the {cycle}"] = waves[..., 0]
        made[f"cosine of the {cycle}"] = waves[..., 1]
    return made


def _rows_read(panel: Panel, origins: Array, count: int) -> Array:
    """The rows (M, count) of the panel before each origin, oldest first; -1 before a series began."""
    begin = panel.starts[origins[:, 0]][:, None]
    rows = begin + origins[:, 1][:, None] + np.arange(-count, 0)
    return np.where(rows >= begin, rows, -1)


def _stamps_read(panel: Panel, origins: Array, steps: int, rows: int) -> Array:
    """The last stamp (M, n) of each step read; not a time before a series began, and on the step clock a step counted on."""
    ends = _rows_read(panel, origins, steps * rows)[:, rows - 1 :: rows]
    times = panel.times[np.maximum(ends, 0)]
    if panel.clock.kind == "step":
        back = np.arange(steps - 1, -1, -1) * rows
        return np.where(ends >= 0, times, panel.cutoffs(origins)[:, None] - back)
    return np.where(ends >= 0, times, np.datetime64("NaT"))


def _stamps_answered(panel: Panel, origins: Array, horizon: int, rows: int, count: int) -> Array:
    """The first stamp (M, m) of each step that answers; the first of a net that is fed back answers from its window's end."""
    firsts = panel.stamps(origins, horizon)[:, ::rows]
    return firsts[:, firsts.shape[1] - count :]


def _joined_layers(found: list[list[LayerStates]], back: Array) -> tuple[LayerStates, ...]:
    """The layers of all questions, in the order of the origins."""
    layers = []
    for same in zip(*found, strict=True):
        read = _joined_signals([one.read for one in same], back)
        answered = _joined_signals([one.answered for one in same], back)
        layers.append(LayerStates(same[0].name, same[0].cell, read, answered))
    return tuple(layers)


def _joined_signals(found: list[dict[str, Array]], back: Array) -> dict[str, Array]:
    """Arrays of several questions one after another, then in the order of the origins."""
    return {name: np.concatenate([one[name] for one in found])[back] for name in found[0]}


def correlations(first: Array, second: Array) -> Array:
    """Pearson's correlation (D, C) of the columns of (N, D) with those of (N, C), over the rows where both are there; 0 of
    what does not vary."""
    made = np.zeros((first.shape[1], second.shape[1]))
    for place in range(second.shape[1]):
        seen = ~np.isnan(second[:, place])
        if seen.sum() < 2:
            continue
        ours = first[seen]
        ours = ours - ours.mean(0)
        theirs = second[seen, place]
        theirs = theirs - theirs.mean()
        sizes = np.sqrt((ours**2).sum(0) * (theirs**2).sum())
        made[:, place] = np.where(sizes > 0, ours.T @ theirs / np.maximum(sizes, 1e-300), 0.0)
    return made
