"""A Run: the whole experiment as a value. TOML and flags in; what is unknown or out of range is refused by name."""

import dataclasses
import json
import math
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import date, time
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from forecast.data.events import Condition, condition_of, of_one_number
from forecast.data.findings import listed
from forecast.data.options import OPTIONS, Reading, make_reading
from forecast.data.panel import Panel
from forecast.data.scaling import AUTO
from forecast.errors import ForecastError, nearest, validated
from forecast.evaluation.folds import WalkForward
from forecast.evaluation.metrics import ranking
from forecast.models import MODELS, parts_of, settings_of, spec, spec_of
from forecast.models.base import Seed, Spec
from forecast.models.own import Kind, by_name, classes, is_reference, known, reference_of
from forecast.reading.door import read
from forecast.task import LEVELS, Task

DEFAULT_MODELS = ("lstm", "gru", "arima", "seasonal", "naive")
NAMES_MODELS = (
    "gru",
    "lstm",
    "logistic",
    "markov",
    "climatology",
    "persistence",
)  # where the target has names
RETURNS_MODELS = ("gru", "lstm", "arima", "garch", "mean", "zero")
VOLATILITY_MODELS = ("gru", "lstm", "har", "garch", "mean", "naive")
# models whose point is, of the log of a variance, not its mean unless they are told so -> the settings that do
OF_VARIANCES: dict[str, dict[str, Any]] = {
    "har": {"unbiased": "smearing"},
    "mean": {"smeared": True},
    "climatology": {"smeared": True},
}
ASKED = Task(intervals=(80, 95), levels=LEVELS)  # what a run asks where nothing is said
ASKED_FOR = (
    "intervals",
    "bounds",
    "transform",
    "scale",
    "metric",
    "reduce",
)  # fields of a Task that a Run is given
IN_WALK = {one.name for one in dataclasses.fields(WalkForward)}


@dataclass(frozen=True)
class Study:
    """How `forecast tune` searches: the sampler, and what the space of each model is narrowed to (`forecast.tuning.space`).

    space: model -> setting -> a value, values, or {low, high, log}.
    """

    sampler: Literal["tpe", "random", "grid", "gp"] = "tpe"
    space: dict[str, dict[str, Any]] = field(default_factory=dict)


Price = Annotated[float, Field(gt=0)]


@dataclass(frozen=True)
class Run:
    """An experiment: which data, which models with which settings, how it is walked through. TOML in, JSON out."""

    data: str
    models: Annotated[tuple[str, ...], Field(min_length=1)] = DEFAULT_MODELS
    reading: Reading = field(default_factory=Reading)
    walk: WalkForward = field(default_factory=WalkForward)
    task: Task = ASKED  # its fields stand next to those of a Run in TOML; the horizon is that of the walk
    price: bool = False  # logs, ranked by them, the random walk as baseline, and what the direction is worth
    # of a price: basis points for each side that is traded; of an event: what it costs to act for nothing, and not to act
    cost: Annotated[float, Field(ge=0)] | tuple[Price, Price] | None = None
    seed: Seed = 0
    # model -> setting -> value; they hold in its combinations too
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    tune: Study = field(default_factory=Study)
    own: tuple[Kind, ...] = ()  # classes that its models name, such as mymodule:MySpec; no part of its TOML

    def suited_to(self, panel: Panel) -> "Run":
        """The run with the usual models of a target of names, where that is what its file has and no model is named."""
        if panel.names and self.models == DEFAULT_MODELS:
            return replace(self, models=NAMES_MODELS)
        return self

    def specs(self) -> list[Spec]:
        """The Specs of its models, with their settings."""
        used = set(chain.from_iterable(parts_of(model) for model in self.models))
        used |= {kind.name for kind in self.own}
        for model in self.settings:
            if model not in used:
                raise ForecastError(
                    f"There are settings for {model}, which is not among the models of this run:"
                    f" {', '.join(self.models)}."
                )
        return [spec_of(model, self.settings, self.own) for model in self.models]

    def by_name(self) -> dict[str, Any]:
        """Its settings by name, as JSON values: what its bits depend on beside data and versions."""
        return settings_by_name(self)

    def toml(self, made: Mapping[str, Any] | None = None) -> str:
        """The same experiment as a TOML file for `make_run`; made: what is written down of its making."""
        return to_toml(self, made)

    @property
    def baseline(self) -> str | None:
        """The model that all are measured against where it is not the best baseline: of a price the random walk."""
        return "naive" if self.price and "naive" in self.models else None

    @property
    def trading(self) -> float | None:
        """Of a price: basis points for each side that is traded."""
        return None if isinstance(self.cost, tuple) else self.cost

    @property
    def costs(self) -> tuple[float, float] | None:
        """Of an event: what it costs to act for nothing, and not to act."""
        return self.cost if isinstance(self.cost, tuple) else None

    def read(self) -> Panel:
        """The panel of its file."""
        return read(self.data, self.reading)


