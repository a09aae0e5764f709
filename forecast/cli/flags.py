"""The flags of all commands: those of a Reading are made of its fields, those of a walk are a table, others stand alone."""

from dataclasses import Field, fields
from typing import Annotated, Any

import typer

from forecast.data.options import Reading

Flags = dict[str, Any]  # name -> value, None where the flag was not given


def flag(kind: Any, name: str, help: str, shown: str | bool = False) -> Any:
    """A flag that may be left out. shown: what its help gives as the default, False = nothing."""
    return Annotated[kind | None, typer.Option(f"--{name}", help=help, show_default=shown)]


def _reading_flag(option: Field[Any]) -> Any:
    """The flag of an option of Reading, from what its field says."""
    words = option.metadata
    shown = words["shown"] or False
    if words["opposite"]:  # a list, so that both at once are refused
        return flag(list[bool], f"{option.name}/--{words['opposite']}", words["help"], shown)
    if option.default is False:
        return flag(bool, option.name, words["help"], shown)
    kind = list[str] if words["many"] else str
    return flag(kind, option.name, words["help"], shown)


# how a file is read
READING: Flags = {option.name: _reading_flag(option) for option in fields(Reading)}
# how models are walked through it
WALKING: Flags = {
    "horizon": flag(str, "horizon", "Steps ahead: 24, 24h, 7d.", "from the frequency"),
    "test": flag(str, "test", "Test part: a share, a number of steps or a first date.", "0.2"),
    "folds": flag(int, "folds", "Blocks of the test part, one fit before each.", "3"),
    "stride": flag(int, "stride", "Steps between forecasts.", "at most 2000 a series"),
    "align": flag(str, "align", "Origins by stamp, or from each series' end.", "stamp"),
    "refit": flag(str, "refit", "Of nets before each fold: cold, anew; warm, going on.", "cold"),
    "intervals": flag(str, "intervals", "Central intervals in percent, or none.", "80,95"),
    "metric": flag(str, "metric", "What ranks: mae, rmse, mase, crps, qlike ...", "from the target"),
    "span": flag(str, "span", "An event in each step, any of the horizon, or all.", "each"),
    "bounds": flag(str, "bounds", "What the target cannot cross: 0, or 0,100.", "none"),
    "transform": flag(str, "transform", "Of the target: none, auto, log, log1p, asinh, yeo-johnson.", "none"),
    "scale": flag(str, "scale", "standard, inputs, shared, robust, minmax, mean-abs, none.", "standard"),
    "price": flag(bool, "price", "A price: logs, and what its direction is worth."),
    "cost": flag(str, "cost", "Of a price: basis points a side; of an event: 1:5.", "none"),
    "seed": flag(int, "seed", "Seed of every random choice.", "0"),
    "setting": flag(list[str], "set", "Any setting by its path, such as gru.units=128."),
    "config": flag(str, "config", "A TOML file of settings; flags win over it."),
}
# which column of a file of sequences is what, and how they are split
LABELLING: Flags = {
    "label": flag(str, "label", "Column of classes."),
    "text": flag(str, "text", "Column of texts, each a sequence."),
    "group": flag(str, "group", "Column of what a split keeps together: speaker."),
    "split": flag(str, "split", "Test part: a share, kfold:5, time, or a file.", "0.2"),
    "straddle": flag(bool, "straddle", "A group may be in both parts."),
}
OF_READING = ("id", "time", "missing", "decimal", "dayfirst", "encoding", "header")  # that sequences have too
NAMING: Flags = {
    **LABELLING,
    "columns": flag(list[str], "columns", "Columns of numbers.", "all other ones"),
    **{name: READING[name] for name in OF_READING},
    "metric": flag(str, "metric", "What ranks: log_loss, accuracy, auc, f1_macro ...", "log_loss"),
    **{name: WALKING[name] for name in ("seed", "setting", "config")},
}
# a parameter of a command -> the flags that it stands for
SHARED = {"reading": READING, "walking": WALKING, "labelling": LABELLING, "naming": NAMING}
IN_WALK = ("horizon", "test", "folds", "stride", "align", "refit")  # fields of WalkForward
BESIDE = ("metric", "transform", "scale", "price", "seed")  # those of a Run, or of its Task
_OTHERS = (
    "out",
    "overwrite",
    "jobs",
    "trials",
    "space",
    "sampler",
    "keep",
    "ablate",
    "revised",
    "take",
    "what",
    "json",
    "paths",
    "by",
    "csv",
)

