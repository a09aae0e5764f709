"""The command line as a process: exit codes, one message, nothing else on stdout, nothing left behind."""

import dataclasses
import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import every_command, forecast

from forecast.cli import as_flags
from forecast.evaluation.rows import Row

README = Path(__file__).parent.parent / "README.md"
COMMANDS = every_command()
FEW = ["--set", "gru.units=8", "--set", "gru.steps=24", "--set", "gru.batch=16", "--set", "gru.context=24"]


@pytest.fixture
def file(tmp_path):
    random = np.random.default_rng(0)
    hours = pd.date_range("2024-01-01", periods=400, freq="h")
    temp = 5 * np.sin(np.arange(400) * 2 * np.pi / 24) + random.normal(0, 1, 400)
    pd.DataFrame({"time": hours, "temp": temp, "wind": random.normal(size=400)}).to_csv(
        tmp_path / "weather.csv", index=False
    )
    return tmp_path / "weather.csv"


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_in_the_readme_and_has_an_example(command, tmp_path):
    assert f"`forecast {command} " in README.read_text()
    shown = forecast(tmp_path, command, "--help")
    assert shown.returncode == 0
    assert f"Example: forecast {command} " in " ".join(shown.stdout.split())


def test_help_and_import_load_nothing_heavy():
    heavy = ("torch", "pandas", "numpy", "pydantic", "statsmodels", "optuna", "plotly")
    code = f"import sys, forecast, forecast.cli; print([m for m in {heavy} if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )


def test_from_file_to_forecast_and_again_and_on(file, tmp_path):
    arguments = [
        "fit",
        file,
        "--model",
        "gru,seasonal,naive",
        "--horizon",
        "12",
        "--folds",
        "2",
        "--json",
        "--jobs",
        "1",
        *FEW,
    ]
    first = forecast(tmp_path, *arguments)
    assert first.returncode == 0, first.stderr
    result = json.loads(first.stdout)
    assert set(result) >= {"run", "data", "origins", "baseline", "leaderboard", "best", "verdict", "forecast"}
    fields = {field.name for field in dataclasses.fields(Row)} - {"scores"}
    assert set(result["leaderboard"][0]) == fields | {"mae", "rmse", "mase", "smape"}
    assert len(result["forecast"]) == 12
    run = tmp_path / result["run"]
    assert {
        "run.toml",
        "run.json",
        "model.safetensors",
        "context.parquet",
        "report.html",
        "forecast.csv",
    } <= {path.name for path in run.iterdir()}
    again = forecast(tmp_path, *arguments)
    assert json.loads(again.stdout) == result
    assert "there already" in again.stderr
    run.rename(tmp_path / "moved")
    moved = forecast(tmp_path, "predict", "moved", "--json")
    assert json.loads(moved.stdout)["forecast"] == result["forecast"]
    newer = pd.read_csv(file).tail(3).assign(time=lambda f: pd.to_datetime(f["time"]) + pd.Timedelta("3h"))
    newer.to_csv(tmp_path / "newer.csv", index=False)
    later = json.loads(forecast(tmp_path, "predict", "moved", "newer.csv", "--json").stdout)["forecast"]
    assert later[0]["ds"] == "2024-01-17T19:00:00"


def test_columns_and_series_are_named_by_flags(file, tmp_path):
    pd.read_csv(file).assign(day=lambda f: f["time"].str[:10], kind=1).to_csv(
        tmp_path / "more.csv", index=False
    )
    flags = [
        "--time",
        "time",
        "--target",
        "temp",
        "--future",
        "wind",
        "--past",
        "kind",
        "--category",
        "kind",
        "--series",
        "temp",
        "--neighbours",
        "wind",
    ]
    refused = forecast(tmp_path, "check", "more.csv", *flags)
    assert refused.returncode == 2
    assert "x There is no series 'wind' for --neighbours." in refused.stdout
    assert refused.stderr == "forecast: more.csv is refused: no-such-series.\n"
    found = forecast(tmp_path, "check", "more.csv", *flags[:-2]).stdout
    assert (
        "future columns, known over the horizon: wind; the file has them for 0 rows after the last target (future)"
        in found
    )
    assert "kind: a category of 1 name (1) (category)" in found


