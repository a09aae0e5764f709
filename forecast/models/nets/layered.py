"""Gates and states of a net by its layers, as values: what they are, and how long units remember. Nothing of torch."""

import math
from dataclasses import dataclass

import numpy as np

from forecast.arrays import Array
from forecast.errors import ForecastError

ALWAYS = 1 - 1e-7  # a mean gate from which on a unit forgets nothing that float32 can tell
KEEPS = {"lstm": "forget", "gru": "update"}  # the gate that says how much of a state is kept


@dataclass(frozen=True, eq=False)
class LayerStates:
    """Gates and states of one layer, float32 arrays by name, in the order of time.

    name: layer 1, layer 1 backward · cell: lstm or gru · read (M, n, D): over the n steps of the window · answered
    (M, m, D): over the m steps that answer; none of a head that answers from the end of the window.
    """

    name: str
    cell: str
    read: dict[str, Array]
    answered: dict[str, Array]

    @property
    def units(self) -> int:
        """How many units it has."""
        return int(self.read["hidden"].shape[2])

    @property
    def keeping(self) -> Array:
        """The gate (M, n, D) that says which share of each unit's state is kept from a step to the next."""
        return self.read[KEEPS[self.cell]]


class Layered:
    """What is known of a net by its layers: their names, and how long their units remember.

    model: its name · rows: of one step · layers: arrays by name, those of both directions.
    """

    model: str
    rows: int
    layers: tuple[LayerStates, ...]

    def layer(self, name: str | None = None) -> LayerStates:
        """A layer by its name, by default the last that reads forwards; ForecastError where there is none of that name."""
        names = [one.name for one in self.layers]
        if name is None:
            forwards = [one for one in self.layers if "backward" not in one.name]
            return forwards[-1]
        if name not in names:
            raise ForecastError(f"{self.model} has no layer {name!r}. There is: {', '.join(names)}.")
        return self.layers[names.index(name)]

    def memory(self, layer: str | None = None) -> Array:
        """How many rows each unit (D,) remembers: what it holds falls to 1 / e in so many, -k / log of the mean gate that
        keeps. Infinite where the gate is open in all of float32."""
        kept = self.layer(layer).keeping.mean((0, 1), dtype="float64")
        closed = np.clip(kept, 1e-12, ALWAYS)
        rows: Array = -self.rows / np.log(closed)
        return np.where(kept >= ALWAYS, math.inf, rows)
