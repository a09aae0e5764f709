"""The command line: parse, one call, print. It computes nothing that Python cannot do too."""

import functools
import inspect
import json
import math
import os
import re
import shlex
import signal
import sys
from collections.abc import Callable
from dataclasses import Field, asdict, fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.data.findings import counted
from forecast.data.options import Reading
from forecast.errors import ForecastError

if TYPE_CHECKING:
    import pandas as pd

    from forecast.arrays import Array
    from forecast.data.findings import Finding, Heard
    from forecast.runs.plan import Run

SETTING = re.compile(
    r"`([A-Za-z_][\w.-]*)(?:=([^`]*))?`"
)  # as messages of the library name one: `test=0.3`, `price`
UsageError: Any = typer.BadParameter.__base__  # of click, which newer versions of typer have within them

app = typer.Typer(
    name="forecast",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="From a CSV or Parquet file of market or weather series to a forecast you can defend.",
)


def command(example: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command whose help ends with an example; Ctrl-C is exit 130."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> None:
            signal.signal(signal.SIGINT, functools.partial(_interrupted, "out" in kwargs))
            _refuse_empty(kwargs, guarded.__annotations__)
            if kwargs.get("as_json") and kwargs.get("csv"):
                raise ForecastError("--csv and --json exclude each other: give one of them.")
            function(*args, **_gathered(function, kwargs))

        _spread(guarded, function)
        text = f"{function.__doc__}\n\nExample: {example}"
        app.command(help=text)(guarded)
        return guarded

    return register


def _interrupted(goes_on: bool, *_: Any) -> None:
    """Ctrl-C: one message and exit 130, at once. An exception could be lost on its way up; worker processes die with this one.

    goes_on: whether the command has a run folder, in which the next one finds what was finished.
    """
    shown = "\x1b[?25h" if sys.stderr.isatty() else ""  # the cursor, which the progress display hides
    said = "interrupted." + " Finished parts are kept: the same command goes on from here." * goes_on
    if "--json" in sys.argv:
        _print_json({"error": said})
        sys.stdout.flush()
    print(f"{shown}forecast: {said}", file=sys.stderr)
    sys.stderr.flush()
    os._exit(130)


def _refuse_empty(values: dict[str, Any], kinds: dict[str, Any]) -> None:
    """ForecastError where a flag or an argument was given, but nothing with it, as where a variable of a script is not set."""
    for name, value in values.items():
        if value == "" or (
            isinstance(value, list) and all(isinstance(one, str) and not one.strip(" ,") for one in value)
        ):
            flag = (
                kinds[name].__metadata__[0].default
            )  # typer has what stands first in Option(...) there; of an argument nothing
            raise ForecastError(
                f"{flag if isinstance(flag, str) else name.upper()} is empty: give it a value, or leave it out."
            )


def _spread(guarded: Callable[..., None], function: Callable[..., None]) -> None:
    """Give a command one flag for each entry of a table of SHARED in place of the parameter of that name."""
    signature = inspect.signature(function)
    spread: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        if name in SHARED:
            spread += [
                inspect.Parameter(flag, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
                for flag, kind in SHARED[name].items()
            ]
        else:
            spread.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
    guarded.__signature__ = signature.replace(parameters=spread)  # type: ignore[attr-defined]
    guarded.__annotations__ = {parameter.name: parameter.annotation for parameter in spread}


def _gathered(function: Callable[..., None], values: dict[str, Any]) -> dict[str, Any]:
    """The values of a command with those of each shared table that it takes as one dict."""
    taken = {name: SHARED[name] for name in inspect.signature(function).parameters if name in SHARED}
    shared = {flag for table in taken.values() for flag in table}
    own = {name: value for name, value in values.items() if name not in shared}
    return {**own, **{name: {flag: values[flag] for flag in table} for name, table in taken.items()}}


def as_flags(text: str) -> str:
    """A message of the library in the words of the command line: `missing=-99` becomes --missing -99, and `gru.units=64` --set gru.units=64.

    What stands in backticks and is no setting stays as it is.
    """
    return SETTING.sub(_as_flag, text)


def _as_flag(found: re.Match[str]) -> str:
    """One setting as a flag; a switch that is on has no value."""
    name, value = found[1], found[2]
    if "." in name and value is not None:
        return f"--set {name}={value}"
    if name not in FLAGS:
        return found[0]
    flag = FLAGS[name]
    return flag if value in (None, "", "true") else f"{flag} {value}"


FileArgument = Annotated[
    str | None,
    typer.Argument(
        help="CSV or Parquet file, or a folder of them; may stand in --config instead.", show_default=False
    ),
]


def _reading_flag(option: Field[Any]) -> Any:
    """The flag of an option of Reading, from what its field says."""
    words = option.metadata
    names = f"--{option.name}"
    kind: Any = str | None
    if words["many"]:
        kind = list[str] | None
    if words["opposite"]:  # a list, so that both at once are refused
        names = f"{names}/--{words['opposite']}"
        kind = list[bool] | None
    return Annotated[kind, typer.Option(names, help=words["help"], show_default=words["shown"] or False)]


READING: dict[str, Any] = {  # the flags that say how a file is read
    option.name: _reading_flag(option) for option in fields(Reading)
}
WALKING: dict[str, Any] = {  # the flags that say how models are walked through it
    "horizon": Annotated[
        str | None,
        typer.Option("--horizon", help="Steps ahead: 24, 24h, 7d.", show_default="from the frequency"),
    ],
    "test": Annotated[
        str | None,
        typer.Option(
            "--test", help="Test part: a share, a number of steps or a first date.", show_default="0.2"
        ),
    ],
    "folds": Annotated[
        int | None,
        typer.Option("--folds", help="Blocks of the test part, one fit before each.", show_default="3"),
    ],
    "stride": Annotated[
        int | None,
        typer.Option("--stride", help="Steps between forecasts.", show_default="at most 2000 a series"),
    ],
    "align": Annotated[
        str | None,
        typer.Option("--align", help="Origins by stamp, or from each series' end.", show_default="stamp"),
    ],
    "refit": Annotated[
        str | None,
        typer.Option(
            "--refit", help="Of nets before each fold: cold, anew; warm, going on.", show_default="cold"
        ),
    ],
    "intervals": Annotated[
        str | None,
        typer.Option("--intervals", help="Central intervals in percent, or none.", show_default="80,95"),
    ],
    "metric": Annotated[
        str | None,
        typer.Option(
            "--metric", help="What ranks: mae, rmse, mase, crps, qlike ...", show_default="from the target"
        ),
    ],
    "bounds": Annotated[
        str | None,
        typer.Option("--bounds", help="What the target cannot cross: 0, or 0,100.", show_default="none"),
    ],
    "transform": Annotated[
        str | None,
        typer.Option(
            "--transform", help="Of the target: none, log, log1p, asinh, yeo-johnson.", show_default="none"
        ),
    ],
    "scale": Annotated[
        str | None,
        typer.Option(
            "--scale", help="standard, shared, robust, minmax, mean-abs, none.", show_default="standard"
        ),
    ],
    "price": Annotated[
        bool | None,
        typer.Option("--price", help="A price: logs, and what its direction is worth.", show_default=False),
    ],
    "cost": Annotated[
        float | None,
        typer.Option("--cost", help="Of a price: basis points a side; prints a profit.", show_default="none"),
    ],
    "seed": Annotated[
        int | None, typer.Option("--seed", help="Seed of every random choice.", show_default="0")
    ],
    "setting": Annotated[
        list[str] | None,
        typer.Option("--set", help="Any setting by its path, such as gru.units=128.", show_default=False),
    ],
    "config": Annotated[
        str | None,
        typer.Option("--config", help="A TOML file of settings; flags win over it.", show_default=False),
    ],
}
SHARED = {"reading": READING, "walking": WALKING}
FLAGS = {  # settings, as the messages of the library name them, and their flags
    **{
        name: f"--{name}"
        for name in (*READING, *WALKING, "out", "overwrite", "jobs", "trials", "space", "sampler")
    },
    "models": "--model",
    "keep": "--keep",
    "revised": "--revised",
    "take": "--take",
    "scenarios": "--scenario",
    "what": "--what",
    "json": "--json",
}
Flags = dict[str, Any]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", help="Models to run.", show_default="lstm,gru,arima,seasonal,naive"),
]
Out = Annotated[str | None, typer.Option("--out", help="Run folder.", show_default="runs/NAME")]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Begin anew, also where the run folder holds a finished or another run."
    ),
]
Jobs = Annotated[int, typer.Option("--jobs", min=0, help="Fits side by side, 0 = one a core.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Csv = Annotated[bool, typer.Option("--csv", help="CSV on stdout.")]
Revised = Annotated[
    bool,
    typer.Option("--revised", help="Take over values of the file that correct those the run knows."),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", help="No progress on stderr, and of what was found warnings alone.")
]


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
def check(
    *,
    file: Annotated[str, typer.Argument(help="CSV or Parquet file, or a folder of them.")],
    reading: Flags,
    as_json: Json = False,
) -> None:
    """Read a file and say what was inferred and found: time, frequency, series, target, gaps, sentinels, with codes and row numbers."""
    from forecast.data.findings import ReadingError
    from forecast.runs.plan import make_run
    from forecast.runs.result import panel_json

    try:
        found = panel_json(make_run(file, overrides=_reading(reading)).read())
    except ReadingError as refused:
        if as_json:
            raise
        for finding in refused.findings:
            print(_listed(asdict(finding)))
        codes = dict.fromkeys(finding.code for finding in refused.findings if finding.severity == "error")
        raise ForecastError(f"{file} is refused: {', '.join(codes)}.") from None
    if as_json:
        _print_json(found)
        return
    for finding in found["findings"]:
        print(_listed(finding))
    print(
        f"{counted(found['rows'], 'row')}, {found['series']} series; the default horizon is {counted(found['horizon'], 'step')}"
    )


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
    quiet: Quiet = False,
) -> None:
    """Walk the models forward against the baselines, say which is best and whether that could be chance, fit it on all data, forecast."""
    from forecast.runs import road

    plan = _plan(file, model, reading, walking)
    result = None if overwrite else road.finished(plan, out)
    if result is not None:
        print(f"This run is there already, in {result['run']}.", file=sys.stderr)
        _say(result["data"]["findings"], quiet)
    else:
        result = road.run(
            plan, out=out, overwrite=overwrite, jobs=jobs, progress=_progress(quiet), heard=_heard(quiet)
        ).to_json()
    if as_json:
        _print_json(result)
    elif csv:
        print(_frame(result["forecast"]).to_csv(index=False), end="")
    else:
        _print_board(result)
        print(f"\nNext {counted(result['horizon'], 'step')} by {result['best']}:")
        print(_wide(_frame(result["forecast"])))
        for note in result.get("intervals", []):
            print(f"{note[0].upper()}{note[1:]}.")
        print(
            f"\nReport: {result['run']}/report.html\nGo on:  forecast predict {shlex.quote(result['run'])} [NEWER_ROWS.csv]"
        )


@command("forecast predict runs/weather newest.csv")
def predict(
    run: Annotated[str, typer.Argument(help="Run folder of `forecast fit`.")],
    file: Annotated[
        str | None,
        typer.Argument(
            help="Newer rows of the same kind, joined to those the run has stored.", show_default=False
        ),
    ] = None,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Keep the newer rows and the forecast in the run, for `forecast score`."),
    ] = False,
    revised: Revised = False,
    scenario: Annotated[
        list[str] | None,
        typer.Option("--scenario", help="A file of future columns over the horizon.", show_default=False),
    ] = None,
    what: Annotated[
        list[str] | None,
        typer.Option("--what", help="A change of one over the horizon: 'price*1.1'.", show_default=False),
    ] = None,
    as_json: Json = False,
    csv: Csv = False,
) -> None:
    """Forecast the next horizon from a run folder alone, or after the newest rows of a file."""
    from forecast.runs.daily import predict_run
    from forecast.runs.result import frame_json, stamped

    if scenario or what:
        if keep:
            raise ForecastError("--keep is for what was forecast, not for what if: leave --keep out.")
        _predict_scenarios(run, file, scenario or [], what or [], revised, as_json, csv)
        return
    found: list[Finding] = []
    forecast = predict_run(run, file, keep=keep, revised=revised, heard=found.extend)
    findings, frame = [asdict(finding) for finding in found], stamped(forecast.to_frame(cutoff=False))
    _say(findings, quiet=True)
    if keep:
        print(_kept(run, file, found), file=sys.stderr)
    if as_json:
        _print_json({"run": run, "findings": findings, "forecast": frame_json(frame)})
    else:
        print(frame.to_csv(index=False) if csv else _wide(frame) + "\n", end="")


