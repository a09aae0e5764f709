"""run: from a file to a verdict in a folder; what is kept there, and how a run that was killed is known again and goes on."""

import dataclasses
import glob
import json
import math
import os
import platform
import re
import signal
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from importlib import metadata, util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast.arrays import Array
from forecast.data.bounds import not_positive, outside_bounds
from forecast.data.findings import Heard, Report, listed
from forecast.data.options import names_of
from forecast.data.panel import Panel
from forecast.errors import ForecastError
from forecast.evaluation.ablation import Bought, ablations, bought, bought_text
from forecast.evaluation.audit import Audit, audit
from forecast.evaluation.backtest import Answers, Keep, Part, backtest, settled, start_of
from forecast.evaluation.calibration import calibrate
from forecast.evaluation.folds import walk_forward
from forecast.evaluation.leaderboard import Leaderboard, leaderboard, unneeded
from forecast.evaluation.market import Direction, directions, market_text
from forecast.evaluation.metrics import METRICS, ranking
from forecast.evaluation.rows import Row
from forecast.files import (
    UNFINISHED,
    load_arrays,
    load_json,
    locked,
    save_arrays,
    sha256,
    sweep,
    write_atomic,
)
from forecast.fitting import Fitted, check_ahead, check_target, fit
from forecast.models import changed, spec, spec_of
from forecast.models.base import Spec, Watch, examined, reads_of
from forecast.models.own import sources_of, split_path
from forecast.plan import Run, make_run, refuse_modelless, settings_by_name, to_toml
from forecast.results import Calibration, Forecast, Log, Outcome, by_model, header, log_of
from forecast.saving import KEPT, load, load_context, save, save_context

FORMAT = 1  # of run.json
PERIOD = 0.3  # seconds between two looks of a worker at its parent
MEDIAN = "median"  # walked unasked by `fit` and `backtest`
OF_MEDIAN = ("mae", "pinball", "crps")  # metrics by which the median of the past is the best constant
LAST = ("run.json", "tuned.json")  # written last: where one is, the run is finished
IDENTITY, LOCK, PARTS = "identity.json", ".lock", "parts"
WRITTEN = {  # every file that a run of each kind writes into its folder, beside its lock and those in PARTS
    "any": (IDENTITY, "run.toml"),
    "fit": (
        "model.safetensors",
        "context.parquet",
        "forecast.csv",
        "scores.csv",
        "outcomes.parquet",
        "history.csv",
        "report.html",
        "run.json",
    ),
    "tune": ("study.journal", "study.journal.lock", "tuned.toml", "tuned.json"),
}
PROGRESS = "progress.jsonl"  # in PARTS, beside the answers and the checkpoints of each (model, fold)
ANSWERS = re.compile(r".+-(-1|\d+)\.safetensors")
CHECKPOINT = re.compile(r".+-(-1|\d+)\.checkpoint(\.\d+)*")


@dataclass(frozen=True)
class FolderKeep(Keep):
    """Finished parts, and checkpoints of those under way, in a folder; progress as JSON lines in `tell`, a file that is only appended to."""

    folder: Path
    tell: Path

    def load(self, part: Part) -> tuple[Answers, Log] | None:
        """The forecasts and the log of a finished part, or None."""
        path = self._path(part, "safetensors")
        if not path.exists():
            return None
        arrays, log = load_arrays(path)
        return arrays, log_of(log)

    def store(self, part: Part, answers: Answers, log: Log) -> None:
        """Keep a finished part."""
        save_arrays(self._path(part, "safetensors"), answers, header(log))
        self.done(part, log.seconds)

    def done(self, part: Part, seconds: float) -> None:
        """A part is finished: its checkpoints have served."""
        for path in self.folder.glob(f"{glob.escape(self._path(part, 'checkpoint').name)}*"):
            if CHECKPOINT.fullmatch(path.name):
                path.unlink()
        append(self.tell, {"part": part, "done": True, "seconds": seconds})

    def watch(self, part: Part) -> Watch:
        """A watch that keeps checkpoints and tells progress."""
        return FolderWatch(self._path(part, "checkpoint"), self.tell, part)

    def _path(self, part: Part, ending: str) -> Path:
        return self.folder / f"{part[0].replace('/', '%2F')}-{part[1]}.{ending}"


