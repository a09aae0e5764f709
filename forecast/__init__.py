"""Time-series forecasting for tabular market and weather data: from a file to a forecast you can defend.

The public names are fetched when first used, so `import forecast` loads no torch, pandas, statsmodels or optuna.
"""

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {
    "read": "reading.door",
    "windows": "supervised",
    "plot": "show.views",
    "market": "evaluation.market",
    "Panel": "data.panel",
    "Reading": "data.options",
    "Clock": "data.clock",
    "fit": "fitting",
    "Fitted": "fitting",
    "spec": "models",
    "Task": "task",
    "WalkForward": "evaluation.folds",
    "backtest": "evaluation.backtest",
    "leaderboard": "evaluation.leaderboard",
    "calibrate": "evaluation.calibration",
    "audit": "evaluation.audit",
    "explain": "insight.attribution",
    "importance": "insight.importance",
    "states": "insight.states",
    "score": "evaluation.metrics",
    "scores_by": "evaluation.metrics",
    "tune": "tuning.study",
    "objective": "tuning.objective",
    "run": "runs.road",
    "predict_run": "runs.daily",
    "explain_run": "runs.explaining",
    "rows": "runs.daily",
    "score_run": "runs.daily",
    "refit_run": "runs.refit",
    "predict_scenarios": "runs.scenario",
    "predict_paths": "runs.paths",
    "sample_paths": "paths",
    "Paths": "paths",
    "Run": "runs.plan",
    "save": "saving",
    "load": "saving",
    "sequences": "sequences",
    "classify": "sequences.road",
    "name_run": "sequences.road",
    "moves_run": "sequences.road",
    "Layout": "sequences.layout",
    "summary": "show.summary",
    "attention": "show.summary",
    "plots": "show.plots",
    "ForecastError": "errors",
}
_MODULES = ("plots", "sequences")  # public names that are modules; that of sequences is called as a function
__all__ = [
    "Clock",
    "Fitted",
    "ForecastError",
    "Layout",
    "Panel",
    "Paths",
    "Reading",
    "Run",
    "Task",
    "WalkForward",
    "attention",
    "audit",
    "backtest",
    "calibrate",
    "classify",
    "explain",
    "explain_run",
    "fit",
    "importance",
    "leaderboard",
    "load",
    "market",
    "moves_run",
    "name_run",
    "objective",
    "plot",
    "plots",
    "predict_paths",
    "predict_run",
    "predict_scenarios",
    "read",
    "refit_run",
    "rows",
    "run",
    "sample_paths",
    "save",
    "score",
    "score_run",
    "scores_by",
    "sequences",
    "spec",
    "states",
    "summary",
    "tune",
    "windows",
]

if TYPE_CHECKING:
    from forecast.data.clock import Clock
    from forecast.data.options import Reading
    from forecast.data.panel import Panel
    from forecast.errors import ForecastError
    from forecast.evaluation.audit import audit
    from forecast.evaluation.backtest import backtest
    from forecast.evaluation.calibration import calibrate
    from forecast.evaluation.folds import WalkForward
    from forecast.evaluation.leaderboard import leaderboard
    from forecast.evaluation.market import market
    from forecast.evaluation.metrics import score, scores_by
    from forecast.fitting import Fitted, fit
    from forecast.insight.attribution import explain
    from forecast.insight.importance import importance
    from forecast.insight.states import states
    from forecast.models import spec
    from forecast.paths import Paths, sample_paths
    from forecast.reading.door import read
    from forecast.runs.daily import predict_run, rows, score_run
    from forecast.runs.explaining import explain_run
    from forecast.runs.paths import predict_paths
    from forecast.runs.plan import Run
    from forecast.runs.refit import refit_run
    from forecast.runs.road import run
    from forecast.runs.scenario import predict_scenarios
    from forecast.saving import load, save
    from forecast.sequences.door import sequences
    from forecast.sequences.layout import Layout
    from forecast.sequences.road import classify, moves_run, name_run
    from forecast.show import plots
    from forecast.show.summary import attention, summary
    from forecast.show.views import plot
    from forecast.supervised import windows
    from forecast.task import Task
    from forecast.tuning.objective import objective
    from forecast.tuning.study import tune


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name not in _HOME:
        raise AttributeError(f"module 'forecast' has no attribute {name!r}")
    module = importlib.import_module(f"forecast.{_HOME[name]}")
    return module if name in _MODULES else getattr(module, name)


def _version() -> str:
    """The version of the package that is installed, found when it is asked for."""
    from importlib.metadata import version

    return version("forecast-toolkit")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
