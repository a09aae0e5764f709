"""The table of models. A new model is one file and one row here, or no file: pass your own Spec object."""

import dataclasses
import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from forecast.errors import ForecastError, nearest, validated
from forecast.models.base import Spec

PLAIN = {"segment": 1, "anchor": "none", "head": "linear", "skip": False, "shrink": False}  # what most tutorials build

# name -> (module, class, preset). Nothing is imported until a model is asked for.
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "lstm": ("recurrent", "Recurrent", {"cell": "lstm"}),
    "gru": ("recurrent", "Recurrent", {"cell": "gru"}),
    "lstm-plain": ("recurrent", "Recurrent", {"cell": "lstm", **PLAIN}),
    "gru-plain": ("recurrent", "Recurrent", {"cell": "gru", **PLAIN}),
    "arima": ("arima", "Arima", {}),
    "ets": ("ets", "Ets", {}),
    "theta": ("theta", "Theta", {}),
    "ridge": ("ridge", "Ridge", {}),
    "boosting": ("boosting", "Boosting", {}),
    "garch": ("garch", "Garch", {}),
    "har": ("har", "Har", {}),
    "climatology": ("climatology", "Climatology", {}),
    "mean": ("climatology", "Climatology", {"day": 0, "week": 0, "year": 0}),
    "seasonal": ("naive", "Naive", {"kind": "seasonal"}),
    "naive": ("naive", "Naive", {"kind": "last"}),
    "drift": ("naive", "Naive", {"kind": "drift"}),
}
# What a net has to beat. garch is not among them: its point is that of naive, only its intervals are its own.
BASELINES = ("arima", "ets", "theta", "ridge", "boosting", "har", "climatology", "mean", "seasonal", "naive", "drift")


def spec(model: str, **settings: Any) -> Spec:
    """The Spec of a named model with some of its settings changed: `spec("gru", units=128)`."""
    if model not in MODELS:
        raise ForecastError(f"There is no model {model!r}.{nearest(model, MODELS)}")
    module, name, preset = MODELS[model]
    made = getattr(importlib.import_module(f"forecast.models.{module}"), name)
    fields = {field.name: field for field in dataclasses.fields(made)}
    for key in settings:
        if key not in fields or key == "name":
            raise ForecastError(f"{model} has no setting {key!r}.{nearest(key, [f for f in fields if f != 'name'])}")
    checked: Spec = validated(made, {**preset, **settings, "name": model}, model)
    return checked


def settings_of(model: Spec) -> dict[str, Any]:
    """A named spec as JSON values: what `spec(**settings_of(s))` makes again."""
    values = dataclasses.asdict(model)  # type: ignore[call-overload]
    return {"model": values.pop("name"), **values}


class Setting(NamedTuple):
    """One setting of a model: its default (None = open), what it means, who proposed it, its choices if few, what a full study tries."""

    name: str
    default: Any
    group: str
    meaning: str
    source: str
    choices: tuple[str, ...]
    tried: str


def describe(model: str) -> list[Setting]:
    """Every setting of a named model, group by group."""
    base = spec(model)
    fields = [one for one in dataclasses.fields(base) if one.name != "name"]  # type: ignore[arg-type]
    types, ranges = get_type_hints(type(base)), Ranges()
    (spec(model, search="full") if "search" in types else base).space(ranges)

    def row(one: dataclasses.Field[Any]) -> Setting:
        group, meaning, source = (one.metadata.get(key, "") for key in ("group", "meaning", "source"))
        choices = get_args(types[one.name]) if get_origin(types[one.name]) is Literal else ()
        return Setting(one.name, getattr(base, one.name), group, meaning, source, choices, ranges.found.get(one.name, ""))

    rows = [row(one) for one in fields]
    groups = list(dict.fromkeys(one.group for one in rows))
    return sorted(rows, key=lambda one: groups.index(one.group))


@dataclass(frozen=True)
class Ranges:
    """Stands in for an Optuna trial and writes down, in words, what a space suggests."""

    found: dict[str, str] = field(default_factory=dict)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """The choices."""
        self.found[name] = ", ".join(map(str, choices))
        return choices[0]

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """Lowest and highest."""
        self.found[name] = f"{low:g} to {high:g}" + (", log" if log else "")
        return low

    def suggest_int(self, name: str, low: int, high: int, **_: Any) -> int:
        """Lowest and highest."""
        self.found[name] = f"{low} to {high}"
        return low
