"""The settings of a file as a commented TOML to begin with: what was inferred, and what can be changed."""

import os
from dataclasses import fields
from pathlib import Path

from forecast.data.findings import visible
from forecast.data.options import Reading
from forecast.data.panel import Panel
from forecast.errors import ForecastError
from forecast.runs.plan import Run, toml_lines

HEAD = """\
# Settings of a run, as they were inferred from the file: change what is not so.
#   forecast fit --config {name}
"""
REST = """
# What every model is asked (remove the # of a line to set it)
#intervals = [80.0, 95.0]  # central intervals in percent
#metric = "mae"            # what ranks the models
#bounds = [0.0, inf]       # what the target cannot cross
#transform = "log"         # of the target
seed = {seed}

[walk]
horizon = {horizon}
test = {test}    # a share, a number of steps or a first date
folds = {folds}     # blocks of the test part, one fit before each

# The settings of a model stand in a table of its name; `forecast models gru` lists them
#[gru]
#units = 64
"""


def starting_toml(plan: Run, panel: Panel, path: Path) -> str:
    """The settings of a run whose file was read as a panel, as TOML with comments; path: where it is to stand."""
    data = os.path.relpath(Path(plan.data).resolve(), path.parent.resolve())
    lines = [HEAD.format(name=path.name)]
    lines += toml_lines({"data": data, "models": plan.suited_to(panel).models})
    lines += ["", "# What was found in the file"]
    lines += [f"#   {_in_a_line(str(finding))}" for finding in panel.findings]
    lines += ["", "# How the file is read"]
    lines += _reading_lines(panel.reading)
    walk = plan.walk
    test = toml_lines({"test": walk.test})[0].removeprefix("test = ")
    horizon = panel.clock.steps(walk.horizon)
    lines.append(REST.format(seed=plan.seed, horizon=horizon, test=test, folds=walk.folds))
    return "\n".join(lines)


def _reading_lines(reading: Reading) -> list[str]:
    """A line for each option that was given or found, under what it means."""
    lines: list[str] = []
    for option in fields(reading):
        value = getattr(reading, option.name)
        if value is not None and value != option.default:
            lines.append(f"# {_in_a_line(option.metadata['meaning'])}")
            lines += toml_lines({option.name: value})
    return lines


def _in_a_line(text: str) -> str:
    """A text as a comment holds it."""
    return visible(" ".join(text.split()))


def write_start(plan: Run, panel: Panel, path: Path) -> None:
    """Write the settings of a run into a file; ForecastError where there is one already."""
    text = starting_toml(plan, panel, path)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ForecastError(
            f"{path} is there already, and is not overwritten. Give another name by `out=other.toml`, or remove it."
        ) from None
