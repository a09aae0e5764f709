"""A Run: the whole experiment as a value. TOML and flags in; what is unknown or out of range is refused by name."""

import dataclasses
import json
import math
import os
import tomllib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from forecast.data.findings import listed
from forecast.data.options import OPTIONS, Reading, make_reading
from forecast.data.panel import Panel
from forecast.errors import ForecastError, nearest, validated
from forecast.evaluation.folds import WalkForward
from forecast.evaluation.metrics import ranking
from forecast.models import MODELS, parts_of, settings_of, spec, spec_of
from forecast.models.base import Seed, Spec
from forecast.models.own import Kind, by_name, classes, is_reference, known, reference_of
from forecast.reading.door import read
from forecast.task import LEVELS, Task

DEFAULT_MODELS = ("lstm", "gru", "arima", "seasonal", "naive")
ASKED = Task(intervals=(80, 95), levels=LEVELS)  # what a run asks where nothing is said
ASKED_FOR = ("intervals", "bounds", "transform", "scale", "metric")  # fields of a Task that a Run is given


@dataclass(frozen=True)
class Study:
    """How `forecast tune` searches: the sampler, and for each model what its space is narrowed to (`forecast.tuning.space`)."""

    sampler: Literal["tpe", "random", "grid", "gp"] = "tpe"
    space: dict[str, dict[str, Any]] = field(
        default_factory=dict
    )  # model -> setting -> a value, values, or {low, high, log}


@dataclass(frozen=True)
class Run:
    """An experiment: which data, which models with which settings, how it is walked through. TOML in, JSON out."""

    data: str
    models: Annotated[tuple[str, ...], Field(min_length=1)] = DEFAULT_MODELS
    reading: Reading = field(default_factory=Reading)
    walk: WalkForward = field(default_factory=WalkForward)
    task: Task = ASKED  # its fields stand next to those of a Run in TOML; the horizon is that of the walk
    price: bool = False  # logs, ranked by them, the random walk as baseline, and what the direction is worth
    cost: Annotated[float, Field(ge=0)] | None = None  # of a price: basis points for each side that is traded
    seed: Seed = 0
    settings: dict[str, dict[str, Any]] = field(
        default_factory=dict
    )  # model -> setting -> value; they hold in its combinations too
    tune: Study = field(default_factory=Study)
    own: tuple[Kind, ...] = ()  # classes that its models name, such as mymodule:MySpec; no part of its TOML

    def specs(self) -> list[Spec]:
        """The Specs of its models, with their settings."""
        used = {part for model in self.models for part in parts_of(model)} | {kind.name for kind in self.own}
        for model in self.settings:
            if model not in used:
                raise ForecastError(
                    f"There are settings for {model}, which is not among the models of this run: {', '.join(self.models)}."
                )
        return [spec_of(model, self.settings, self.own) for model in self.models]

    @property
    def baseline(self) -> str | None:
        """The model that all are measured against where it is not the best baseline: of a price the random walk."""
        return "naive" if self.price and "naive" in self.models else None

    def read(self) -> Panel:
        """The panel of its file."""
        return read(self.data, self.reading)


def make_run(
    data: str | None = None,
    config: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    specs: Sequence[Any] = (),
) -> Run:
    """A Run from a TOML file and from overrides by dotted path (`{"gru.units": 128, "walk.folds": 2}`), which win.

    In TOML the keys of a Run stand at the top, `[walk]`, `[tune]`, and one table a model below, `[gru]` of its settings and `[tune.gru]` of what a
    study tries; `data` is relative to the file's own folder.
    specs: the classes of your own that its models name, such as mymodule:MySpec; their settings stand under their names.
    """
    own = classes(specs, {*MODELS, *_NAMES})
    values: dict[str, Any] = {}
    if config is not None:
        values = _toml(Path(config))
        if "data" in values:
            values["data"] = os.path.normpath(Path(config).parent / str(values["data"]))
    if data is not None:
        values["data"] = data
    for path, value in (overrides or {}).items():
        put(values, by_name(path, own), value)
    if "models" in values:
        values["models"] = _named_models(values["models"], own)
    if "data" not in values:
        raise ForecastError('No data file is named. Give one, or write data = "file.csv" into the config.')
    reading = values.pop("reading", None)  # from Python alone; in TOML its options stand at the top
    models = {*MODELS, *(kind.name for kind in own)}
    settings = {
        key: values.pop(key) for key in list(values) if key in models and isinstance(values[key], dict)
    }
    values.pop("made", None)  # what a run folder's own run.toml says of its making
    refuse_modelless(values, _NAMES | models)
    _refuse_unknown("", values, _NAMES | models)
    if isinstance(values.get("walk"), dict):
        _refuse_unknown("walk.", values["walk"], {f.name for f in dataclasses.fields(WalkForward)})
    if isinstance(values.get("tune"), dict):
        _refuse_unknown("tune.", values["tune"], {"sampler", *models})
        space = {key: value for key, value in values["tune"].items() if key in models}
        values["tune"] = {
            "space": space,
            **{key: value for key, value in values["tune"].items() if key == "sampler"},
        }
    asked = {name: values.pop(name) for name in ASKED_FOR if name in values}
    values["task"] = _task(asked, values.get("price"))
    options = {name: values.pop(name) for name in OPTIONS if name in values}
    values["reading"] = make_reading(reading, options)
    made: Run = validated(Run, {**values, "settings": settings, "own": own})
    if made.cost is not None and not made.price:
        raise ForecastError("A cost is of trading a price: add --price, or leave --cost out.")
    return made


