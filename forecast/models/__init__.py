"""The table of models, and combinations of them by name. A new model is one file and one row here, or no file: pass your own Spec object."""

import dataclasses
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from forecast.errors import ForecastError, nearest, validated
from forecast.models.base import Spec, targets_of, varied
from forecast.models.combination import Combination

PLAIN = {
    "segment": 1,
    "anchor": "none",
    "head": "linear",
    "skip": False,
    "shrink": False,
}  # what most tutorials build

# name -> (module, class, preset). Nothing is imported until a model is asked for.
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "lstm": ("nets.recurrent", "Recurrent", {"cell": "lstm"}),
    "gru": ("nets.recurrent", "Recurrent", {"cell": "gru"}),
    "lstm-plain": ("nets.recurrent", "Recurrent", {"cell": "lstm", **PLAIN}),
    "gru-plain": ("nets.recurrent", "Recurrent", {"cell": "gru", **PLAIN}),
    "arima": ("classic.arima", "Arima", {}),
    "ets": ("classic.ets", "Ets", {}),
    "theta": ("classic.theta", "Theta", {}),
    "ridge": ("regress.ridge", "Ridge", {}),
    "boosting": ("regress.boosting", "Boosting", {}),
    "garch": ("market.garch", "Garch", {}),
    "har": ("market.har", "Har", {}),
    "climatology": ("classic.climatology", "Climatology", {}),
    "median": ("classic.median", "Median", {}),
    "mean": ("classic.climatology", "Climatology", {"day": 0, "week": 0, "year": 0}),
    "seasonal": ("classic.naive", "Naive", {"kind": "seasonal"}),
    "naive": ("classic.naive", "Naive", {"kind": "last"}),
    "drift": ("classic.naive", "Naive", {"kind": "drift"}),
    "rate": ("classic.shares", "Shares", {"kind": "rate"}),
    "persistence": ("classic.shares", "Shares", {"kind": "last"}),
}
# What a net has to beat. garch is not among them: its point is that of naive, only its intervals are its own.
BASELINES = (
    "arima",
    "ets",
    "theta",
    "ridge",
    "boosting",
    "har",
    "climatology",
    "median",
    "mean",
    "seasonal",
    "naive",
    "drift",
    "rate",
    "persistence",
)


RENAMED = {"metric": "judge"}  # settings by the name they had -> by the name they have


def parts_of(model: str) -> tuple[str, ...]:
    """The models that a name stands for: itself, or the parts of a combination, "ridge+boosting"; ForecastError where one is unknown or twice."""
    parts = tuple(model.split("+"))
    for part in parts:
        if part not in MODELS:
            raise ForecastError(
                f"There is no model {part!r}{f' in {model}' if len(parts) > 1 else ''}.{nearest(part, MODELS)}"
            )
        if parts.count(part) > 1:
            raise ForecastError(
                f"{model} has {part} twice: a combination is the mean of models that differ. Leave one out."
            )
    return parts


def is_named(model: str) -> bool:
    """Whether a name is one of the table, or that of a combination of such models."""
    return set(model.split("+")) <= set(MODELS)


def is_baseline(model: str) -> bool:
    """Whether a net has to beat a model of this name: a combination where all of its parts are such."""
    return set(model.split("+")) <= set(BASELINES)


def models_for(kind: str) -> list[str]:
    """The models of the table that can forecast a kind of target."""
    return [name for name in MODELS if kind in targets_of(spec(name))]


def spec(model: str, /, **settings: Any) -> Spec:
    """The Spec of a named model with some of its settings changed, of a combination by part: `spec("gru", units=128)`,
    `spec("ridge+gru", gru={"units": 128})`."""
    parts = parts_of(model)
    if len(parts) == 1:
        return _named(model, settings)
    for key, table in settings.items():
        if key not in parts:
            raise ForecastError(
                f"{model} has no setting {key!r}: its settings are those of its parts, by name. There is: {', '.join(parts)}."
            )
        validated(dict[str, Any], table, f"{model}.{key}")
    return Combination(model, tuple(_named(part, settings.get(part, {})) for part in parts))


def spec_of(model: str, table: Mapping[str, Mapping[str, Any]]) -> Spec:
    """The Spec of a named model with what a table of settings by model says of it, or of its parts."""
    parts = parts_of(model)
    return spec(
        model,
        **(
            table.get(model, {})
            if len(parts) == 1
            else {part: table[part] for part in parts if part in table}
        ),
    )


def _named(model: str, settings: Mapping[str, Any]) -> Spec:
    """A row of the table with some of its settings changed."""
    module, name, preset = MODELS[model]
    made = getattr(importlib.import_module(f"forecast.models.{module}"), name)
    fields = {field.name: field for field in dataclasses.fields(made)}
    for key in settings:
        if key in RENAMED and RENAMED[key] in fields:
            raise ForecastError(f"{model}.{key} is called {model}.{RENAMED[key]} now. Give it by that name.")
        if key not in fields or key == "name":
            raise ForecastError(
                f"{model} has no setting {key!r}.{nearest(key, [f for f in fields if f != 'name'])}"
            )
    checked: Spec = validated(made, {**preset, **settings, "name": model}, model)
    return checked


def settings_of(model: Spec) -> dict[str, Any]:
    """A named spec as JSON values: its settings, and beside them, as "model", its name: `spec` makes it again."""
    if isinstance(model, Combination):
        return {"model": model.name, **{part.name: _values(part) for part in model.parts}}
    return {"model": model.name, **_values(model)}


def _values(model: Spec) -> dict[str, Any]:
    values = dataclasses.asdict(model)  # type: ignore[call-overload]
    return {name: value for name, value in values.items() if name != "name"}


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
    """Every setting of a named model, group by group; of a combination part by part, `gru.units`."""
    parts = parts_of(model)
    if len(parts) > 1:
        return [one._replace(name=f"{part}.{one.name}") for part in parts for one in describe(part)]
    base = spec(model)
    fields = [one for one in dataclasses.fields(base) if one.name != "name"]  # type: ignore[arg-type]
    types, ranges = get_type_hints(type(base)), Ranges()
    varied(spec(model, search="full") if "search" in types else base, ranges)

    def row(one: dataclasses.Field[Any]) -> Setting:
        group, meaning, source = (one.metadata.get(key, "") for key in ("group", "meaning", "source"))
        choices = get_args(types[one.name]) if get_origin(types[one.name]) is Literal else ()
        return Setting(
            one.name, getattr(base, one.name), group, meaning, source, choices, ranges.found.get(one.name, "")
        )

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
