"""What a column is worth to a fitted model, by exchanging it between windows."""

from dataclasses import replace

import numpy as np
import pytest
from test_attribution import leads

import forecast as fc
from forecast.data.panel import Column
from forecast.errors import ForecastError
from forecast.evaluation.ablation import Bought
from forecast.insight.attribution import explain
from forecast.insight.importance import importance
from forecast.testing import rich, weather


def test_a_column_that_leads_is_worth_most_and_noise_nothing():
    panel = leads(1500, 0.3)
    fitted = fc.fit("ridge", panel.until(np.array([1000])), horizon=5)
    made = importance(fitted, panel)
    lead, noise = made.columns
    assert (lead.column, noise.column) == ("lead", "noise")
    assert lead.loss > 1
    assert 0 < lead.loss_lo < lead.loss < lead.loss_hi
    assert abs(noise.loss) < 0.1
    assert noise.loss_lo < 0.02


def test_a_column_that_is_not_read_is_worth_exactly_nothing():
    panel = leads()
    for model in ("seasonal", "arima"):
        made = importance(fc.fit(model, panel, horizon=5), panel)
        assert [one.loss for one in made.columns] == [0.0, 0.0]


def test_the_error_without_an_exchange_is_that_of_the_forecasts():
    panel = weather()
    fitted = fc.fit("ridge", panel, horizon=6)
    origins = np.array([[s, r] for s in (0, 1) for r in range(300, 400, 6)])
    made = importance(fitted, panel, origins)
    expected = np.abs(fitted.predict(panel, origins).values - panel.truth(origins, 6)).mean()
    assert made.error == pytest.approx(expected, rel=1e-9)
    assert made.windows == len(origins)


def test_the_same_seed_gives_the_same_and_more_repeats_the_mean():
    panel = leads()
    fitted = fc.fit("ridge", panel, horizon=5)
    assert importance(fitted, panel, seed=3).columns == importance(fitted, panel, seed=3).columns
    assert importance(fitted, panel, seed=3).columns != importance(fitted, panel, seed=4).columns


def test_every_role_and_indicators_are_exchanged_as_columns_of_the_file():
    panel = rich()
    made = importance(fc.fit("ridge", panel, horizon=6), panel)
    names = {column.name for column in panel.columns[1:]}
    assert {one.column for one in made.columns} == names
    worth = {one.column: one.loss for one in made.columns}
    assert worth["load"] > 0.1  # the target has twice of it


def test_what_it_uses_and_what_a_fit_without_it_loses_stand_next_to_it():
    panel = leads(1500, 0.3)
    fitted = fc.fit("ridge", panel, horizon=5)
    bought = [Bought("noise", 0.0, -0.1, 0.1, 0.9, 1.0), Bought("lead", 2.0, 1.5, 2.5, 0.001, 1.0)]
    frame = importance(fitted, panel).to_frame(explain(fitted, panel), bought).set_index("column")
    assert list(frame.columns) == ["loss", "loss_lo", "loss_hi", "used", "gain", "gain_lo", "gain_hi", "p"]
    assert frame.loc["lead", "gain"] == 2.0
    assert frame.loc["lead", "used"] > frame.loc["noise", "used"]


def test_what_cannot_be_measured_is_refused():
    panel = leads(40)
    fitted = fc.fit("seasonal", panel, horizon=5)
    with pytest.raises(ForecastError, match="0 windows of 512 rows with a whole horizon are too few"):
        importance(fitted, panel)
    alone = replace(panel, values=panel.values[:, :1], columns=(Column("y", "target"),))
    with pytest.raises(ForecastError, match="There is no column next to y"):
        importance(fc.fit("seasonal", alone, horizon=5), alone)
    with pytest.raises(ForecastError, match="was not fitted on two"):
        importance(fitted, replace(panel, ids=("two",)))
