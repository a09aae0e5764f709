"""The contract of a model: all that its author must know. Scaling, its inverse, dates and files are not his business.

A Spec has a name, `fit` and `restore`; what it learned has `predict` and `arrays`. Everything else is optional: one
protocol each, and one function that asks it and knows what holds without it.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Protocol, Self, TypeVar, cast, runtime_checkable

from pydantic import Field

from forecast.arrays import Array
from forecast.data.panel import Panel
from forecast.data.scaling import Units
from forecast.errors import ForecastError
from forecast.models.contributions import Contributions
from forecast.results import Log
from forecast.task import Goal

Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what NumPy, torch, scikit-learn and Optuna take
FAR = 10.0  # spreads at which columns next to the target are cut: one broken reading cannot rule a forecast
LOOKS = 12  # how often a net's averaged weights are judged, and so how often a fit reports
CONTEXT = 512  # rows that are kept next to a model which does not say how many it reads
NUMBERS = ("number",)  # the kinds of target of a model which does not say what it targets


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
        """Who watches one of the fits that make up this one, such as a member of a net, maybe in a worker process.

        It keeps the checkpoints of that fit alone.
        """
        return Listener(self)


@dataclass(frozen=True)
class Listener(Watch):
    """Tells another watch of progress, and keeps no checkpoint."""

    watch: Watch

    def report(self, step: int, of: int, value: float) -> None:
        """Progress, as it comes."""
        self.watch.report(step, of, value)


class Learned(Protocol):
    """What a fit learned: arrays, and forecasts from them. Optional: `context` (ReadsBack) and `log` (Reports)."""

    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Forecasts (M, H, P), scaled, at origins (M, 2) = (series, rows known) of a scaled panel.

        fitted (S,): the place that each series of the panel had among those of the fit, -1 where it had none.
        P = Q, the quantiles at `goal.levels`, from a model that has a distribution; P = 1, the point, from any other;
        P = K, the share of each name, where the target has names.
        """

    def arrays(self) -> dict[str, Array]:
        """Everything learned, as arrays."""


class Spec(Protocol):
    """A frozen dataclass of hyper-parameters: equal, hashable, JSON; nothing learned in it.

    Optional: `reads` (Reads), `targets` (Targets), `unscaled` (Unscaled), `settle` (Settles), `space` (Searches), `refit`
    (Refits) and `examine` (Examines).
    """

    @property
    def name(self) -> str:
        """The model's name in tables and files."""

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> Learned:
        """Learn from a scaled panel, each series of which has an observed target."""

    def restore(self, arrays: dict[str, Array], goal: Goal) -> Learned:
        """The Learned whose `arrays()` these are; OtherSettingsError where they do not fit this spec."""


AnySpec = TypeVar("AnySpec", bound=Spec)


@runtime_checkable
class ReadsBack(Protocol):
    """Optional of a Learned: how far back a forecast reads. Without it CONTEXT rows are kept next to a model."""

    @property
    def context(self) -> int:
        """How many rows before an origin a forecast reads.

        Where it starts from the last value, the last observed target before them is kept too.
        """


@runtime_checkable
class Reports(Protocol):
    """Optional of a Learned: what is to be said of the fit. Without it nothing is."""

    @property
    def log(self) -> Log:
        """Choices and mishaps in words, and the loss history."""


@runtime_checkable
class Explains(Protocol):
    """Optional of a Learned: what makes up a forecast. Without it a forecast cannot be explained."""

    def explain(
        self, panel: Panel, origins: Array, fitted: Array, steps: Array, integration: int
    ) -> Contributions | None:
        """What the point forecasts of `predict`, scaled, are the sum of; None where it cannot be given.

        panel, origins (M, 2), fitted (S,): as of `predict` · steps (J,): places in the horizon, from 0
        · integration: points at which a model without a closed form is looked at, between the window
        that stays at its last values and the window itself.
        """


@runtime_checkable
class HasHurdle(Protocol):
    """Optional of a Learned: whether it forecasts the chance of an amount and its size. Without it it does not."""

    @property
    def hurdle(self) -> bool:
        """Whether a quantile at the zero of the scaled panel (`Panel.zeros`) says that the target is exactly 0."""


