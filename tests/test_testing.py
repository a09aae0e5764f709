"""check_spec: a model that does what all must passes, and each way not to is named with what was expected and found."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from forecast import testing
from forecast.models import spec
from forecast.models.classic.naive import Naive, Repeated
from forecast.results import Log
from forecast.testing import DemandError, check_spec


@dataclass(frozen=True)
class Mine(Naive):
    """The naive forecast, as a class of one's own."""

    name: str = "mine"
    fault: str = ""

    def fit(self, past, goal, *, seed, watch):
        if self.fault == "random":
            np.random.normal()
        level = np.random.default_rng().normal() if self.fault == "no seed" else float(seed)
        return Broken(goal, 1, np.zeros(len(past.ids)), Log(), self.fault, level)

    def restore(self, arrays, goal):
        slopes = arrays["slopes"] + 1 if self.fault == "restore" else arrays["slopes"]
        return Broken(goal, 1, slopes, Log(), self.fault)


@dataclass(frozen=True, eq=False)
class Broken(Repeated):
    """What it learned, and what is wrong with it."""

    fault: str = ""
    level: float = 0.0

    @property
    def context(self):
        return 3 if self.fault == "context" else 512

    def predict(self, panel, origins, fitted):
        z = super().predict(panel, origins, fitted)
        return self.changed(z, panel, origins)

    def changed(self, z, panel, origins):
        if self.fault == "peeks":
            return z + np.nan_to_num(panel.truth(origins, z.shape[1]))[..., None]
        if self.fault == "reads":
            return z + np.nan_to_num(panel.values[panel.starts[origins[:, 0]] + origins[:, 1] - 1, -1:, None])
        if self.fault == "together":
            return z + z.mean(0)
        if self.fault == "shape":
            return z[:, :-1]
        if self.fault == "missing":
            return np.where(np.arange(z.shape[1])[:, None] == 5, np.nan, z)
        if self.fault == "no seed":
            return z + self.level
        if self.fault == "context":
            row = panel.starts[origins[:, 0]] + np.maximum(origins[:, 1] - 9, 0)
            return z + np.nan_to_num(panel.values[row, :1, None])
        return z


@pytest.mark.parametrize("one", [spec("seasonal"), spec("median"), spec("persistence")])
def test_models_of_the_table_meet_all_demands(one):
    done = check_spec(one)
    assert len(set(done)) == len(done)
    assert {"a spec is a value"} < set(done)
    assert ("poison" in done) == (one.name != "persistence")
    assert ("poison, names" in done) == (one.name == "persistence")


FAULTS = {
    "peeks": (testing.held_to_the_past, r"poison, cold refits: expected the same bits before 2024-01-16T20"),
    "no seed": (
        testing.the_same_seed_gives_the_same_bits,
        "seeds: expected the same bits from the same seed; found a",
    ),
    "random": (testing.the_same_seed_gives_the_same_bits, "NumPy's random state unchanged; found another"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fit_that_breaks_a_demand_is_named(fault, panel):
    demand, words = FAULTS[fault]
    with pytest.raises(DemandError, match=words):
        demand(Mine(fault=fault), panel)


FITTED = {
    "together": (testing.many_origins_equal_one_by_one, "one by one: expected the same forecast to 1e-05"),
    "context": (testing.the_context_is_enough, "from the last 3 rows as from all; found a difference of"),
    "restore": (testing.a_loaded_model_gives_the_same_bits, "save and load: expected the same bits"),
    "shape": (
        testing.answers_have_their_shape,
        r"shapes: expected an array of shape \(M, A, P\), \(6, 12, 1\)",
    ),
}


@pytest.mark.parametrize("fault", FITTED)
def test_what_was_learned_that_breaks_a_demand_is_named(fault, panel):
    demand, words = FITTED[fault]
    fitted = testing.fit(Mine(fault=fault), panel.until(np.array([330, 330])), testing.HORIZON)
    with pytest.raises(DemandError, match=words):
        demand(fitted, panel)


def test_a_missing_value_is_named_with_its_place():
    words = "finite: short: expected finite forecasts; found mine forecasts nan for series 'a' at step 6 from origin row 60"
    with pytest.raises(DemandError, match=words):
        check_spec(Mine(fault="missing"))


def test_a_column_that_is_read_without_a_word_is_named():
    with pytest.raises(DemandError, match="whatever the past and future and static columns are"):
        testing.reads_only_what_it_says(Mine(fault="reads"), testing.rich())


def test_a_spec_that_is_no_value_is_named():
    @dataclass
    class Open:
        name: str = "open"

    with pytest.raises(DemandError, match="Open is not frozen"):
        check_spec(Open())
    with pytest.raises(DemandError, match="has the name 'my model', which is not made of"):
        check_spec(type("Spaced", (Mine,), {"name": "my model"})())


def test_the_error_holds_what_was_asked():
    error = DemandError("shapes", "(1, 2, 3)", "(3,)")
    assert (error.demand, error.expected, error.found) == ("shapes", "(1, 2, 3)", "(3,)")
    assert str(error) == "shapes: expected (1, 2, 3); found (3,)"
    assert replace(Mine(), fault="x") == Mine(fault="x")
