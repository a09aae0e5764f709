"""The cells that are named move the forecast: deletion and insertion on a real file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import forecast as fc
from forecast.insight.attribution import explain

WEATHER = Path(__file__).parents[2] / "data" / "weather.parquet"
SHARE = 0.01  # of the cells of a window


def moved(fitted, panel, origins, chosen, *, inserted):
    """The mean distance of forecasts at the last step when chosen cells (M, L, C) are set to the last value, or all others are."""
    context = fitted.context
    plain = fitted.predict(panel, origins).values[:, -1]
    forecasts = []
    for place, (series, row) in enumerate(origins):
        values = panel.values.copy()
        rows = slice(panel.starts[series] + row - context, panel.starts[series] + row)
        window = values[rows]
        held = np.broadcast_to(window[-1], window.shape)
        cells = chosen[place][::-1]
        values[rows] = np.where(~cells if inserted else cells, held, window)
        forecasts.append(fitted.predict(replace(panel, values=values), origins[[place]]).values[0, -1])
    held_to = explain(fitted, panel, origins, horizons=[fitted.goal.horizon]).parts.held[:, 0]
    return np.abs(np.array(forecasts) - (held_to if inserted else plain)).mean()


@pytest.mark.slow
def test_the_most_attributed_cells_move_the_forecast_most():
    whole = fc.read(WEATHER)
    panel = replace(whole.until(np.full(len(whole.ids), 3000)).compact(), reading=whole.reading)
    seen = np.where(np.isnan(panel.values), np.nanmean(panel.values, axis=0), panel.values)
    panel = replace(panel, values=seen)
    fitted = fc.fit("gru", panel, horizon=24, steps=400, shrink=False)
    origins = np.array([[series, row] for series in range(2) for row in range(2000, 2800, 100)])
    made = explain(fitted, panel, origins, horizons=[24])
    cells = made.cells[:, 0]
    size = cells[0].size
    count = round(SHARE * size)
    flat = np.abs(cells).reshape(len(origins), -1)
    most = np.zeros(flat.shape, bool)
    np.put_along_axis(most, np.argsort(-flat, axis=1)[:, :count], True, axis=1)
    random = np.random.default_rng(0)
    drawn = np.stack([random.permutation(size) < count for _ in origins])
    for inserted in (False, True):
        by_most = moved(fitted, panel, origins, most.reshape(cells.shape), inserted=inserted)
        by_chance = moved(fitted, panel, origins, drawn.reshape(cells.shape), inserted=inserted)
        assert by_most >= 5 * by_chance, (inserted, by_most, by_chance)
