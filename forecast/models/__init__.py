"""The table of models, and combinations of them by name.

A new model is one file and one row here; a Spec of your own needs neither (docs/own-model.md).
"""

import dataclasses
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from forecast.errors import ForecastError, nearest, validated
from forecast.models.base import Spec, is_unscaled, targets_of, varied
from forecast.models.combination import Combination
from forecast.models.own import Kind, is_reference, known, made, values_of

PLAIN = {
    "segment": 1,
    "anchor": "none",
    "head": "linear",
    "skip": False,
    "shrink": False,
    "hurdle": False,
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
    "logistic": ("regress.logistic", "Logistic", {}),
    "garch": ("market.garch", "Garch", {}),
    "har": ("market.har", "Har", {}),
    "climatology": ("classic.climatology", "Climatology", {}),
    "median": ("classic.median", "Median", {}),
    "mean": ("classic.climatology", "Climatology", {"day": 0, "week": 0, "year": 0}),
    "seasonal": ("classic.naive", "Naive", {"kind": "seasonal"}),
    "naive": ("classic.naive", "Naive", {"kind": "last"}),
    "drift": ("classic.naive", "Naive", {"kind": "drift"}),
    "zero": ("classic.naive", "Naive", {"kind": "zero"}),
    "rate": ("classic.shares", "Shares", {"kind": "rate"}),
    "markov": ("classic.chain", "Markov", {}),
    "persistence": ("classic.shares", "Shares", {"kind": "last"}),
}
# What a net has to beat. garch is not among them: its point is that of naive, only its intervals are its own.
BASELINES = tuple(
    name for name, (module, _, _) in MODELS.items() if not module.startswith("nets.") and name != "garch"
)
IMPLIED = "implied-"  # begins the name of a model of an event around a forecaster of a number: implied-gru
RENAMED = {"metric": "judge"}  # settings by the name they had -> by the name they have


def parts_of(model: str) -> tuple[str, ...]:
    """The models that a name stands for: itself, or the parts of a combination, "ridge+boosting".

    ForecastError where one is unknown or twice, or where a combination names a class.
    """
    parts = tuple(model.split("+"))
    if is_reference(model):
        if len(parts) > 1:
            raise ForecastError(
                f"{model}: a class of your own is no part of a combination. Name each model alone, separated by a comma."
            )
        return parts
    for part in parts:
        if inner_of(part) not in MODELS:
            place = f" in {model}" if len(parts) > 1 else ""
            raise ForecastError(f"There is no model {part!r}{place}.{nearest(part, MODELS)}")
        if parts.count(part) > 1:
            raise ForecastError(
                f"{model} has {part} twice: a combination is the mean of models that differ. Leave one out."
            )
    return parts


def inner_of(model: str) -> str:
    """The model of the table that a name stands for: of implied-gru that is gru, of others the name itself."""
    return model.removeprefix(IMPLIED)


def is_named(model: str) -> bool:
    """Whether a name is one of the table, or that of a combination of such models."""
    return {inner_of(part) for part in model.split("+")} <= set(MODELS)


def is_baseline(model: str) -> bool:
    """Whether a net has to beat a model of this name: a combination where all of its parts are such."""
    return set(model.split("+")) <= set(BASELINES)


def models_for(kind: str) -> list[str]:
    """The models of the table that can forecast a kind of target."""
    able = [name for name in MODELS if kind in targets_of(spec(name))]
    return [*able, f"{IMPLIED}gru"] if kind == "event" else able


def spec(model: str, /, **settings: Any) -> Spec:
    """The Spec of a named model with some of its settings changed: `spec("gru", units=128)`.

    Of a combination by part: `spec("ridge+gru", gru={"units": 128})`.
    """
    parts = parts_of(model)
    if is_reference(model):
        name = model.rpartition(":")[2]
        raise ForecastError(
            f"{model} is a class of your own: give a Spec of it in place of its name, {name}()."
        )
    if len(parts) == 1:
        return _named(model, settings)
    for key, table in settings.items():
        if key not in parts:
            raise ForecastError(
                f"{model} has no setting {key!r}: its settings are those of its parts, by name. There is:"
                f" {', '.join(parts)}."
            )
        validated(dict[str, Any], table, f"{model}.{key}")
    made = tuple(_named(part, settings.get(part, {})) for part in parts)
    if len({is_unscaled(part) for part in made}) > 1:
        raise ForecastError(
            f"{model} joins models that see values as they are with others that see them scaled. Combine {IMPLIED}... models"
            f" with each other alone."
        )
    return Combination(model, made)


