"""What each part of the default net and each technique buys: `forecast compare FILE --try ...` for every one, on several files.

    python benchmarks/ablation.py --data-folder DIR --files weather Melbourne ETTh1

weather is data/weather.parquet (24 h, other columns read); ETTh1.csv and ETTm1.csv.gz have the oil temperature as target and the loads as past
columns (24 h: 24 and 96 steps; ETTm1, where a fit takes a minute, in one fold); daily-min-temperatures.csv is Melbourne, one day ahead in 1990. Each
change alone against the default gru on the same folds and seed: the gain in MAE in percent (negative: the change costs), its 95 % interval, p by Holm
over the changes of the file, and CPU seconds over those of the default. Finished changes are kept.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from report import kept, machine, table

import forecast as fc
from forecast.evaluation.leaderboard import leaderboard
from forecast.files import sha256
from forecast.results import Outcome
from forecast.runs.plan import make_run

HERE = Path(__file__).parent
FILES: dict[str, tuple[str, dict[str, Any]]] = {
    "weather": ("weather.parquet", {"walk.horizon": 24}),
    "ETTh1": ("ETTh1.csv", {"walk.horizon": 24, "target": "OT"}),
    "ETTm1": ("ETTm1.csv.gz", {"walk.horizon": 96, "target": "OT", "walk.folds": 1}),
    "Melbourne": (
        "daily-min-temperatures.csv",
        {"walk.horizon": 1, "target": "Temp", "walk.test": 365, "walk.folds": 1},
    ),
}
PASSED: dict[
    str, set[str]
] = {  # changes that are none where there is one column and a row a step, or that take hours: 800 steps a window
    "Melbourne": {
        "anchor of the target alone",
        "no segments, a row a step",
        "no offsets to past columns",
        "no past columns",
    },
    "ETTm1": {"no segments, a row a step"},
}
WITHOUT: dict[str, dict[str, Any]] = {  # parts of the default, each taken away
    "anchor of the target alone": {"anchor": "target"},
    "no anchor": {"anchor": "none"},
    "no skip": {"skip": False},
    "no segments, a row a step": {
        "segment": 1,
        "context": 168,
    },  # the context that the default has on hourly files
    "linear head for segments": {"head": "linear"},
    "no average of weights": {"average": 0.0},
    "no finish on all rows": {"finish": 0.0},
    "no offsets to past columns": {"noise": 0.0},
    "mse for mae": {"loss": "mse"},
    "no dropout": {"dropout": 0.0},
    "no past columns": {"past": "none"},
}
WITH: dict[str, dict[str, Any]] = {  # techniques that are told
    "lstm for gru": {"cell": "lstm"},
    "2 layers": {"layers": 2},
    "2 layers, residual": {"layers": 2, "residual": True},
    "recurrent dropout .2": {"recurrent_dropout": 0.2},
    "input dropout .1": {"input_dropout": 0.1},
    "bidirectional": {"bidirectional": True},
    "attention": {"attention": True},
    "layer norm": {"norm": "layer"},
    "batch norm": {"norm": "batch"},
    "dense head": {"head": "dense"},
    "orthogonal": {"init": "orthogonal"},
    "l2 1e-4": {"l2": 1e-4},
    "one-cycle": {"schedule": "one-cycle"},
    "sgd": {"optimiser": "sgd"},
    "jitter .1": {"target_noise": 0.1},
    "scaling .1": {"scaling": 0.1},
    "5 members": {"members": 5},
}


def walked(name: str, folder: Path, change: dict[str, Any]) -> tuple[list[Outcome], float]:
    """The outcomes of one change, and CPU seconds; fits are kept by what they depend on."""
    file, settings = FILES[name]
    path = (HERE.parent / "data" if name == "weather" else folder) / file
    net = {key: value for key, value in change.items() if key != "past"}
    plan = make_run(
        str(path),
        overrides={"models": ["gru"], **settings, **({"past": change["past"]} if "past" in change else {})},
    )
    panel = plan.read()

    def made() -> dict[str, Any]:
        found = list(fc.backtest(fc.spec("gru", **net), panel, plan.walk, seed=plan.seed))
        return {
            "values": [outcome.forecast.values.tolist() for outcome in found],
            "seconds": sum(outcome.log.seconds for outcome in found),
        }

    answer = kept("ablation", [name, settings, change, sha256(path)], made)
    naive = fc.backtest(
        "naive", panel, plan.walk, seed=plan.seed
    )  # the same origins and truth; its forecasts make place
    forecasts = [np.array(values) for values in answer["values"]]
    own = [
        replace(one, forecast=replace(one.forecast, values=values, model=str(change)))
        for one, values in zip(naive, forecasts, strict=True)
    ]
    return own, answer["seconds"]


def rows_of(name: str, folder: Path) -> list[dict[str, Any]]:
    """Rows of the table of one file."""
    changes = {
        "default": {},
        **{
            what: change
            for what, change in {**WITHOUT, **WITH}.items()
            if what not in PASSED.get(name, set())
        },
    }
    outcomes, seconds = [], {}
    for what, change in changes.items():
        found, spent = walked(name, folder, change)
        outcomes += found
        seconds[str(change)] = spent
        print(name, what, f"{spent:.0f} s", file=sys.stderr, flush=True)
    board = leaderboard(outcomes, str({}))
    by_model = {row.model: row for row in board.rows}
    rows = []
    for what, change in changes.items():
        row = by_model[str(change)]
        gain = (
            ""
            if not change
            else f"{100 * row.skill:+.1f} ({100 * row.skill_lo:+.1f} .. {100 * row.skill_hi:+.1f})"
        )
        p = "" if not change or row.p is None else f"{row.p:.3f}"
        rows.append(
            {
                "file": name,
                "change": what,
                "MAE": row.mae,
                "gain %": gain,
                "p": p,
                "CPU": seconds[str(change)] / seconds[str({})],
            }
        )
    return rows


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-folder", type=Path, required=True)
    parser.add_argument("--files", nargs="+", default=list(FILES), choices=list(FILES))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = [row for name in options.files for row in rows_of(name, options.data_folder)]
    print(json.dumps(rows) if options.json else f"{table(rows)}\n\n{machine()}; seed 0, one fit a fold")


if __name__ == "__main__":
    main()