# settings, as the messages of the library name them, and their flags
FLAGS = {name: f"--{name}" for name in (*READING, *WALKING, *NAMING, *_OTHERS)} | {
    "models": "--model",
    "reduce": "--span",
    "tries": "--try",
    "scenarios": "--scenario",
}
OPPOSITES = {  # settings that are true or false, and the flags that say no
    option.name: f"--{option.metadata['opposite']}"
    for option in fields(Reading)
    if option.metadata["opposite"]
}
# parameters of commands that are no setting of their name
PARAMETERS = {"model": "--model", "setting": "--set", "as_json": "--json", "file": "FILE", "run": "RUN"}

FileArgument = Annotated[
    str | None,
    typer.Argument(
        help="CSV or Parquet file, or a folder of them; may stand in --config instead.", show_default=False
    ),
]
Checked = Annotated[str, typer.Argument(help="CSV or Parquet file, or a folder of them.")]
Models = flag(list[str], "model", "Models to run.", "lstm,gru,arima,seasonal,naive")
NamingModels = flag(list[str], "model", "Models to run.", "lstm and the rows beside it")
LabelsArgument = Annotated[
    str | None,
    typer.Argument(help="A second file with the class of each id.", show_default=False),
]
Texts = flag(list[str], "text", "A text to name, by a run of texts; may be repeated.")
Model = Annotated[str, typer.Option("--model", help="The model to tune.")]
Shown = Annotated[str | None, typer.Argument(help="A model, to see its settings.", show_default=False)]
Space = flag(str, "space", "small, or full: every group of settings.", "small")
Sampler = flag(str, "sampler", "tpe, random, grid or gp.", "tpe")
Trials = Annotated[
    int, typer.Option("--trials", min=1, help="How many settings to try; the first is the default.")
]
Tries = flag(list[str], "try", "A change of one setting, such as gru.layers=2.")
Ablate = flag(str, "ablate", "A model to run without each column alone.")
RunFolder = Annotated[str, typer.Argument(help="Run folder of `forecast fit`.")]
RunWithKept = Annotated[
    str,
    typer.Argument(help="Run folder of `forecast fit` with forecasts that `forecast predict --keep` kept."),
]
NewerRows = Annotated[
    str | None,
    typer.Argument(
        help="Newer rows of the same kind, joined to those the run has stored.", show_default=False
    ),
]
RowsThatCame = Annotated[
    str | None, typer.Argument(help="The rows that came, beside those the run has kept.", show_default=False)
]
KeepIt = Annotated[
    bool,
    typer.Option("--keep", help="Keep the newer rows and the forecast in the run, for `forecast score`."),
]
Scenarios = flag(list[str], "scenario", "A file of future columns over the horizon.")
WhatIf = flag(list[str], "what", "A change of one over the horizon: 'price*1.1'.")
PathCount = flag(int, "paths", "Sample paths of the next horizon.", "1000 for a sum")
Sum = Annotated[bool, typer.Option("--sum", help="The sum over the horizon, from sample paths.")]
Highest = Annotated[bool, typer.Option("--max", help="The highest value over the horizon.")]
Lowest = Annotated[bool, typer.Option("--min", help="The lowest value over the horizon.")]
By = flag(str, "by", "Sums over the horizon, or over each local day of it.", "horizon")
PathsOut = flag(str, "out", "Parquet file for the sample paths, or for the sums alone.")
Steps = flag(list[int], "step", "A step of the horizon to explain.", "the first, middle and last")
FitOn = Annotated[
    str | None,
    typer.Argument(help="File to fit on, in place of the run's own and the kept rows.", show_default=False),
]
How = Annotated[str, typer.Option("--how", help="warm, going on; cold, anew; or the better of both.")]
Take = Annotated[bool, typer.Option("--take", help="Take the new model also where it is not better.")]
Own = flag(list[str], "model", "The class of your own that the run names.")
Revised = Annotated[
    bool,
    typer.Option("--revised", help="Take over values of the file that correct those the run knows."),
]
Out = flag(str, "out", "Run folder.", "runs/NAME")
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Begin anew, also where the run folder holds a finished or another run."
    ),
]
Jobs = Annotated[int, typer.Option("--jobs", min=0, help="Fits side by side, 0 = one a core.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Csv = Annotated[bool, typer.Option("--csv", help="CSV on stdout.")]
CsvSafe = Annotated[
    bool,
    typer.Option("--csv-safe", help="CSV on stdout, text quoted that a spreadsheet takes for a formula."),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", help="No progress on stderr, and of what was found warnings alone.")
]
