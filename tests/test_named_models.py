"""The models of names hold what they promise: known chains, exact spans, the calendar, missing rows."""

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.fitting import fit
from forecast.models.multinomial import Problem, chances, freedom, solved
from forecast.task import reduced

STAY = np.array([[0.8, 0.2], [0.3, 0.7]])  # from row to column


def chain(count=6000, seed=1, table=STAY):
    """Codes of a chain of the first order with a table of transitions."""
    random = np.random.default_rng(seed).random(count)
    steps = table.cumsum(1)
    codes = [0]
    for draw in random[1:]:
        codes.append(int(np.searchsorted(steps[codes[-1]], draw)))
    return np.array(codes)


def panel_of(codes, freq="D", **columns):
    """A panel whose target is `sky`, codes with NaN where missing, and other columns."""
    stamps = pd.date_range("2000-01-01", periods=len(codes), freq=freq)
    names = np.array(["a", "b", "c"], dtype=object)
    known = ~np.isnan(np.asarray(codes, float))
    sky = np.full(len(codes), None, dtype=object)
    sky[known] = names[np.asarray(codes, float)[known].astype(int)]
    return fc.read(pd.DataFrame({"day": stamps, "sky": sky, **columns}), target="sky")


@pytest.fixture(scope="module")
def chained():
    return panel_of(chain())


def test_newtons_method_finds_the_shares_of_each_group():
    """A feature for each group and no penalty: the shares are those that were counted."""
    counts = np.array([[8.0, 1, 1], [2, 6, 12]])
    problem = Problem(np.eye(2), counts, np.full(2, 1e-9), np.zeros((2, 2)))
    found = solved(problem)
    np.testing.assert_allclose(
        chances(np.eye(2), found.weights), counts / counts.sum(1, keepdims=True), atol=1e-4
    )
    assert freedom(problem, found) == pytest.approx(4, abs=1e-6)


def test_from_a_problem_that_is_near_the_same_weights_are_found():
    random = np.random.default_rng(4)
    features = random.normal(size=(400, 3))
    counts = np.eye(3)[random.integers(3, size=400)]
    penalty = np.full(3, 0.1)
    zero = np.zeros((3, 2))
    near = solved(Problem(features, counts[::-1], penalty, zero))
    problem = Problem(features, counts, penalty, zero)
    np.testing.assert_allclose(solved(problem, near).weights, solved(problem).weights, atol=1e-3)


def test_a_strong_penalty_leaves_the_prior():
    prior = np.array([[0.5], [-1.0]])
    problem = Problem(np.eye(2), np.array([[5.0, 1], [1, 9]]), np.full(2, 1e9), prior)
    found = solved(problem)
    np.testing.assert_allclose(found.weights, prior, atol=1e-6)
    assert freedom(problem, found) < 1e-6


def test_a_chain_of_the_first_order_is_found_and_goes_on_as_the_powers_of_its_table(chained):
    fitted = fit("markov", chained, 5, year=0)
    assert "order 1, no harmonics" in fitted.log.notes[0]
    last = int(chained.values[-1, 0])
    shares = fitted.predict(chained).shares[0]
    expected = [np.linalg.matrix_power(STAY, step)[last] for step in range(1, 6)]
    np.testing.assert_allclose(shares, expected, atol=0.02)


def test_any_and_all_of_a_chain_are_those_of_its_steps(chained):
    """The sum over all paths, counted one by one, is what the absorbing chain says."""
    each = fit("markov", chained, 4)
    tables = [
        each.learned.logits.at(chained.clock, stamp[None], np.zeros(1, int))[0]
        for stamp in each.predict(chained).times[0]
    ]
    last = int(chained.values[-1, 0])
    none = 1.0
    every = 1.0
    before_none = last
    before_all = last
    for table in tables:
        none *= table[before_none, 0]
        every *= table[before_all, 1]
        before_none = 0
        before_all = 1
    assert fit("markov", chained, 4, reduce="any").predict(chained).values[0, 0] == pytest.approx(1 - none)
    assert fit("markov", chained, 4, reduce="all").predict(chained).values[0, 0] == pytest.approx(every)


def test_where_the_last_rows_are_missing_the_chain_goes_on_by_itself(chained):
    """Two missing rows and one step are the third step from the last name; a name before them that is known counts."""
    fitted = fit("markov", chained, 3)
    values = chained.values.copy()
    values[4998:5000, 0] = np.nan
    gap = panel_of(values[:, 0])
    whole = fitted.predict(gap, np.array([[0, 4998]])).shares[0, 2]
    np.testing.assert_allclose(fitted.predict(gap, np.array([[0, 5000]])).shares[0, 0], whole, atol=1e-9)


