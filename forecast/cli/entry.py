"""The entry point of the command `forecast`."""

import os
import sys
import warnings
from typing import Any

import typer

from forecast.cli.printing import as_flags, on_terminal, print_json
from forecast.cli.registry import app
from forecast.errors import ForecastError, of_system

UsageError: Any = typer.BadParameter.__base__  # of click, which newer versions of typer have within them


def main() -> None:
    """What a user can mend, or the system refuses, is one message, with --json one object too, and exit 2."""
    if not sys.warnoptions:  # what a library warns of, its user cannot mend; workers read the environment
        warnings.simplefilter("ignore")
        os.environ.setdefault("PYTHONWARNINGS", "ignore")
    refused = _refused()
    if refused is None:
        raise SystemExit(0)
    if "--json" in sys.argv:
        _print_if_possible(refused)
    print(on_terminal(as_flags(f"forecast: {refused}"), sys.stderr, "error"), file=sys.stderr)
    raise SystemExit(2)


def _refused() -> ForecastError | None:
    """Run the command; the error that it ends with, or None."""
    try:
        app(prog_name="forecast", standalone_mode=False)
        sys.stdout.flush()
    except UsageError as error:
        return _of_usage(error)
    except ForecastError as error:
        return error
    except UnicodeEncodeError as error:
        return _of_encoding(error)
    except BrokenPipeError:  # the reader of the output has enough of it
        _drop_output()
        raise SystemExit(1) from None
    except OSError as error:
        if error.filename is None:
            _drop_output()
        return of_system(error, "The output")
    return None


def _of_usage(error: Any) -> ForecastError:
    """A flag or an argument that is not as it should be, with the command that shows what there is."""
    message = error.format_message().rstrip(".")
    if not error.ctx:
        return ForecastError(f"{message}.")
    return ForecastError(f"{message}. `{error.ctx.command_path} --help` shows what there is.")


def _of_encoding(error: UnicodeEncodeError) -> ForecastError:
    """Text that the terminal has no characters for."""
    found = error.object[error.start : error.end]
    return ForecastError(
        f"The output has {found!a}, which the encoding {error.encoding} of this terminal has not. Set PYTHONUTF8=1, or"
        f" give --json."
    )


def _print_if_possible(refused: ForecastError) -> None:
    """The error as a JSON object on stdout; nothing where stdout cannot be written."""
    try:
        print_json(refused.to_json())
        sys.stdout.flush()
    except OSError:
        _drop_output()


def _drop_output() -> None:
    """Let what is left of the output go nowhere: Python would try to write it once more as it ends, and complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