# what stands at the top of a run's TOML, next to the tables of its models
_NAMES = {one.name for one in dataclasses.fields(Run)} - {"settings", "reading", "task", "own"}
_NAMES |= {*OPTIONS, *ASKED_FOR}


def _named_models(models: Any, own: tuple[Kind, ...]) -> Any:
    """The models of a run with the reference of a class in place of its name; ForecastError where one is not given."""
    if not isinstance(models, list | tuple):
        return models  # refused by its type
    references = {kind.name: reference_of(kind) for kind in own}
    named: list[Any] = []
    for model in models:
        if isinstance(model, str) and is_reference(model) and "+" not in model:
            named.append(reference_of(known(model, own)))
        else:
            named.append(references.get(model, model))
    return named


def _task(given: dict[str, Any], price: Any) -> Task:
    """The Task of a Run from its fields that were given; of a price in logs, and ranked by them.

    The levels that paths and scores of distributions need are calibrated wherever intervals are asked for.
    """
    if isinstance(given.get("bounds"), list | tuple):  # TOML has no null: an open side is infinite there
        sides = given["bounds"]
        given["bounds"] = [None if isinstance(side, float) and math.isinf(side) else side for side in sides]
    asked: Task = validated(Task, {"intervals": ASKED.intervals, **given})
    if asked.metric is not None and ranking(asked.metric).quantiles and not asked.intervals:
        raise ForecastError(
            f"The metric {asked.metric} scores quantiles, and --intervals none asks for none. Leave that out, or take a"
            f" metric of points, such as mae."
        )
    if price and asked.transform == "none":
        asked = replace(asked, transform="log")
    if price and asked.metric is None:
        asked = replace(asked, metric="rmse_log")
    return replace(asked, levels=LEVELS if asked.intervals else ())


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ForecastError(f"There is no config file {path}.") from None
    except OSError as error:
        raise ForecastError(f"The config file {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ForecastError(f"{path} is not valid TOML: {error}") from None


def put(values: dict[str, Any], path: str, value: Any) -> None:
    """Set a value in nested tables by its dotted path."""
    *tables, name = path.split(".")
    for table in tables:
        values = values.setdefault(table, {})
        if not isinstance(values, dict):
            raise ForecastError(f"{path} cannot be set: {table} is a single value, not a table.")
    values[name] = value


def _refuse_unknown(prefix: str, values: Mapping[str, Any], known: set[str]) -> None:
    for name in values:
        if "+" in name:
            raise ForecastError(
                f"{prefix}{name}: a combination has no settings of its own. Give each part its own: {', '.join(name.split('+'))}."
            )
        if name not in known:
            raise ForecastError(f"There is no setting {prefix}{name}.{nearest(name, sorted(known))}")


def refuse_modelless(values: Mapping[str, Any], known: Set[str] = frozenset()) -> None:
    """Refuse a setting of models that is given without one of them: layers in place of gru.layers."""
    for name in values.keys() - known:
        owners = [model for model in MODELS if name in settings_of(spec(model)).keys() - {"model"}]
        if owners:
            usual = [model for model in values.get("models", DEFAULT_MODELS) if model in owners] or owners
            raise ForecastError(
                f"There is no setting {name} of a run; it is one of {listed(owners)}."
                f" Give it with its model, such as {usual[-1]}.{name}={values[name]}."
            )


def _toml_value(value: Any) -> str:
    """A value as TOML writes it, a table in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml_value(inner)}" for key, inner in value.items()) + "}"
    return json.dumps(value)


def settings_by_name(run: Run) -> dict[str, Any]:
    """The settings of a run by the names that TOML and flags give them: those of its Reading and its Task stand among the others."""
    values: dict[str, Any] = {}
    for name, value in dataclasses.asdict(run).items():
        if name == "own":  # the models name these classes
            continue
        if name == "reading":
            values |= value
        elif name == "task":
            values |= {field: value[field] for field in ASKED_FOR}
        else:
            values[name] = value
    return values


def to_toml(run: Run, made: Mapping[str, Any] | None = None) -> str:
    """A run as TOML that `--config` reads again; `made` says of its making what `--config` passes over."""
    values = settings_by_name(run)
    values["data"] = str(Path(run.data).resolve())
    low, high = values.pop("bounds")
    tune = values.pop("tune")
    space = {f"tune.{model}": table for model, table in tune.pop("space").items()}
    tables = {"walk": values.pop("walk"), **values.pop("settings"), "tune": tune, **space, "made": made or {}}
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items() if value is not None]
    if (low, high) != (None, None):
        lines.append(f"bounds = [{'-inf' if low is None else low}, {'inf' if high is None else high}]")
    for name, table in tables.items():
        if table:
            lines += [
                "",
                f"[{name}]",
                *(f"{key} = {_toml_value(value)}" for key, value in table.items() if value is not None),
            ]
    return "\n".join(lines) + "\n"
