"""Each room imports the rooms below it, never above: what the picture in ARCHITECTURE.md says, read from the code."""

import ast
from pathlib import Path

import forecast

ROOT = Path(forecast.__file__).parent
# From the ground up; a room may import itself and what stands before it.
FLOORS = [
    "errors",
    "text",
    "files",
    "data.findings",
    "data.options",
    "data.stamps",
    "data.zones",
    "data.exchanges",
    "data.clock",
    "data.panel",
    "data.categories",
    "data.neighbours",
    "data.scaling",
    "data.windows",
    "data.numbers",
    "data.tables",
    "data.delimited",
    "data.sources",
    "data.grid",
    "data.static",
    "data.buckets",
    "data.checks",
    "data.columns",
    "data.melting",
    "data.cells",
    "data.moments",
    "data.reading",
    "data.sequences",
    "task",
    "results",
    "models",
    "fitting",
    "evaluation.folds",
    "evaluation.metrics",
    "evaluation.backtest",
    "evaluation.audit",
    "evaluation.calibration",
    "evaluation.inference",
    "evaluation.rows",
    "evaluation.words",
    "evaluation.leaderboard",
    "evaluation.ablation",
    "evaluation.market",
    "saving",
    "show",
    "plan",
    "runs",
    "daily",
    "space",
    "tuning",
    "sklearn",
    "cli",
]


def floor(module: str) -> int:
    return next(i for i, room in enumerate(FLOORS) if module == room or module.startswith(room + "."))


def arrows():
    """(importer, imported) for every import of our own modules, also those inside functions."""
    for path in ROOT.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if name in ("__init__", "__main__", "data", "evaluation", "show"):
            continue  # the face, the entry point and empty rooms
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("forecast."):
                target = node.module.removeprefix("forecast.")
                for alias in node.names:
                    inside = f"{target}.{alias.name}"
                    yield name, inside if (ROOT / f"{inside.replace('.', '/')}.py").exists() else target


def test_no_arrow_runs_upward():
    wrong = [f"{a} imports {b}" for a, b in arrows() if floor(a) < floor(b)]
    assert wrong == []


def test_every_file_has_a_floor():
    for path in ROOT.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if not name.endswith(("__init__", "__main__")):
            floor(name)


def test_models_do_not_know_each_other_except_for_a_fallback_or_what_they_share():
    pairs = {
        (a.removeprefix("models."), b.removeprefix("models."))
        for a, b in arrows()
        if a.startswith("models.") and b.startswith("models.")
    }
    assert {(a, b) for a, b in pairs if b != "base"} <= {
        ("recurrent", "training"),
        ("training", "optimiser"),
        ("training", "shrinkage"),
        ("recurrent", "settings"),
        ("settings", "optimiser"),
        ("recurrent", "net"),
        ("net", "settings"),
        ("net", "layers"),
        ("layers", "cells"),
        ("arima", "arima_search"),
        ("arima", "sarima"),
        ("arima_search", "sarima"),
        ("arima", "naive"),  # cold series fall back to the seasonal naive
        ("garch", "naive"),  # the last observed row
        ("ets", "smoothing"),
        ("theta", "smoothing"),
        ("ridge", "direct"),
        ("boosting", "direct"),
    }
    assert not any(a == "base" for a, _ in pairs)