def test_a_lone_dash_is_named_as_missing(tmp_path):
    rows = [f"2024-01-{day:02},{'-' if day == 4 else day}" for day in range(1, 13)]
    (tmp_path / "x.csv").write_text("ds,y\n" + "\n".join(rows))
    assert (
        "! y: '-' in row 5 is taken as missing (--missing - says so"
        in forecast(tmp_path, "check", "x.csv").stdout
    )
    for flags in (["--missing", "-"], ["--missing=-"]):
        told = forecast(tmp_path, "check", "x.csv", *flags)
        assert told.returncode == 0
        assert "y: 1 cell of -, taken as missing as told (named-missing)" in told.stdout
        assert "assumed-missing" not in told.stdout


def test_a_combination_goes_the_whole_road_by_its_name(file, tmp_path):
    made = forecast(
        tmp_path,
        "fit",
        file,
        "--model",
        "ridge+gru,naive",
        "--horizon",
        "6",
        "--folds",
        "1",
        "--out",
        "run",
        "--json",
        "--jobs",
        "1",
        *FEW,
    )
    assert made.returncode == 0, made.stderr
    result = json.loads(made.stdout)
    assert result["best"] == "ridge+gru"
    assert "ridge+gru fold 1: done in " in made.stderr
    assert json.loads(forecast(tmp_path, "predict", "run", "--json").stdout)["forecast"] == result["forecast"]
    replayed = json.loads(forecast(tmp_path, "replay", "run", "--json", "--quiet").stdout)
    assert replayed["equal"]
    assert set(replayed["parts"]) == {"ridge+gru-0", "naive-0", "median-0", "model"}
    assert "ridge+gru" in (tmp_path / "run" / "report.html").read_text()
    listed = forecast(tmp_path, "models", "ridge+gru").stdout
    begins = {
        len(line) - len(line.partition(" ")[2].lstrip())
        for line in listed.splitlines()
        if "." in line.partition(" ")[0]
    }
    assert begins == {len("gru.recurrent_dropout ")}
    assert "\nridge.penalty " in listed
    assert "\ngru.units " in listed
    refused = forecast(tmp_path, "tune", file, "--model", "ridge+gru")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith(
        "forecast: ridge+gru is no model of its own to tune. Tune ridge, gru each by itself"
    )


def test_the_command_that_goes_on_can_be_copied_where_a_folder_has_blanks(file, tmp_path):
    made = forecast(tmp_path, "fit", file, "--model", "naive", "--out", "my runs/Köln", "--quiet")
    told = shlex.split(made.stdout.splitlines()[-1].removeprefix("Go on:").removesuffix("[NEWER_ROWS.csv]"))
    assert told == ["forecast", "predict", "my runs/Köln"]
    assert forecast(tmp_path, *told[1:]).returncode == 0


