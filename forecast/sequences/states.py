"""What a net holds while it reads a sequence: gates and states, step by step. A step is a row, a word, or a segment of them."""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from forecast.errors import ForecastError
from forecast.models.nets.layered import Layered, LayerStates
from forecast.sequences.base import Named
from forecast.sequences.text import words_of
from forecast.sequences.values import Sequences, steps_in_words
from forecast.workers import one_thread

if TYPE_CHECKING:
    import pandas as pd

    from forecast.sequences.net.recurrent import LearnedNets


@dataclass(frozen=True, eq=False)
class SequenceStates(Layered):
    """Gates and states of one net over the n steps of one sequence.

    model · member: which of its nets, from 0 · id: of the sequence · steps (n,): what each step reads, its words or "steps 1
    to 4" · rows: that a step reads · layers: arrays (1, n, D) by name, those of both directions, in the order of the
    sequence · distance: the largest between the hidden states and torch's own.
    """

    model: str
    member: int
    id: str
    steps: tuple[str, ...]
    rows: int
    layers: tuple[LayerStates, ...]
    distance: float

    def to_frame(self, layer: str | None = None) -> "pd.DataFrame":
        """A row per step and unit of a layer: `id, step, reads, unit`, and a column for each gate and state."""
        import pandas as pd

        own = self.layer(layer)
        count = len(self.steps)
        return pd.DataFrame(
            {
                "id": self.id,
                "step": np.repeat(np.arange(1, count + 1), own.units),
                "reads": np.repeat(np.array(self.steps, dtype=object), own.units),
                "unit": np.tile(np.arange(own.units), count),
                **{name: array.ravel() for name, array in own.read.items()},
            }
        )


def states_of(model: str, learned: Named, read: Sequences, place: int, member: int) -> SequenceStates:
    """Gates and states of one member of a classifier over the sequence at `place`, alone and so without any padding.

    Raises ForecastError for a model that is no net, and a member that it has not.
    """
    from forecast.models.nets.gates import layer_states, recorded

    nets = _nets_of(model, learned)
    if not 0 <= member < len(nets.nets):
        raise ForecastError(f"{model} has members 0 to {len(nets.nets) - 1}; found member={member}.")
    net = nets.nets[member]
    given = nets.read.read(read.part(np.array([place])))
    x, lengths = given.inputs(np.zeros(1, "int64"))
    weight = next(net.parameters())
    if x.is_floating_point():
        x = x.to(weight.dtype)
    with one_thread():
        calls, _ = recorded(net, (x.to(weight.device), lengths.to(weight.device)))
    rows = nets.sized.chosen("segment")
    layers = tuple(layer_states(calls, 1))
    steps = _steps(nets, read, place, int(given.lengths[0]), rows)
    distance = max(call.distance for call in calls)
    return SequenceStates(model, member, read.ids[place], steps, rows, layers, distance)


def _nets_of(model: str, learned: Named) -> "LearnedNets":
    """What a net learned; ForecastError where a model is none."""
    from forecast.sequences.net.recurrent import LearnedNets

    if not isinstance(learned, LearnedNets):
        raise ForecastError(
            f"{model} has no gates and states: it is no recurrent net. Those that have are lstm and gru."
        )
    return learned


def _steps(nets: "LearnedNets", read: Sequences, place: int, length: int, rows: int) -> tuple[str, ...]:
    """What each step of the net reads of a sequence of which it reads so many rows or words."""
    from forecast.sequences.net.reading import TextsRead

    edges = np.minimum(np.arange(0, length + rows, rows), length)
    if isinstance(nets.read, TextsRead):
        words = nets.read.vocabulary.kept(words_of(read.texts[place]))
        return tuple(" ".join(words[begin:end]) for begin, end in pairwise(edges))
    first = 0
    if nets.read.keep == "last":
        first = max(0, int(read.lengths[place]) - length)
    return tuple(steps_in_words(first + begin, first + end) for begin, end in pairwise(edges))
