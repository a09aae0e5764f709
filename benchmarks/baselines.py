"""Every model at its default settings on real files, walked forward as `forecast backtest` does: errors, skill, and whether it could be chance.

    python benchmarks/baselines.py --data-folder DIR                 # all files, some twenty minutes on two cores
    python benchmarks/baselines.py --data-folder DIR --files Melbourne exchange

weather is data/weather.parquet, the others lie in DIR: daily-min-temperatures.csv (Melbourne, the year 1990), seattle-weather.csv (the year 2015),
m4/m4_hourly_long.parquet (M4 Hourly, train and test joined: 414 series, 48 hours ahead, once, from the ends of their train parts), and prices, one
session or day ahead with --price: sp500_1999_2018.csv.gz, AAPL_2004_2018.csv, INTC_1995_2004.csv, exchange_rate.csv (eight rates).
Skill and p are against the best baseline of the file (prices: the last value), p by Holm over its models; `p, all files` is p times the number of
price files, since one of several could be lucky too. Series of unequal scale, as those of M4, are compared by MASE alone, the mean over the series:
each counts once, by the error of its own seasonal naive forecast. Finished files are kept.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from report import kept, machine, table

from forecast.files import sha256
from forecast.runs.plan import make_run
from forecast.runs.road import backtest_run

HERE = Path(__file__).parent
MODELS = [
    "lstm",
    "gru",
    "ridge",
    "boosting",
    "arima",
    "ets",
    "theta",
    "climatology",
    "mean",
    "seasonal",
    "naive",
    "drift",
]
YEAR = {"walk.horizon": 1, "walk.test": 365, "walk.folds": 1}
PRICE = {"walk.horizon": 1, "price": True}
ENDS = {"walk.horizon": 48, "walk.test": 48, "walk.folds": 1, "walk.align": "end"}
FILES: dict[str, tuple[str, dict[str, Any]]] = {
    "weather": ("weather.parquet", {"walk.horizon": 24}),
    "Melbourne": ("daily-min-temperatures.csv", {**YEAR, "target": "Temp"}),
    "Seattle": ("seattle-weather.csv", {**YEAR, "target": "temp_max"}),
    "M4 Hourly": (
        "m4/m4_hourly_long.parquet",
        {**ENDS, "target": "value", "id": "series_id", "past": "none"},
    ),
    "S&P 500": ("sp500_1999_2018.csv.gz", {**PRICE, "target": "Adj Close"}),
    "AAPL": ("AAPL_2004_2018.csv", {**PRICE, "target": "Adj Close"}),
    "INTC": ("INTC_1995_2004.csv", {**PRICE, "target": "Adj Close"}),
    "exchange": ("exchange_rate.csv", {**PRICE, "target": "all"}),
}
UNEQUAL = {"M4 Hourly"}  # whose series differ in scale


def board(name: str, folder: Path, jobs: int) -> dict[str, Any]:
    """The leaderboard of one file as JSON values, from the cache where it is there."""
    file, settings = FILES[name]
    path = (HERE.parent / "data" if name == "weather" else folder) / file
    plan = make_run(str(path), overrides={"models": MODELS, **settings})
    key = [name, settings, MODELS, sha256(path)]
    return kept("baselines", key, lambda: backtest_run(plan, jobs=jobs).to_json())


def rows_of(name: str, found: dict[str, Any], prices: int) -> list[dict[str, Any]]:
    """Rows of the table, best first; of prices also RMSE over that of the last value, of series of unequal scale MASE alone."""
    unequal, market = name in UNEQUAL, FILES[name][1].get("price", False)
    naive = next(row["rmse"] for row in found["leaderboard"] if row["model"] == "naive")
    rows = []
    for row in sorted(found["leaderboard"], key=lambda row: row["mase" if unequal else "mae"]):
        p = row["p"]
        errors = {"MAE": row["mae"], "RMSE": row["rmse"], "RMSE / naive": row["rmse"] / naive}
        judged = {
            "skill": "baseline" if row["model"] == found["baseline"] else f"{100 * row['skill']:+.1f} %",
            "p": "" if p is None else f"{p:.3f}",
            "p, all files": f"{min(1.0, p * prices):.3f}" if market and p is not None else "",
        }
        if unequal:
            errors, judged = dict.fromkeys(errors, ""), dict.fromkeys(judged, "")
        rows.append(
            {
                "file": name,
                "model": row["model"],
                **errors,
                "MASE": row["mase"],
                **judged,
                "CPU s": row["seconds"],
            }
        )
    return rows


def main() -> None:
    """Run what is missing and print the table and the verdicts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-folder", type=Path, required=True)
    parser.add_argument("--files", nargs="+", default=list(FILES), choices=list(FILES))
    parser.add_argument("--jobs", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    prices = sum(bool(settings.get("price")) for _, settings in FILES.values())
    boards = {}
    for name in options.files:
        boards[name] = board(name, options.data_folder, options.jobs)
        print(name, "done", file=sys.stderr, flush=True)
    rows = [row for name, found in boards.items() for row in rows_of(name, found, prices)]
    if options.json:
        print(json.dumps(boards))
        return
    verdicts = [f"\n{name}: {found['verdict']}" for name, found in boards.items() if name not in UNEQUAL]
    print(table(rows), *verdicts, f"\n{machine()}", sep="\n")


if __name__ == "__main__":
    main()
