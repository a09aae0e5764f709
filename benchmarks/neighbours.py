"""What the other two airports of data/weather.parquet tell a gru of each one's next 24 hours: with their temperatures beside its own, and without.

    python benchmarks/neighbours.py

Each airport is forecast by a net of its own at the default settings and reads the other columns of its own station in both cases; on the same three
folds, seed 0. Skill and p (Diebold-Mariano, one model against one) are those of the net with neighbours.
"""

from dataclasses import replace
from pathlib import Path

from report import machine, table

import forecast as fc

WEATHER = Path(__file__).parent.parent / "data" / "weather.parquet"
WALK = fc.WalkForward(horizon=24)


def main() -> None:
    """Walk each airport twice and print the table."""
    rows = []
    for station in (stations := fc.read(WEATHER).ids):
        others = [one for one in stations if one != station]
        alone, beside = (
            fc.read(WEATHER, series=[station]),
            fc.read(WEATHER, series=[station], neighbours=others),
        )
        outcomes = [
            *fc.backtest(fc.spec("gru"), alone, WALK),
            *fc.backtest(replace(fc.spec("gru"), name="with"), beside, WALK),
        ]
        board = {row.model: row for row in fc.leaderboard(outcomes, baseline="gru").rows}
        row, without = board["with"], board["gru"].mae
        gain = f"{100 * row.skill:+.1f} ({100 * row.skill_lo:+.1f} .. {100 * row.skill_hi:+.1f})"
        rows.append(
            {"airport": station, "MAE without": without, "with": row.mae, "gain, %": gain, "p": row.p}
        )
    print(f"{table(rows)}\n\n{machine()}")


if __name__ == "__main__":
    main()
