"""What the command line says of itself: help in groups, models and settings, completion."""

import os
import re
import subprocess
import sys

import pytest
from commands import every_command, forecast

from forecast.cli.flags import GROUPS
from forecast.models import MODELS, describe, spec

COMMANDS = every_command()
SCORE_80 = """\
Usage: forecast score [OPTIONS] {run} [file]

  Score kept forecasts against the actual values.

  Step by step, next to the errors of the walk, and whether a refit is due.

  Example: forecast score runs/weather newest.csv

Arguments:
  run <str>   Run folder of `forecast fit` with forecasts that `forecast
              predict --keep` kept.  [required]
  file <str>  The rows that came, beside those the run has kept.

Data:
  --revised  Take over values of the file that correct those the run knows.

Models:
  --model A,B  The class of your own that the run names.

Output:
  --json      One JSON object on stdout.
  -h, --help  Show this message and exit.
"""
SCORE_60 = """\
Usage: forecast score [OPTIONS] {run} [file]

  Score kept forecasts against the actual values.

  Step by step, next to the errors of the walk, and
  whether a refit is due.

  Example: forecast score runs/weather newest.csv

Arguments:
  run <str>   Run folder of `forecast fit` with forecasts
              that `forecast predict --keep` kept.
              [required]
  file <str>  The rows that came, beside those the run has
              kept.

Data:
  --revised  Take over values of the file that correct
             those the run knows.

Models:
  --model A,B  The class of your own that the run names.

Output:
  --json      One JSON object on stdout.
  -h, --help  Show this message and exit.
"""