@dataclass(frozen=True)
class FolderWatch(Watch):
    """Keeps the checkpoint of one fit in a file and appends its progress to another."""

    path: Path
    tell: Path
    part: Part
    place: tuple[int, ...] = ()  # of an inner fit
    fits: int = 1  # that the part is made of

    def report(self, step: int, of: int, value: float) -> None:
        """Progress as a JSON line."""
        shown = None if math.isnan(value) else value
        append(
            self.tell,
            {
                "part": self.part,
                "place": self.place,
                "fits": self.fits,
                "step": step,
                "of": of,
                "value": shown,
            },
        )

    def inner(self, place: int, of: int) -> "FolderWatch":
        """One that keeps the checkpoint of an inner fit in a file beside this one's."""
        path = self.path.with_name(f"{self.path.name}.{place}")
        return dataclasses.replace(self, path=path, place=(*self.place, place), fits=self.fits * of)

    def load(self) -> tuple[dict[str, Array], dict[str, Any]] | None:
        """The checkpoint that a killed fit left."""
        return load_arrays(self.path) if self.path.exists() else None

    def store(self, arrays: dict[str, Array], values: dict[str, Any]) -> None:
        """Keep a checkpoint: whole, or the one before."""
        save_arrays(self.path, arrays, values)


def append(path: Path, event: Mapping[str, Any]) -> None:
    """One JSON line at the end of a file that several processes write: a single short write, which the system keeps whole."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(event) + "\n")


def workers() -> AbstractContextManager[Any]:
    """A context in which worker processes end with the process that began them, also where that one is killed and cannot tell them."""
    from joblib import parallel_config

    return parallel_config(backend="loky", initializer=end_with, initargs=(os.getpid(),))


def end_with(parent: int) -> None:
    """In a worker: end soon after its parent, so that the run that goes on has the folder to itself; Ctrl-C is the parent's to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PERIOD)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def versions() -> dict[str, str]:
    """What the bits of a result depend on beside data, settings and seed."""
    names = ("forecast-toolkit", "torch", "numpy", "pandas", "statsmodels", "scipy")
    extras = [name for name in ("arch", "exchange_calendars") if util.find_spec(name)]
    return {
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in (*names, *extras)},
    }


def identity(run: Run) -> dict[str, Any]:
    """How a run is known again: its settings, the hash of its data and the versions."""
    values = settings_by_name(run)
    if run.own:
        values["own"] = sources_of(run.own)
    return json.loads(json.dumps({**values, "data": sha256(Path(run.data)), "versions": versions()}))


@contextmanager
def run_folder(
    run: Run, out: str | Path | None, overwrite: bool, what: str = "fit", heard: Heard | None = None
) -> Iterator[Path]:
    """The locked folder of a run: that of the same settings and data where there is one, else a new one, removed again if nothing came of it.

    Without `out` the names runs/STEM, runs/STEM-2 ... are looked through. With `overwrite` a finished run, or one of other settings, is begun
    anew; one of the same settings that was cut off goes on all the same. Only files that a run writes (WRITTEN) are removed; `heard` is told
    what else is there and stays. A folder in which forecasts were kept is left as it is: they are a record, and of the model that would go.
    """
    wanted = {"what": what, **identity(run)}
    folder, same = _choose(Path(run.data), wanted, None if out is None else Path(out), overwrite)
    created = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ForecastError(
            f"The run folder {folder} cannot be made: {error.strerror}. Choose another with --out."
        ) from None
    with locked(folder):
        try:
            sweep(folder, folder / PARTS, folder / KEPT)
            if not same or (overwrite and any((folder / name).exists() for name in LAST)):
                _refuse_kept(folder)
                _refuse_in_the_way(folder, Path(run.data))
                _empty(folder)
                _say_others(folder, heard)
            if not (folder / "run.toml").exists():
                write_atomic(folder / IDENTITY, json.dumps(wanted, indent=1))
                write_atomic(
                    folder / "run.toml", to_toml(run, {"data_sha256": wanted["data"], **wanted["versions"]})
                )
            yield folder
        except ForecastError:
            if created:
                _remove(folder)
            raise


def _refuse_kept(folder: Path) -> None:
    """ForecastError where a folder has forecasts that were kept, which can be made by no later run."""
    if (folder / KEPT).exists():
        raise ForecastError(
            f"{folder} has forecasts that `forecast predict --keep` kept, in {folder / KEPT}; --overwrite would remove them with the model that made"
            f" them. Choose another --out, or move {folder / KEPT} away first."
        )


