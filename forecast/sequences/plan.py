"""Naming: the experiment of a classification as a value. TOML and flags in; what is unknown is refused by name."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from forecast.errors import ForecastError, nearest, validated
from forecast.files import sha256
from forecast.models.base import Seed
from forecast.models.own import Kind
from forecast.runs.plan import put, toml_lines, toml_values
from forecast.sequences.base import Classifier
from forecast.sequences.door import sequences
from forecast.sequences.layout import OPTIONS, Layout, make_layout
from forecast.sequences.scores import ranking
from forecast.sequences.splits import Fold, Split, folds_of, joined, split_of
from forecast.sequences.table import DEFAULTS, MODELS, classifier, models_for, parts_of
from forecast.sequences.values import Sequences

METRIC = "log_loss"


@dataclass(frozen=True)
class Naming:
    """A classification: which sequences, which models with which settings, how they are split and ranked.

    data: the file · labels: a second file with the class of each id · models: () = DEFAULTS of this kind of sequences ·
    layout: how the file is read; in TOML its options stand among the others · split: a share, kfold:5, time, or a file ·
    straddle: a group may be in both parts · settings: model -> setting -> value.
    """

    data: str
    labels: str | None = None
    models: tuple[str, ...] = ()
    layout: Layout = field(default_factory=Layout)
    split: str = "0.2"
    straddle: bool = False
    metric: str = METRIC
    seed: Annotated[Seed, Field()] = 0
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    own: tuple[Kind, ...] = ()  # as in Run; no classifier is a class of one's own

    def by_name(self) -> dict[str, Any]:
        """Its settings by the names that TOML and flags give them."""
        values = dataclasses.asdict(self)
        values.pop("own")
        layout = values.pop("layout")
        layout.pop("form")
        made: dict[str, Any] = {**values, **layout}
        return made

    def toml(self, made: Mapping[str, Any] | None = None) -> str:
        """The same classification as a TOML file for `make_naming`."""
        values = self.by_name()
        settings = values.pop("settings")
        for name in ("data", "labels"):
            if values[name] is not None:
                values[name] = str(Path(values[name]).resolve())
        if self.asked.kind == "file":
            values["split"] = str(Path(self.split).resolve())
        lines = toml_lines({name: value for name, value in values.items() if value not in (None, ())})
        for name, table in {**settings, "made": made or {}}.items():
            if table:
                lines += ["", f"[{name}]", *toml_lines(table)]
        return "\n".join(lines) + "\n"

    @property
    def asked(self) -> Split:
        """How the sequences are split."""
        return split_of(self.split)

    @property
    def files(self) -> list[Path]:
        """The files that are read."""
        named = [self.data, self.labels, self.asked.file or None]
        return [Path(name) for name in named if name is not None]

    def content(self) -> str:
        """The SHA-256 of what is read; of one file that of the file."""
        hashes = [sha256(path) for path in self.files]
        return hashes[0] if len(hashes) == 1 else hashlib.sha256(json.dumps(hashes).encode()).hexdigest()

    def read(self) -> "Prepared":
        """The sequences of its files, labelled; those of a test file come last."""
        source = self.data if self.labels is None else (self.data, self.labels)
        first = sequences(source, self.layout)
        if self.asked.kind != "file":
            return Prepared(first, 0)
        test = sequences(self.asked.file, self.layout)
        return Prepared(joined(first, test), len(first))

    def folds(self, prepared: "Prepared") -> list[Fold]:
        """The folds of its sequences."""
        return folds_of(
            prepared.sequences, self.asked, seed=self.seed, straddle=self.straddle, train=prepared.train
        )

    def classifiers(self, kind: str) -> list[Classifier]:
        """The classifiers of its models, with their settings; ForecastError where one cannot read this kind."""
        names = self.models or DEFAULTS[kind]
        used = {part for name in names for part in parts_of(name)}
        for model in self.settings:
            if model not in used:
                raise ForecastError(
                    f"There are settings for {model}, which is not among the models: {', '.join(names)}."
                )
        made = [classifier(name, **_settings(name, self.settings)) for name in names]
        for one in made:
            if kind not in one.kinds:
                raise ForecastError(
                    f"{one.name} reads {' and '.join(one.kinds)}, and these sequences are {kind}."
                    f" There is: {', '.join(models_for(kind))}."
                )
        return made


@dataclass(frozen=True, eq=False)
class Prepared:
    """Sequences that are ready to be split; train: of two files, how many are of the first."""

    sequences: Sequences
    train: int


def _settings(name: str, tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The settings of a model, of a combination by part."""
    parts = parts_of(name)
    if parts == (name,):
        return dict(tables.get(name, {}))
    return {part: dict(tables[part]) for part in parts if part in tables}


NAMES = {one.name for one in fields(Naming)} - {"settings", "layout", "own"} | set(OPTIONS)


def make_naming(
    data: str | None = None,
    config: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Naming:
    """A Naming from a TOML file and from overrides by dotted path (`{"bag.terms": 5000}`), which win.

    Files in it are relative to its own folder. Raises ForecastError where a setting is unknown, or not what it can be.
    """
    values: dict[str, Any] = {}
    if config is not None:
        values = toml_values(Path(config))
        for name in ("data", "labels"):
            if name in values:
                values[name] = os.path.normpath(Path(config).parent / str(values[name]))
        values.pop("made", None)
    for path, value in {**({"data": data} if data else {}), **(overrides or {})}.items():
        put(values, path, value)
    if "data" not in values:
        raise ForecastError('No data file is named. Give one, or write data = "file.csv" into the config.')
    layout = values.pop("layout", None)
    options = {name: values.pop(name) for name in OPTIONS if name in values}
    tables = {
        name: values.pop(name) for name in list(values) if name in MODELS and isinstance(values[name], dict)
    }
    for name in values:
        if name not in NAMES:
            raise ForecastError(f"There is no setting {name!r}.{nearest(name, sorted(NAMES | set(MODELS)))}")
    if "split" in values:
        values["split"] = str(values["split"])
    made: Naming = validated(Naming, {**values, "layout": make_layout(layout, options), "settings": tables})
    ranking(made.metric)
    split_of(made.split)
    _refuse_twice(made.models)
    return made


def _refuse_twice(models: tuple[str, ...]) -> None:
    """ForecastError where a model is named twice."""
    twice = [name for name in models if models.count(name) > 1]
    if twice:
        raise ForecastError(f"{twice[0]} is named twice. Name each model once.")
