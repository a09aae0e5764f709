"""The commands: each parses, makes one call that Python has too, and prints."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.cli.flags import (
    Ablate,
    By,
    Checked,
    Csv,
    CsvSafe,
    FileArgument,
    FitOn,
    Flags,
    Highest,
    How,
    Jobs,
    Json,
    KeepIt,
    Light,
    Lowest,
    Model,
    Models,
    NewerRows,
    Out,
    Overwrite,
    Own,
    PathCount,
    PathsOut,
    Quiet,
    Revised,
    RowsThatCame,
    RunFolder,
    RunWithKept,
    Sampler,
    Scenarios,
    SettingsOut,
    Shell,
    Shown,
    Space,
    Steps,
    Sum,
    Take,
    Texts,
    Title,
    Trials,
    Tries,
    WhatIf,
)
from forecast.cli.naming import (
    check_naming,
    compare_naming,
    explain_naming,
    is_labelled,
    predict_naming,
    replay_naming,
    tune_naming,
)
from forecast.cli.printing import (
    Form,
    forecast_table,
    form_of,
    heard_of,
    listed_line,
    model_lines,
    models_text,
    on_terminal,
    paths_table,
    print_csv,
    print_json,
    print_result,
    print_settings,
    print_summary,
    print_told,
    print_value,
    say,
    scenario_table,
)
from forecast.cli.registry import app, command
from forecast.cli.values import again, changes, names, own_specs, plan_of, reading_values
from forecast.data.findings import counted, visible
from forecast.errors import ForecastError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from forecast.data.findings import Finding, ReadingError
    from forecast.runs.result import Walked


@app.callback(invoke_without_command=True)
def version(
    context: typer.Context,
    show: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    """Print the version where it is asked for."""
    if show:
        from importlib.metadata import version as version_of

        print(version_of("forecast-toolkit"))
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


@command("forecast check data/weather.parquet")
def check(*, file: Checked, reading: Flags, labelling: Flags, as_json: Json = False) -> None:
    """Read a file and report what was inferred and found in it.

    Time, frequency, series, target, gaps and sentinels, with codes and row numbers.

    With --label it is a file of sequences: lengths, classes, missing values, copies, groups in both parts.
    """
    if is_labelled(labelling):
        check_naming(file, reading, labelling, as_json)
        return
    from forecast.data.findings import ReadingError
    from forecast.runs.checks import with_offers
    from forecast.runs.plan import make_run
    from forecast.runs.result import summary_of

    try:
        panel = with_offers(make_run(file, overrides=reading_values(reading)).read())
    except ReadingError as refused:
        if as_json:
            raise
        raise _listed(file, reading, refused) from None
    print_summary(summary_of(panel), as_json)
    if not as_json:
        print(f"Go on:  {_go_on('fit')}")


def _go_on(command: str, *more: str) -> str:
    """The command that goes on from this one, with the same file and flags, to be copied."""
    import shlex

    given = sys.argv[sys.argv.index("check") + 1 :]
    return shlex.join(["forecast", command, *given, *more])


def _candidate(file: str, reading: Flags, refused: "ReadingError") -> None:
    """Of a file that has several columns that could be the target: print what is found with the first one as it."""
    from forecast.data.findings import ReadingError
    from forecast.runs.checks import with_offers
    from forecast.runs.plan import make_run
    from forecast.runs.result import summary_of

    example = next((one.example for one in refused.findings if one.code == "which-target"), "")
    if not example:
        return
    try:
        panel = with_offers(make_run(file, overrides={**reading_values(reading), "target": example}).read())
    except ReadingError:
        return
    print(f"\nWith --target {example}, as an example:")
    print_summary(summary_of(panel), as_json=False)
    print(f"Go on:  {_go_on('fit', '--target', example)}")


def _listed(file: str, reading: Flags, refused: "ReadingError") -> ForecastError:
    """Print all that was found in a file that is refused; the error names the codes."""
    for finding in refused.findings:
        print(on_terminal(listed_line(finding), sys.stdout, finding.severity))
    _candidate(file, reading, refused)
    codes = dict.fromkeys(finding.code for finding in refused.findings if finding.severity == "error")
    return ForecastError(f"{file} is refused: {', '.join(codes)}.")


@command("forecast init data/weather.parquet")
def init(*, file: Checked, reading: Flags, out: SettingsOut = None, quiet: Quiet = False) -> None:
    """Write what is inferred from a file as a TOML of settings.

    It has a comment for each setting, and `forecast fit --config` runs it. A file that is there is not overwritten.
    """
    import shlex
    from pathlib import Path

    from forecast.runs.plan import make_run
    from forecast.runs.starting import write_start

    plan = make_run(file, overrides=reading_values(reading))
    panel = plan.read()
    say(panel.findings, quiet)
    path = Path(out) if out else Path(f"{Path(file).stem}.toml")
    write_start(plan, panel, path)
    print(f"Written: {path}")
    print(f"Go on:   forecast fit --config {shlex.quote(str(path))}")


@command("forecast completion bash")
def completion(shell: Shell) -> None:
    """Print the script that completes commands and flags in a shell.

    For bash, zsh or fish; its first lines say where it belongs.
    """
    from forecast.cli.completion import completion as script

    print(script(shell, typer.main.get_command(app)), end="")


@command("forecast fit data/weather.parquet --horizon 24")
def fit(
    *,
    file: FileArgument = None,
    model: Models = None,
    reading: Flags,
    walking: Flags,
    out: Out = None,
    overwrite: Overwrite = False,
    jobs: Jobs = 0,
    as_json: Json = False,
    csv: Csv = False,
    csv_safe: CsvSafe = False,
    quiet: Quiet = False,
) -> None:
    """Walk models forward, fit the best one on all data, forecast.

    The models are measured against the baselines. It says which one is best, and whether that could be chance.
    """
    from forecast.runs.result import stamped
    from forecast.runs.road import finished, run

    plan = plan_of(file, model, reading, walking)
    result = None if overwrite else finished(plan, out)
    if result is None:
        shown = _progress(quiet)
        heard = heard_of(quiet)
        result = run(plan, out=out, overwrite=overwrite, jobs=jobs, progress=shown, heard=heard)
    else:
        print(f"This run is there already, in {result.folder}.", file=sys.stderr)
        say(result.findings, quiet)
    form = form_of(as_json, csv, csv_safe)
    if form == "json":
        print_json(result.to_json())
    elif form != "table":
        print_csv(stamped(result.forecast.to_frame(cutoff=False)), form)
    else:
        print_result(result, again(plan.models))


@command("forecast predict runs/weather newest.csv")
def predict(
    run: RunFolder,
    file: NewerRows = None,
    keep: KeepIt = False,
    model: Own = None,
    revised: Revised = False,
    scenario: Scenarios = None,
    what: WhatIf = None,
    paths: PathCount = None,
    total: Sum = False,
    highest: Highest = False,
    lowest: Lowest = False,
    by: By = None,
    out: PathsOut = None,
    text: Texts = None,
    as_json: Json = False,
    csv: Csv = False,
    csv_safe: CsvSafe = False,
) -> None:
    """Forecast the next horizon from a run folder.

    After newer rows where a file of them is given. By a run of `classify` it names sequences or texts.
    """
    form = form_of(as_json, csv, csv_safe)
    of_forecasts = (keep, model, revised, scenario, what, paths, total, highest, lowest, by, out)
    if _names_sequences(run, text, of_forecasts):
        predict_naming(run, file, text, form)
        return
    from forecast.runs.daily import predict_told
    from forecast.runs.reporting import report_run
    from forecast.runs.result import frame_json, stamped

    own = own_specs(model)
    reduced = [name for name, asked in (("sum", total), ("max", highest), ("min", lowest)) if asked]
    if paths is not None or reduced or by or out:
        if keep or scenario or what:
            raise ForecastError(
                "Sample paths are of one future, and are not kept: leave --keep, --scenario and --what out."
            )
        _predict_paths(run, file, paths, reduced, by, out, revised, own, form)
        return
    if scenario or what:
        if keep:
            raise ForecastError("--keep is for what was forecast, not for what if: leave --keep out.")
        _predict_scenarios(run, file, scenario or [], what or [], revised, own, form)
        return
    found: list[Finding] = []
    forecast, in_units = predict_told(run, file, keep=keep, revised=revised, heard=found.extend, specs=own)
    frame = stamped(forecast.to_frame(cutoff=False))
    say(found, quiet=True)
    if keep:
        print(_kept(run, file, found), file=sys.stderr)
        report_run(run, specs=own)
    about: dict[str, Any] = {"run": run}
    if in_units is not None and form == "json":
        about["told"] = frame_json(in_units.frame)
    _print_frame(frame, forecast_table, about, found, form)
    if form == "table":
        print_told(in_units)


def _print_frame(
    frame: "pd.DataFrame",
    table: "Callable[[pd.DataFrame], str]",
    about: dict[str, Any],
    found: "list[Finding]",
    form: Form,
) -> None:
    """A frame of forecasts in the form that was asked for; about: what else its JSON object holds."""
    from dataclasses import asdict

    from forecast.runs.result import frame_json

    if form == "json":
        findings = [asdict(finding) for finding in found]
        print_json({**about, "findings": findings, "forecast": frame_json(frame)})
    elif form != "table":
        print_csv(frame, form)
    else:
        print(visible(table(frame)))


def _predict_scenarios(
    run: str,
    file: str | None,
    scenarios: list[str],
    what: list[str],
    revised: bool,
    own: list[Any],
    form: Form,
) -> None:
    """Print the forecasts under several futures side by side."""
    from forecast.runs.result import stamped
    from forecast.runs.scenario import predict_scenarios

    found: list[Finding] = []
    made = predict_scenarios(
        run, file, scenarios=scenarios, what=what, revised=revised, heard=found.extend, specs=own
    )
    frame = stamped(made.to_frame())
    say(found, quiet=True)
    about = {"run": run, "scenarios": list(made.forecasts)}
    _print_frame(frame, scenario_table, about, found, form)


def _refuse_half_asked(count: int | None, reduced: list[str], by: str | None, out: str | None) -> None:
    """ForecastError where flags of sample paths lack the one that they need."""
    if by and not reduced:
        raise ForecastError("--by is of a sum: add --sum, --max or --min.")
    if not reduced and not out:
        raise ForecastError("--paths needs a file for them, --out FILE.parquet, or --sum, --max or --min.")
    if not reduced and count is None:
        raise ForecastError(
            "--out is the file of sample paths: add their number, such as --paths 500, or --sum."
        )
    if out and not out.endswith(".parquet"):
        raise ForecastError(f"--out is a Parquet file here, such as paths.parquet; found {out!r}.")


def _names_sequences(run: str, text: list[str] | None, of_forecasts: tuple[Any, ...]) -> bool:
    """Whether a run is one of `classify`; ForecastError where it was given flags of forecasts, or another run was given a text."""
    from forecast.runs.folder import CLASSIFY, kind_of

    if kind_of(run) != CLASSIFY:
        if text:
            raise ForecastError(f"--text is for a run of `forecast classify`, and {run} is none.")
        return False
    if any(of_forecasts):
        raise ForecastError(
            f"{run} names sequences: give a file or --text, and leave the flags of forecasts out."
        )
    return True


def _predict_paths(
    run: str,
    file: str | None,
    count: int | None,
    reduced: list[str],
    by: str | None,
    out: str | None,
    revised: bool,
    own: list[Any],
    form: "Form",
) -> None:
    """Write sample paths, or what they are reduced to, into a file, and print what they are reduced to."""
    from pathlib import Path

    from forecast.files import save_frame
    from forecast.runs.paths import SUMMED, predict_paths, refuse_without_paths
    from forecast.runs.result import stamped

    refuse_without_paths(run, own)
    _refuse_half_asked(count, reduced, by, out)
    found: list[Finding] = []
    paths = SUMMED if count is None else count
    drawn = predict_paths(run, file, count=paths, revised=revised, heard=found.extend, specs=own)
    sums = drawn.reduced(reduced, by or "horizon") if reduced else None
    say(found, quiet=True)
    if out:
        written = sums if count is None and sums is not None else drawn.to_frame()
        save_frame(Path(out), written)
        print(f"Written: {counted(len(written), 'row')} into {out}.", file=sys.stderr)
    if sums is not None:
        frame = stamped(sums.drop(columns="cutoff"))
        _print_frame(frame, paths_table, {"run": run, "paths": paths}, found, form)


def _kept(run: str, file: str | None, found: "list[Finding]") -> str:
    """What `--keep` has kept, in a sentence."""
    messages = {finding.code: finding.message for finding in found}
    if "nothing-new" in messages:
        return f"Nothing new: {messages['nothing-new']}."
    if "kept-before" in messages:
        return f"Kept in {run}: the rows of {file}; {messages['kept-before']}."
    newer = f"the rows of {file} and " if file else ""
    return f"Kept in {run}: {newer}this forecast. `forecast score` compares it with later rows."


@command("forecast explain runs/weather")
def explain(
    *,
    run: RunFolder,
    file: NewerRows = None,
    step: Steps = None,
    model: Own = None,
    revised: Revised = False,
    text: Texts = None,
    as_json: Json = False,
    csv: Csv = False,
    csv_safe: CsvSafe = False,
) -> None:
    """Say why the next horizon is forecast as it is.

    By a run of `classify`: which words or steps moved the class of a sequence.
    """
    form = form_of(as_json, csv, csv_safe)
    if _names_sequences(run, text, (step, model, revised)):
        explain_naming(run, file, text, form)
        return
    from forecast.runs.explaining import explain_run

    found: list[Finding] = []
    own = own_specs(model)
    made = explain_run(run, file, horizons=step or None, revised=revised, heard=found.extend, specs=own)
    say(found, quiet=True)
    if form in ("csv", "csv-safe"):
        print_csv(made.to_frame(), form)
    else:
        print_value(made, form == "json")


@command("forecast report runs/weather newest.csv --title 'Weather today'")
def report(
    run: RunFolder,
    file: NewerRows = None,
    title: Title = None,
    light: Light = False,
    model: Own = None,
    revised: Revised = False,
) -> None:
    """Write the page of today, with the newest forecast of a run.

    report.html and forecast.csv anew: the forecast from the newest rows, and kept forecasts next to the actual values.
    """
    from forecast.runs.folder import CLASSIFY, kind_of
    from forecast.runs.reporting import report_run

    if kind_of(run) == CLASSIFY:
        raise ForecastError(f"{run} names sequences: its page is written by `forecast classify`.")
    found: list[Finding] = []
    own = own_specs(model)
    path = report_run(run, file, title=title, light=light, revised=revised, heard=found.extend, specs=own)
    say(found, quiet=True)
    print(f"Report: {path}")


@command("forecast score runs/weather newest.csv")
def score(
    run: RunWithKept,
    file: RowsThatCame = None,
    model: Own = None,
    revised: Revised = False,
    as_json: Json = False,
) -> None:
    """Score kept forecasts against the actual values.

    Step by step, next to the errors of the walk, and whether a refit is due.
    """
    from forecast.runs.daily import score_run

    found: list[Finding] = []
    own = own_specs(model)
    scored = score_run(run, file, revised=revised, heard=found.extend, specs=own)
    say(found, quiet=True)
    print_value(scored, as_json)


@command("forecast refit runs/weather")
def refit(
    *,
    run: RunFolder,
    file: FitOn = None,
    model: Own = None,
    how: How = "better",
    take: Take = False,
    jobs: Jobs = 0,
    as_json: Json = False,
) -> None:
    """Fit the model of a run again on the rows since.

    It is taken if it is better on these rows than the model in use.
    """
    from forecast.runs.refit import refit_run

    found: list[Finding] = []
    own = own_specs(model)
    made = refit_run(run, file, how=how, take=take, jobs=jobs, heard=found.extend, specs=own)
    say(found, quiet=True)
    print_value(made, as_json)


@command("forecast backtest data/oil.csv --price --model gru,arima,naive --horizon 5")
def backtest(
    *,
    file: FileArgument = None,
    model: Models = None,
    reading: Flags,
    walking: Flags,
    jobs: Jobs = 0,
    as_json: Json = False,
    csv: Csv = False,
    csv_safe: CsvSafe = False,
    quiet: Quiet = False,
) -> None:
    """Walk models forward and print the leaderboard; save nothing."""
    from forecast.runs.road import backtest_run

    plan = plan_of(file, model, reading, walking)
    walked = backtest_run(plan, jobs=jobs, progress=_progress(quiet), heard=heard_of(quiet))
    _print_walked(walked, form_of(as_json, csv, csv_safe))


@command(
    "forecast compare data/weather.parquet --try gru.layers=2 --try gru.recurrent_dropout=0.2 --ablate gru"
)
def compare(
    *,
    file: FileArgument = None,
    tries: Tries = None,
    ablate: Ablate = None,
    reading: Flags,
    walking: Flags,
    labelling: Flags,
    jobs: Jobs = 0,
    as_json: Json = False,
    csv: Csv = False,
    csv_safe: CsvSafe = False,
    quiet: Quiet = False,
) -> None:
    """Say what a change of a setting buys, or each column.

    A model is walked forward with each change, and without each column: what it buys, whether that could be chance, and what
    it costs.
    """
    from forecast.runs.comparing import changed_models, compare_run

    changed = changes("--try", tries)
    if is_labelled(labelling):
        _refuse_of_forecasts(ablate=ablate, csv=csv)
        compare_naming(file, changed, {**reading, **walking, **labelling}, jobs, as_json, quiet)
        return
    plan = plan_of(file, changed_models(changed, ablate), reading, walking)
    shown, heard = _progress(quiet), heard_of(quiet)
    walked = compare_run(plan, changed, ablate=ablate, jobs=jobs, progress=shown, heard=heard)
    _print_walked(walked, form_of(as_json, csv, csv_safe))


def _refuse_of_forecasts(**given: Any) -> None:
    """ForecastError where a flag is given that is for forecasts alone."""
    for name, value in given.items():
        if value:
            raise ForecastError(
                f"--{name} is for forecasts, and --label asks for classes: leave one of them out."
            )


def _print_walked(walked: "Walked", form: Form) -> None:
    """A walk without a folder, in the form that was asked for."""
    if form in ("csv", "csv-safe"):
        print_csv(walked.board.to_frame(), form, index=True)
    else:
        print_value(walked, form == "json")


@command("forecast tune data/weather.parquet --model gru --trials 20")
def tune(
    *,
    file: FileArgument = None,
    model: Model = "gru",
    space: Space = None,
    sampler: Sampler = None,
    trials: Trials = 20,
    reading: Flags,
    walking: Flags,
    labelling: Flags,
    out: Out = None,
    overwrite: Overwrite = False,
    jobs: Jobs = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search the settings of a model on folds before the test.

    Units, layers, dropout and learning rate, or with --space full all that a net can be given; then it says what the best
    ones buy on the test.
    """
    import shlex

    from forecast.tuning.road import searched, tune_run

    if is_labelled(labelling):
        _refuse_of_forecasts(space=space, sampler=sampler)
        flags = {**reading, **walking, **labelling}
        tune_naming(file, model, trials, flags, out, overwrite, as_json, quiet)
        return
    search = {**searched(names([model]) or [], space), "tune.sampler": sampler}
    plan = plan_of(file, [model], reading, walking, search)
    tuned = tune_run(
        plan,
        trials=trials,
        out=out,
        overwrite=overwrite,
        jobs=jobs,
        progress=_progress(quiet),
        heard=heard_of(quiet),
    )
    print_value(tuned, as_json)
    if not as_json:
        settings = shlex.quote(f"{tuned.folder}/tuned.toml")
        print(f"\nThe best trial as settings:  forecast fit --config {settings}{again(plan.models)}")