def spec_of(model: str, table: Mapping[str, Mapping[str, Any]], own: Sequence[Kind] = ()) -> Spec:
    """The Spec of a named model with what a table of settings by model says of it, or of its parts.

    own: the classes that a name such as mymodule:MySpec may stand for; the table knows these by their names.
    """
    parts = parts_of(model)
    if is_reference(model):
        kind = known(model, own)
        return made(kind, table.get(kind.name, {}))
    if len(parts) == 1:
        return spec(model, **table.get(model, {}))
    return spec(model, **{part: table[part] for part in parts if part in table})


def spec_from(values: Mapping[str, Any], own: Sequence[Kind] = ()) -> Spec:
    """The Spec whose `settings_of` these are; ForecastError where it is of a class that is not among `own`."""
    settings = dict(values)
    if "class" in settings:
        return made(known(settings.pop("class"), own), settings)
    return spec(settings.pop("model"), **settings)


def _named(model: str, settings: Mapping[str, Any]) -> Spec:
    """A row of the table with some of its settings changed, or a model around one."""
    if model.startswith(IMPLIED):
        around = importlib.import_module("forecast.implied")
        wrapped: Spec = around.implied(model, _named(inner_of(model), settings))
        return wrapped
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
    """A spec as JSON values of which `spec_from` makes it again: its settings, and as "model" its name.

    Of a class of one's own "class" names it in place of "model"; ForecastError where its settings are not JSON.
    """
    if not _is_of_table(model):
        return values_of(model)
    if isinstance(model, Combination):
        tables = {part.name: _values(part) for part in model.parts}
        return {"model": model.name, **tables}
    forecaster = getattr(model, "forecaster", None)
    if forecaster is not None:
        return {"model": model.name, **_values(forecaster)}
    return {"model": model.name, **_values(model)}


def changed(base: Spec, setting: str, value: Any) -> Spec:
    """A spec with one setting changed, of a combination by part: "gru.units"; ForecastError where it has no such one."""
    values = settings_of(base)
    own = values.pop("class", None)
    model = "" if own else values.pop("model")
    part, _, name = setting.rpartition(".")
    if part:
        values[part] = {**values.get(part, {}), name: value}
    else:
        values[name] = value
    return made(type(base), values) if own else spec(model, **values)


def _is_of_table(model: Spec) -> bool:
    """Whether a spec is one of the table, or a combination of such: its name alone could be that of another class."""
    if isinstance(model, Combination):
        return is_named(model.name) and all(_is_of_table(part) for part in model.parts)
    kind = type(model)
    if model.name.startswith(IMPLIED):
        return (kind.__module__, kind.__qualname__) == ("forecast.implied", "Implied")
    module, name, _ = MODELS.get(model.name, ("", "", {}))
    return (kind.__module__, kind.__qualname__) == (f"forecast.models.{module}", name)


def _values(model: Spec) -> dict[str, Any]:
    values = dataclasses.asdict(model)  # type: ignore[call-overload]
    return {name: value for name, value in values.items() if name != "name"}


class Setting(NamedTuple):
    """One setting of a model.

    Its default (None = open), what it means, who proposed it, its choices if few, what a full study tries.
    """

    name: str
    default: Any
    group: str
    meaning: str
    source: str
    choices: tuple[str, ...]
    tried: str


def describe(model: str, own: Sequence[Kind] = ()) -> list[Setting]:
    """Every setting of a named model, group by group; of a combination part by part, `gru.units`.

    own: the classes that a name such as mymodule:MySpec may stand for.
    """
    parts = parts_of(model)
    if model.startswith(IMPLIED):
        return describe(inner_of(model))
    if len(parts) > 1:
        return [one._replace(name=f"{part}.{one.name}") for part in parts for one in describe(part)]
    base = spec_of(model, {}, own)
    fields = [one for one in dataclasses.fields(base) if one.name != "name"]  # type: ignore[arg-type]
    types = get_type_hints(type(base))
    ranges = Ranges()
    if "search" in types:
        varied(spec(model, search="full"), ranges)
    else:
        varied(base, ranges)
    rows = []
    for one in fields:
        group, meaning, source = (one.metadata.get(key, "") for key in ("group", "meaning", "source"))
        hint = types[one.name]
        choices = get_args(hint) if get_origin(hint) is Literal else ()
        tried = ranges.found.get(one.name, "")
        rows.append(Setting(one.name, getattr(base, one.name), group, meaning, source, choices, tried))
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
