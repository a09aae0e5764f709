"""The panel of a run, with what is refused and what is reported before anything is fitted."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from forecast.data.bounds import not_positive, outside_bounds
from forecast.data.findings import Heard, Report, listed
from forecast.data.panel import Panel
from forecast.errors import ForecastError
from forecast.files import sha256
from forecast.fitting import check_target
from forecast.models.base import Spec, examined, reads_of
from forecast.runs.plan import Run


def read_with_models(plan: Run, heard: Heard | None = None) -> tuple[Panel, list[Spec], str]:
    """The panel of a run, its models, and the SHA-256 of the file that it was read from: see `read_run`.

    What the models are is known before anything is read, but where none is named and the target turns out to have names.
    """
    specs = plan.specs()
    panel, content = _read_whole(plan)
    suited = plan.suited_to(panel)
    if suited is not plan:
        specs = suited.specs()
    return _checked(panel, plan, specs, heard), specs, content


def read_run(plan: Run, specs: Sequence[Spec], heard: Heard | None = None) -> tuple[Panel, str]:
    """The panel of a run, and the SHA-256 of the file that it was read from.

    Its findings also say which values lie outside of the run's bounds, which models do not read its columns, and for
    which its target is not made; `heard` is given all of them. Raises ForecastError where a model cannot forecast such a
    target, or where the file was changed while it was read.
    """
    panel, content = _read_whole(plan)
    return _checked(panel, plan, specs, heard), content


def _checked(panel: Panel, plan: Run, specs: Sequence[Spec], heard: Heard | None) -> Panel:
    """The panel of a run with what is to be reported of it and its models; raises as `read_run`."""
    history = panel.history()
    _refuse_target(panel, plan, specs)
    report = Report()
    for sentence in outside_bounds(history, plan.task.bounds):
        report.say(
            "outside-bounds", sentence, remedy="(give bounds that hold every value that can be, or none)"
        )
    _examine(history, plan, specs, report)
    for role in ("past", "future", "static"):
        _say_unread(panel, role, specs, report)
    panel = replace(panel, findings=(*panel.findings, *report.findings))
    if heard is not None:
        heard(panel.findings)
    return panel


def _read_whole(plan: Run) -> tuple[Panel, str]:
    """The panel of a run's file, and the hash of what was read."""
    path = Path(plan.data)
    if not path.exists():
        return plan.read(), ""  # which says that there is no such file
    content = sha256(path)
    panel = plan.read()
    if has_changed(path, content):
        raise ForecastError(
            f"{path} was changed while it was read. Give the command again when the file is complete."
        )
    return panel, content


def has_changed(path: Path, content: str) -> bool:
    """Whether a file has another SHA-256 than the one given, or is no longer there."""
    try:
        return sha256(path) != content
    except OSError:
        return True


def say_changed(plan: Run, content: str, report: Report) -> None:
    """Record that the data of a run is no longer what was read."""
    if has_changed(Path(plan.data), content):
        report.say(
            "data-changed",
            f"{plan.data} was changed after it was read: this run is of the file as it was before",
            remedy="(give the command again to run the new one)",
        )


def _refuse_target(panel: Panel, plan: Run, specs: Sequence[Spec]) -> None:
    """ForecastError where the models of a run cannot forecast its target; before anything is fitted."""
    task = replace(plan.task, transform="none") if plan.price else plan.task
    for one in specs:
        check_target(one, panel, task)
    if not plan.price:
        return
    if panel.columns[0].made == "event":
        return
    if panel.names:
        raise ForecastError(
            f"`price` is for prices, and the target {panel.target} has names ({listed(panel.names)}). Leave it out."
        )
    if plan.task.transform != "log":
        return
    low = not_positive(panel)
    if low:
        raise ForecastError(
            f"`price` is for prices, which are above 0: {low}. Say what means missing (`missing`), mend the file, or"
            f" leave `price` out."
        )


def _examine(history: Panel, plan: Run, specs: Sequence[Spec], report: Report) -> None:
    """Record what the models say of the target, each warning once; raises as they do."""
    for one in specs:
        for warning in examined(one, history, plan.task.units, plan.price):
            report.say("unsuited-target", f"{one.name}: {warning}")


def _say_unread(panel: Panel, role: str, specs: Sequence[Spec], report: Report) -> None:
    """Record which models do not read the columns of a role."""
    columns = [column.name for column in panel.columns if column.role == role]
    without = [one.name for one in specs if role not in reads_of(one)]
    if columns and without:
        verb = "does" if len(without) == 1 else "do"
        report.say("unread", f"{', '.join(without)} {verb} not read {role} columns: {listed(columns)}")
