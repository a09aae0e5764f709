from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import HOURLY, hours, single

from forecast.data.categories import indicators
from forecast.data.panel import Column, Panel, make_panel
from forecast.errors import ForecastError
from forecast.evaluation.ablation import Bought, ablations, bought, bought_text
from forecast.evaluation.backtest import backtest
from forecast.evaluation.folds import WalkForward
from forecast.evaluation.leaderboard import leaderboard
from forecast.fitting import goal_of
from forecast.models import spec
from forecast.models.base import Watch
from forecast.records import from_json, to_json
from forecast.runs.comparing import compare_run
from forecast.runs.plan import make_run
from forecast.runs.result import Walked
from forecast.task import Goal, Task

SMALL = {
    "units": 8,
    "steps": 60,
    "batch": 32,
    "context": 8,
    "layers": 1,
    "learning_rate": 0.02,
    "anchor": "last",
}


def table(count: int) -> dict[str, np.ndarray]:
    """A target that is what `lead` was two steps before, and noise; and a column of nothing but noise."""
    random = np.random.default_rng(1)
    lead = random.normal(size=count + 2)
    return {
        "y": lead[:-2] + 0.3 * random.normal(size=count),
        "lead": lead[2:],
        "noise": random.normal(size=count),
    }


def led(count: int) -> Panel:
    columns = (Column("y", "target"), Column("lead"), Column("noise"))
    return make_panel(("y",), [hours(count)], [np.stack(list(table(count).values()), 1)], columns, HOURLY)


def only(panel: Panel, *places: int) -> Panel:
    return replace(
        panel,
        values=np.ascontiguousarray(panel.values[:, places]),
        columns=tuple(panel.columns[i] for i in places),
    )


@pytest.mark.parametrize(("model", "settings"), [("ridge", {}), ("gru", {**SMALL, "steps": 12})])
def test_a_model_without_a_column_has_the_bits_of_a_file_without_it(model, settings):
    panel, walk = led(260), WalkForward(horizon=2, folds=2)
    blind = ablations(spec(model, **settings), panel)[0]
    assert blind.name == "without lead"
    for one, two in zip(
        backtest(blind, panel, walk), backtest(spec(model, **settings), only(panel, 0, 2), walk), strict=True
    ):
        assert np.array_equal(one.forecast.values, two.forecast.values)


@pytest.mark.parametrize(("model", "settings", "least"), [("ridge", {}, 0.5), ("gru", SMALL, 0.05)])
def test_a_column_that_leads_is_found_and_one_of_noise_is_not_claimed(model, settings, least):
    panel = led(500)
    base = spec(model, **settings)
    found = bought(
        leaderboard(backtest([base, *ablations(base, panel)], panel, WalkForward(horizon=2, folds=1)), model)
    )
    assert [row.column for row in found] == ["lead", "noise"]
    lead, noise = found
    assert lead.p < 0.01
    assert lead.gain > least
    assert lead.gain_lo < lead.gain < lead.gain_hi
    assert noise.p >= 0.05 or noise.gain < 0
    assert "lead helps, and that is hardly chance." in bought_text(found, model, "mae")
    assert "noise helps" not in bought_text(found, model, "mae")


def test_an_ablation_of_a_file_names_its_columns_and_reads_back_as_words(tmp_path):
    frame = pd.DataFrame({"time": hours(300), **table(300)}).rename(columns={"noise": "noise m/s"})
    frame.to_csv(tmp_path / "led.csv", index=False)
    plan = make_run(
        str(tmp_path / "led.csv"),
        overrides={"models": ["ridge"], "target": "y", "walk.horizon": 2, "intervals": []},
    )
    found = compare_run(plan, [("ridge.context", 4)], ablate="ridge", jobs=1)
    assert [row.model for row in found.board.rows].count("context=4") == 1
    assert [row.column for row in found.ablation] == ["lead", "noise m/s"]
    assert found.ablation[0].p < 0.01
    said = "By how much the MAE of ridge grows without each column (each interval alone, p of all together):"
    assert f"\n\n{said}\n  lead       +" in str(found)
    assert "without each column" not in str(replace(found, ablation=()))
    assert from_json(Walked, to_json(found, exact=True), "here") == found
    with pytest.raises(ForecastError, match="Changes of one model are compared at a time; found gru, ridge"):
        compare_run(plan, [("ridge.context", 4)], ablate="gru", jobs=1)


def test_an_angle_is_left_out_whole():
    panel = led(100)
    columns = (
        Column("y", "target"),
        Column("wind_sin", made="angle", of="wind", part="sin"),
        Column("wind_cos", made="angle", of="wind", part="cos"),
    )
    angle = replace(panel, columns=columns)
    assert [(one.name, one.left) for one in ablations(spec("ridge"), angle)] == [
        ("without wind", ("wind_sin", "wind_cos"))
    ]


def test_a_number_called_as_an_indicator_is_left_out_alone():
    """A category `wind` has indicators called `wind=calm` and `wind=ms`; a column of numbers may have that name too."""
    panel = led(300)
    calm = np.random.default_rng(3).integers(0, 2, (300, 1))
    columns = (Column("y", "target"), Column("wind=ms"), Column("lead"), Column("wind", names=("calm", "ms")))
    values = np.concatenate([panel.values[:, [0, 2, 1]], calm], axis=1)
    whole = replace(panel, values=values, columns=columns)
    seen = [column.name for column in indicators(whole).columns]
    assert seen == ["y", "wind=ms", "lead", "wind=calm", "wind=ms'"]
    base = spec("ridge", context=8)
    models = {one.name: one for one in ablations(base, whole)}
    assert list(models) == ["without wind=ms", "without lead", "without wind"]
    goal = goal_of(Task(2), indicators(whole))
    assert models["without wind"]._goal(goal).columns == ("y", "wind=ms", "lead")
    assert models["without wind=ms"]._goal(goal).columns == ("y", "lead", "wind=calm", "wind=ms'")
    walk = WalkForward(horizon=2, folds=1)
    for left, kept in (("wind", (0, 1, 2)), ("wind=ms", (0, 2, 3))):
        blind = next(iter(backtest(models[f"without {left}"], whole, walk))).forecast.values
        alone = next(iter(backtest(base, only(whole, *kept), walk))).forecast.values
        assert np.array_equal(blind, alone)


def test_a_file_of_the_target_alone_has_nothing_to_leave_out():
    with pytest.raises(ForecastError, match=r"no column next to y to leave out\. Name some with `past`"):
        ablations(spec("ridge"), single(np.arange(100.0)))


def test_a_short_test_claims_nothing():
    row = Bought("wind", 0.1, np.nan, np.nan, None, 1.0)
    assert bought_text([row], "gru", "mae").splitlines()[1:] == [
        "  wind  +10.0 %; +1.0 CPU s",
        "The test is too short to say whether that is chance.",
    ]


def test_what_a_blind_model_learned_is_restored():
    panel = led(200)
    blind = ablations(spec("ridge"), panel)[1]
    goal = Goal(Task(2), ("y", "lead", "noise"))
    learned = blind.fit(panel, goal, seed=0, watch=Watch())
    again = blind.restore(learned.arrays(), goal)
    origins = np.array([[0, 150], [0, 180]])
    assert np.array_equal(
        again.predict(panel, origins, np.zeros(1, int)), learned.predict(panel, origins, np.zeros(1, int))
    )
