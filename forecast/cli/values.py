"""What flags say: their text as values, and all of them together as a Run."""

from collections.abc import Mapping, Sequence
from dataclasses import Field, fields
from typing import TYPE_CHECKING, Any

from forecast.cli.flags import BESIDE, IN_WALK, LABELLING, OF_READING, Flags
from forecast.data.options import Reading
from forecast.errors import ForecastError

if TYPE_CHECKING:
    from forecast.runs.plan import Run
    from forecast.sequences.plan import Naming


def plan_of(
    file: str | None,
    models: list[str] | None,
    reading: Flags,
    walking: Flags,
    more: Mapping[str, Any] | None = None,
) -> "Run":
    """The Run of a command: its config, then its flags, then what --set says, by the paths of a Run."""
    from forecast.runs.plan import make_run

    asked = {
        "models": names(models),
        **reading_values(reading),
        **_walk_values(walking),
        **{name: walking[name] for name in BESIDE},
        "reduce": _span(walking["span"]),
        **(more or {}),
    }
    given = {path: value for path, value in asked.items() if value is not None}
    settings = dict(changes("--set", walking["setting"]))
    return make_run(file, walking["config"], {**given, **settings}, specs=own_specs(models))


def reading_values(flags: Flags) -> dict[str, Any]:
    """The flags of READING that were given, those with several values as lists."""
    found = {option.name: _option_value(option, flags[option.name]) for option in fields(Reading)}
    return {name: value for name, value in found.items() if value is not None}


def naming_of(
    file: str | None,
    labels: str | None,
    models: list[str] | None,
    flags: Flags,
    more: Mapping[str, Any] | None = None,
) -> "Naming":
    """The Naming of a command: its config, then its flags, then what --set says."""
    from forecast.sequences.plan import make_naming

    chosen = None if models is None else models_of(models)
    asked = {"labels": labels, "models": chosen, **naming_values(flags), **(more or {})}
    given = {path: value for path, value in asked.items() if value is not None}
    settings = dict(changes("--set", flags.get("setting")))
    return make_naming(file, flags.get("config"), {**given, **settings})


def naming_values(flags: Flags) -> dict[str, Any]:
    """The flags of NAMING that were given, but for those that name settings and a config."""
    values = {name: flags.get(name) for name in (*LABELLING, "metric", "seed")}
    columns = names(flags.get("columns"))
    values["columns"] = None if columns is None else tuple(columns)
    options = {option.name: option for option in fields(Reading)}
    for name in OF_READING:
        value = _option_value(options[name], flags.get(name))
        values[name] = tuple(value) if isinstance(value, list) else value
    return {name: value for name, value in values.items() if value is not None}


def models_of(models: list[str]) -> list[str]:
    """The names that a flag gives; commas within brackets are part of a name, as in mix(bag,lstm)."""
    found = [""]
    depth = 0
    for letter in ",".join(models):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    return [name.strip() for name in found if name.strip()]


def _walk_values(flags: Flags) -> dict[str, Any]:
    """The flags of WALKING whose text has a form of its own, by the paths of a Run; None where one was not given."""
    found = {f"walk.{name}": flags[name] for name in IN_WALK}
    if flags["test"] is not None:
        found["walk.test"] = toml_value(flags["test"])
    if flags["intervals"] is not None:
        found["intervals"] = _intervals(flags["intervals"])
    if flags["cost"] is not None:
        found["cost"] = _cost(flags["cost"])
    if flags["bounds"] is not None:
        found["bounds"] = _bounds(flags["bounds"])
    return found


def names(values: list[str] | None) -> list[str] | None:
    """The names that a flag gives, which may be repeated and may hold commas; None where it was not given."""
    if not values:
        return None
    parts = ",".join(values).split(",")
    return [part.strip() for part in parts if part.strip()]


def own_specs(models: list[str] | None) -> list[Any]:
    """The classes among models, named as module:Class, imported.

    It is the command line that asks for this; what a file says is never imported.
    """
    references = [model for model in names(models) or [] if ":" in model]
    if not references:
        return []
    from forecast.models.own import imported

    return [imported(reference) for reference in references]


def again(models: Sequence[str]) -> str:
    """The flag that names the classes among the models of a run again, for a command that reads its files."""
    references = [model for model in models if ":" in model]
    return f" --model {','.join(references)}" if references else ""


def _option_value(option: Field[Any], value: Any) -> Any:
    """What the flag of an option of Reading says; ForecastError where it says both yes and no."""
    if not isinstance(value, list):
        return value
    opposite = option.metadata["opposite"]
    if not opposite:
        return value[0] if len(value) == 1 else value  # whether commas stand between names the file says
    answers = {*value}
    if len(answers) > 1:
        raise ForecastError(f"--{option.name} and --{opposite} exclude each other: give one of them.")
    return next(iter(answers), None)


def _intervals(text: str) -> list[float]:
    """Coverages in percent."""
    return [] if text == "none" else _numbers("--intervals", text)


def _span(text: str | None) -> str | None:
    """Of which steps of the horizon an event is asked."""
    if text not in (None, "each", "any", "all"):
        raise ForecastError(f"--span takes each, any or all; found {text!r}.")
    return text


def _cost(text: str) -> float | list[float]:
    """Basis points, or with a colon what it costs to act for nothing, and not to act."""
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2 and min(parts) > 0:
        return parts
    raise ForecastError(
        f"--cost takes basis points of a price, such as 5, or of an event what it costs to act for nothing and not to act,"
        f" two numbers above 0 such as 1:5; found {text!r}."
    )


def _numbers(flag: str, text: str) -> list[float]:
    """Numbers with commas between them."""
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise ForecastError(f"{flag} takes numbers, such as 80,95; found {text!r}.") from None


def _bounds(text: str) -> list[float | None]:
    """The lowest and the highest value; an empty side is open: "0," or ",100"."""
    sides = text.split(",")
    low = _side(sides[0])
    high = _side(sides[1]) if len(sides) > 1 else None
    both_open = low is None and high is None
    crossed = low is not None and high is not None and low >= high
    if len(sides) > 2 or both_open or crossed:
        raise ForecastError(
            f"--bounds takes the lowest and the highest value of the target, such as 0, or 0,100; found {text!r}."
        )
    return [low, high]


def _side(text: str) -> float | None:
    """One bound; None where it is open."""
    found = _numbers("--bounds", text)
    return found[0] if found else None


def changes(flag: str, texts: list[str] | None) -> list[tuple[str, Any]]:
    """(path, value) of each PATH=VALUE."""
    found: list[tuple[str, Any]] = []
    for text in texts or []:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            raise ForecastError(f"{flag} takes PATH=VALUE, such as gru.units=128; found {text!r}.")
        found.append((path.strip(), toml_value(value)))
    return found


def toml_value(text: str) -> Any:
    """A value as TOML reads it; what is no TOML is text, so that dates and names need no quotes."""
    import tomllib

    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    return value if isinstance(value, bool | int | float | str | list | dict) else text
