"""The table of classifiers. A new one is one file and one row here."""

import dataclasses
import importlib
from collections.abc import Mapping
from typing import Any

from forecast.errors import ForecastError, nearest, validated
from forecast.sequences.base import Classifier

# name -> "module:Class". Nothing is imported until a model is asked for.
MODELS: dict[str, str] = {
    "bag": "bag:Bag",
    "statistics": "statistics:Statistics",
    "boosting": "boosting:Boosting",
    "nearest": "nearest:Nearest",
    "majority": "majority:Majority",
}
PLAIN = ("bag", "statistics", "boosting", "nearest", "majority")  # what a net has to beat
LEAST = "majority"  # what all are measured against


def parts_of(model: str) -> tuple[str, ...]:
    """The models that a name stands for: itself alone."""
    return (model,)


def classifier(model: str, **settings: Any) -> Classifier:
    """The Classifier of a named model with some of its settings changed; ForecastError where a name is unknown."""
    if model not in MODELS:
        raise ForecastError(f"There is no model {model!r} of sequences.{nearest(model, MODELS)}")
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
    values = dataclasses.asdict(model)  # type: ignore[call-overload]
    own = {name: value for name, value in values.items() if name != "name"}
    return {"model": model.name, **own}


def classifier_from(values: Mapping[str, Any]) -> Classifier:
    """The classifier whose `settings_of` these are."""
    settings = dict(values)
    return classifier(settings.pop("model"), **settings)


def models_for(kind: str) -> tuple[str, ...]:
    """The models of the table that can read a kind of sequences: numbers or texts."""
    return tuple(name for name in MODELS if kind in classifier(name).kinds)