def shown(*arguments, columns=80):
    """What a command prints in a terminal of so many columns."""
    environment = {**os.environ, "COLUMNS": str(columns), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "forecast", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


@pytest.fixture(scope="module")
def overview():
    return shown("--help")


def test_the_first_line_of_each_command_is_whole(overview):
    lines = overview.partition("Commands:\n")[2].splitlines()
    found = {line.split()[0]: line for line in lines}
    assert set(found) >= set(COMMANDS)
    for line in lines:
        assert line.endswith(".")
        assert not line.endswith("...")
        assert len(line) < 80


def test_the_help_of_a_command_at_80_and_at_60_columns():
    wide = shown("score", "--help")
    narrow = shown("score", "--help", columns=60)
    assert wide == SCORE_80
    assert narrow == SCORE_60
    assert max(map(len, narrow.splitlines())) <= 60
    assert narrow.split() == wide.split()  # words alone are wrapped


@pytest.mark.parametrize("command", COMMANDS)
def test_flags_stand_in_groups_each_once(tmp_path, command):
    text = forecast(tmp_path, command, "--help").stdout
    headings = re.findall(r"^(\w+):$", text, re.M)
    assert [name for name in headings if name in GROUPS] == [name for name in GROUPS if name in headings]
    assert "Options" not in headings
    below = text.partition("Example:")[2].partition("\n\n")[2]
    flags = re.findall(r"^  (--[a-z-]+)", below, re.M)
    assert len(flags) == len(set(flags))
    assert "list[" not in text


def test_the_flags_of_a_walk_stand_together(tmp_path):
    text = forecast(tmp_path, "fit", "--help").stdout
    walk = text.partition("\nWalk:\n")[2].partition("\n\n")[0]
    for flag in ("--horizon", "--folds", "--gap", "--max-past", "--metric"):
        assert f"\n  {flag} " in f"\n{walk}"
    data = text.partition("\nData:\n")[2].partition("\n\n")[0]
    assert "--target" in data
    assert "--folds" not in data


def test_models_are_listed_in_groups_with_what_they_are(tmp_path):
    from forecast.models.about import ABOUT
    from forecast.models.base import reads_of

    assert set(ABOUT) == set(MODELS)
    text = forecast(tmp_path, "models").stdout
    lines = text.splitlines()
    assert max(map(len, lines)) <= 110
    for name in MODELS:
        place = next(i for i, line in enumerate(lines) if line.split()[:1] == [name])
        assert lines[place].endswith(ABOUT[name].line)
        for role in reads_of(spec(name)):
            assert role in lines[place + 1].partition("->")[0]


@pytest.mark.parametrize("name", MODELS)
def test_every_setting_of_every_model_has_a_meaning(name):
    for one in describe(name):
        assert one.meaning, one.name


def test_the_settings_of_a_model_have_their_range(tmp_path):
    text = forecast(tmp_path, "models", "boosting").stdout
    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert "2 to 128" in lines["leaves"]
    assert "above 0 to 1" in lines["learning_rate"]
    assert "from 25" in lines["trees"]
    assert forecast(tmp_path, "models", "boosting", "--json").returncode == 0
    refused = forecast(tmp_path, "backtest", "x.csv", "--model", "boosting", "--set", "boosting.leaves=129")
    assert refused.returncode == 2


def completed(script, *words):
    """What a real bash offers for the last of some words."""
    quoted = " ".join(f"'{word}'" for word in words)
    code = f"""
source '{script}'
COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}
_forecast
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    run = subprocess.run(["bash", "--norc", "-c", code], capture_output=True, text=True, check=True)
    assert run.stderr == ""
    return run.stdout.split()


@pytest.fixture(scope="module")
def bash_script(tmp_path_factory):
    folder = tmp_path_factory.mktemp("completion")
    script = folder / "forecast.bash"
    script.write_text(forecast(folder, "completion", "bash").stdout)
    return script


def test_bash_completes_commands_flags_and_models(bash_script):
    assert set(completed(bash_script, "forecast", "")) >= {*COMMANDS, "init", "completion"}
    assert completed(bash_script, "forecast", "back") == ["backtest"]
    assert completed(bash_script, "forecast", "fit", "--horiz") == ["--horizon"]
    assert "--monthfirst" in completed(bash_script, "forecast", "check", "--")
    assert "--trials" not in completed(bash_script, "forecast", "fit", "--")
    assert completed(bash_script, "forecast", "models", "boo") == ["boosting"]
    assert completed(bash_script, "forecast", "fit", "x.csv", "--model", "lstm-") == ["lstm-plain"]
    assert completed(bash_script, "forecast", "fit", "x") == []  # files, by bash itself


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_is_given_every_flag_of_every_command(tmp_path, shell):
    script = forecast(tmp_path, "completion", shell).stdout
    for command in COMMANDS:
        assert command in script
    for flag in ("horizon", "monthfirst", "ablate", "scenario", "csv-safe"):
        assert f"-l {flag} " in script if shell == "fish" else f"--{flag}" in script
    assert forecast(tmp_path, "completion", "tcsh").returncode == 2


def coloured(text, stream, severity):
    from forecast.cli.printing import on_terminal

    return on_terminal(text, stream, severity)


class Terminal:
    """A stream that says whether it is a terminal."""

    def __init__(self, terminal):
        self.terminal = terminal

    def isatty(self):
        return self.terminal


def test_warnings_and_errors_have_colours_on_a_terminal_alone(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert coloured("! a gap", Terminal(True), "warning") == "\x1b[33m! a gap\x1b[0m"
    assert coloured("x a gap", Terminal(True), "error") == "\x1b[31mx a gap\x1b[0m"
    assert coloured("  a gap", Terminal(True), "info") == "  a gap"
    assert coloured("! a gap", Terminal(False), "warning") == "! a gap"
    monkeypatch.setenv("NO_COLOR", "1")
    assert coloured("! a gap", Terminal(True), "warning") == "! a gap"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert coloured("! a gap", Terminal(True), "warning") == "! a gap"


def test_words_are_wrapped_on_a_terminal_alone(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    text = "! " + "a-long-name.csv has rows that are far from all others, and " * 3
    wrapped = coloured(text, Terminal(True), "info")
    assert max(map(len, wrapped.splitlines())) <= 60
    assert wrapped.split() == text.split()
    assert all(line.startswith(("! ", "  ")) for line in wrapped.splitlines())
    assert coloured(text, Terminal(False), "info") == text
