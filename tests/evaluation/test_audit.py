from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from conftest import hours, weather

from forecast.data.clock import Clock
from forecast.data.panel import Column, make_panel
from forecast.evaluation.audit import audit, poisoned
from forecast.evaluation.folds import WalkForward
from forecast.results import Log

WALK = WalkForward(horizon=6)


@dataclass(frozen=True)
class Peeping:
    """A model that reads the row it is to forecast."""

    reads: ClassVar = ()
    name: str = "peeping"

    def settle(self, past, horizon):
        return self

    def fit(self, past, goal, *, seed, watch):
        return Peeped(goal)

    def restore(self, arrays, goal):
        return Peeped(goal)

    def space(self, trial):
        return self


@dataclass(frozen=True)
class Peeped:
    goal: object
    context: int = 1
    log: Log = Log()  # noqa: RUF009 (a frozen value)

    def predict(self, panel, origins, fitted):
        return panel.truth(origins, self.goal.horizon)[..., None]

    def arrays(self):
        return {}


def columns(**made):
    """A random walk with noise and past columns made from it."""
    random = np.random.default_rng(0)
    y = np.cumsum(random.normal(size=500)) + random.normal(size=500)
    values = [y, *(make(y, random) for make in made.values())]
    names = (Column("y", "target"), *(Column(name) for name in made))
    return make_panel(("y",), [hours(500)], [np.stack(values, 1)], names, Clock("fixed", "1h"))


def test_a_model_that_looks_ahead_is_caught():
    found = audit([Peeping(), "naive"], weather((300,)), WALK)
    assert found.moved["peeping"] > 5
    assert found.moved["naive"] == 0
    assert not found.clean
    assert (
        f"! peeping: with every later value rewritten, {found.moved['peeping']} of {found.compared} forecasts changed."
        in str(found)
    )


def test_a_column_that_is_the_target_shifted_is_named_with_its_lead():
    panel = columns(
        tomorrow=lambda y, random: np.append(y[3:], [np.nan] * 3) + random.normal(0, 0.05, 500),
        yesterday=lambda y, random: np.append(np.nan, y[:-1]),
        other=lambda y, random: random.normal(size=500),
        smooth=lambda y, random: y + random.normal(0, 0.01, 500),
    )
    found = audit(["naive"], panel, WALK)
    assert [(leak.column, leak.lead) for leak in found.leaks] == [("tomorrow", 3)]
    assert "! tomorrow looks like a leak: it explains 9" in str(found)
    assert "of its value 3 steps later" in str(found)


def test_a_future_column_may_be_read_over_the_horizon_and_is_no_leak():
    panel = columns(plan=lambda y, random: np.append(y[6:], [0.0] * 6))  # as much as a column can know
    known = replace(panel, columns=(panel.columns[0], Column("plan", "future")))
    found = audit(["ridge", "arima"], known, WALK)
    assert found.clean
    assert found.moved == {"ridge": 0, "arima": 0}
    assert [leak.column for leak in audit(["naive"], panel, WALK).leaks] == ["plan"]
    after = np.flatnonzero((poisoned(known, np.array([300]), 6).values != known.values)[:, 1])
    assert after[0] in (306, 307)
    assert (poisoned(known, np.array([300]), 6).values != known.values)[300:306, 0].any()


def test_honest_models_and_columns_are_clean():
    panel = weather((300, 300))
    without = replace(panel, values=panel.values[:, :1], columns=panel.columns[:1])
    found = audit(["seasonal", "arima", "drift"], without, WALK)
    assert found.clean
    assert found.compared > 20
    assert str(found).endswith("Nothing was found.")


def test_from_each_end_a_peeping_model_is_caught_and_an_honest_one_is_not():
    """Series of different years are poisoned from the same distance to their ends on."""
    random = np.random.default_rng(0)
    values = [np.cumsum(random.normal(size=(count, 1)), axis=0) for count in (200, 150)]
    apart = make_panel(
        ("a", "b"), [hours(200), hours(150, 9000)], values, (Column("y", "target"),), Clock("fixed", "1h")
    )
    found = audit([Peeping(), "drift", "ridge"], apart, replace(WALK, test=40, align="end"))
    assert found.compared == 2 * 18
    assert found.moved["peeping"] > 5
    assert (found.moved["drift"], found.moved["ridge"]) == (0, 0)