def test_an_older_name_is_used_where_the_last_is_known_and_the_one_before_is_not():
    """Of the second order: the share is a mixture over the missing name, not that of any one."""
    codes = chain(table=np.array([[0.9, 0.1], [0.1, 0.9]])).astype(float)
    panel = panel_of(codes)
    fitted = fit("markov", panel, 1, order=2)
    values = codes.copy()
    values[4998] = np.nan
    mixed = fitted.predict(panel_of(values), np.array([[0, 5000]])).values[0, 0]
    ends = []
    for filled in (0.0, 1.0):
        values[4998] = filled
        ends.append(fitted.predict(panel_of(values), np.array([[0, 5000]])).values[0, 0])
    assert min(ends) <= mixed <= max(ends)


def seasonal(count=3000, seed=2):
    """Days that are wet by the time of year alone."""
    phase = 2 * np.pi * np.arange(count) / 365.2425
    chance = 1 / (1 + np.exp(1 - 1.5 * np.cos(phase)))
    return (np.random.default_rng(seed).random(count) < chance).astype(float), chance


@pytest.mark.parametrize("model", ["climatology", "markov"])
def test_the_time_of_year_is_learned(model):
    codes, chance = seasonal()
    panel = panel_of(codes)
    fitted = fit(model, panel.until(np.array([2500])), 1)
    assert "of the year" in fitted.log.notes[0]
    origins = np.array([[0, row] for row in range(2500, 3000)])
    assert np.abs(fitted.predict(panel, origins).values[:, 0] - chance[2500:]).mean() < 0.03


@pytest.mark.parametrize("span", ["any", "all"])
@pytest.mark.parametrize("model", ["rate", "persistence", "climatology", "markov"])
def test_over_a_horizon_shares_are_near_how_often_it_was_so(chained, model, span):
    fitted = fit(model, chained.until(np.array([4000])), 3, reduce=span)
    origins = np.array([[0, row] for row in range(4000, 5990)])
    forecast = fitted.predict(chained, origins)
    assert forecast.shares.shape == (1990, 1, 2)
    actual = reduced(chained.truth(origins, 3), span)
    assert forecast.values.mean() == pytest.approx(actual.mean(), abs=0.04)


def test_rate_counts_windows_and_persistence_reads_the_last_one():
    panel = panel_of([0, 0, 1, 0, 0, 0, 1, 1, 0, 0.0])
    assert fit("rate", panel, 2, reduce="any").predict(panel).values[0, 0] == pytest.approx((5 + 0.5) / 10)
    assert fit("rate", panel, 2, reduce="all").predict(panel).values[0, 0] == pytest.approx((1 + 0.5) / 10)
    fitted = fit("persistence", panel, 2, reduce="any")
    found = fitted.predict(panel, np.array([[0, 9], [0, 10]])).values[:, 0]
    assert found[0] > 0.9
    assert found[1] < 0.1


@pytest.mark.parametrize("model", ["climatology", "markov"])
def test_a_series_with_few_rows_is_near_all_series_and_one_with_many_has_its_own(model):
    random = np.random.default_rng(3)
    frames = []
    for name, count, chance in (("dry", 2000, 0.1), ("wet", 2000, 0.5), ("short", 12, 1.0)):
        sky = np.where(random.random(count) < chance, "rain", "sun")
        sky[0] = "sun"
        frames.append(pd.DataFrame({"day": pd.date_range("2001", periods=count), "sky": sky, "id": name}))
    panel = fc.read(pd.concat(frames), target="sky", id="id")
    fitted = fit(model, panel, 1)
    shares = dict(zip(panel.ids, fitted.predict(panel).shares[:, 0, 0], strict=True))
    assert shares["dry"] == pytest.approx(0.1, abs=0.04)
    assert shares["wet"] == pytest.approx(0.5, abs=0.06)
    assert 0.3 < shares["short"] < 0.85


def test_an_order_with_too_many_contexts_is_refused():
    letters = [chr(97 + code) for code in np.random.default_rng(0).integers(12, size=300)]
    wide = fc.read(pd.DataFrame({"day": pd.date_range("2001", periods=300), "sky": letters}), target="sky")
    with pytest.raises(fc.ForecastError, match=r"markov.order=2` has 144 contexts"):
        fit("markov", wide, 1, order=2)


