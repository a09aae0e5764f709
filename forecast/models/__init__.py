"""The table of models. A new model is one file and one row here, or no file: pass your own Spec object."""

import dataclasses
import importlib
from typing import Any

from forecast.errors import ForecastError, nearest
from forecast.models.base import Spec

# name -> (module, class, preset). Nothing is imported until a model is asked for.
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "lstm": ("recurrent", "Recurrent", {"cell": "lstm"}),
    "gru": ("recurrent", "Recurrent", {"cell": "gru"}),
    "lstm-plain": ("recurrent", "Recurrent", {"cell": "lstm", **{"segment": 1, "anchor": "none", "head": "linear", "skip": False}}),
    "gru-plain": ("recurrent", "Recurrent", {"cell": "gru", **{"segment": 1, "anchor": "none", "head": "linear", "skip": False}}),
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
# What a net has to beat.
BASELINES = ("arima", "ets", "theta", "ridge", "boosting", "garch", "har", "climatology", "mean", "seasonal", "naive", "drift")


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
    from pydantic import TypeAdapter, ValidationError

    try:
        checked: Spec = TypeAdapter(made).validate_python({**preset, **settings, "name": model})
    except ValidationError as error:
        first = error.errors()[0]
        raise ForecastError(f"{model}.{first['loc'][0]} = {first['input']!r}: {first['msg'].lower()}.") from None
    return checked


def settings_of(model: Spec) -> dict[str, Any]:
    """A named spec as JSON values: what `spec(**settings_of(s))` makes again."""
    values = dataclasses.asdict(model)  # type: ignore[call-overload]
    return {"model": values.pop("name"), **values}
