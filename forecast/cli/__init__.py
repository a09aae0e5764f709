"""The command line: parse, one call, print. It computes nothing that Python cannot do too."""

from forecast.cli import commands
from forecast.cli.entry import main
from forecast.cli.printing import as_flags
from forecast.cli.registry import app

__all__ = ["app", "as_flags", "commands", "main"]