def learnable(count=2500, seed=6):
    """Three names that follow from a number of the day before and from the last name."""
    random = np.random.default_rng(seed)
    wind = random.normal(size=count)
    codes = [0]
    for blow in wind[:-1]:
        codes.append(2 if blow > 0.8 else int(random.random() < 0.5 if codes[-1] else random.random() < 0.1))
    return np.array(codes, float), wind


@pytest.mark.parametrize("model", ["logistic", "boosting"])
def test_a_column_next_to_the_names_is_used(model):
    codes, wind = learnable()
    panel = panel_of(codes, wind=wind)
    fitted = fit(model, panel.until(np.array([2000])), 1)
    origins = np.array([[0, row] for row in range(2000, 2500)])
    shares = fitted.predict(panel, origins).shares[:, 0]
    actual = codes[2000:].astype(int)
    loss = -np.log(shares[np.arange(500), actual]).mean()
    after_zero = 0.9 * np.log(0.9) + 0.1 * np.log(0.1)
    least = -(1 - 0.212) * (
        0.7 * after_zero + 0.3 * np.log(0.5)
    )  # the entropy, had the last name been 0 in 70 %
    assert loss < least + 0.12
    windy = wind[1999:2499] > 1.2
    assert shares[windy, 2].mean() > 0.8
    assert shares[~windy, 2].mean() < 0.2


@pytest.mark.parametrize("span", ["any", "all"])
@pytest.mark.parametrize(("model", "apart"), [("logistic", 0.06), ("boosting", 0.12)])
def test_any_and_all_are_learned_directly(model, apart, span):
    codes = chain(3000)
    panel = panel_of(codes)
    fitted = fit(model, panel.until(np.array([2400])), 3, reduce=span)
    origins = np.array([[0, row] for row in range(2400, 2990)])
    actual = reduced(panel.truth(origins, 3), span)
    shares = fitted.predict(panel, origins).shares[:, 0, 1]
    base = (codes.mean() - actual[:, 0]) ** 2
    assert ((shares - actual[:, 0]) ** 2).mean() < base.mean()
    last = codes[2399:2989]
    after = {"any": (1 - 0.8**3, 1 - 0.3 * 0.8**2), "all": (0.2 * 0.7**2, 0.7**3)}  # a 0, and a 1
    assert np.abs(shares - np.array(after[span])[last]).mean() < apart


def test_a_future_column_is_read_at_its_own_step():
    """Rain follows a plan that is known ahead, at whichever step it says."""
    random = np.random.default_rng(8)
    plan = random.normal(size=1500)
    sky = np.where(plan + 0.3 * random.normal(size=1500) > 0.5, "b", "a")
    stamps = pd.date_range("2001", periods=1500)
    panel = fc.read(pd.DataFrame({"day": stamps, "sky": sky, "plan": plan}), target="sky", future="plan")
    for model in ("logistic", "boosting"):
        fitted = fit(model, panel.until(np.array([1200])), 3)
        origins = np.array([[0, row] for row in range(1200, 1490)])
        shares = fitted.predict(panel, origins).values
        assert np.abs(shares - panel.truth(origins, 3)).mean() < 0.2


@pytest.mark.parametrize("model", ["climatology", "markov", "logistic", "boosting"])
def test_a_name_that_the_past_never_had_keeps_a_small_share(model):
    frame = pd.DataFrame({"day": pd.date_range("2001", periods=400)})
    frame["sky"] = np.array(["a", "b"])[chain(400)]
    frame.loc[399, "sky"] = "c"
    panel = fc.read(frame, target="sky")
    share = fit(model, panel.until(np.array([380])), 2).predict(panel, np.array([[0, 380]])).shares[0, :, 2]
    assert (share > 1e-6).all()
    assert (share < 0.02).all()


@pytest.mark.parametrize("model", ["climatology", "markov", "logistic", "boosting"])
def test_where_only_one_name_was_seen_it_has_nearly_all(model):
    frame = pd.DataFrame({"day": pd.date_range("2001", periods=400), "sky": "a"})
    frame.loc[399, "sky"] = "b"
    panel = fc.read(frame, target="sky")
    shares = fit(model, panel.until(np.array([390])), 2).predict(panel, np.array([[0, 390]])).shares
    assert (shares[0, :, 0] > 0.98).all()
