"""The commands of sequences and their classes: parse, one call, print."""

from typing import Any

from forecast.cli.flags import (
    FileArgument,
    Flags,
    Jobs,
    Json,
    LabelsArgument,
    NamingModels,
    Out,
    Overwrite,
    Quiet,
)
from forecast.cli.printing import (
    Form,
    as_flags,
    heard_of,
    listed_line,
    print_csv,
    print_json,
    print_value,
    say,
)
from forecast.cli.registry import app, command
from forecast.cli.values import naming_of, naming_values
from forecast.errors import ForecastError

__all__ = [
    "app",
    "check_naming",
    "classify",
    "compare_naming",
    "explain_naming",
    "predict_naming",
    "replay_naming",
    "tune_naming",
]


@command("forecast classify reviews.csv --label mood --text review")
def classify(
    *,
    file: FileArgument = None,
    labels: LabelsArgument = None,
    model: NamingModels = None,
    naming: Flags,
    out: Out = None,
    overwrite: Overwrite = False,
    jobs: Jobs = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Learn to name whole sequences or texts.

    It says which model is best on unseen ones, and whether that could be chance.
    """
    import shlex
    import sys

    from forecast.sequences.road import classify as run

    plan = naming_of(file, labels, model, naming)
    heard = heard_of(quiet)
    result = run(plan, out=out, overwrite=overwrite, jobs=jobs, progress=progress_of(quiet), heard=heard)
    if result.resumed:
        print(f"This run is there already, in {result.folder}.", file=sys.stderr)
        say(result.findings, quiet)
    if as_json:
        print_json(result.to_json())
        return
    print(as_flags(str(result)))
    folder = shlex.quote(str(result.folder))
    example = '--text "..."' if result.manifest.kind == "texts" else "NEW.csv"
    print(f"\nReport: {result.folder}/report.html")
    print(f"Go on:  forecast predict {folder} {example}")


def progress_of(quiet: bool) -> Any:
    """The display of progress; None where none is wanted."""
    if quiet:
        return None
    from forecast.show.progress import live

    return live


def predict_naming(run: str, file: str | None, said: list[str] | None, form: Form) -> None:
    """Print the classes of new sequences by a run of `forecast classify`."""
    from dataclasses import asdict

    from forecast.data.findings import Finding
    from forecast.records import to_json
    from forecast.sequences.road import name_run

    found: list[Finding] = []
    frame = name_run(run, file, said=said or (), heard=found.extend)
    say(found, quiet=True)
    if form == "json":
        rows = [to_json(row) for row in frame.to_dict("records")]
        print_json({"run": run, "findings": [asdict(one) for one in found], "named": rows})
    elif form in ("csv", "csv-safe"):
        print_csv(frame, form)
    else:
        print(frame.to_string(index=False, float_format=lambda value: f"{value:.4f}"))


def explain_naming(run: str, file: str | None, said: list[str] | None, form: Form) -> None:
    """Print what moved the probability of the class of new sequences by a run of `forecast classify`."""
    from dataclasses import asdict

    import pandas as pd

    from forecast.data.findings import Finding
    from forecast.records import to_json
    from forecast.sequences.road import moves_run

    found: list[Finding] = []
    made = moves_run(run, file, said=said or (), heard=found.extend)
    say(found, quiet=True)
    frame = pd.concat([own.to_frame() for own in made], ignore_index=True)
    if form == "json":
        rows = [to_json(row) for row in frame.to_dict("records")]
        print_json({"run": run, "findings": [asdict(one) for one in found], "moves": rows})
    elif form in ("csv", "csv-safe"):
        print_csv(frame, form)
    else:
        print("\n".join(map(str, made)))


def check_naming(file: str, reading: Flags, labelling: Flags, as_json: bool) -> None:
    """Print what was found in a labelled file."""
    from forecast.data.findings import ReadingError
    from forecast.sequences.checking import check_sequences

    values = {name: value for name, value in reading.items() if value is not None}
    plan = naming_of(file, None, None, {**values, **labelling})
    try:
        found = check_sequences(plan)
    except ReadingError as refused:
        if as_json:
            raise
        for finding in refused.findings:
            print(listed_line(finding))
        codes = dict.fromkeys(one.code for one in refused.findings if one.severity == "error")
        raise ForecastError(f"{file} is refused: {', '.join(codes)}.") from None
    if as_json:
        print_json(found.to_json())
        return
    for finding in found.findings:
        print(listed_line(finding))
    print(found)


def compare_naming(
    file: str | None, tries: list[tuple[str, Any]], flags: Flags, jobs: int, as_json: bool, quiet: bool
) -> None:
    """Print changes of one model of sequences, each next to the model without it."""
    from forecast.sequences.road import board_json, compared

    board = compared(naming_of(file, None, None, flags), tries, jobs=jobs, heard=heard_of(quiet))
    if as_json:
        print_json(board_json(board))
    else:
        print(as_flags(str(board)))


def tune_naming(
    file: str | None,
    model: str,
    trials: int,
    flags: Flags,
    out: str | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Print the settings of a model of sequences that a study found, and what they buy on the test part."""
    from forecast.sequences.study import tune

    plan = naming_of(file, None, [model], flags)
    tuned = tune(plan, trials=trials, out=out, overwrite=overwrite, heard=heard_of(quiet))
    print_value(tuned, as_json)


def replay_naming(run: str, jobs: int, as_json: bool, quiet: bool) -> None:
    """Print whether a run of `forecast classify` gives the same bits again."""
    from forecast.sequences.replay import replay

    print_value(replay(run, jobs=jobs, progress=progress_of(quiet)), as_json)


def is_labelled(labelling: Flags) -> bool:
    """Whether a command is asked about sequences and their classes."""
    return bool(naming_values(labelling))
