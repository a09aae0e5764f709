"""A Spec of one's own, named `module:Class`: imported when the command line asks for it, and known again by that name.

A file records the name alone and imports nothing: whoever reads the file gives the class again.
"""

import dataclasses
import hashlib
import importlib
import inspect
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import PydanticUserError

from forecast.errors import ForecastError, nearest, validated
from forecast.models.base import Spec

NAME = re.compile(
    r"[A-Za-z][A-Za-z0-9_-]*"
)  # of a model: it stands in tables, paths of settings and file names
REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")

Kind = type[Any]  # the class of a Spec


def is_reference(model: str) -> bool:
    """Whether the name of a model is that of a class, as module:Class."""
    return ":" in model


def reference_of(kind: Kind) -> str:
    """The name by which files know a class, such as mymodule:MySpec."""
    return f"{kind.__module__}:{kind.__qualname__}"


def imported(reference: str) -> Kind:
    """The class that module:Class names, with the working directory first on the path.

    Worker processes are given the same path. ForecastError where there is no such module or class, or where importing
    it fails.
    """
    if not REFERENCE.fullmatch(reference):
        raise ForecastError(
            f"`models={reference}` names no class: write module:Class, such as mymodule:MySpec, without + or anything"
            f" else around it."
        )
    module_name, _, class_name = reference.partition(":")
    module = _module(module_name)
    kind = getattr(module, class_name, None)
    if kind is None:
        classes = [name for name, found in vars(module).items() if isinstance(found, type)]
        raise ForecastError(
            f"The module {module_name} has no class {class_name!r}.{nearest(class_name, classes)}"
        )
    return required(kind, reference)


def _module(name: str) -> Any:
    here = str(Path.cwd())
    if sys.path[0] != here:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = str(error.name)
        if name == missing or name.startswith(f"{missing}."):
            raise ForecastError(
                f"There is no module {name!r} in {here} or among the installed packages. Run the command where"
                f" {name.partition('.')[0]}.py is."
            ) from None
        raise ForecastError(
            f"The module {name} cannot be imported: it needs {missing}, which is missing."
        ) from None
    except Exception as error:  # whatever the module of a user raises
        what = f"{type(error).__name__}: {error}"
        raise ForecastError(f"The module {name} cannot be imported: {what}.") from error


def required(kind: object, where: str) -> Kind:
    """The class of a Spec, checked; ForecastError that names what it lacks."""
    fault = _fault(kind)
    if fault:
        raise ForecastError(
            f'{where} {fault}. A Spec is a frozen dataclass with `name: str = "..."`, fit and restore'
            f" (docs/own-model.md)."
        )
    return kind  # type: ignore[return-value]


def _fault(kind: object) -> str:
    """What a class lacks to be a Spec; empty where it is one."""
    if not isinstance(kind, type):
        return "is not a class"
    if not dataclasses.is_dataclass(kind):
        return "is not a dataclass"
    if not kind.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        return "is not frozen, so its settings could change after a fit"
    lacking = [name for name in ("fit", "restore") if not callable(getattr(kind, name, None))]
    if lacking:
        return f"has no {' and no '.join(lacking)}"
    fields = [one.name for one in dataclasses.fields(kind)]
    name = getattr(kind, "name", None)
    if "name" not in fields or not isinstance(name, str):
        return "has no field name with a default"
    if not NAME.fullmatch(name):
        return f"has the name {name!r}, which is not made of letters, digits, - and _ alone"
    return ""


def classes(specs: Iterable[Any], taken: Collection[str] = ()) -> tuple[Kind, ...]:
    """The classes of Specs, which may be given as classes or as instances, each once.

    ForecastError where one is no Spec, or where its name is one of `taken` or that of another.
    """
    found: dict[str, Kind] = {}
    for one in specs:
        kind: Kind = one if isinstance(one, type) else type(one)
        required(kind, reference_of(kind))
        if kind.name in taken:
            raise ForecastError(
                f"{reference_of(kind)} has the name {kind.name!r}, which is a model or a setting of the library."
                f" Give it another name."
            )
        if found.setdefault(kind.name, kind) is not kind:
            both = f"{reference_of(found[kind.name])} and {reference_of(kind)}"
            raise ForecastError(f"{both} have the same name {kind.name!r}. Give one of them another name.")
    return tuple(found.values())


def known(reference: str, kinds: Sequence[Kind]) -> Kind:
    """The one among given classes that a reference names; ForecastError that says how to give it.

    A class is known by its own name, so that one that was written in a script may have moved into a module.
    """
    exact = [kind for kind in kinds if reference_of(kind) == reference]
    named = [kind for kind in kinds if kind.__qualname__ == reference.partition(":")[2]]
    if exact or named:
        return (exact or named)[0]
    name = reference.rpartition(":")[2].rpartition(".")[2]
    raise ForecastError(
        f"The model {reference} is a class of your own, and a file never imports one. Give it again: `models={reference}`,"
        f" or in Python specs=[{name}]."
    )


def split_path(path: str) -> tuple[str, str]:
    """The model and the setting of a path such as gru.units, or package.module:MySpec.units."""
    module, colon, rest = path.rpartition(":")
    model, _, setting = rest.partition(".")
    return f"{module}{colon}{model}", setting


def by_name(path: str, kinds: Iterable[Kind]) -> str:
    """The path of a setting with the name of a model in place of its reference: mymodule:MySpec.units -> mynet.units."""
    for kind in kinds:
        path = path.replace(f"{reference_of(kind)}.", f"{kind.name}.")
    return path


def made(kind: Kind, settings: Mapping[str, Any]) -> Spec:
    """A Spec of a class with some of its settings changed; ForecastError where it has no such setting or value."""
    names = [one.name for one in dataclasses.fields(kind) if one.name != "name"]
    for key in settings:
        if key not in (*names, "name"):
            raise ForecastError(f"{kind.name} has no setting {key!r}.{nearest(key, names)}")
    try:
        spec: Spec = validated(kind, dict(settings), kind.name)
    except PydanticUserError as error:
        what = str(error).partition("\n")[0]
        raise ForecastError(
            f"A setting of {reference_of(kind)} has an annotation whose values cannot be checked: {what}"
        ) from None
    return spec


def values_of(spec: Spec) -> dict[str, Any]:
    """A Spec as JSON values: its settings, and as "class" (which no setting can be called) the reference of its class.

    ForecastError where it cannot be made again from these.
    """
    settings = dataclasses.asdict(spec)  # type: ignore[call-overload]
    reference = reference_of(type(spec))
    fault = _fault(type(spec))
    if fault:
        raise ForecastError(f"{spec.name} cannot be kept in a file: its class {reference} {fault}.")
    if made(type(spec), settings) != spec:
        raise ForecastError(
            f"{reference} is not made again from its settings, so it cannot be kept in a file: they are values of JSON,"
            f" and equal settings make equal Specs."
        )
    return {"class": reference, **settings}


def sources_of(kinds: Iterable[Kind]) -> dict[str, str]:
    """Reference -> SHA-256 of the source of its module, so that changed code is another run.

    What that module imports is not part of it. Empty where there is no source, as of a class that was typed in.
    """
    return {reference_of(kind): _source_hash(kind) for kind in kinds}


def _source_hash(kind: Kind) -> str:
    try:
        path = inspect.getsourcefile(kind)
        if path and Path(path).is_file():
            return hashlib.sha256(Path(path).read_bytes()).hexdigest()
        return hashlib.sha256(inspect.getsource(kind).encode()).hexdigest()
    except (OSError, TypeError):
        return ""