NAMES = {one.name for one in dataclasses.fields(Run)} - {"settings", "reading", "task", "own"} | {
    *OPTIONS,
    *ASKED_FOR,
}


def make_run(
    data: str | None = None,
    config: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    specs: Sequence[Any] = (),
) -> Run:
    """A Run from a TOML file and from overrides by dotted path (`{"gru.units": 128, "walk.folds": 2}`), which win.

    In TOML the keys of a Run stand at the top, `[walk]`, `[tune]`, and one table a model below, `[gru]` of its settings and
    `[tune.gru]` of what a study tries; `data` is relative to the file's own folder. specs: the classes of your own that its models name, such
    as mymodule:MySpec; their settings stand under their names. Raises ForecastError where a setting is
    unknown, or not what it can be.
    """
    own = classes(specs, {*MODELS, *NAMES})
    values = _given(data, config, overrides, own)
    reading = values.pop("reading", None)  # from Python alone; in TOML its options stand at the top
    values.pop("made", None)  # what a run folder's own run.toml says of its making
    models = {*MODELS, *(kind.name for kind in own)}
    tables = [key for key, value in values.items() if key in models and isinstance(value, dict)]
    settings = _popped(values, tables)
    refuse_modelless(values, NAMES | models)
    _refuse_unknown("", values, NAMES | models)
    walk = values.get("walk")
    if isinstance(walk, dict):
        _refuse_unknown("walk.", walk, IN_WALK)
    if isinstance(values.get("tune"), dict):
        values["tune"] = _study(values["tune"], models)
    asked = _popped(values, ASKED_FOR)
    read_by = make_reading(reading, _popped(values, OPTIONS))
    if read_by.event is not None and "models" not in values:
        values["models"] = event_models(condition_of(read_by.event), bool(values.get("price")))
    if "models" not in values and (read_by.returns or read_by.volatility):
        values["models"] = market_models(read_by)
    if read_by.volatility:
        settings = with_means(values.get("models", ()), settings)
    task = _task(asked, values.get("price"), read_by)
    made: Run = validated(Run, {**values, "task": task, "reading": read_by, "settings": settings, "own": own})
    _check_price(made)
    _check_cost(made)
    return made


def market_models(reading: Reading) -> tuple[str, ...]:
    """The models that returns, or their variance, are forecast by where none is named; garch where its package is installed."""
    models = RETURNS_MODELS if reading.returns else VOLATILITY_MODELS
    if find_spec("arch") is None:
        return tuple(model for model in models if model != "garch")
    return models


