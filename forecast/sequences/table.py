"""The table of classifiers, and mixtures of them by name. A new one is one file and one row here."""

import dataclasses
import importlib
from collections.abc import Mapping
from typing import Any

from forecast.errors import ForecastError, nearest, validated
from forecast.sequences.base import Classifier

# name -> "module:Class". Nothing is imported until a model is asked for.
MODELS: dict[str, str] = {
    "lstm": "net.recurrent:Lstm",
    "gru": "net.recurrent:Gru",
    "bag": "bag:Bag",
    "statistics": "statistics:Statistics",
    "boosting": "boosting:Boosting",
    "nearest": "nearest:Nearest",
    "majority": "majority:Majority",
}
DEFAULTS: dict[str, tuple[str, ...]] = {  # of each kind of sequences, where no model is named
    "numbers": ("lstm", "statistics", "boosting", "nearest", "majority"),
    "texts": ("lstm", "bag", "mix(bag,lstm)", "majority"),
}
PLAIN = ("bag", "statistics", "boosting", "nearest", "majority")  # what a net has to beat
LEAST = "majority"  # what all are measured against
MIX = "mix("  # a name that begins so is a mixture with learned weights: mix(bag,lstm)


def parts_of(model: str) -> tuple[str, ...]:
    """The models that a name stands for: itself, or the parts of a mixture, "bag+lstm" or "mix(bag,lstm)".

    ForecastError where one is unknown.
    """
    names = model.split("+")
    if model.startswith(MIX) and model.endswith(")"):
        names = model[len(MIX) : -1].split(",")
    parts = tuple(name.strip() for name in names)
    for part in parts:
        if part not in MODELS:
            place = f" in {model}" if len(parts) > 1 else ""
            raise ForecastError(f"There is no model {part!r} of sequences{place}.{nearest(part, MODELS)}")
    return parts


def is_mixture(model: str) -> bool:
    """Whether a name stands for several models."""
    return model not in MODELS and ("+" in model or model.startswith(MIX))


def classifier(model: str, **settings: Any) -> Classifier:
    """The Classifier of a named model with some of its settings changed: `classifier("lstm", units=64)`.

    Of a mixture by part: `classifier("bag+lstm", lstm={"units": 64})`. ForecastError where a name is unknown.
    """
    parts = parts_of(model)
    if not is_mixture(model):
        return _named(model, settings)
    for key, values in settings.items():
        if key not in parts:
            raise ForecastError(
                f"{model} has no setting {key!r}: its settings are those of its parts, by name."
                f" There is: {', '.join(parts)}."
            )
        validated(dict[str, Any], values, f"{model}.{key}")
    from forecast.sequences.mix import Mix

    made = tuple(_named(part, settings.get(part, {})) for part in parts)
    return Mix(model, made, "learned" if model.startswith(MIX) else "equal")


def _named(model: str, settings: Mapping[str, Any]) -> Classifier:
    """A row of the table with some of its settings changed."""
    module, _, name = MODELS[model].partition(":")
    made = getattr(importlib.import_module(f"forecast.sequences.{module}"), name)
    known = [field.name for field in dataclasses.fields(made) if field.name != "name"]
    for key in settings:
        if key not in known:
            raise ForecastError(f"{model} has no setting {key!r}.{nearest(key, known)}")
    checked: Classifier = validated(made, {**settings, "name": model}, model)
    return checked


def settings_of(model: Classifier) -> dict[str, Any]:
    """A classifier as JSON values, of which `classifier_from` makes it again: its settings, and as "model" its name."""
    if is_mixture(model.name):
        parts: tuple[Classifier, ...] = model.parts  # type: ignore[attr-defined]
        return {"model": model.name, **{part.name: _values(part) for part in parts}}
    return {"model": model.name, **_values(model)}


def _values(model: Classifier) -> dict[str, Any]:
    values = dataclasses.asdict(model)  # type: ignore[call-overload]
    return {name: value for name, value in values.items() if name != "name"}


def classifier_from(values: Mapping[str, Any]) -> Classifier:
    """The classifier whose `settings_of` these are."""
    settings = dict(values)
    return classifier(settings.pop("model"), **settings)


def models_for(kind: str) -> tuple[str, ...]:
    """The models of the table that can read a kind of sequences: numbers or texts."""
    return tuple(name for name in MODELS if kind in classifier(name).kinds)
