"""The whole road, from a file of sequences to a verdict, a fitted winner and a page in a run folder."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast.data.findings import Finding, Heard, counted
from forecast.errors import ForecastError
from forecast.evaluation.backtest import Part
from forecast.files import load_json, save_frame, save_json, sha256, write_atomic
from forecast.records import from_json, to_json
from forecast.replacing import settle
from forecast.results import Log
from forecast.runs.folder import (
    CHECKPOINT,
    CLASSIFY,
    MANIFEST,
    PARTS,
    PROGRESS,
    folder_of,
    part_files,
    run_folder,
    versions,
)
from forecast.runs.keeping import FolderKeep, silent, workers
from forecast.sequences.base import Classifier
from forecast.sequences.door import sequences
from forecast.sequences.moving import Moves
from forecast.sequences.plan import Naming, Prepared, make_naming
from forecast.sequences.scores import confusion
from forecast.sequences.splits import Fold
from forecast.sequences.trained import Trained, load, save, texts, train
from forecast.sequences.values import Sequences
from forecast.sequences.verdict import Answered, Board, judge
from forecast.sequences.walking import Walked, walk

FORMAT = "classes-1"  # of run.json


@dataclass(frozen=True)
class Manifest:
    """`run.json` of a classification: what it was made from, and what it gave.

    data_sha256: of the files as they were read · count: sequences · kind: numbers or texts · folds: fits of each model.
    """

    format: str
    naming: dict[str, Any]
    data_sha256: str
    model_sha256: str
    versions: dict[str, str]
    kind: str
    count: int
    classes: tuple[str, ...]
    folds: int
    findings: tuple[Finding, ...]
    board: Board


@dataclass(frozen=True, eq=False)
class Classified:
    """What a classification gives: its folder, the board with its verdict, the fitted winner.

    resumed: the folder held the finished run already.
    """

    folder: Path
    manifest: Manifest
    resumed: bool = False

    @property
    def board(self) -> Board:
        """The board, best model first."""
        return self.manifest.board

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found in the files."""
        return self.manifest.findings

    @cached_property
    def trained(self) -> Trained:
        """The winner, fitted on all sequences."""
        return load(self.folder)

    def to_json(self) -> dict[str, Any]:
        """One object of plain numbers; missing is None."""
        found = self.manifest
        board = board_json(found.board)
        values = {
            "run": self.folder,
            "data": {
                "kind": found.kind,
                "sequences": found.count,
                "classes": found.classes,
                "findings": found.findings,
            },
            "folds": found.folds,
            **board,
        }
        made: dict[str, Any] = to_json(values)
        return made

    def __str__(self) -> str:
        return str(self.board)


def board_json(board: Board) -> dict[str, Any]:
    """A board as the keys of `--json`."""
    made: dict[str, Any] = to_json(
        {
            "tested": board.tested,
            "metric": board.metric,
            "baseline": board.baseline,
            "leaderboard": [row.to_dict() for row in board.rows],
            "best": board.best,
            "verdict": board.verdict,
            "notes": (*board.notes, *board.tests),
        }
    )
    return made


