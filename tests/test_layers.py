"""Each room imports the rooms below it, never above: what the picture in ARCHITECTURE.md says, read from the code."""

import ast
from pathlib import Path

import forecast

ROOT = Path(forecast.__file__).parent
# From the ground up; a room may import itself and what stands before it.
FLOORS = [
    "errors",
    "records",
    "text",
    "arrays",
    "files",
    "replacing",
    "workers",
    "data.findings",
    "data.options",
    "data.vintages",
    "data.zones",
    "data.exchanges",
    "data.clock",
    "data.every",
    "data.panel",
    "data.categories",
    "data.events",
    "data.derived",
    "data.bounds",
    "data.scaling",
    "data.windows",
    "data.seasons",
    "reading.numbers",
    "reading.clocks",
    "reading.stamps",
    "reading.local",
    "reading.tables",
    "reading.encodings",
    "reading.delimited",
    "reading.archives",
    "reading.ts",
    "reading.sources",
    "reading.columns",
    "reading.neighbours",
    "reading.grid",
    "reading.static",
    "reading.steps",
    "reading.issues",
    "reading.buckets",
    "reading.sessions",
    "reading.checks",
    "reading.events",
    "reading.prices",
    "reading.order",
    "reading.roles",
    "reading.profiles",
    "reading.melting",
    "reading.values",
    "reading.moments",
    "reading.door",
    "supervised",
    "task",
    "copula",
    "results",
    "models.contributions",
    "models.base",
    "models.answers",
    "models.hurdle",
    "models.names",
    "models.multinomial",
    "models.nets",
    "models.classic",
    "models.regress",
    "models.market",
    "models.combination",
    "models.own",
    "models",
    "fitting",
    "evaluation.corp",
    "paths",
    "evaluation.folds",
    "evaluation.metrics",
    "evaluation.backtest",
    "evaluation.audit",
    "evaluation.blocks",
    "evaluation.tempering",
    "evaluation.calibration",
    "evaluation.inference",
    "evaluation.rows",
    "evaluation.words",
    "evaluation.leaderboard",
    "evaluation.ablation",
    "evaluation.market",
    "evaluation.probabilities",
    "sequences.layout",
    "sequences.values",
    "sequences.labels",
    "sequences.wide",
    "sequences.door",
    "sequences.text",
    "sequences.base",
    "sequences.moving",
    "sequences.parts",
    "sequences.judges",
    "sequences.calibrating",
    "sequences.net",
    "sequences.states",
    "sequences.mix",
    "sequences.linear",
    "sequences.features",
    "sequences.majority",
    "sequences.statistics",
    "sequences.boosting",
    "sequences.nearest",
    "sequences.bag",
    "sequences.table",
    "insight",
    "sequences.trained",
    "sequences.splits",
    "sequences.scores",
    "sequences.verdict",
    "sequences.walking",
    "saving",
    "implied",
    "testing",
    "show",
    "runs.plan",
    "runs.fits",
    "runs.folder",
    "runs.keeping",
    "runs.checks",
    "runs.told",
    "runs.result",
    "runs.files",
    "runs.walking",
    "runs.road",
    "runs.comparing",
    "runs.replay",
    "runs.revised",
    "runs.unusual",
    "runs.daily",
    "runs.explaining",
    "runs.refit",
    "runs.scenario",
    "runs.paths",
    "tuning.space",
    "tuning.pruning",
    "tuning.objective",
    "tuning.journal",
    "tuning.verdict",
    "tuning.study",
    "tuning.road",
    "sequences.plan",
    "sequences.changes",
    "sequences.checking",
    "sequences.figures",
    "sequences.page",
    "sequences.road",
    "sequences.replay",
    "sequences.study",
    "sklearn",
    "cli",
]


def floor(module: str) -> int:
    return next(i for i, room in enumerate(FLOORS) if module == room or module.startswith(room + "."))


def arrows():
    """(importer, imported) for every import of our own modules, also those inside functions."""
    for path in ROOT.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if name in (
            "__init__",
            "__main__",
            "data",
            "evaluation",
            "reading",
            "runs",
            "sequences",
            "show",
            "tuning",
        ):
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


def test_models_of_one_room_do_not_know_those_of_another():
    """What several rooms need stands beside the contract, in `answers`. Within a room files share as they like."""
    between = []
    for importer, imported in arrows():
        here, there = importer.split("."), imported.split(".")
        inside = here[0] == there[0] == "models" and len(here) > 2 and len(there) > 2
        if inside and here[1] != there[1]:
            between.append((importer, imported))
    assert between == []


def test_a_spec_is_made_by_the_table_and_no_model_imports_it():
    assert not [a for a, b in arrows() if a.startswith("models.") and b in ("models", "models.combination")]