def test_newer_rows_that_contradict_the_run_are_refused(file, tmp_path):
    forecast(tmp_path, "fit", file, "--model", "naive,seasonal", "--jobs", "1", "--out", "run", "--quiet")
    frame = pd.read_csv(file).tail(2)
    frame.assign(temp=99.0).to_csv(tmp_path / "newer.csv", index=False)
    refused = forecast(tmp_path, "predict", "run", "newer.csv")
    assert refused.returncode == 2
    assert "the new file says 99 (2 of 2 overlapping rows differ)" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "wether.csv"], "There is no file wether.csv. Did you mean weather.csv?"),
        (
            ["fit", "weather.csv", "--target", "tmp"],
            "There is no numeric column 'tmp' for --target. Did you mean temp?",
        ),
        (
            ["fit", "weather.csv", "--horizon", "300"],
            "400 rows are too few for a horizon of 300 with 3 folds in the test part: at least",
        ),
        (["fit", "weather.csv", "--model", "ltsm"], "There is no model 'ltsm'. Did you mean lstm?"),
        (["fit", "weather.csv", "--set", "gru.unit=3"], "gru has no setting 'unit'. Did you mean units?"),
        (
            ["fit", "weather.csv", "--set", "gru.model=x"],
            "gru has no setting 'model'. There is: cell, context",
        ),
        (
            ["fit", "weather.csv", "--set", "walk.fold=3"],
            "There is no setting walk.fold. Did you mean folds?",
        ),
        (
            ["fit", "weather.csv", "--set", "units"],
            "--set takes PATH=VALUE, such as gru.units=128; found 'units'.",
        ),
        (
            ["fit", "weather.csv", "--set", "layers=2"],
            "it is one of lstm, gru, lstm-plain, gru-plain. Give it with its model, such as gru.layers=2.",
        ),
        (
            ["fit", "weather.csv", "--model", "arima", "--set", "max_p=2"],
            "Give it with its model, such as arima.max_p=2.",
        ),
        (["fit", "weather.csv", "--seed", "-1"], "seed = -1: input should be greater than or equal to 0."),
        (["tune", "weather.csv", "--seed", "-1"], "seed = -1: input should be greater than or equal to 0."),
        (["fit", "weather.csv", "--set", "intervals=80"], "intervals = 80: give a list, such as [80]."),
        (
            ["fit", "weather.csv", "--dayfirst", "--monthfirst"],
            "--dayfirst and --monthfirst exclude each other: give one of them.",
        ),
        (
            ["check", "weather.csv", "--monthfirst", "--dayfirst"],
            "--dayfirst and --monthfirst exclude each other: give one of them.",
        ),
        (["fit", "weather.csv", "--scale", "robst"], "There is no scale 'robst'. Did you mean robust?"),
        (["fit", "weather.csv", "--folds", "0"], "input should be greater than or equal to 1"),
        (
            ["fit", "weather.csv", "--align", "middle"],
            "walk.align = 'middle': input should be 'stamp' or 'end'.",
        ),
        (["fit", "weather.csv", "--jobs", "-1"], "Invalid value for '--jobs'"),
        (["fit", "weather.csv", "--job", "1"], "`forecast fit --help` shows what there is."),
        (
            ["fit", "weather.csv", "--model", ","],
            "forecast: --model is empty: give it a value, or leave it out.",
        ),
        (["fit", ""], "forecast: FILE is empty: give it a value, or leave it out."),
        (
            ["fit", "weather.csv", "--price", "--cost", "-5"],
            "cost = -5.0: input should be greater than or equal to 0.",
        ),
        (["fit", "weather.csv", "--refit", "hot"], "walk.refit = 'hot': input should be 'cold' or 'warm'."),
        (["fit", "--config", "none.toml"], "There is no config file none.toml."),
        (["fit", "--config", "."], "The config file . cannot be read: Is a directory."),
        (["fit", "weather.csv", "--set", "=3"], "--set takes PATH=VALUE, such as gru.units=128; found '=3'."),
        (["fit"], "No data file is named."),
        (
            ["compare", "weather.csv", "--try", "gru.model=x"],
            "gru has no setting 'model'. There is: cell, context",
        ),
        (
            ["compare", "weather.csv", "--try", "gru.layer=2"],
            "gru has no setting 'layer'. Did you mean layers?",
        ),
        (
            ["compare", "weather.csv", "--try", "gru.layers=2", "--try", "lstm.layers=2"],
            "one model are compared at a time; found gru, lstm.",
        ),
        (["compare", "weather.csv", "--try", "gru.layers=1"], "gru.layers = 1 is what gru has already"),
        (["compare", "weather.csv", "--try", "gru.forget_bias=1"], "gru: forget_bias is of the LSTM"),
        (
            ["compare", "weather.csv", "--try", "layers=2"],
            "it is one of lstm, gru, lstm-plain, gru-plain. Give it with its model, such as gru.layers=2.",
        ),
        (
            ["compare", "weather.csv", "--try", "lyers=2"],
            "--try takes a model's setting, such as gru.layers=2; found lyers=2.",
        ),
        (
            ["tune", "weather.csv", "--model", "ridge+gru", "--space", "full"],
            "--space is a choice that nets have; ridge has none. Leave --space out.",
        ),
        (
            ["tune", "weather.csv", "--model", "lstm+gru", "--space", "full"],
            "lstm+gru is no model of its own to tune. Tune lstm, gru each by itself",
        ),
        (
            ["tune", "weather.csv", "--model", "lstm,gru", "--space", "full"],
            "One model is tuned at a time; found lstm, gru.",
        ),
        (["tune", "weather.csv", "--trials", "0"], "Invalid value for '--trials'"),
        (["tune", "weather.csv", "--space", "big"], "gru.search = 'big': input should be 'small' or 'full'"),
        (
            ["tune", "weather.csv", "--sampler", "bayes"],
            "tune.sampler = 'bayes': input should be 'tpe', 'random', 'grid' or 'gp'",
        ),
        (
            ["tune", "weather.csv", "--set", "tune.gru.unit=3"],
            "gru has no setting 'unit' to tune. Did you mean units",
        ),
        (
            ["tune", "weather.csv", "--model", "naive"],
            "naive has no settings to tune: every trial would be the same.",
        ),
        (
            ["compare", "weather.csv"],
            "Changes of one model are compared at a time; found none. Give --try gru.layers=2",
        ),
        (["predict", "runs/none"], "No model can be loaded from runs/none: there is no such file."),
    ],
)
def test_a_mistake_is_one_message_and_leaves_no_folder(file, tmp_path, arguments, message):
    refused = forecast(tmp_path, *arguments)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""
    assert not (tmp_path / "runs").exists()