@command("forecast audit data/weather.parquet --model gru,arima")
def audit(
    *,
    file: FileArgument = None,
    model: Models = None,
    reading: Flags,
    walking: Flags,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Look for leaks of later values into earlier forecasts.

    Every value after a moment is rewritten, and no forecast before it may move; columns that know too much are named.
    """
    from forecast.runs.road import audit_run

    print_value(audit_run(plan_of(file, model, reading, walking), heard=heard_of(quiet)), as_json)


@command("forecast replay runs/weather")
def replay(
    *, run: RunFolder, model: Own = None, jobs: Jobs = 0, as_json: Json = False, quiet: Quiet = False
) -> None:
    """Fit a finished run again and compare every bit.

    From its manifest; it says what differs, if anything does.
    """
    from forecast.runs.folder import CLASSIFY, kind_of
    from forecast.runs.replay import replay_run

    if kind_of(run) == CLASSIFY:
        replay_naming(run, jobs, as_json, quiet)
        return
    replayed = replay_run(run, jobs=jobs, progress=_progress(quiet), specs=own_specs(model))
    print_value(replayed, as_json)


@command("forecast models gru")
def models(name: Shown = None, as_json: Json = False) -> None:
    """List the models, or the settings of one of them.

    Of a setting: its default, range, meaning, source, and what a full study tries.
    """
    from forecast.models import MODELS, describe, settings_of, spec_of

    if name is None:
        print(json.dumps({"models": list(MODELS)}) if as_json else models_text(model_lines()))
        return
    own = own_specs([name])
    if as_json:
        print(json.dumps(settings_of(spec_of(name, {}, own))))
    else:
        print_settings(describe(name, own))


def _progress(quiet: bool) -> Any:
    """The display of progress; None where none is wanted."""
    if quiet:
        return None
    from forecast.show.progress import live

    return live