@runtime_checkable
class Reads(Protocol):
    """Optional of a Spec: what it reads next to the target. Without it nothing."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The roles of these columns: past, future, static; of the rows after an origin it reads future ones alone."""


@runtime_checkable
class Targets(Protocol):
    """Optional of a Spec: what it can forecast. Without it numbers."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The kinds of target: number, event (one of two names), names (one of several)."""


@runtime_checkable
class Unscaled(Protocol):
    """Optional of a Spec: it sees the panel in the units of the file, and scales it itself. Without it panels are scaled."""

    @property
    def unscaled(self) -> bool:
        """Whether it is so."""


@runtime_checkable
class Settles(Protocol):
    """Optional of a Spec: sizes that are left open. Without it none is."""

    def settle(self, past: Panel, horizon: int) -> Self:
        """This spec with every size that it leaves open chosen from the past."""


@runtime_checkable
class Searches(Protocol):
    """Optional of a Spec: what a study varies by itself. Without it nothing; a study can be given values to try."""

    def space(self, trial: Any) -> Self:
        """This spec with the settings that an Optuna trial suggests."""


@runtime_checkable
class Refits(Protocol):
    """Optional of a Spec: a warm refit. Without it each longer past is fitted cold, anew."""

    def refit(
        self, past: Panel, goal: Goal, start: dict[str, Array], *, seed: int, watch: Watch
    ) -> Learned | None:
        """Go on from `start`, the arrays learned of the same series for the same goal.

        None where that cannot be; raises as `restore`.
        """


@runtime_checkable
class Examines(Protocol):
    """Optional of a Spec: a look at the target as it was read, before anything is fitted. Without it none."""

    def examine(self, past: Panel, units: Units, price: bool) -> tuple[str, ...]:
        """Warnings where the target is not what the model is made for.

        past: in the units of the file · units: in which the model will see it · price: whether the run is of a price.
        Raises ForecastError, with the models to take instead, where the model cannot be used.
        """


def context_of(learned: Learned) -> int:
    """How many rows before an origin a forecast reads."""
    return learned.context if isinstance(learned, ReadsBack) else CONTEXT


def report_of(learned: Learned) -> Log:
    """What a fit has to say."""
    return learned.log if isinstance(learned, Reports) else Log()


def explained(
    learned: Learned, panel: Panel, origins: Array, fitted: Array, steps: Array, integration: int
) -> Contributions | None:
    """What makes up the forecasts of a model; None of one that does not say it."""
    if not isinstance(learned, Explains):
        return None
    return learned.explain(panel, origins, fitted, steps, integration)


def has_hurdle(learned: Learned) -> bool:
    """Whether the distributions of a model have a mass at 0."""
    return isinstance(learned, HasHurdle) and learned.hurdle


def reads_of(spec: Spec) -> tuple[str, ...]:
    """The roles of the columns that a model reads next to the target."""
    return spec.reads if isinstance(spec, Reads) else ()


def targets_of(spec: Spec) -> tuple[str, ...]:
    """The kinds of target that a model can forecast."""
    return spec.targets if isinstance(spec, Targets) else NUMBERS


def is_unscaled(spec: Spec) -> bool:
    """Whether a model sees the panel in the units of the file."""
    return isinstance(spec, Unscaled) and spec.unscaled


def sized(spec: AnySpec, past: Panel, horizon: int) -> AnySpec:
    """A spec with every size that it leaves open chosen from the past."""
    return cast(AnySpec, spec.settle(past, horizon)) if isinstance(spec, Settles) else spec


def varied(spec: AnySpec, trial: Any) -> AnySpec:
    """A spec with the settings that a trial suggests."""
    return cast(AnySpec, spec.space(trial)) if isinstance(spec, Searches) else spec


def refitted(
    spec: Spec, past: Panel, goal: Goal, start: dict[str, Array], *, seed: int, watch: Watch
) -> Learned | None:
    """What a model learned going on from an earlier fit; None where it cannot."""
    if not isinstance(spec, Refits):
        return None
    return spec.refit(past, goal, start, seed=seed, watch=watch)


def examined(spec: Spec, past: Panel, units: Units, price: bool) -> tuple[str, ...]:
    """The warnings of a model about a target; raises as it does."""
    return spec.examine(past, units, price) if isinstance(spec, Examines) else ()