def _predict_scenarios(
    run: str,
    file: str | None,
    scenario: list[str],
    what: list[str],
    revised: bool,
    as_json: bool,
    csv: bool,
) -> None:
    """Print the forecasts under several futures side by side."""
    from forecast.runs.result import frame_json, stamped
    from forecast.runs.scenario import predict_scenarios

    found: list[Finding] = []
    made = predict_scenarios(run, file, scenarios=scenario, what=what, revised=revised, heard=found.extend)
    findings, frame = [asdict(finding) for finding in found], stamped(made.to_frame())
    _say(findings, quiet=True)
    if as_json:
        names = list(made.forecasts)
        _print_json({"run": run, "findings": findings, "scenarios": names, "forecast": frame_json(frame)})
    elif csv:
        print(frame.to_csv(index=False), end="")
    else:
        numbers = frame.select_dtypes("number").to_numpy()
        print(frame.to_string(index=False, float_format=_plain(numbers), na_rep=""))


def _kept(run: str, file: str | None, found: "list[Finding]") -> str:
    """What `predict --keep` says that it kept."""
    new = [finding.message for finding in found if finding.code == "nothing-new"]
    if new:
        return f"Nothing new: {new[0]}."
    before = [finding.message for finding in found if finding.code == "kept-before"]
    if before:
        return f"Kept in {run}: the rows of {file}; {before[0]}."
    newer = f"the rows of {file} and " if file else ""
    return f"Kept in {run}: {newer}this forecast. Later rows and `forecast score` say what it was worth."