@dataclass(frozen=True, eq=False)
class Ready:
    """Sequences, folds and classifiers of a Naming, before anything is fitted."""

    sequences: Sequences
    folds: list[Fold]
    models: list[Classifier]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the scores should know of the parts."""
        copies = sum(len(fold.copies) for fold in self.folds)
        sizes = [len(fold.train) for fold in self.folds]
        learned = f"{min(sizes):,}" if min(sizes) == max(sizes) else f"{min(sizes):,} to {max(sizes):,}"
        found = [f"Each fit learned from {learned} sequences and never saw the test part."]
        if copies:
            verb = "is a copy" if copies == 1 else "are copies"
            found.append(
                f"{counted(copies, 'sequence')} of the test part {verb} of one that was learned from: left out of the score."
            )
        return tuple(found)


def prepare(plan: Naming, heard: Heard | None = None) -> Ready:
    """Read the files of a Naming and split them; ForecastError where they cannot be learned from or tested."""
    prepared: Prepared = plan.read()
    read = prepared.sequences
    if heard is not None:
        heard(read.findings)
    models = plan.classifiers(read.kind)
    return Ready(read, plan.folds(prepared), models)


def classify(
    data: str | Path | Naming,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    jobs: int = 0,
    progress: Any = None,
    heard: Heard | None = None,
    **settings: Any,
) -> Classified:
    """From a file of sequences to a verdict, a fitted winner and a report, in a run folder: what `forecast classify` calls.

    data: a path · settings: those of Naming and of Layout, such as label="class", text="review", models=("bag",),
    split="kfold:5", or by path in a dict `set={"boosting.trees": 50}`. The same call goes on with a run that was cut off,
    and gives back one that is finished. jobs: fits side by side, 0 = one a core. heard: is given what was found in the
    file, before anything is fitted.
    """
    plan = data if isinstance(data, Naming) else _plan_of(str(data), settings)
    there = None if overwrite else finished(plan, out)
    if there is not None:
        return there
    content = _content(plan)
    ready = prepare(plan, heard)
    with run_folder(plan, out, overwrite, what=CLASSIFY, heard=heard, content=content) as place:
        if (place.work / MANIFEST).exists():  # another process has finished it meanwhile
            return Classified(place.folder, load_manifest(place.work), resumed=True)
        manifest = _make(place.work, plan, ready, content, jobs, progress)
    return Classified(place.folder, manifest)


def _plan_of(data: str, settings: dict[str, Any]) -> Naming:
    """The Naming of a file and keywords; those in `set` are named by path."""
    by_path = settings.pop("set", {})
    return make_naming(data, overrides={**by_path, **settings})


def _content(plan: Naming) -> str:
    """The hash of the files of a Naming; ForecastError where one is not there."""
    for path in plan.files:
        if not path.exists():
            sequences(path)  # says why not, with the nearest name
            raise ForecastError(f"There is no file {path}.")
    return plan.content()


def _make(folder: Path, plan: Naming, ready: Ready, content: str, jobs: int, progress: Any) -> Manifest:
    """Walk the models through the folds, fit the best on all sequences, and write the files."""
    keep = FolderKeep(folder / PARTS, folder / PARTS / PROGRESS)
    keep.folder.mkdir(exist_ok=True)
    fits = len(ready.models) * len(ready.folds) + 1
    with (progress or silent)(keep.tell, fits), workers():
        walked = walk(
            ready.models, ready.sequences, ready.folds, seed=plan.seed, jobs=jobs, keep=keep, why=True
        )
        board = judge(walked.tested, plan.metric, plan.seed, ready.notes)
        chosen = next(one for one in ready.models if one.name == board.best)
        trained = _final(folder, plan, chosen, ready.sequences, keep)
    return _write(folder, plan, ready, walked, board, trained, content)


def _final(folder: Path, plan: Naming, chosen: Classifier, read: Sequences, keep: FolderKeep) -> Trained:
    """The winner fitted on all sequences, from its file where it is there."""
    path = folder / "model.safetensors"
    if path.exists():
        return load(path)
    part: Part = (chosen.name, -1)
    trained = train(chosen, read, seed=plan.seed, watch=keep.watch(part))
    save(trained, path)
    keep.done(part, trained.log.seconds)
    return trained


def _write(
    folder: Path, plan: Naming, ready: Ready, walked: Walked, board: Board, trained: Trained, content: str
) -> Manifest:
    """The files of a finished classification; run.json last, so that its presence says that all others are there."""
    from forecast.sequences import page

    read = ready.sequences
    save_frame(folder / "outcomes.parquet", outcomes_frame(walked.tested, read))
    write_atomic(folder / "confusion.csv", confusion_frame(walked.tested, board.best).to_csv())
    write_atomic(
        folder / "scores.csv", pd.DataFrame([row.to_dict() for row in board.rows]).to_csv(index=False)
    )
    write_atomic(folder / "history.csv", _history(walked.logs).to_csv(index=False))
    page.write(
        folder / "report.html",
        page.Material(
            title=Path(plan.data).name,
            board=board,
            tested=walked.tested,
            sequences=read,
            logs=walked.logs,
            moved=walked.moved[board.best],
            notes=trained.log.notes,
            split=plan.asked.words,
        ),
    )
    for checkpoint in part_files(folder, CHECKPOINT):
        checkpoint.unlink()
    manifest = Manifest(
        format=FORMAT,
        naming=plan.by_name(),
        data_sha256=content,
        model_sha256=sha256(folder / "model.safetensors"),
        versions=versions(),
        kind=read.kind,
        count=len(read),
        classes=read.classes,
        folds=len(ready.folds),
        findings=read.findings,
        board=board,
    )
    save_json(folder / MANIFEST, to_json(manifest, exact=True))
    return manifest


def outcomes_frame(tested: Answered, read: Sequences) -> pd.DataFrame:
    """A row per tested sequence: id, fold, label, and of each model the class it names and the share of each class."""
    names = np.array(tested.classes, dtype=object)
    columns: dict[str, Any] = {
        "id": [read.ids[place] for place in tested.places],
        "fold": tested.folds,
        "label": names[tested.labels],
    }
    for model, shares in tested.shares.items():
        columns[model] = names[shares.argmax(1)]
        for place, name in enumerate(tested.classes):
            columns[f"{model}-p_{name}"] = shares[:, place]
    return pd.DataFrame(columns)


def confusion_frame(tested: Answered, model: str) -> pd.DataFrame:
    """How often each true class (row) was given each name (column) by a model."""
    counts = confusion(tested.shares[model], tested.labels, np.ones(len(tested.labels))).astype("int64")
    frame = pd.DataFrame(counts, index=list(tested.classes), columns=list(tested.classes))
    frame.index.name = "true"
    return frame


def _history(logs: dict[Part, Log]) -> pd.DataFrame:
    """The losses of every fit, a row for each look."""
    rows = [(model, fold, *look) for (model, fold), log in logs.items() for look in log.history]
    return pd.DataFrame(rows, columns=["model", "fold", "step", "train", "validation"])


def finished(plan: Naming, out: str | Path | None = None) -> Classified | None:
    """A classification that is there already; None where it is not, or not finished."""
    if not all(path.exists() for path in plan.files):
        return None  # reading them says why
    folder, same = folder_of(plan, out, CLASSIFY, plan.content())
    if not same or not (folder / MANIFEST).exists():
        return None
    return Classified(folder, load_manifest(folder), resumed=True)


def load_manifest(folder: Path) -> Manifest:
    """What `run.json` of a classification says; ForecastError where it is absent, damaged or of another kind."""
    path = folder / MANIFEST
    values = load_json(path)
    if values.get("format") != FORMAT:
        raise ForecastError(
            f"{path} is that of no classification which this version reads. Make it again with `overwrite`."
        )
    return from_json(Manifest, values, str(path))


def name_run(
    folder: str | Path, source: Any = None, *, said: Sequence[str] = (), heard: Heard | None = None
) -> pd.DataFrame:
    """The classes of new sequences by the winner of a run: a row each, with id, label, probability and that of each class.

    source: a file or frame of the kind the run read; it needs no labels · said: texts, in place of a source. Of texts the
    row says how many words are known and how many are not. Raises ForecastError where neither or both are given, and
    where texts are given to a model of numbers.
    """
    trained, read = _asked(folder, source, said, heard)
    return trained.name(read)


def moves_run(
    folder: str | Path,
    source: Any = None,
    *,
    said: Sequence[str] = (),
    label: str | None = None,
    heard: Heard | None = None,
) -> list[Moves]:
    """What moved the probability of a class for each new sequence, by the winner of a run; by default of the class it is named.

    source, said, heard: as in `name_run`. Raises ForecastError as that does, and where there is no such class.
    """
    trained, read = _asked(folder, source, said, heard)
    return trained.moves(read, label)


def _asked(
    folder: str | Path, source: Any, said: Sequence[str], heard: Heard | None
) -> tuple[Trained, Sequences]:
    """The winner of a run, and the sequences or texts that it is asked about."""
    settle(Path(folder))
    trained = load(folder)
    if (source is None) == (not said):
        raise ForecastError("Give a file of sequences to name, or texts with `text`: one of them.")
    if said:
        if trained.kind != "texts":
            raise ForecastError(
                f"{trained.classifier.name} of {folder} was fitted on numbers and cannot read a text. Give a file of"
                f" sequences with the columns {', '.join(trained.columns[:5])}."
            )
        return trained, texts(said, trained.layout)
    read = sequences(source, trained.layout)
    if heard is not None:
        heard(read.findings)
    return trained, read


def compared(
    plan: Naming, tries: Sequence[tuple[str, Any]], *, jobs: int = 0, heard: Heard | None = None
) -> Board:
    """Changes of settings of one model, each alone, next to the model without it, on the same folds with the same seed.

    tries: such as [("bag.least", 3)]. Nothing is saved. Raises ForecastError where they are of several models, or of none.
    """
    from forecast.evaluation.backtest import Keep
    from forecast.sequences.changes import changed_models

    ready = prepare(replace(plan, models=(), settings={}), heard)
    models = changed_models(plan, ready.sequences.kind, tries)
    walked = walk(models, ready.sequences, ready.folds, seed=plan.seed, jobs=jobs, keep=Keep())
    return judge(walked.tested, plan.metric, plan.seed, ready.notes)
