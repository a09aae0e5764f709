"""The entry point of the command `forecast`."""

import os
import sys
from typing import Any

import typer

from forecast.cli.printing import as_flags, print_json
from forecast.cli.registry import app
from forecast.errors import ForecastError

UsageError: Any = typer.BadParameter.__base__  # of click, which newer versions of typer have within them
# after Ctrl-C the tracker of the workers cleans up what they held, as it should; that it had to is no news to the user
WARNINGS = "ignore::UserWarning:joblib.externals.loky.backend.resource_tracker"


def main() -> None:
    """What a user can mend is one message, with --json one object too, and exit 2."""
    os.environ.setdefault("PYTHONWARNINGS", WARNINGS)
    try:
        raise SystemExit(app(prog_name="forecast", standalone_mode=False))
    except UsageError as error:
        refused = _of_usage(error)
    except ForecastError as error:
        refused = error
    if "--json" in sys.argv:
        print_json(refused.to_json())
    print(as_flags(f"forecast: {refused}"), file=sys.stderr)
    raise SystemExit(2)


def _of_usage(error: Any) -> ForecastError:
    """A flag or an argument that is not as it should be, with the command that shows what there is."""
    message = error.format_message().rstrip(".")
    if not error.ctx:
        return ForecastError(f"{message}.")
    return ForecastError(f"{message}. `{error.ctx.command_path} --help` shows what there is.")