def test_a_folder_of_other_settings_is_refused(file, tmp_path):
    arguments = ["fit", file, "--model", "naive,seasonal", "--jobs", "1", "--out", "run", "--quiet"]
    assert forecast(tmp_path, *arguments).returncode == 0
    refused = forecast(tmp_path, *arguments, "--horizon", "6")
    assert refused.returncode == 2
    assert (
        "run holds a run of other settings, data or versions. Choose another --out, or add --overwrite"
        in refused.stderr
    )
    assert forecast(tmp_path, *arguments, "--horizon", "6", "--overwrite").returncode == 0


def test_what_was_found_is_said_before_anything_is_fitted_and_warnings_in_silence_too(file, tmp_path):
    with file.open("a") as rows:
        rows.write("2024-01-17 16:00:00,9999,0.1\n")
    arguments = ["backtest", file, "--model", "naive,seasonal", "--folds", "1", "--jobs", "1"]
    said = forecast(tmp_path, *arguments).stderr
    assert max(said.index("hourly"), said.index("! temp: ")) < said.index("naive fold 1: done")
    assert forecast(tmp_path, *arguments, "--json").stderr == said
    quiet = forecast(tmp_path, *arguments, "--quiet").stderr
    assert quiet.startswith("! temp: ")
    assert "fold" not in quiet
    assert "hourly" not in quiet


@pytest.mark.parametrize(
    "arguments",
    [
        ["tune", "--model", "climatology", "--trials", "1", "--folds", "1", "--jobs", "1"],
        ["audit", "--model", "naive,seasonal"],
    ],
)
def test_a_study_and_an_audit_say_what_was_found_as_a_fit_does(file, tmp_path, arguments):
    with file.open("a") as rows:
        rows.write("2024-01-17 16:00:00,9999,0.1\n")
    command = [arguments[0], file, *arguments[1:], "--horizon", "6"]
    said, quiet = (
        forecast(tmp_path, *command, *more).stderr
        for more in ([], ["--quiet", "--overwrite"][: 1 + (arguments[0] == "tune")])
    )
    assert "  stamps in time: hourly, 2024-01-01 to 2024-01-17 16:00 UTC\n" in said
    assert "do not read past columns: wind" in said or "does not read past columns: wind" in said
    assert "! temp: 9999 stands once far outside of all other values" in said
    assert quiet.startswith("! temp: 9999 stands once")
    assert "hourly" not in quiet


def test_the_order_of_day_and_month_is_told_by_one_flag(tmp_path):
    (tmp_path / "x.csv").write_text(
        "ds,y\n" + "".join(f"0{month}/01/2020,{month}\n" for month in range(1, 10))
    )
    for flags, last in (
        ([], "2020-09-01"),
        (["--monthfirst"], "2020-09-01"),
        (["--dayfirst"], "2020-01-09"),
        (["--dayfirst"] * 2, "2020-01-09"),
    ):
        assert f" to {last}" in forecast(tmp_path, "check", "x.csv", *flags).stdout


def test_a_mistake_is_one_object_too(file, tmp_path):
    reading = (
        ["fit", file, "--target", "rain"],
        ["check", file, "--target", "rain"],
        ["predict", "nowhere"],
        ["replay", "nowhere"],
    )
    for arguments in (
        *reading,
        ["fit", file, "--horizons", "3"],
        ["fit", file, "--folds", "few"],
        ["check"],
        ["chek", file],
    ):
        refused = forecast(tmp_path, *arguments, "--json")
        assert refused.returncode == 2
        assert refused.stderr == f"forecast: {json.loads(refused.stdout)['error']}\n"


def test_check_says_an_error_once_and_ends_with_its_code(tmp_path):
    (tmp_path / "x.csv").write_text(
        "ds,y\n" + "".join(f"2020-01-{day:02},{'oops' if day == 4 else day}\n" for day in range(1, 13))
    )
    refused = forecast(tmp_path, "check", "x.csv")
    assert refused.returncode == 2
    assert refused.stdout.count("found 'oops'") == 1
    assert refused.stderr == "forecast: x.csv is refused: text-in-numbers.\n"