def _refuse_in_the_way(folder: Path, data: Path) -> None:
    """ForecastError where a folder has the name of a file that a run writes, or a file that of PARTS, or where the data is a file of the run."""
    blocked = [folder / name for name in _names() if _is_folder(folder / name)]
    inside = folder / PARTS
    if (inside.exists() or inside.is_symlink()) and not inside.is_dir():
        blocked.append(inside)
    if blocked:
        raise ForecastError(
            f"{blocked[0]} has the name of something that a run writes, but no run wrote it. Move it away, or choose another --out."
        )
    if data.resolve() in [path.resolve() for path in files_of_runs(folder)]:
        raise ForecastError(
            f"{data} is a file of the run in {folder}, and --overwrite would remove it. Choose another --out, or give a copy that lies elsewhere."
        )


def _names() -> list[str]:
    """The names in WRITTEN."""
    return [name for names in WRITTEN.values() for name in names]


def _is_folder(path: Path) -> bool:
    """Whether a path is a folder itself; a link to one is none."""
    return path.is_dir() and not path.is_symlink()


def part_files(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    """The files in PARTS of a run folder whose names match a pattern, such as ANSWERS, sorted."""
    return sorted(path for path in (folder / PARTS).glob("*") if pattern.fullmatch(path.name))


def files_of_runs(folder: Path) -> list[Path]:
    """The files in a folder that runs of any kind wrote, known by their names, sorted by path, but for the lock."""
    named = [folder / name for name in _names()]
    parts = [*part_files(folder, ANSWERS), *part_files(folder, CHECKPOINT), folder / PARTS / PROGRESS]
    there = [path for path in (*named, *parts) if path.is_symlink() or path.exists()]
    return sorted(path for path in there if not _is_folder(path))


def _empty(folder: Path) -> None:
    """Remove the files of runs, but the lock and the identity, which the next one replaces.

    First those that say that a run is finished; whose run it is stands there to the end, so that a kill in between does no harm.
    """
    for path in sorted(files_of_runs(folder), key=lambda path: path.name not in LAST):
        if path.name != IDENTITY:
            path.unlink()
    _remove_vacant(folder / PARTS)


def _remove(folder: Path) -> None:
    """Remove what a run that came to nothing left in the folder that it made, and the folder where nothing else is in it."""
    _empty(folder)
    (folder / IDENTITY).unlink(missing_ok=True)
    (folder / LOCK).unlink(missing_ok=True)
    _remove_vacant(folder)


def _remove_vacant(folder: Path) -> None:
    """Remove a folder that holds nothing; a link stays."""
    if _is_folder(folder) and not any(folder.iterdir()):
        folder.rmdir()


def _say_others(folder: Path, heard: Heard | None) -> None:
    """Tell `heard` what lies in an emptied run folder that no run wrote."""
    ours = (LOCK, IDENTITY, PARTS)
    others = [entry.name for entry in folder.iterdir() if entry.name not in ours]
    others += [f"{PARTS}/{entry.name}" for entry in (folder / PARTS).glob("*")]
    if not others or heard is None:
        return
    report = Report()
    verb = "was" if len(others) == 1 else "were"
    report.say(
        "others-kept", f"{folder}: {listed(sorted(others))} {verb} not written by a run, and {verb} kept"
    )
    heard(report.findings)


def _vacant(folder: Path) -> bool:
    """Whether a folder is not there, or holds nothing but what a run that was killed in its first moment leaves."""
    return not folder.exists() or (
        folder.is_dir()
        and all(entry.name == LOCK or entry.name.endswith(UNFINISHED) for entry in folder.iterdir())
    )


def _choose(data: Path, wanted: dict[str, Any], out: Path | None, overwrite: bool) -> tuple[Path, bool]:
    """The folder to use, and whether it holds the same run."""
    if out is not None:
        found = _identity_in(out)
        if found is None and not _vacant(out):
            what = (
                "holds files that are no run, and they are not removed"
                if out.is_dir()
                else "is a file, no run folder"
            )
            raise ForecastError(f"{out} {what}. Choose another --out.")
        if found is not None and found != wanted and not overwrite:
            raise ForecastError(
                f"{out} holds a run of other settings, data or versions. Choose another --out, or add --overwrite to replace it."
            )
        return out, found == wanted
    stem = data.name.split(".")[0] + ("" if wanted["what"] == "fit" else f"-{wanted['what']}")
    for number in range(1, 10_000):
        folder = Path("runs") / (stem if number == 1 else f"{stem}-{number}")
        if _vacant(folder):
            return folder, False
        if _identity_in(folder) == wanted:
            return folder, True
    raise ForecastError(f"runs/ holds 9,999 runs of {data.name}. Remove some, or choose a folder with --out.")


def _identity_in(folder: Path) -> dict[str, Any] | None:
    try:
        return json.loads((folder / IDENTITY).read_text())
    except (OSError, ValueError):
        return None


@dataclass(frozen=True, eq=False)
class Result:
    """What a run gives: its folder, its panel, the leaderboard with its verdict, the fitted winner and its forecast."""

    folder: Path
    panel: Panel
    board: Leaderboard
    outcomes: list[Outcome]
    fitted: Fitted
    forecast: Forecast
    resumed: bool  # the folder held the finished run already
    market: list[Direction]  # of a price: what each model's direction is worth

    def to_json(self) -> dict[str, Any]:
        """One object of plain numbers; missing is None."""
        board = board_json(self.panel, self.board, self.market)
        calibration = self.fitted.calibration
        return {
            "run": str(self.folder),
            **board,
            "intervals": list(calibration.notes) if calibration else [],
            "forecast": frame_json(self.forecast.to_frame(cutoff=False)),
        }


def panel_json(panel: Panel) -> dict[str, Any]:
    """What a panel is and what was found at the door, as JSON values."""
    targets = names_of(panel.reading.target) or (panel.target,)
    return {
        "rows": int(panel.lengths.sum()),
        "series": len(panel.ids),
        "freq": panel.clock.freq,
        "clock": panel.clock.kind,
        "horizon": panel.clock.horizon,
        "target": targets[0] if len(targets) == 1 else list(targets),
        "past": [column.name for column in panel.columns if column.role == "past"],
        "future": [column.name for column in panel.columns if column.role == "future"],
        "static": [column.name for column in panel.columns if column.role == "static"],
        "findings": [dataclasses.asdict(finding) for finding in panel.findings],
    }


def board_json(panel: Panel, board: Leaderboard, market: list[Direction]) -> dict[str, Any]:
    """Data, leaderboard and verdict as JSON values: numbers are numbers, missing is None."""
    return {
        "data": panel_json(panel),
        "horizon": board.horizon,
        "origins": board.origins,
        "baseline": board.baseline,
        "metric": board.metric,
        "why": board.why,
        "leaderboard": [_number(row.to_dict()) for row in board.rows],
        "best": board.best,
        "verdict": board.verdict,
        "cold": dict(board.cold),
        "dropped": list(board.dropped),
        "notes": list(board.notes),
        **({"market": [_number(dataclasses.asdict(row)) for row in market]} if market else {}),
    }


def market_of(values: dict[str, Any]) -> str:
    """What `board_json` wrote down of a price, in words; empty where the target is none."""

    def number(key: str, value: Any) -> Any:
        return np.nan if value is None and key in ("hits", "majority", "r2") else value

    rows = [
        Direction(**{key: number(key, value) for key, value in row.items()})
        for row in values.get("market", [])
    ]
    return market_text(rows) if rows else ""


def board_of(values: dict[str, Any]) -> Leaderboard:
    """The leaderboard that `board_json` wrote down."""
    return Leaderboard(
        rows=tuple(_row_of(row) for row in values["leaderboard"]),
        metric=values["metric"],
        baseline=values["baseline"],
        origins=values["origins"],
        horizon=values["horizon"],
        verdict=values["verdict"],
        why=values["why"],
        cold=values["cold"],
        dropped=tuple(values["dropped"]),
        notes=tuple(values["notes"]),
    )


def _row_of(values: dict[str, Any]) -> Row:
    """One row of it; a number that is None was not finite."""
    finite = {name: _finite(value) for name, value in values.items() if name in METRICS}
    others = {name: value for name, value in values.items() if name not in METRICS}
    for name in ("skill", "skill_lo", "skill_hi"):
        others[name] = _finite(others[name])
    others["coverage"] = {name: _finite(share) for name, share in others["coverage"].items()}
    return Row(scores=finite, **others)


def _finite(value: float | None) -> float:
    return math.nan if value is None else value


def frame_json(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a frame as JSON values, stamps in ISO 8601, with their offset from UTC where they have one."""
    if pd.api.types.is_datetime64_any_dtype(frame["ds"]):
        frame = frame.assign(ds=frame["ds"].map(lambda stamp: stamp.isoformat()))
    return [{str(key): _number(value) for key, value in row.items()} for row in frame.to_dict("records")]


def stamped(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame to be written as text: stamps with an offset in ISO 8601."""
    return (
        frame.assign(ds=frame["ds"].map(lambda stamp: stamp.isoformat()))
        if isinstance(frame["ds"].dtype, pd.DatetimeTZDtype)
        else frame
    )


def _number(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _number(inner) for key, inner in value.items()}
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def run(
    data: str | Path | Run,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    jobs: int = 0,
    progress: Any = None,
    heard: Heard | None = None,
    specs: Sequence[Any] = (),
    **settings: Any,
) -> Result:
    """From a file to a verdict, a fitted winner and a report, in a run folder: what `forecast fit` calls.

    Settings are those of Run, or by dotted path in a dict `set={"gru.units": 128}`. The same call goes on with a run that was cut off, and
    gives back one that is finished. jobs: fits side by side, 0 = one a core. progress: a context manager factory as in `show.progress`. heard:
    told what was found in the file, before anything is fitted. specs: classes of your own that the models name.
    """
    plan = (
        data
        if isinstance(data, Run)
        else make_run(str(data), overrides={**settings.pop("set", {}), **settings}, specs=specs)
    )
    named = plan.specs()
    panel = read_run(plan, named, heard)
    list(walk_forward(panel, plan.walk))  # too short a file is refused before a folder is made
    if any("future" in reads_of(one) for one in named):
        check_ahead(
            panel, panel.ends(), plan.walk.ahead(panel.clock)
        )  # and one that cannot be forecast from before anything is fitted
    specs = [*named, *unasked(plan, named, panel)]
    with run_folder(plan, out, overwrite, heard=heard) as folder:
        resumed = (folder / "run.json").exists()
        keep = FolderKeep(folder / PARTS, folder / PARTS / PROGRESS)
        keep.folder.mkdir(exist_ok=True)
        with (progress or silent)(keep.tell, len(specs) * plan.walk.folds + 1), workers():
            outcomes, calibrations = calibrated(_walk(plan, specs, panel, jobs, keep), named)
            board = _ranked(plan, outcomes, plan.baseline, named)
            shown = {row.model for row in board.rows}
            outcomes = [outcome for outcome in outcomes if outcome.forecast.model in shown]
            chosen = next(one for one in specs if one.name == board.best)
            calibration = calibrations.get(board.best)
            fitted = _final(folder, plan, chosen, panel, board.horizon, calibration, keep, jobs)
        context = folder / "context.parquet"
        forecast = fitted.predict(
            load_context(fitted, context) if context.exists() else save_context(fitted, panel, context)
        )
        market = _market(plan, outcomes)
        result = Result(folder, panel, board, outcomes, fitted, forecast, resumed, market)
        if not resumed:
            _write(result, plan)
    return result


def unasked(plan: Run, named: Sequence[Spec], panel: Panel) -> list[Spec]:
    """The model that is walked without being named: the median, where a constant could win and models are compared."""
    task, _ = settled(plan.task, panel, plan.walk)
    names = [one.name for one in named]
    if task.metric in OF_MEDIAN and len(names) > 1 and MEDIAN not in names:
        return [spec(MEDIAN)]
    return []


def calibrated(
    outcomes: Iterable[Outcome], named: Sequence[Spec]
) -> tuple[list[Outcome], dict[str, Calibration]]:
    """The outcomes of a walk with the levels of its task calibrated; unchanged where it asks for none.

    A model that nobody named is left out before, where points alone say that it is not needed.
    """
    models = by_model(outcomes)
    task = next(iter(models.values()))[0].truth.task
    metric = str(task.metric)
    if not ranking(metric).quantiles:
        for name in unneeded(models, metric, _unnamed(models, named)):
            del models[name]
    walked = [part for parts in models.values() for part in parts]
    return calibrate(walked) if task.levels else (walked, {})


def _unnamed(models: Iterable[str], named: Sequence[Spec]) -> list[str]:
    """The models that were walked without being named."""
    names = {one.name for one in named}
    return [model for model in models if model not in names]


def _ranked(plan: Run, outcomes: list[Outcome], baseline: str | None, named: Sequence[Spec]) -> Leaderboard:
    """The leaderboard of a walk, of which some models may not have been named."""
    unasked = _unnamed(by_model(outcomes), named)
    return leaderboard(outcomes, baseline, unasked=unasked)


def backtest_run(
    plan: Run, *, jobs: int = 0, progress: Any = None, heard: Heard | None = None
) -> dict[str, Any]:
    """The walk and the leaderboard of a run as JSON values, without a folder: what `forecast backtest` prints."""
    named = plan.specs()
    panel = read_run(plan, named, heard)
    specs = [*named, *unasked(plan, named, panel)]
    return _board(plan, specs, panel, plan.baseline, jobs, progress, named)[1]


def compare_run(
    plan: Run,
    tries: Sequence[tuple[str, Any]] = (),
    *,
    ablate: str | None = None,
    jobs: int = 0,
    progress: Any = None,
    heard: Heard | None = None,
) -> dict[str, Any]:
    """Changes of one model, each alone, against the model without it, on the same folds and with the same seed.

    tries: changes of a setting, `[("gru.layers", 2), ("gru.init", "he")]` · ablate: the model's name; it is run without each column, and
    `ablation` says what each bought. The leaderboard as JSON values, with the unchanged model as baseline: what `forecast compare` prints.
    """
    models = changed_models(tries, ablate)
    if len(models) != 1:
        found = ", ".join(models) or "none"
        raise ForecastError(
            f"Changes of one model are compared at a time; found {found}. Give --try gru.layers=2 or --ablate gru, and more of gru."
        )
    base = spec_of(models[0], plan.settings, plan.own)
    tried: list[Spec] = []
    for path, value in tries:
        setting = split_path(path)[1]
        one: Any = changed(base, setting, value)
        if one == base:
            raise ForecastError(
                f"{path} = {value} is what {base.name} has already: there is nothing to compare."
            )
        tried.append(dataclasses.replace(one, name=f"{setting}={value}"))
    panel = read_run(plan, [base], heard)
    if ablate:
        tried += ablations(base, panel)
    board, values = _board(plan, [base, *tried], panel, base.name, jobs, progress)
    return (
        {**values, "ablation": [_number(dataclasses.asdict(row)) for row in bought(board)]}
        if ablate
        else values
    )


def changed_models(tries: Sequence[tuple[str, Any]], ablate: str | None) -> list[str]:
    """The models that changes are of, each once; ForecastError where one names none."""
    for path, value in tries:
        if not split_path(path)[1]:
            refuse_modelless({path: value})
            raise ForecastError(f"--try takes a model's setting, such as gru.layers=2; found {path}={value}.")
    return list(dict.fromkeys([*([ablate] if ablate else []), *(split_path(path)[0] for path, _ in tries)]))


def ablation_of(values: dict[str, Any]) -> str:
    """What `compare_run` found of each column, in words; empty where nothing was left out."""

    def number(key: str, value: Any) -> Any:
        return np.nan if value is None and key != "p" else value

    rows = [
        Bought(**{key: number(key, value) for key, value in row.items()})
        for row in values.get("ablation", [])
    ]
    return bought_text(rows, values["baseline"], values["metric"]) if rows else ""


def _board(
    plan: Run,
    specs: list[Spec],
    panel: Panel,
    baseline: str | None,
    jobs: int,
    progress: Any,
    named: Sequence[Spec] | None = None,
) -> tuple[Leaderboard, dict[str, Any]]:
    """The leaderboard of some specs, walked through the panel of a run, and all of it as JSON values.

    named: those among them that were asked for; None = all.
    """
    with tempfile.TemporaryDirectory() as folder:
        keep = FolderKeep(Path(folder), Path(folder) / "progress.jsonl")
        with (progress or silent)(keep.tell, len(specs) * plan.walk.folds), workers():
            outcomes, _ = calibrated(_walk(plan, specs, panel, jobs, keep), named or specs)
            board = _ranked(plan, outcomes, baseline, named or specs)
            return board, board_json(panel, board, _market(plan, outcomes))


def read_run(plan: Run, specs: Sequence[Spec], heard: Heard | None = None) -> Panel:
    """The panel of a run; its findings also say which values lie outside of the run's bounds, which models do not read its columns and for
    which its target is not made; `heard` is given all of them. ForecastError where a model cannot forecast such a target.
    """
    panel, report = plan.read(), Report()
    history = panel.history()
    _refuse_target(panel, plan, specs)
    for sentence in outside_bounds(history, plan.task.bounds):
        report.say(
            "outside-bounds", sentence, remedy="(give bounds that hold every value that can be, or none)"
        )
    _examine(history, plan, specs, report)
    for role in ("past", "future", "static"):
        columns = [column.name for column in panel.columns if column.role == role]
        without = [one.name for one in specs if role not in reads_of(one)]
        if columns and without:
            report.say(
                "unread",
                f"{', '.join(without)} {'does' if len(without) == 1 else 'do'} not read {role} columns: {listed(columns)}",
            )
    panel = replace(panel, findings=(*panel.findings, *report.findings))
    if heard is not None:
        heard(panel.findings)
    return panel


def _refuse_target(panel: Panel, plan: Run, specs: Sequence[Spec]) -> None:
    """ForecastError where the models of a run cannot forecast its target; before anything is fitted."""
    for one in specs:
        check_target(one, panel, replace(plan.task, transform="none") if plan.price else plan.task)
    if plan.price and panel.names:
        raise ForecastError(
            f"--price is for prices, and the target {panel.target} has names ({listed(panel.names)}). Leave it out."
        )
    low = not_positive(panel) if plan.price and plan.task.transform == "log" else ""
    if low:
        raise ForecastError(
            f"--price is for prices, which are above 0: {low}. Say what means missing (--missing), mend the file, or leave"
            f" --price out."
        )


def _examine(history: Panel, plan: Run, specs: Sequence[Spec], report: Report) -> None:
    """Record what the models say of the target, each warning once; raises as they do."""
    for one in specs:
        for warning in examined(one, history, plan.task.units, plan.price):
            report.say("unsuited-target", f"{one.name}: {warning}")


def _market(plan: Run, outcomes: list[Outcome]) -> list[Direction]:
    """Of a price: what each model's direction is worth; else nothing."""
    return directions(outcomes, plan.cost) if plan.price else []


def finished(plan: Run, out: str | Path | None = None) -> dict[str, Any] | None:
    """The result of a run that is there already, as `Result.to_json` gave it; None where it is not, or not finished."""
    if not Path(plan.data).is_file():
        return None  # reading it says why
    folder, same = _choose(
        Path(plan.data), {"what": "fit", **identity(plan)}, None if out is None else Path(out), overwrite=True
    )
    manifest = folder / "run.json"
    return load_json(manifest)["result"] if same and manifest.exists() else None


@contextmanager
def silent(tell: Path, parts: int) -> Iterator[None]:
    """No display."""
    yield


def _walk(plan: Run, specs: list[Spec], panel: Panel, jobs: int, keep: Keep) -> Iterator[Outcome]:
    return backtest(specs, panel, plan.walk, plan.task, seed=plan.seed, jobs=jobs, keep=keep)


def _final(
    folder: Path,
    plan: Run,
    chosen: Spec,
    panel: Panel,
    horizon: int,
    calibration: Calibration | None,
    keep: FolderKeep,
    jobs: int,
) -> Fitted:
    """The winner fitted on all data, with the intervals that the walk taught, from its file where it is there.

    With warm refits it goes on from the last fold: it is the next of the fits that the walk judged.
    """
    path = folder / "model.safetensors"
    if path.exists():
        return load(path, specs=plan.own)
    part: Part = (chosen.name, -1)
    last = keep.load((chosen.name, plan.walk.folds - 1)) if plan.walk.refit == "warm" else None
    fitted = fit(
        chosen,
        plan.walk.past(panel),
        replace(plan.task, horizon=horizon),
        seed=plan.seed,
        jobs=jobs,
        watch=keep.watch(part),
        start=start_of(last[0]) if last else None,
    )
    fitted = _calibrated(fitted, calibration)
    save(fitted, path)
    keep.done(part, fitted.log.seconds)
    return fitted


def _calibrated(fitted: Fitted, calibration: Calibration | None) -> Fitted:
    """A fitted model with the intervals that the walk taught; its log says which steps have another kind of interval than a calibrated one."""
    if calibration is None:
        return fitted
    notes = (*fitted.log.notes, *(f"intervals: {note}" for note in calibration.notes))
    return replace(fitted, calibration=calibration, log=replace(fitted.log, notes=notes))


def _outcomes_frame(outcomes: list[Outcome]) -> pd.DataFrame:
    """Every forecast of the walk: unique_id, ds, cutoff, y, and the columns of each model."""
    folds: dict[int, pd.DataFrame] = {}
    for outcome in outcomes:
        own = outcome.to_frame()
        if outcome.fold in folds:
            own = pd.concat([folds[outcome.fold], own.iloc[:, 4:]], axis=1)
        folds[outcome.fold] = own
    return pd.concat(folds.values())


def _write(result: Result, plan: Run) -> None:
    """The files of a finished run; run.json last, so that its presence says that all others are there."""
    from forecast.show.report import write_report

    folder, panel, board = result.folder, result.panel, result.board
    write_atomic(folder / "forecast.csv", stamped(result.forecast.to_frame(cutoff=False)).to_csv(index=False))
    write_atomic(folder / "scores.csv", board.to_frame().to_csv())
    write_atomic(
        folder / "outcomes.parquet",
        _outcomes_frame(result.outcomes).to_parquet(index=False, compression="zstd"),
    )
    history = [(o.forecast.model, o.fold, *row) for o in result.outcomes for row in o.log.history]
    write_atomic(
        folder / "history.csv",
        pd.DataFrame(history, columns=["model", "fold", "step", "train", "validation"]).to_csv(index=False),
    )
    write_report(
        folder / "report.html",
        title=Path(plan.data).name,
        findings=panel.findings,
        board=board,
        outcomes=result.outcomes,
        panel=panel,
        forecast=result.forecast,
        notes=result.fitted.log.notes,
    )
    for checkpoint in part_files(folder, CHECKPOINT):
        checkpoint.unlink()
    manifest = {
        "format": FORMAT,
        "run": settings_by_name(plan),
        "roles": dataclasses.asdict(panel.reading),
        "data_sha256": sha256(Path(plan.data)),
        "parts": {path.name: sha256(path) for path in part_files(folder, ANSWERS)},
        "model_sha256": sha256(folder / "model.safetensors"),
        "versions": versions(),
        "own": sources_of(plan.own),
        "naive_errors": naive_of(result.outcomes),
        "result": result.to_json(),
    }
    write_atomic(folder / "run.json", json.dumps(manifest, indent=1))


def naive_of(outcomes: list[Outcome]) -> dict[str, list[float | None]]:
    """Series -> mean absolute and mean squared error of its seasonal naive forecast, in the past of the last fold."""
    last = outcomes[-1]
    return {name: _number_list(own) for name, own in zip(last.forecast.ids, last.truth.naive, strict=True)}


def _number_list(values: Array) -> list[float | None]:
    return [_number(value) for value in values]


def audit_run(plan: Run, *, heard: Heard | None = None) -> Audit:
    """The audit of a run's file and models: what `forecast audit` prints. heard: as in `run`."""
    specs = plan.specs()
    return audit(specs, read_run(plan, specs, heard), plan.walk, plan.task, seed=plan.seed)


def replay_run(
    folder: str | Path, *, jobs: int = 0, progress: Any = None, specs: Sequence[Any] = ()
) -> dict[str, Any]:
    """Fit a finished run again from its manifest and compare every forecast of the walk and the final model, bit by bit, as JSON values.

    `differs` names what is not as it was before anything is fitted: data, versions, the source of classes of your own,
    which are given as `specs`; `parts` says of each model and fold whether its bits are equal.
    """
    folder = Path(folder)
    if not (folder / "run.json").exists():
        raise ForecastError(f"{folder} holds no finished run, so there is nothing to replay.")
    manifest = load_json(folder / "run.json")
    plan = make_run(config=folder / "run.toml", specs=specs)
    if not Path(plan.data).exists():
        raise ForecastError(
            f"The data of {folder} is no longer at {plan.data}. Put it back, or write its place into {folder / 'run.toml'}."
        )
    now = {**versions(), **sources_of(plan.own)}
    differs = [
        f"{name} was {was}, is {now.get(name)}"
        for name, was in {**manifest["versions"], **manifest.get("own", {})}.items()
        if now.get(name) != was
    ]
    if sha256(Path(plan.data)) != manifest["data_sha256"]:
        differs.insert(0, f"{plan.data} is not the file of the run")
    with tempfile.TemporaryDirectory() as again:
        run(plan, out=Path(again) / "run", jobs=jobs, progress=progress)
        files = [
            *(Path(PARTS, path.name) for path in part_files(folder, ANSWERS)),
            Path("model.safetensors"),
        ]
        parts = {path.stem: _equal_arrays(folder / path, Path(again) / "run" / path) for path in files}
    return {"run": str(folder), "equal": all(parts.values()), "differs": differs, "parts": parts}


def _equal_arrays(one: Path, two: Path) -> bool:
    """Whether two files hold the same arrays, bit by bit."""
    if not two.exists():
        return False
    first, second = load_arrays(one)[0], load_arrays(two)[0]
    return first.keys() == second.keys() and all(
        np.array_equal(array, second[name], equal_nan=True) for name, array in first.items()
    )
