"""The panel of a run, with what is refused and what is reported before anything is fitted."""

from collections.abc import Sequence
from dataclasses import replace

from forecast.data.bounds import not_positive, outside_bounds
from forecast.data.findings import Heard, Report, listed
from forecast.data.panel import Panel
from forecast.errors import ForecastError
from forecast.fitting import check_target
from forecast.models.base import Spec, examined, reads_of
from forecast.runs.plan import Run


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