def test_values_that_need_no_file_are_judged_before_one_is_read(tmp_path):
    for flags, said in (
        (
            ["--horizon", "x"],
            "A horizon is a number of steps, 1 or more, or a span such as 24h or 7d; found 'x'.",
        ),
        (["--test", "2.5"], "test=2.5 is no number of steps."),
        (["--intervals", "200"], "Intervals are percentages between 0 and 100"),
        (["--folds", "0"], "walk.folds = 0: input should be greater than or equal to 1."),
    ):
        assert forecast(tmp_path, "fit", "not-there.csv", *flags).stderr.startswith(f"forecast: {said}")


def test_csv_and_json_at_once_are_refused(file, tmp_path):
    refused = forecast(tmp_path, "fit", file, "--csv", "--json")
    assert (refused.returncode, refused.stderr) == (
        2,
        "forecast: --csv and --json exclude each other: give one of them.\n",
    )
    assert not (tmp_path / "runs").exists()


def test_overwrite_runs_a_finished_run_again(file, tmp_path):
    arguments = ["fit", file, "--model", "naive,seasonal", "--jobs", "1", "--out", "run"]
    assert "naive fold 1: done" in forecast(tmp_path, *arguments).stderr
    again = forecast(tmp_path, *arguments, "--overwrite")
    assert again.returncode == 0
    assert "naive fold 1: done" in again.stderr


def test_overwrite_does_not_remove_forecasts_that_were_kept(file, tmp_path):
    arguments = ["fit", file, "--model", "naive,seasonal", "--jobs", "1", "--out", "run", "--quiet"]
    forecast(tmp_path, *arguments)
    forecast(tmp_path, "predict", "run", "--keep")
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    for more in ([], ["--horizon", "6"]):
        refused = forecast(tmp_path, *arguments, "--overwrite", *more)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr.endswith(
            "forecast: run has forecasts that `forecast predict --keep` kept, in run/kept; --overwrite would remove them with the model that made"
            " them. Choose another --out, or move run/kept away first.\n"
        )
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before
    (tmp_path / "run" / "kept").rename(tmp_path / "kept")
    assert forecast(tmp_path, *arguments, "--overwrite").returncode == 0


@pytest.mark.parametrize(
    ("out", "message"),
    [("mine", "mine holds files that are no run"), ("weather.csv", "weather.csv is a file, no run folder")],
)
def test_overwrite_never_removes_what_is_no_run(file, tmp_path, out, message):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    refused = forecast(tmp_path, "fit", file, "--model", "naive,seasonal", "--out", out, "--overwrite")
    assert refused.returncode == 2
    assert message in refused.stderr
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    assert file.exists()


def test_the_hash_of_a_file_follows_its_content(tmp_path):
    from forecast.files import sha256

    path = tmp_path / "rows.csv"
    path.write_text("1")
    first = sha256(path)
    path.write_text("23")
    assert sha256(path) != first == "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"


def test_a_locked_folder_is_refused(file, tmp_path):
    from forecast.files import locked

    arguments = ["fit", file, "--model", "naive,seasonal", "--jobs", "1", "--out", "run", "--quiet"]
    forecast(tmp_path, *arguments)
    (tmp_path / "run" / "run.json").unlink()
    with locked(tmp_path / "run"):
        refused = forecast(tmp_path, *arguments)
    assert refused.returncode == 2
    assert "is in use by another forecast process" in refused.stderr


def test_tune_by_a_grid_of_a_narrowed_space(file, tmp_path):
    narrowed = [
        "--set",
        "tune.climatology.day={low=2,high=4}",
        "--set",
        "tune.climatology.year=[3]",
        "--set",
        "tune.climatology.week=3",
    ]
    arguments = [
        "tune",
        file,
        "--model",
        "climatology",
        "--sampler",
        "grid",
        "--horizon",
        "6",
        "--folds",
        "1",
        "--jobs",
        "1",
        *narrowed,
    ]
    tuned = forecast(tmp_path, *arguments)
    assert tuned.returncode == 0, tuned.stderr
    assert "3 trials, 0 pruned, 0 failed" in tuned.stdout
    assert "The grid has 3 points, the default among them; 20 trials at most." in tuned.stdout


