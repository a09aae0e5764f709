"""The contract of a model: all that its author must know. Scaling, its inverse, dates and files are not his business."""

from dataclasses import dataclass
from typing import Annotated, Any, Protocol, Self, runtime_checkable

from pydantic import Field

from forecast.arrays import Array
from forecast.data.panel import Panel
from forecast.data.scaling import Units
from forecast.errors import ForecastError
from forecast.results import Log
from forecast.task import Goal

Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what NumPy, torch, scikit-learn and Optuna take
FAR = (
    10.0  # columns beside the target are cut at so many spreads, so one broken reading cannot rule a forecast
)
LOOKS = 12  # how often a net's averaged weights are judged, and so how often a fit reports


class OtherSettingsError(ForecastError):
    """What was learned is not of a model with the settings of the Spec that is to take it up."""


class Stop(Exception):  # noqa: N818 (a signal, not an error)
    """Raised by `Watch.report`: the study that asked for this fit does not want the rest of it."""


class Watch:
    """What a fit may tell and ask; this one does nothing. `value` is the validation loss in scaled units."""

    def report(self, step: int, of: int, value: float) -> None:
        """Progress; may raise Stop."""

    def load(self) -> tuple[dict[str, Array], dict[str, Any]] | None:
        """The checkpoint (arrays, JSON values) that a killed fit left, or None."""
        return None

    def store(self, arrays: dict[str, Array], values: dict[str, Any]) -> None:
        """Keep a checkpoint."""

    def inner(self, place: int, of: int) -> "Watch":
        """Who watches one of the fits that make up this one, such as a member of a net, maybe in a worker process; its checkpoints are its own."""
        return Listener(self)


@dataclass(frozen=True)
class Listener(Watch):
    """Tells another watch of progress, and keeps no checkpoint."""

    watch: Watch

    def report(self, step: int, of: int, value: float) -> None:
        """Progress, as it comes."""
        self.watch.report(step, of, value)


class Learned(Protocol):
    """What a fit learned: arrays, and forecasts from them."""

    @property
    def context(self) -> int:
        """How many rows before an origin a forecast reads; and, where it starts from the last value, the last observed target before them."""

    @property
    def log(self) -> Log:
        """Choices and mishaps in words, and the loss history."""

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Forecasts (M, H, P), scaled, at origins (M, 2) of a scaled panel; fitted (S,): the fitted row of each series, -1 = cold.

        P = Q, the quantiles at `goal.levels`, from a model that has a distribution; P = 1, the point, from any other.
        """

    def arrays(self) -> dict[str, Array]:
        """Everything learned, as arrays."""


class Spec(Protocol):
    """A frozen dataclass of hyper-parameters: equal, hashable, JSON; nothing learned in it."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The roles of the columns that it reads beside the target; of the rows after an origin it reads the future columns alone."""

    @property
    def name(self) -> str:
        """The model's name in tables and files."""

    def settle(self, past: Panel, horizon: int) -> Self:
        """This spec with every size that it leaves open chosen from the past; itself where none is open."""

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> Learned:
        """Learn from a scaled panel."""

    def restore(self, arrays: dict[str, Array], goal: Goal) -> Learned:
        """The Learned whose `arrays()` these are; OtherSettingsError where they do not fit this spec."""

    def space(self, trial: Any) -> Self:
        """This spec with the settings that an Optuna trial suggests."""


@runtime_checkable
class Refits(Protocol):
    """What a Spec may have beside: a warm refit. A model without one is fitted cold, anew, on each longer past."""

    def refit(
        self, past: Panel, goal: Goal, start: dict[str, Array], *, seed: int, watch: Watch
    ) -> Learned | None:
        """Go on from `start`, the arrays learned of the same series for the same goal; None where that cannot be; raises as `restore`."""


@runtime_checkable
class Examines(Protocol):
    """What a Spec may have beside: a look at the target as it was read, before anything is fitted."""

    def examine(self, past: Panel, units: Units, price: bool) -> tuple[str, ...]:
        """Warnings where the target is not what the model is made for; ForecastError, with the models to take instead, where it cannot be.

        past: in the units of the file · units: in which the model will see it · price: whether the run is of a price.
        """