@command("forecast score runs/weather newest.csv")
def score(
    run: Annotated[
        str,
        typer.Argument(
            help="Run folder of `forecast fit` with forecasts that `forecast predict --keep` kept."
        ),
    ],
    file: Annotated[
        str | None,
        typer.Argument(help="The rows that came, beside those the run has kept.", show_default=False),
    ] = None,
    revised: Revised = False,
    as_json: Json = False,
) -> None:
    """Score kept forecasts against what came, step by step beside the walk-forward, and say whether a refit is due."""
    from forecast.runs.daily import score_run

    found: list[Finding] = []
    scored = score_run(run, file, revised=revised, heard=found.extend)
    _say([asdict(finding) for finding in found], quiet=True)
    _print_either(scored, as_json)


@command("forecast refit runs/weather")
def refit(
    *,
    run: Annotated[str, typer.Argument(help="Run folder of `forecast fit`.")],
    file: Annotated[
        str | None,
        typer.Argument(
            help="File to fit on, in place of the run's own and the kept rows.", show_default=False
        ),
    ] = None,
    how: Annotated[
        str, typer.Option("--how", help="warm, going on; cold, anew; or the better of both.")
    ] = "better",
    take: Annotated[
        bool, typer.Option("--take", help="Take the new model also where it is not better.")
    ] = False,
    jobs: Jobs = 0,
    as_json: Json = False,
) -> None:
    """Fit the model of a run again on the rows that came since, and take it if it is better on these than the one in use."""
    from forecast.runs.refit import refit_run

    found: list[Finding] = []
    made = refit_run(run, file, how=how, take=take, jobs=jobs, heard=found.extend)
    _say([asdict(finding) for finding in found], quiet=True)
    _print_either(made, as_json)


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
    quiet: Quiet = False,
) -> None:
    """Walk the models forward against the baselines and print the leaderboard; nothing is saved."""
    from forecast.runs import road

    plan = _plan(file, model, reading, walking)
    result = road.backtest_run(plan, jobs=jobs, progress=_progress(quiet), heard=_heard(quiet))
    _print_walk(result, as_json, csv)