def test_tune_says_what_it_bought(file, tmp_path):
    arguments = [
        "tune",
        file,
        "--model",
        "gru",
        "--trials",
        "3",
        "--horizon",
        "6",
        "--folds",
        "1",
        "--json",
        "--jobs",
        "1",
        *FEW,
    ]
    tuned = forecast(tmp_path, *arguments)
    assert tuned.returncode == 0, tuned.stderr
    result = json.loads(tuned.stdout)
    assert result["trials"] == 3
    assert set(result["best"]["params"]) == {"units", "layers", "dropout", "learning_rate"}
    assert set(result["test"]) == {"default", "tuned", "gain", "p"}
    again = forecast(tmp_path, *arguments)
    assert json.loads(again.stdout)["best"] == result["best"]
    assert json.loads(again.stdout)["trials"] == 3


def test_compare_sets_each_change_against_the_model_without_it(file, tmp_path):
    tries = ["--try", "gru.layers=2", "--try", "gru.units=[8, 4]", "--try", "gru.head=recursive"]
    shown = forecast(
        tmp_path, "compare", file, *tries, "--horizon", "6", "--folds", "1", "--json", "--jobs", "1", *FEW
    )
    assert shown.returncode == 0, shown.stderr
    result = json.loads(shown.stdout)
    assert result["baseline"] == "gru"
    rows = {row["model"]: row for row in result["leaderboard"]}
    assert set(rows) == {"gru", "layers=2", "units=[8, 4]", "head=recursive"}
    assert all(row["seconds"] > 0 and (name == "gru" or row["p"] is not None) for name, row in rows.items())
    assert rows["gru"]["skill"] == 0
    assert not (tmp_path / "runs").exists()


def test_an_ablation_and_a_walk_from_each_end(file, tmp_path):
    """The file's second station ends 60 hours earlier: counted from each end both have the same origins."""
    frame = pd.read_csv(file).assign(station="a")
    two = pd.concat([frame, frame.iloc[:340].assign(station="b")])
    two.to_csv(tmp_path / "two.csv", index=False)
    walk = [
        "--target",
        "temp",
        "--horizon",
        "6",
        "--test",
        "60",
        "--folds",
        "2",
        "--align",
        "end",
        "--jobs",
        "1",
    ]
    shown = forecast(tmp_path, "compare", "two.csv", "--ablate", "ridge", *walk, "--json")
    assert shown.returncode == 0, shown.stderr
    result = json.loads(shown.stdout)
    assert result["origins"] == 2 * 55
    assert [row["column"] for row in result["ablation"]] == ["wind"]
    assert result["dropped"] == []
    assert result["notes"][1].startswith("Origins are counted back from the end of each series.")


def test_models_lists_every_setting_with_its_default_and_its_meaning(tmp_path):
    from forecast.models import describe, settings_of, spec

    shown = forecast(tmp_path, "models", "gru").stdout
    listed = describe("gru")
    assert {one.name for one in listed} == set(settings_of(spec("gru"))) - {"model"}
    assert all(one.meaning for one in listed)
    lines = {line.split()[0]: line for line in shown.splitlines() if line.strip()}
    assert set(lines) >= {one.name for one in listed}
    assert "0.0 " in lines["recurrent_dropout"]
    assert "(Merity et al. 2017, AWD-LSTM) [study: 0 to 0.5]" in lines["recurrent_dropout"]
    assert "chosen from the data" in lines["units"]
    assert "segments | linear | dense | recursive: parallel segments" in lines["head"]
    assert forecast(tmp_path, "models", "arima").returncode == 0


@pytest.mark.parametrize("name", ["weather", "sine", "oil"])
def test_a_pipeline_reads(name):
    from forecast.runs.plan import make_run

    run = make_run(config=README.parent / "pipelines" / f"{name}.toml")
    assert [one.name for one in run.specs()] == list(run.models)
    assert run.read().target == run.reading.target
    assert run.price == (name == "oil")


