import numpy as np
import pytest
from conftest import hours, single

from forecast.data.scaling import fit_scaling
from forecast.evaluation.market import directions, market_text
from forecast.evaluation.metrics import naive_errors
from forecast.results import Forecast, Outcome, Truth
from forecast.task import Task


def outcome(last, values, truth, model="m"):
    last, values, truth = (np.asarray(array, float) for array in (last, values, truth))
    past = single(np.arange(1.0, 49.0))
    origins = np.stack([np.zeros(len(last), int), np.arange(len(last)) + 1], 1)
    stamps = hours(len(last))
    return Outcome(
        0,
        Forecast(model, past.ids, origins, stamps, stamps[:, None], values[:, None]),
        Truth(truth[:, None], last, naive_errors(past), fit_scaling(past), past.target, past.clock, Task()),
    )


def test_hits_are_counted_against_the_commoner_side():
    one = directions([outcome([10, 10, 10, 10], [11, 11, 9, 10], [12, 13, 14, 9])])[0]
    assert (one.moves, one.hits) == (3, pytest.approx(2 / 3))
    assert one.majority == 0.75
    assert one.p == pytest.approx(3 * 0.75**2 * 0.25 + 0.75**3)
    assert one.r2 == pytest.approx(1 - (1 + 4 + 25 + 1) / (4 + 9 + 16 + 1))


def test_the_last_value_takes_no_side():
    one = directions([outcome([1, 2], [1, 2], [2, 1])])[0]
    assert (one.moves, one.p) == (0, 1.0)
    assert np.isnan(one.hits)
    assert one.r2 == 0


def test_a_profit_is_given_only_with_a_cost_and_pays_for_each_side_traded():
    traded = outcome([100, 100, 100], [101, 101, 99], [101, 102, 101])
    assert directions([traded])[0].profit is None
    one = directions([traded], cost=5)[0]
    assert one.profit == pytest.approx((100 + 200 - 100 - 5 * (1 + 0 + 2)) / 3)
    assert one.hold == pytest.approx(400 / 3)


def test_the_last_value_through_its_logarithm_takes_no_side():
    last = np.array([3.3, 7.7, 11.1])
    assert directions([outcome(last, np.exp(np.log(last)), last + 1)])[0].moves == 0
    assert (
        directions([outcome(last, np.exp(np.log(last).astype("float32") + np.float32(1e-7)), last + 1)])[
            0
        ].moves
        == 0
    )


def test_the_text_says_whether_it_could_be_chance():
    random = np.random.default_rng(0)
    last = np.full(400, 10.0)
    truth = last + random.normal(size=400)
    good = outcome(last, last + np.where(random.random(400) < 0.8, truth - last, last - truth), truth, "good")
    guess = outcome(last, last + random.normal(size=400), truth, "guess")
    assert market_text(directions([good, guess])).endswith("2 models compared): that is hardly chance.")
    assert market_text(directions([guess])).endswith("that could be chance.")
    assert "bp per step" in market_text(directions([guess], cost=1.0))
