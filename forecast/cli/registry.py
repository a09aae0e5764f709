"""How a function becomes a command: its flags, its example, and what is refused before it is called."""

import functools
import inspect
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand

from forecast.cli.flags import GROUPS, PARAMETERS, SHARED, group_of
from forecast.cli.printing import print_json
from forecast.errors import ForecastError

app = typer.Typer(
    name="forecast",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="From a CSV or Parquet file of market or weather series to a forecast you can defend.",
)
SHOW_CURSOR = "\x1b[?25h"  # which the progress display hides
GOES_ON = " Finished parts are kept: the same command goes on from here."


class Grouped(TyperCommand):
    """A command whose help has its flags in groups."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then each group that has a flag."""
        found: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            is_argument = parameter.param_type_name == "argument"
            group = "Arguments" if is_argument else group_of(parameter.name or "")
            if record is not None:
                found.setdefault(group, []).append(record)
        for group in ("Arguments", *GROUPS):
            if group in found:
                with formatter.section(group):
                    formatter.write_dl(found[group])


def command(example: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command whose help ends with an example; Ctrl-C is exit 130."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def guarded(**values: Any) -> None:
            signal.signal(signal.SIGINT, functools.partial(_interrupted, "out" in values))
            _refuse_empty(values)
            if values.get("as_json") and (values.get("csv") or values.get("csv_safe")):
                flag = "--csv" if values.get("csv") else "--csv-safe"
                raise ForecastError(f"{flag} and --json exclude each other: give one of them.")
            function(**_gathered(function, values))

        _give_flags(guarded, function)
        text = inspect.cleandoc(function.__doc__ or "")
        app.command(cls=Grouped, help=f"{text}\n\nExample: {example}")(guarded)
        return guarded

    return register


def _interrupted(goes_on: bool, *_: Any) -> None:
    """Ctrl-C: one message and exit 130, at once. An exception could be lost on its way up.

    Worker processes end with this one. goes_on: whether the command has a run folder, in which the next one finds what
    was finished.
    """
    said = "interrupted."
    if goes_on:
        said += GOES_ON
    if "--json" in sys.argv:
        print_json({"error": said})
        sys.stdout.flush()
    shown = SHOW_CURSOR if sys.stderr.isatty() else ""
    print(f"{shown}forecast: {said}", file=sys.stderr)
    sys.stderr.flush()
    os._exit(130)


def _refuse_empty(values: dict[str, Any]) -> None:
    """ForecastError where a flag was given with nothing, as where a variable of a script is not set."""
    for name, value in values.items():
        if _is_empty(value):
            raise ForecastError(
                f"{PARAMETERS.get(name, f'--{name}')} is empty: give it a value, or leave it out."
            )


def _is_empty(value: Any) -> bool:
    """Whether a value is text without content, or a list of such."""
    if isinstance(value, list):
        return all(isinstance(one, str) and not one.strip(" ,") for one in value)
    return isinstance(value, str) and not value


def _give_flags(guarded: Callable[..., None], function: Callable[..., None]) -> None:
    """Give a command one flag for each entry of a table of SHARED, in place of the parameter of that name.

    Typer makes the flags of a function from its signature, so the signature is where they are put.
    """
    signature = inspect.signature(function)
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        if name in SHARED:
            parameters += _parameters_of(name)
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
    guarded.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    guarded.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}


def _parameters_of(table: str) -> list[inspect.Parameter]:
    """One parameter for each flag of a shared table."""
    kind = inspect.Parameter.KEYWORD_ONLY
    flags = SHARED[table].items()
    return [inspect.Parameter(name, kind, default=None, annotation=hint) for name, hint in flags]


def _gathered(function: Callable[..., None], values: dict[str, Any]) -> dict[str, Any]:
    """The values of a command, with those of each shared table that it takes as one dict."""
    left = dict(values)
    for name in inspect.signature(function).parameters:
        if name in SHARED:
            left[name] = {flag: left.pop(flag) for flag in SHARED[name]}
    return left