def test_a_scale_and_a_transform_reach_every_fit_of_a_run_and_stay_with_it(file, tmp_path):
    import forecast as fc
    from forecast.data.scaling import Units
    from forecast.runs.plan import make_run

    flags = ["--scale", "robust", "--transform", "yeo-johnson"]
    done = forecast(
        tmp_path,
        "fit",
        file,
        "--model",
        "climatology,naive",
        "--horizon",
        "6",
        "--out",
        "run",
        "--quiet",
        "--json",
        *flags,
    )
    assert done.returncode == 0, done.stderr
    assert fc.load(tmp_path / "run").scaling.units == Units("yeo-johnson", "robust")
    kept = make_run(config=tmp_path / "run" / "run.toml")
    assert (kept.task.transform, kept.task.scale) == ("yeo-johnson", "robust")
    panel, walk = fc.read(file), fc.WalkForward(horizon=6)
    walked = [
        fc.score(list(fc.backtest("climatology", panel, walk, scale=scale, transform="yeo-johnson")), "mae")
        for scale in ("robust", "minmax")
    ]
    assert walked[0] == pytest.approx(walked[1], rel=1e-9)  # least squares do not mind the scale
    assert next(
        row["mae"] for row in json.loads(done.stdout)["leaderboard"] if row["model"] == "climatology"
    ) == pytest.approx(walked[0])


def test_a_price_is_measured_against_the_random_walk(tmp_path):
    walk = 50 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.01, 400)))
    frame = pd.DataFrame({"date": pd.bdate_range("2020-01-01", periods=400), "close": walk})
    frame.to_csv(tmp_path / "price.csv", index=False)
    done = forecast(
        tmp_path,
        "backtest",
        "price.csv",
        "--price",
        "--model",
        "drift,naive",
        "--horizon",
        "1",
        "--cost",
        "5",
        "--json",
    )
    result = json.loads(done.stdout)
    assert result["baseline"] == "naive"
    drift, naive = sorted(result["market"], key=lambda row: row["model"])
    assert naive["moves"] == 0
    assert drift["moves"] == result["origins"]
    assert abs(drift["profit"]) < 100
    refused = forecast(tmp_path, "backtest", "price.csv", "--cost", "5")
    assert (refused.returncode, refused.stderr) == (
        2,
        "forecast: A cost is of trading a price: add --price or --returns, or leave --cost out. Of an event give two, --cost 1:5: of acting for"
        " nothing, and of not acting.\n",
    )


def test_a_run_is_replayed_to_the_same_bits_and_what_differs_is_said(file, tmp_path):
    assert (
        forecast(
            tmp_path,
            "fit",
            file,
            "--model",
            "gru,naive",
            "--folds",
            "2",
            "--horizon",
            "6",
            *FEW,
            "--out",
            "run",
            "--quiet",
        ).returncode
        == 0
    )
    result = json.loads(forecast(tmp_path, "replay", "run", "--json", "--quiet").stdout)
    assert result["equal"]
    assert result["differs"] == []
    assert set(result["parts"]) == {"gru-0", "gru-1", "naive-0", "naive-1", "median-0", "median-1", "model"}
    frame = pd.read_csv(file)
    frame.iloc[-1, -1] += 1
    frame.to_csv(file, index=False)
    said = forecast(tmp_path, "replay", "run", "--quiet").stdout
    assert "weather.csv is not the file of the run" in said
    assert "not the same bits" in said
    missing = forecast(tmp_path, "replay", "nowhere")
    assert (missing.returncode, missing.stderr) == (
        2,
        "forecast: nowhere holds no finished run, so there is nothing to replay.\n",
    )


def test_an_audit_as_json(file, tmp_path):
    found = json.loads(
        forecast(tmp_path, "audit", file, "--model", "seasonal,naive", "--horizon", "6", "--json").stdout
    )
    assert found["moved"] == {"seasonal": 0, "naive": 0}
    assert set(found) == {"clean", "leaks", "moved", "compared"}


@pytest.mark.parametrize(
    ("of_the_library", "of_the_command_line"),
    [
        ("or say so with `missing=inf`.", "or say so with --missing inf."),
        ("give `price`, or `bounds=0,100`", "give --price, or --bounds 0,100"),
        ("take `gru.loss=mse`", "take --set gru.loss=mse"),
        ("`models=naive,gru` or `out=runs/other`", "--model naive,gru or --out runs/other"),
        ("`overwrite=true` begins anew", "--overwrite begins anew"),
        ("`dayfirst=False`, or `dayfirst=True`", "--monthfirst, or --dayfirst"),
        ("`dayfirst=true` or `dayfirst=false`", "--dayfirst or --monthfirst"),
        ("`forecast check` lists all, of `close` too", "`forecast check` lists all, of `close` too"),
    ],
)
def test_settings_that_messages_name_become_flags(of_the_library, of_the_command_line):
    assert as_flags(of_the_library) == of_the_command_line