@command(
    "forecast compare data/weather.parquet --try gru.layers=2 --try gru.recurrent_dropout=0.2 --ablate gru"
)
def compare(
    *,
    file: FileArgument = None,
    tries: Annotated[
        list[str] | None,
        typer.Option("--try", help="A change of one setting, such as gru.layers=2.", show_default=False),
    ] = None,
    ablate: Annotated[
        str | None,
        typer.Option("--ablate", help="A model to run without each column alone.", show_default=False),
    ] = None,
    reading: Flags,
    walking: Flags,
    jobs: Jobs = 0,
    as_json: Json = False,
    csv: Csv = False,
    quiet: Quiet = False,
) -> None:
    """Walk a model forward with each change of a setting, and without each column: what each buys, whether that could be chance, what it costs."""
    from forecast.runs import road

    changes = _settings("--try", tries)
    plan = _plan(file, road.changed_models(changes, ablate), reading, walking)
    result = road.compare_run(
        plan, changes, ablate=ablate, jobs=jobs, progress=_progress(quiet), heard=_heard(quiet)
    )
    _print_walk(result, as_json, csv)


@command("forecast tune data/weather.parquet --model gru --trials 20")
def tune(
    *,
    file: FileArgument = None,
    model: Annotated[str, typer.Option("--model", help="The model to tune.")] = "gru",
    space: Annotated[
        str | None,
        typer.Option("--space", help="small, or full: every group of settings.", show_default="small"),
    ] = None,
    sampler: Annotated[
        str | None, typer.Option("--sampler", help="tpe, random, grid or gp.", show_default="tpe")
    ] = None,
    trials: Annotated[
        int, typer.Option("--trials", min=1, help="How many settings to try; the first is the default.")
    ] = 20,
    reading: Flags,
    walking: Flags,
    out: Out = None,
    overwrite: Overwrite = False,
    jobs: Jobs = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search units, layers, dropout and learning rate, or with --space full all that a net can be given, on folds before the test, then say
    what that buys on the test.
    """
    from forecast.evaluation.metrics import METRICS
    from forecast.tuning.road import searched, tune_run

    plan = _plan(
        file,
        [model],
        reading,
        walking,
        {**searched(_list([model]) or [], space), **_given(tune__sampler=sampler)},
    )
    result = tune_run(
        plan,
        trials=trials,
        out=out,
        overwrite=overwrite,
        jobs=jobs,
        progress=_progress(quiet),
        heard=_heard(quiet),
    )
    if as_json:
        _print_json(result)
        return
    tried = f"{counted(result['trials'], 'trial')}, {result['pruned']} pruned, {result['failed']} failed"
    label = METRICS[result["metric"]].label
    print(f"{tried}; best before the test: {label} {result['best']['value']:.4g}")
    print(
        "  "
        + ", ".join(
            f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in result["best"]["params"].items()
        )
    )
    for note in result["notes"]:
        print(as_flags(note))
    print(as_flags(f"\n{result['verdict']}"))
    tuned = shlex.quote(f"{result['run']}/tuned.toml")
    print(f"\nThe best trial as settings:  forecast fit --config {tuned}")


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
    """Look for leaks: rewrite every value after a moment and see whether a forecast before it moves, and name columns that know too much."""
    from forecast.runs.road import audit_run

    found = audit_run(_plan(file, model, reading, walking), heard=_heard(quiet))
    _print_either(found, as_json)


@command("forecast replay runs/weather")
def replay(
    *,
    run: Annotated[str, typer.Argument(help="Run folder of `forecast fit`.")],
    jobs: Jobs = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fit a finished run again from its manifest and say whether every forecast has the same bits, or what differs."""
    from forecast.runs.replay import replay_run

    result = replay_run(run, jobs=jobs, progress=_progress(quiet))
    if as_json:
        _print_json(result)
        return
    for difference in result["differs"]:
        print(f"! {difference}")
    wrong = [name for name, equal in result["parts"].items() if not equal]
    print(
        f"{', '.join(wrong)}: not the same bits"
        if wrong
        else f"All {len(result['parts'])} parts have the same bits."
    )


@command("forecast models gru")
def models(
    name: Annotated[
        str | None, typer.Argument(help="A model, to see its settings.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """List the models, or the settings of one: default, meaning, source, and what a full study tries."""
    from forecast.models import MODELS, describe, settings_of, spec

    if name is None:
        print(json.dumps({"models": list(MODELS)}) if as_json else "\n".join(MODELS))
        return
    if as_json:
        print(json.dumps(settings_of(spec(name))))
        return
    group, settings = "", describe(name)
    width = max([18, *(len(one.name) for one in settings)])
    for one in settings:
        if one.group != group:
            group = one.group
            print(f"\n{group}")
        default = (
            str(one.default)
            if one.default is not None
            else "chosen from the data"
            if one.group == "sizes"
            else "none"
        )
        words = ": ".join(filter(None, [" | ".join(one.choices), one.meaning]))
        notes = [f"({one.source})" if one.source else "", f"[study: {one.tried}]" if one.tried else ""]
        print(" ".join(filter(None, [f"{one.name:{width}}", f"{default:21}", words, *notes])).rstrip())


def _list(values: list[str] | None) -> list[str] | None:
    """Values of a flag that may be repeated and may hold commas."""
    return [part.strip() for value in values for part in value.split(",") if part.strip()] if values else None


def _one_or_list(values: list[str] | None) -> str | list[str] | None:
    found = _list(values)
    return found[0] if found and len(found) == 1 else found


def _reading(flags: dict[str, Any]) -> dict[str, Any]:
    """The flags of READING that were given, those with several values as lists."""
    return _given(**{option.name: _option_value(option, flags[option.name]) for option in fields(Reading)})


def _option_value(option: Field[Any], value: Any) -> Any:
    """What the flag of an option of Reading says; ForecastError where it says both yes and no."""
    if not isinstance(value, list):
        return value
    opposite = option.metadata["opposite"]
    if not opposite:
        return _one_or_list(value)
    answers = {*value}
    if len(answers) > 1:
        raise ForecastError(f"--{option.name} and --{opposite} exclude each other: give one of them.")
    return next(iter(answers), None)


def _given(**flags: Any) -> dict[str, Any]:
    return {name.replace("__", "."): value for name, value in flags.items() if value is not None}


def _plan(
    file: str | None, model: list[str] | None, reading: Flags, walking: Flags, more: Flags | None = None
) -> "Run":
    """The Run of a command: its config, then its flags, then what --set says, by the paths of a Run."""
    from forecast.runs.plan import make_run

    intervals, bounds = walking["intervals"], walking["bounds"]
    flags = _given(
        models=_list(model),
        **_reading(reading),
        walk__horizon=walking["horizon"],
        walk__test=None if walking["test"] is None else _value(walking["test"]),
        walk__folds=walking["folds"],
        walk__stride=walking["stride"],
        walk__align=walking["align"],
        walk__refit=walking["refit"],
        intervals=None
        if intervals is None
        else []
        if intervals == "none"
        else _numbers("--intervals", intervals),
        bounds=None if bounds is None else _bounds(bounds),
        **{name: walking[name] for name in ("metric", "transform", "scale", "price", "cost", "seed")},
    )
    return make_run(
        file, walking["config"], {**flags, **(more or {}), **dict(_settings("--set", walking["setting"]))}
    )


def _numbers(flag: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise ForecastError(f"{flag} takes numbers, such as 80,95; found {text!r}.") from None


def _bounds(text: str) -> list[float | None]:
    """The lowest and the highest value; an empty side is open: "0," or ",100"."""
    sides = [_numbers("--bounds", side) for side in [*text.split(","), ""][:2]]
    low, high = (side[0] if side else None for side in sides)
    if (
        text.count(",") > 1
        or (low is None and high is None)
        or (low is not None and high is not None and low >= high)
    ):
        raise ForecastError(
            f"--bounds takes the lowest and the highest value of the target, such as 0, or 0,100; found {text!r}."
        )
    return [low, high]


def _settings(flag: str, texts: list[str] | None) -> list[tuple[str, Any]]:
    """(path, value) of each PATH=VALUE."""
    pairs = [(text, *text.partition("=")) for text in texts or []]
    for text, path, equals, _ in pairs:
        if not equals or not path.strip():
            raise ForecastError(f"{flag} takes PATH=VALUE, such as gru.units=128; found {text!r}.")
    return [(path.strip(), _value(value)) for _, path, _, value in pairs]


def _value(text: str) -> Any:
    """A value as TOML reads it; what is no TOML is text, so that dates and names need no quotes."""
    import tomllib

    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    return value if isinstance(value, bool | int | float | str | list | dict) else text


def _progress(quiet: bool) -> Any:
    if quiet:
        return None
    from forecast.show.progress import live

    return live


def _heard(quiet: bool) -> "Heard":
    """Says what was found in a file, before anything is fitted."""
    return lambda findings: _say([asdict(finding) for finding in findings], quiet)


def _say(findings: list[dict[str, Any]], quiet: bool) -> None:
    """Findings on stderr; `quiet`: only what is more than information."""
    said = [_finding(finding) for finding in findings if not quiet or finding["severity"] != "info"]
    if said:
        print(*said, "", sep="\n", file=sys.stderr)


def _print_walk(result: dict[str, Any], as_json: bool, csv: bool) -> None:
    """What a walk without a folder gave, as it is asked for."""
    if as_json:
        _print_json(result)
    elif csv:
        from forecast.runs.result import board_of

        print(board_of(result).to_frame().to_csv(), end="")
    else:
        _print_board(result)


def _print_board(result: dict[str, Any]) -> None:
    """The leaderboard with its verdict, of a price what its direction is worth, and what each column bought."""
    from forecast.runs.result import ablation_of, board_of, market_of

    print(as_flags(str(board_of(result))))
    for said in filter(None, (market_of(result), ablation_of(result))):
        print(as_flags(f"\n{said}"))


def _finding(finding: dict[str, Any]) -> str:
    mark = {"info": "  ", "warning": "! ", "error": "x "}[finding["severity"]]
    return as_flags(f"{mark}{finding['message']} {finding['remedy']}".rstrip())


def _print_either(result: Any, as_json: bool) -> None:
    """A result that has words and JSON values of its own, as it is asked for."""
    if as_json:
        _print_json(result.to_json())
    else:
        print(as_flags(str(result)))


def _print_json(values: Any) -> None:
    """One JSON object on stdout."""
    print(as_flags(json.dumps(values)))


def _listed(finding: dict[str, Any]) -> str:
    """A finding with its code, rows and example, for `check`."""
    rows = ", ".join(map(str, finding["rows"]))
    where = f" [rows {rows}]" if len(finding["rows"]) > 1 else f" [row {rows}]" if rows else ""
    example = f" [example {finding['example']}]" if finding["example"] else ""
    return f"{_finding(finding)} ({finding['code']}){where}{example}"


def _frame(rows: list[dict[str, Any]]) -> "pd.DataFrame":
    """Rows of `frame_json` as a frame again: every column but names is float64, and what is missing is NaN."""
    import pandas as pd

    frame = pd.DataFrame(rows)
    numbers = [name for name in frame.columns if name not in ("unique_id", "ds", "cutoff", "label")]
    frame = frame.astype(dict.fromkeys(numbers, "float64"))
    first = rows[0]["ds"]
    return (
        frame.assign(ds=pd.to_datetime(frame["ds"]))
        if isinstance(first, str) and pd.Timestamp(first).tz is None
        else frame
    )


def _wide(frame: "pd.DataFrame") -> str:
    """A forecast as a table: its intervals where it is of one series, else a column a series; of more than eight the first eight."""
    if frame["unique_id"].nunique() == 1:
        table = frame.drop(columns="unique_id").set_index("ds")
        table.index.name = None
        numbers = table.select_dtypes("number").to_numpy()
        return str(table.to_string(float_format=_plain(numbers), na_rep=""))
    model = frame.columns[2]
    table = frame.pivot(index="ds", columns="unique_id", values=model)
    more = ""
    if table.shape[1] > 8:
        more = f"\n... and {table.shape[1] - 8} more series: --csv or --json gives all"
    table = table.iloc[:, :8]
    table.columns.name, table.index.name = None, None
    formats = None
    if frame[model].dtype.kind == "f":
        formats = [_plain(table[name].to_numpy()) for name in table]
    return str(table.to_string(formatters=formats, na_rep="")) + more


def _plain(values: "Array") -> Callable[[float], str]:
    """Writes numbers with as many decimals as show a thousandth of their range, so that an index at 38,000 is seen to move."""
    seen = values[values == values]
    reach = float(seen.max() - seen.min()) or abs(float(seen.max())) if len(seen) else 0.0
    decimals = min(max(3 - math.floor(math.log10(reach)), 0), 12) if reach else 1
    return lambda value: f"{value:.{decimals}f}"


def main() -> None:
    """The entry point of the command `forecast`: what its user can mend is one message, with --json one object too, and exit 2."""
    # after Ctrl-C the workers' tracker cleans up what they held, as it should; that it had to is no news to the user
    os.environ.setdefault(
        "PYTHONWARNINGS", "ignore::UserWarning:joblib.externals.loky.backend.resource_tracker"
    )
    try:
        raise SystemExit(app(prog_name="forecast", standalone_mode=False))
    except UsageError as error:
        helps = f" `{error.ctx.command_path} --help` shows what there is." if error.ctx else ""
        refused = ForecastError(f"{error.format_message().rstrip('.')}.{helps}")
    except ForecastError as error:
        refused = error
    if "--json" in sys.argv:
        _print_json(refused.to_json())
    print(as_flags(f"forecast: {refused}"), file=sys.stderr)
    raise SystemExit(2)
