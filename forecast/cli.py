"""The command line: parse, one call, print. It computes nothing that Python cannot do too."""

import functools
import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.errors import ForecastError

if TYPE_CHECKING:
    import pandas as pd

    from forecast.plan import Run

app = typer.Typer(
    name="forecast",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="From a CSV or Parquet file of market or weather series to a forecast you can defend.",
)


def command(example: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command whose help ends with an example; what its user can mend is one message and exit 2, Ctrl-C is exit 130."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> None:
            try:
                function(*args, **kwargs)
            except ForecastError as error:
                print(f"forecast: {error}", file=sys.stderr)
                raise SystemExit(2) from None
            except KeyboardInterrupt:
                print("forecast: interrupted. Finished parts are kept: the same command goes on from here.", file=sys.stderr)
                sys.stderr.flush()
                os._exit(130)  # worker processes die with this one; waiting for them would print their tracebacks

        text = f"{function.__doc__}\n\nExample: {example}"
        app.command(help=text)(guarded)
        return guarded

    return register


FileArgument = Annotated[str | None, typer.Argument(help="CSV or Parquet file; may stand in --config instead.", show_default=False)]
Target = Annotated[list[str] | None, typer.Option("--target", help="Column to forecast; several, or all, of a wide file.", show_default=False)]
Time = Annotated[str | None, typer.Option("--time", help="Column of stamps.", show_default="found")]
Id = Annotated[str | None, typer.Option("--id", help="Column of series names.", show_default="found")]
Past = Annotated[list[str] | None, typer.Option("--past", help="Columns to look back at, or none.", show_default="all numeric ones")]
Models = Annotated[list[str] | None, typer.Option("--model", help="Models to run.", show_default="lstm,gru,arima,seasonal,naive")]
Horizon = Annotated[str | None, typer.Option("--horizon", help="Steps ahead: 24, 24h, 7d.", show_default="from the frequency")]
Test = Annotated[str | None, typer.Option("--test", help="Test part: a share, a number of steps or a first date.", show_default="0.2")]
Folds = Annotated[int | None, typer.Option("--folds", help="Blocks of the test part, one fit before each.", show_default="3")]
Stride = Annotated[int | None, typer.Option("--stride", help="Steps between forecasts.", show_default="at most 2000 a series")]
Intervals = Annotated[str | None, typer.Option("--intervals", help="Central intervals in percent, or none.", show_default="80,95")]
Bounds = Annotated[str | None, typer.Option("--bounds", help="What the target cannot cross: 0, or 0,100.", show_default="none")]
Transform = Annotated[str | None, typer.Option("--transform", help="Of the target: none, log, log1p, asinh.", show_default="none")]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of every random choice.", show_default="0")]
Set = Annotated[list[str] | None, typer.Option("--set", help="Any setting by its path, such as gru.units=128.", show_default=False)]
Config = Annotated[str | None, typer.Option("--config", help="A TOML file of settings; flags win over it.", show_default=False)]
Out = Annotated[str | None, typer.Option("--out", help="Run folder.", show_default="runs/NAME")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is in the folder of --out.")]
Jobs = Annotated[int, typer.Option("--jobs", help="Fits side by side, 0 = one a core.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Csv = Annotated[bool, typer.Option("--csv", help="CSV on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")]


@app.callback(invoke_without_command=True)
def version(context: typer.Context, show: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False) -> None:
    """Print the version where it is asked for."""
    if show:
        from importlib.metadata import version as version_of

        print(version_of("forecast-toolkit"))
        raise typer.Exit
    if context.invoked_subcommand is None:
        raise SystemExit(0)


@command("forecast check data/weather.parquet")
def check(
    file: Annotated[str, typer.Argument(help="CSV or Parquet file.")],
    target: Target = None,
    time: Time = None,
    id: Id = None,
    past: Past = None,
    as_json: Json = False,
) -> None:
    """Read a file and say what was inferred and found: time, frequency, series, target, gaps."""
    from forecast.plan import make_run
    from forecast.runs import panel_json

    found = panel_json(make_run(file, overrides=_given(target=_list(target), time=time, id=id, past=_list(past))).read())
    if as_json:
        print(json.dumps(found))
        return
    for finding in found["findings"]:
        print(_finding(finding))
    print(f"{found['rows']:,} rows, {found['series']} series; the default horizon is {found['horizon']} steps")


@command("forecast fit data/weather.parquet --horizon 24")
def fit(
    file: FileArgument = None,
    model: Models = None,
    horizon: Horizon = None,
    target: Target = None,
    time: Time = None,
    id: Id = None,
    past: Past = None,
    test: Test = None,
    folds: Folds = None,
    stride: Stride = None,
    intervals: Intervals = None,
    bounds: Bounds = None,
    transform: Transform = None,
    seed: Seed = None,
    setting: Set = None,
    config: Config = None,
    out: Out = None,
    overwrite: Overwrite = False,
    jobs: Jobs = 0,
    as_json: Json = False,
    csv: Csv = False,
    quiet: Quiet = False,
) -> None:
    """Walk the models forward against the baselines, say which is best and whether that could be chance, fit it on all data, forecast."""
    from forecast import runs

    plan = _plan(file, config, setting, _flags(model, horizon, target, time, id, past, test, folds, stride, intervals, bounds, transform, seed))
    result = runs.finished(plan, out)
    if result is not None:
        print(f"This run is there already, in {result['run']}.", file=sys.stderr)
    else:
        result = runs.run(plan, out=out, overwrite=overwrite, jobs=jobs, progress=_progress(quiet)).to_json()
    if as_json:
        print(json.dumps(result))
    elif csv:
        print(_frame(result["forecast"]).to_csv(index=False), end="")
    else:
        _print_data(result["data"], quiet)
        print(runs.board_of(result))
        print(f"\nNext {result['horizon']} steps by {result['best']}:")
        print(_wide(_frame(result["forecast"])))
        print(f"\nReport: {result['run']}/report.html\nGo on:  forecast predict {result['run']} [NEWER_ROWS.csv]")


@command("forecast predict runs/weather newest.csv")
def predict(
    run: Annotated[str, typer.Argument(help="Run folder of `forecast fit`.")],
    file: Annotated[str | None, typer.Argument(help="Newer rows of the same kind, joined to those the run has stored.", show_default=False)] = None,
    as_json: Json = False,
    csv: Csv = False,
) -> None:
    """Forecast the next horizon from a run folder alone, or after the newest rows of a file."""
    from forecast.runs import frame_json, predict_run

    frame = predict_run(run, file).to_frame(cutoff=False)
    if as_json:
        print(json.dumps({"run": run, "forecast": frame_json(frame)}))
    else:
        print(frame.to_csv(index=False) if csv else _wide(frame) + "\n", end="")


@command("forecast backtest data/oil.csv --model gru,arima,naive --horizon 5")
def backtest(
    file: FileArgument = None,
    model: Models = None,
    horizon: Horizon = None,
    target: Target = None,
    time: Time = None,
    id: Id = None,
    past: Past = None,
    test: Test = None,
    folds: Folds = None,
    stride: Stride = None,
    intervals: Intervals = None,
    bounds: Bounds = None,
    transform: Transform = None,
    seed: Seed = None,
    setting: Set = None,
    config: Config = None,
    jobs: Jobs = 0,
    as_json: Json = False,
    csv: Csv = False,
    quiet: Quiet = False,
) -> None:
    """Walk the models forward against the baselines and print the leaderboard; nothing is saved."""
    from forecast import runs

    plan = _plan(file, config, setting, _flags(model, horizon, target, time, id, past, test, folds, stride, intervals, bounds, transform, seed))
    result = runs.backtest_run(plan, jobs=jobs, progress=_progress(quiet))
    if as_json:
        print(json.dumps(result))
    elif csv:
        print(runs.board_of(result).to_frame().to_csv(), end="")
    else:
        _print_data(result["data"], quiet)
        print(runs.board_of(result))


@command("forecast compare data/weather.parquet --try gru.layers=2 --try gru.recurrent_dropout=0.2")
def compare(
    file: FileArgument = None,
    tries: Annotated[list[str] | None, typer.Option("--try", help="A change of one setting, such as gru.layers=2.", show_default=False)] = None,
    horizon: Horizon = None,
    target: Target = None,
    time: Time = None,
    id: Id = None,
    past: Past = None,
    test: Test = None,
    folds: Folds = None,
    stride: Stride = None,
    intervals: Intervals = None,
    bounds: Bounds = None,
    transform: Transform = None,
    seed: Seed = None,
    setting: Set = None,
    config: Config = None,
    jobs: Jobs = 0,
    as_json: Json = False,
    csv: Csv = False,
    quiet: Quiet = False,
) -> None:
    """Walk a model and each change of one of its settings forward: what each buys, whether that could be chance, and what it costs."""
    from forecast import runs

    changes = _settings("--try", tries)
    models = list(dict.fromkeys(path.partition(".")[0] for path, _ in changes))
    flags = _flags(models, horizon, target, time, id, past, test, folds, stride, intervals, bounds, transform, seed)
    result = runs.compare_run(_plan(file, config, setting, flags), changes, jobs=jobs, progress=_progress(quiet))
    if as_json:
        print(json.dumps(result))
    elif csv:
        print(runs.board_of(result).to_frame().to_csv(), end="")
    else:
        _print_data(result["data"], quiet)
        print(runs.board_of(result))


@command("forecast tune data/weather.parquet --model gru --trials 20")
def tune(
    file: FileArgument = None,
    model: Annotated[str, typer.Option("--model", help="The model to tune.")] = "gru",
    space: Annotated[str | None, typer.Option("--space", help="small, or full: every group of settings.", show_default="small")] = None,
    trials: Annotated[int, typer.Option("--trials", help="How many settings to try; the first is the default.")] = 20,
    horizon: Horizon = None,
    target: Target = None,
    time: Time = None,
    id: Id = None,
    past: Past = None,
    test: Test = None,
    folds: Folds = None,
    stride: Stride = None,
    intervals: Intervals = None,
    bounds: Bounds = None,
    transform: Transform = None,
    seed: Seed = None,
    setting: Set = None,
    config: Config = None,
    out: Out = None,
    overwrite: Overwrite = False,
    jobs: Jobs = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search units, layers, dropout and learning rate, or with --space full all that a net can be given, on folds before the test, then say
    what that buys on the test.
    """
    from forecast.tuning import tune_run

    flags = _flags([model], horizon, target, time, id, past, test, folds, stride, intervals, bounds, transform, seed)
    plan = _plan(file, config, setting, flags if space is None else {**flags, f"{model}.search": space})
    result = tune_run(plan, trials=trials, out=out, overwrite=overwrite, jobs=jobs, progress=_progress(quiet))
    if as_json:
        print(json.dumps(result))
        return
    print(f"{result['trials']} trials, {result['pruned']} pruned, {result['failed']} failed; best before the test: MAE {result['best']['value']:.4g}")
    print(
        "  " + ", ".join(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in result["best"]["params"].items())
    )
    print(f"\n{result['verdict']}")
    print(f"\nGo on:  forecast fit --config {result['run']}/tuned.toml")


@command("forecast models gru")
def models(
    name: Annotated[str | None, typer.Argument(help="A model, to see its settings.", show_default=False)] = None, as_json: Json = False
) -> None:
    """List the models, or the settings of one: default, meaning, source, and what a full study tries."""
    from forecast.models import MODELS, describe, settings_of, spec

    if name is None:
        print(json.dumps(list(MODELS)) if as_json else "\n".join(MODELS))
        return
    if as_json:
        print(json.dumps(settings_of(spec(name))))
        return
    group = ""
    for one in describe(name):
        if one.group != group:
            group = one.group
            print(f"\n{group}")
        default = str(one.default) if one.default is not None else "chosen from the data" if one.group == "sizes" else "none"
        words = ": ".join(filter(None, [" | ".join(one.choices), one.meaning]))
        notes = [f"({one.source})" if one.source else "", f"[study: {one.tried}]" if one.tried else ""]
        print(" ".join(filter(None, [f"{one.name:18}", f"{default:21}", words, *notes])).rstrip())


def _list(values: list[str] | None) -> list[str] | None:
    """Values of a flag that may be repeated and may hold commas."""
    return [part.strip() for value in values for part in value.split(",") if part.strip()] if values else None


def _one_or_list(values: list[str] | None) -> str | list[str] | None:
    found = _list(values)
    return found[0] if found and len(found) == 1 else found


def _given(**flags: Any) -> dict[str, Any]:
    return {name.replace("__", "."): value for name, value in flags.items() if value is not None}


def _flags(
    model: list[str] | None,
    horizon: str | None,
    target: list[str] | None,
    time: str | None,
    ident: str | None,
    past: list[str] | None,
    test: str | None,
    folds: int | None,
    stride: int | None,
    intervals: str | None,
    bounds: str | None,
    transform: str | None,
    seed: int | None,
) -> dict[str, Any]:
    """The flags that were given, by the paths of a Run."""
    return _given(
        models=_list(model),
        walk__horizon=horizon,
        target=_one_or_list(target),
        time=time,
        id=ident,
        past=_one_or_list(past),
        walk__test=None if test is None else _value(test),
        walk__folds=folds,
        walk__stride=stride,
        intervals=None if intervals is None else [] if intervals == "none" else _numbers("--intervals", intervals),
        bounds=None if bounds is None else _bounds(bounds),
        transform=transform,
        seed=seed,
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
    if text.count(",") > 1 or (low is None and high is None) or (low is not None and high is not None and low >= high):
        raise ForecastError(f"--bounds takes the lowest and the highest value of the target, such as 0, or 0,100; found {text!r}.")
    return [low, high]


def _plan(file: str | None, config: str | None, setting: list[str] | None, flags: dict[str, Any]) -> "Run":
    from forecast.plan import make_run

    return make_run(file, config, {**flags, **dict(_settings("--set", setting))})


def _settings(flag: str, texts: list[str] | None) -> list[tuple[str, Any]]:
    """(path, value) of each PATH=VALUE."""
    pairs = [(text, *text.partition("=")) for text in texts or []]
    for text, _, equals, _ in pairs:
        if not equals:
            raise ForecastError(f"{flag} takes PATH=VALUE, such as gru.units=128; found {text!r}.")
    return [(path.strip(), _value(value)) for _, path, _, value in pairs]


def _value(text: str) -> Any:
    """A value as TOML reads it; what is no TOML is text, so that dates and names need no quotes."""
    import tomllib

    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    return value if isinstance(value, bool | int | float | str | list) else text


def _progress(quiet: bool) -> Any:
    if quiet:
        return None
    from forecast.show.progress import live

    return live


def _print_data(data: dict[str, Any], quiet: bool) -> None:
    if not quiet:
        for finding in data["findings"]:
            print(_finding(finding), file=sys.stderr)
        print(file=sys.stderr)


def _finding(finding: dict[str, str]) -> str:
    return f"{'! ' if finding['severity'] == 'warning' else '  '}{finding['message']}"


def _frame(rows: list[dict[str, Any]]) -> "pd.DataFrame":
    import pandas as pd

    frame = pd.DataFrame(rows)
    return frame.assign(ds=pd.to_datetime(frame["ds"])) if isinstance(rows[0]["ds"], str) else frame


def _wide(frame: "pd.DataFrame") -> str:
    """A forecast as a table: its intervals where it is of one series, else a column a series; of more than eight the first eight."""
    if frame["unique_id"].nunique() == 1:
        table = frame.drop(columns="unique_id").set_index("ds")
        table.index.name = None
        return str(table.to_string(float_format=lambda value: f"{value:.4g}", na_rep=""))
    model = frame.columns[2]
    table = frame.pivot(index="ds", columns="unique_id", values=model)
    more = f"\n... and {table.shape[1] - 8} more series: --csv or --json gives all" if table.shape[1] > 8 else ""
    table = table.iloc[:, :8]
    table.columns.name, table.index.name = None, None
    return str(table.to_string(float_format=lambda value: f"{value:.4g}", na_rep="")) + more


def main() -> None:
    """The entry point of the command `forecast`."""
    app()