def with_means(models: Any, settings: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Settings with those by which models of the log of a variance forecast its mean, where nothing else is given.

    The QLIKE asks for the mean, and the median of a variance is far below it.
    """
    made = {model: dict(own) for model, own in settings.items()}
    if isinstance(models, str) or not all(isinstance(model, str) for model in models):
        return made  # refused by its type
    for model in chain.from_iterable(model.split("+") for model in models):
        usual = OF_VARIANCES.get(model, {})
        if model in MODELS and MODELS[model][0].startswith("nets."):
            usual = {"loss": "qlike"}
        if usual:
            made[model] = {**usual, **made.get(model, {})}
    return made


def _check_price(made: Run) -> None:
    """ForecastError where a run is of a price, and of its returns or their variance."""
    if made.price and made.reading.returns:
        raise ForecastError(
            "`price` forecasts the level of a price, in logs, and `returns` forecasts its returns: give one of them."
        )
    if made.price and made.reading.volatility:
        raise ForecastError(
            "`price` forecasts the level of a price, in logs, and `volatility` forecasts how far it moves: give one of them."
        )


def _check_cost(made: Run) -> None:
    """ForecastError where a cost is of something that the run does not ask about."""
    if made.costs is not None and made.reading.event is None:
        raise ForecastError(
            'A cost of two numbers is of acting on an event: give the event, such as `event="temp_c < 0"`, or leave `cost` out.'
        )
    if made.trading is not None and not (made.price or made.reading.returns):
        raise ForecastError(
            "A cost is of trading a price: add `price` or `returns`, or leave `cost` out. Of an event give two, `cost=1:5`: of"
            " acting for nothing, and of not acting."
        )


def event_models(condition: Condition, price: bool) -> tuple[str, ...]:
    """The models that an event is forecast by where none is named.

    Where it is about one number a forecaster of that number is among them; of a price how often it took place, too.
    """
    implied = ("implied-gru",) if of_one_number(condition) else ()
    rate = ("rate",) if price else ()
    nets, others = NAMES_MODELS[:2], NAMES_MODELS[2:]
    return (*nets, *implied, *others, *rate)


def _given(
    data: str | None,
    config: str | Path | None,
    overrides: Mapping[str, Any] | None,
    own: tuple[Kind, ...],
) -> dict[str, Any]:
    """What is given of a Run, in nested tables; ForecastError where no data is named."""
    values: dict[str, Any] = {}
    if config is not None:
        values = toml_values(Path(config))
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
    return values


def _popped(values: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The entries of some names, which are taken out of `values`."""
    return {name: values.pop(name) for name in names if name in values}


def _study(table: dict[str, Any], models: Set[str]) -> dict[str, Any]:
    """The table `tune` as the fields of a Study; ForecastError where a name in it is unknown."""
    _refuse_unknown("tune.", table, {"sampler", *models})
    space = {key: value for key, value in table.items() if key in models}
    if "sampler" in table:
        return {"space": space, "sampler": table["sampler"]}
    return {"space": space}


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


def _task(given: dict[str, Any], price: Any, reading: Reading) -> Task:
    """The Task of a Run from its fields that were given; of a price, but not of an event, in logs, and ranked by them.

    Returns are ranked by their squared errors, as the shares of variance that are explained of them are.

    The levels that paths and scores of distributions need are calibrated wherever intervals are asked for.
    """
    if isinstance(given.get("bounds"), list | tuple):  # TOML has no null: an open side is infinite there
        sides = given["bounds"]
        given["bounds"] = [None if isinstance(side, float) and math.isinf(side) else side for side in sides]
    asked: Task = validated(Task, {"intervals": ASKED.intervals, **given})
    if asked.metric is not None and ranking(asked.metric).quantiles and not asked.intervals:
        raise ForecastError(
            f"The metric {asked.metric} scores quantiles, and `intervals=none` asks for none. Leave that out, or take a"
            f" metric of points, such as mae."
        )
    of_price = price and reading.event is None
    if of_price and asked.transform in ("none", AUTO):
        asked = replace(asked, transform="log")
    if of_price and asked.metric is None:
        asked = replace(asked, metric="rmse_log")
    if reading.returns and asked.metric is None:
        asked = replace(asked, metric="rmse")
    if reading.volatility:
        asked = _of_variance(asked)
    return replace(asked, levels=LEVELS if asked.intervals else ())


def _of_variance(asked: Task) -> Task:
    """The Task of a variance: its logs, which are not scaled, ranked by the QLIKE; what else was given stays."""
    if asked.transform in ("none", AUTO):
        asked = replace(asked, transform="log")
    if asked.scale == "standard":
        asked = replace(asked, scale="inputs")
    return replace(asked, metric=asked.metric or "qlike")


def toml_values(path: Path) -> dict[str, Any]:
    """The values of a TOML file, dates as text; ForecastError where it cannot be read."""
    try:
        values: dict[str, Any] = _dates_as_text(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise ForecastError(f"There is no config file {path}.") from None
    except OSError as error:
        raise ForecastError(f"The config file {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ForecastError(f"{path} is not valid TOML: {error}") from None
    except RecursionError:
        raise ForecastError(
            f"{path} is nested too deeply to be a config: tables have tables at most."
        ) from None
    return values


def _dates_as_text(value: Any) -> Any:
    """A value of TOML with its dates and times in ISO 8601, as flags give them."""
    if isinstance(value, dict):
        return {key: _dates_as_text(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_dates_as_text(inner) for inner in value]
    if isinstance(value, date | time):  # a datetime is a date too
        return value.isoformat()
    return value


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
    asked = values.get("models", DEFAULT_MODELS)
    for name in values.keys() - known:
        owners = [model for model in MODELS if name in settings_of(spec(model)).keys() - {"model"}]
        if not owners:
            continue
        usual = [model for model in asked if model in owners] or owners
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
    """The settings of a run by the names that TOML and flags give them.

    Those of its Reading and its Task stand among the others.
    """
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
    bounds = values.pop("bounds")
    walk = values.pop("walk")
    settings = values.pop("settings")
    study = values.pop("tune")
    space = {f"tune.{model}": table for model, table in study.pop("space").items()}
    lines = toml_lines(values)
    if bounds != (None, None):
        lines.append(f"bounds = [{_toml_bound(bounds[0], '-inf')}, {_toml_bound(bounds[1], 'inf')}]")
    tables = {"walk": walk, **settings, "tune": study, **space, "made": made or {}}
    for name, table in tables.items():
        if table:
            lines += ["", f"[{name}]", *toml_lines(table)]
    return "\n".join(lines) + "\n"


def toml_lines(table: Mapping[str, Any]) -> list[str]:
    """A line for each value of a table; TOML has no null, so what is None is left out."""
    return [f"{key} = {_toml_value(value)}" for key, value in table.items() if value is not None]


def _toml_bound(value: float | None, infinite: str) -> str:
    """One bound; an open one is infinite, as TOML has no null."""
    return infinite if value is None else str(value)
