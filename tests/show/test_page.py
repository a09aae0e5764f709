"""What the page says and draws: the headline, tables of the next horizon, static pictures, market, kept forecasts, parts of the test."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

import forecast as fc
from forecast.data.panel import Panel
from forecast.evaluation.backtest import backtest
from forecast.evaluation.calibration import calibrate
from forecast.evaluation.leaderboard import leaderboard
from forecast.evaluation.market import directions
from forecast.fitting import fit
from forecast.show import market, plots, track
from forecast.show.headline import evidence, headline
from forecast.show.page import STYLE
from forecast.show.report import write_report
from forecast.show.static import HEIGHT, WIDTH, svg
from forecast.show.tables import forecast_table, score_head, score_lines


def hourly(rows: int = 600, series: int = 1) -> Panel:
    """Hours of Madrid with a day in them, and noise."""
    hours = pd.date_range("2024-01-01", periods=rows, freq="h")
    random = np.random.default_rng(0)
    parts = []
    for i in range(series):
        values = 10 + 5 * np.sin(2 * np.pi * np.arange(rows) / 24) + random.normal(0, 1, rows)
        parts.append(pd.DataFrame({"ds": hours, "id": f"s{i:02d}", "y": values.round(3)}))
    return fc.read(pd.concat(parts), tz="Europe/Madrid", unit=["y=°C"])


@pytest.fixture(scope="module")
def walked():
    panel = hourly()
    outcomes, calibrations = calibrate(backtest(["seasonal", "naive"], panel, horizon=30), (80, 95))
    fitted = replace(
        fit("seasonal", panel, horizon=30, intervals=(80, 95)), calibration=calibrations["seasonal"]
    )
    return panel, list(outcomes), fitted.predict(panel)


def rows_of(board, **changed):
    """The board with changes in the row of its best model."""
    first, *others = board.rows
    return replace(board, rows=(replace(first, **changed), *others))


def test_the_headline_is_honest(walked):
    _, outcomes, _ = walked
    board = leaderboard(outcomes)
    assert board.best == board.baseline == "seasonal"
    assert headline(board) == "No model is more accurate than seasonal, the best baseline."
    won = replace(board, baseline="naive")
    sure = replace(won, rows=(won.rows[0], replace(won.rows[1], among_best=False)))
    sure = rows_of(sure, model="lstm", skill=0.143, skill_lo=0.1, skill_hi=0.2, p=0.0002)
    assert headline(sure) == "lstm is 14 % more accurate than naive, the best baseline."
    assert headline(rows_of(sure, p=0.2)).endswith("the best baseline, but that could be chance.")
    assert headline(rows_of(sure, p=None)).endswith(
        ", but the test is too short to say whether that is chance."
    )
    assert headline(rows_of(sure, skill=0.0234)).startswith("lstm is 2.3 % more accurate")
    assert headline(sure, of_names=True).startswith("lstm is 14 % better than")
    assert headline(rows_of(sure, asked=False)).startswith(
        "No model that was named is more accurate than lstm"
    )
    assert "alone was run" in headline(replace(board, rows=board.rows[:1]))


def test_the_evidence_has_scores_test_folds_and_forecasts(walked):
    panel, outcomes, _ = walked
    board = leaderboard(outcomes)
    pieces = evidence(board, outcomes, "y", "°C")
    scores = {row.model: row.scores[board.metric] for row in board.rows}
    shown = re.findall(r"(naive|seasonal) (\S+) °C", pieces[0])
    assert {name: float(value) for name, value in shown} == pytest.approx(scores, rel=0.01)
    last = pd.Timestamp(panel.times[-1], tz="UTC").tz_convert("Europe/Madrid")
    assert any(piece.endswith(f"to {last:%Y-%m-%d %H:%M}") for piece in pieces)
    assert "3 folds" in pieces
    assert pieces[-1] == f"{board.origins} forecasts of y, 30 hours ahead"


def test_the_board_of_the_page_has_every_column_of_the_terminal(walked):
    _, outcomes, _ = walked
    board = leaderboard(outcomes)
    terminal = re.split(r"  +", str(board).splitlines()[0].strip())[1:]
    page = [head.split(",")[0] for head in score_head(board, "y")]
    assert page == [head.split(",")[0] for head in terminal]
    for line, row in zip(score_lines(board), board.rows, strict=True):
        assert len(line.cells) == len(page)
        assert line.cells[page.index("in 80 %")] == f"{100 * row.coverage['80']:.1f}"


def test_the_next_horizon_in_numbers_has_intervals_units_and_days(walked):
    panel, _, forecast = walked
    table = forecast_table(panel, forecast)
    assert table.head[1:] == ("y, °C", "80 % from", "to", "95 % from", "to")
    _, low, high = forecast.bands[0]
    cells = np.array([[float(cell) for cell in row[1:]] for row in table.rows])
    np.testing.assert_allclose(cells[:, 0], forecast.values[0], atol=0.0501)
    np.testing.assert_allclose(cells[:, 1], low[0], atol=0.0501)
    np.testing.assert_allclose(cells[:, 2], high[0], atol=0.0501)
    local = pd.DatetimeIndex(forecast.times[0]).tz_localize("UTC").tz_convert("Europe/Madrid")
    days = pd.Series(forecast.values[0], local).groupby(local.strftime("%Y-%m-%d"))
    assert [day for day, _ in table.days] == list(days.groups)
    for (_, cell), (_, own) in zip(table.days, days, strict=True):
        lowest, at_low, highest, at_high = re.findall(r"[\d.]+\b(?!:)|\d\d:\d\d", cell)
        assert (float(lowest), float(highest)) == pytest.approx((own.min(), own.max()), abs=0.0501)
        assert (at_low, at_high) == (f"{own.idxmin():%H:%M}", f"{own.idxmax():%H:%M}")


def places(picture: str, name: str) -> np.ndarray:
    """The points of a line or outline of a static picture."""
    path = re.search(rf'<path d="M([^"]+)"[^>]*><title>{name}</title>', picture)[1]
    return np.array([[float(x) for x in point.split()] for point in re.split("[LM]", path.rstrip("Z"))])


def test_the_static_picture_has_the_points_of_the_figure(walked):
    panel, _, forecast = walked
    figure = plots.forecast_figure(panel, forecast)
    picture = str(svg(figure))
    drawn = {trace.name: trace for trace in figure.data}
    values = np.concatenate([np.array(trace.y) for trace in figure.data])
    line = places(picture, "observed")
    scale = np.polyfit(line[:, 1], np.array(drawn["observed"].y), 1)  # from places to values
    assert scale[0] < 0
    for name in ("observed", "80 %", "95 %", "seasonal"):
        found = places(picture, name)
        np.testing.assert_allclose(
            np.polyval(scale, found[:, 1]), np.array(drawn[name].y), atol=np.ptp(values) / 1000
        )
        assert (found >= 0).all()
        assert (found <= [WIDTH, HEIGHT]).all()
    steps = np.diff(np.append(line[:, 0], places(picture, "seasonal")[:, 0]))
    np.testing.assert_allclose(steps, steps.mean(), atol=0.11)  # history goes over into the forecast
    assert "y, °C" in picture
    assert svg(go.Figure(go.Heatmap(z=[[1, 2]]))) is None


def test_static_bars_are_as_high_as_their_values():
    figure = go.Figure([go.Bar(x=["a", "b"], y=[0.25, 0.5], name="p"), go.Bar(x=["a", "b"], y=[0.75, 0.5])])
    figure.update_layout(barmode="stack", yaxis_range=[0, 1])
    heights = [float(x) for x in re.findall(r'height="([\d.]+)" style', str(svg(figure)))]
    whole = heights[0] + heights[2]
    assert [height / whole for height in heights] == pytest.approx([0.25, 0.5, 0.75, 0.5], abs=0.01)


def test_every_series_is_found_by_name():
    panel = hourly(200, 25)
    forecast = fit("seasonal", panel).predict(panel)
    found = json.loads(plots.searchable(panel, forecast).script.replace("\\u003c", "<"))
    assert list(found["series"]) == list(panel.ids)
    for name in ("s03", "s24"):
        figure = plots.forecast_figure(panel, forecast, panel.ids.index(name))
        shown = [trace for trace in figure.data if trace.visible]
        for trace, (stamps, values) in zip(shown, found["series"][name], strict=True):
            assert found["stamps"][stamps] == list(trace.x)
            np.testing.assert_allclose(values, np.array(trace.y), rtol=1e-5)
    few = hourly(200, 2)
    assert plots.searchable(few, fit("naive", few).predict(few)) is None


def test_the_interval_of_one_step_is_a_bar_and_has_no_error_by_step(tmp_path):
    panel = hourly(400)
    outcomes, calibrations = calibrate(backtest(["seasonal", "naive"], panel, horizon=1), (80, 95))
    fitted = replace(fit("naive", panel, horizon=1, intervals=(80, 95)), calibration=calibrations["naive"])
    forecast = fitted.predict(panel)
    wide, narrow = plots.forecast_figure(panel, forecast).data[1:3]
    assert (wide.mode, narrow.mode) == ("lines", "lines")
    assert narrow.line.width > wide.line.width
    assert set(narrow.x) == {"2024-01-17 16:00"}
    outcomes = list(outcomes)
    path = tmp_path / "page.html"
    board = leaderboard(outcomes)
    write_report(path, title="t", findings=(), board=board, outcomes=outcomes, panel=panel, forecast=forecast)
    text = path.read_text()
    assert "<h2>The next hour</h2>" in text
    assert "How the error grows" not in text


def test_the_equity_curve_is_the_sum_of_what_the_table_says():
    random = np.random.default_rng(1)
    price = 100 * np.exp(np.cumsum(random.normal(0, 0.01, 400)))
    panel = fc.read(pd.DataFrame({"ds": pd.date_range("2023-01-01", periods=400), "y": price}))
    outcomes = list(backtest(["drift", "naive"], panel, horizon=1))
    rows = directions(outcomes, 5.0)
    found = plots.ranked(outcomes)
    material = market.Material(
        leaderboard(outcomes), found, panel, fit("naive", panel, horizon=1).predict(panel)
    )
    material = replace(material, market=rows, cost=5.0)
    section = market.market(material)
    (figure,) = section.figures
    drawn = {trace.name: np.array(trace.y) for trace in figure.data}
    for row in rows:
        (own,) = market.traded(found[row.model], 5.0)
        assert np.nanmean(own.earned) == pytest.approx(row.profit)
        assert drawn[row.model][-1] == pytest.approx(np.nansum(own.earned) / 100)
    (naive,) = market.traded(found["naive"], 5.0)
    assert (naive.turnover, naive.drawdown, np.abs(naive.earned).max()) == (0, 0, 0)
    (drift,) = market.traded(found["drift"], 5.0)
    total = np.append(0, np.cumsum(drift.earned))
    falls = [total[: place + 1].max() - total[place] for place in range(len(total))]
    assert drift.drawdown == pytest.approx(max(falls) / 100)
    assert "each side that is traded costs 5 basis points" in section.html
    other = replace(material, market=[replace(row, profit=row.profit + 1) for row in rows])
    assert market.market(other).figures == ()  # a curve that is not that of the table is not drawn


def test_errors_by_hour_are_the_means_of_that_hour(walked):
    panel, outcomes, _ = walked
    models = plots.ranked(outcomes)
    figures = track.calendar_figures(panel, models, plots.palette(models))
    assert [figure.layout.xaxis.title.text for figure in figures] == ["hour", "weekday"]
    drawn = next(trace for trace in figures[0].data if trace.name == "naive")
    frame = pd.concat([one.to_frame() for one in models["naive"]])
    hour = pd.DatetimeIndex(frame["ds"]).strftime("%H")
    wanted = (frame["naive"] - frame["y"]).abs().groupby(hour).mean()
    assert list(drawn.x) == list(wanted.index)
    np.testing.assert_allclose(np.array(drawn.y), wanted.to_numpy())


def test_coverage_residuals_and_folds_are_those_of_the_outcomes(walked):
    panel, outcomes, _ = walked
    parts = plots.ranked(outcomes)["seasonal"]
    held = track.coverage_figure(panel, parts, "#000000")
    low, high = (np.concatenate([one.forecast.bands[0][side].ravel() for one in parts]) for side in (1, 2))
    actual = np.concatenate([one.actual.ravel() for one in parts])
    known = ~np.isnan(low) & ~np.isnan(actual)
    inside = ((actual >= low) & (actual <= high))[known].mean()
    assert np.nanmean(np.array(held.data[0].y)) == pytest.approx(inside, abs=0.05)
    bars = track.residual_figure(panel, parts, "#000000").data[0]
    errors = np.concatenate([(one.forecast.values - one.actual).ravel() for one in parts])
    assert sum(bars.y) == pytest.approx((~np.isnan(errors)).sum(), rel=0.01)
    assert np.average(np.array(bars.x), weights=bars.y) == pytest.approx(np.nanmean(errors), abs=0.1)
    strips = track.folds_figure(panel, parts).data
    assert [strip.name for strip in strips] == ["fitted on", "tested on"] * 3
    for one, trained, tested in zip(parts, strips[::2], strips[1::2], strict=True):
        first, last = pd.to_datetime([one.forecast.cutoffs.min(), one.forecast.times.max()], utc=True)
        assert pd.Timestamp(trained.x[1]) == first.tz_convert("Europe/Madrid").tz_localize(None)
        assert pd.Timestamp(tested.x[1]) == last.tz_convert("Europe/Madrid").tz_localize(None)


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    parts = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_text_has_enough_contrast_in_the_light_the_dark_and_on_paper():
    schemes = re.findall(r":root \{(.*?)\}", STYLE, re.S)
    assert len(schemes) == 3
    for scheme in schemes:
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", scheme))
        for ground in ("ground", "panel"):
            for text in ("text", "soft", "link", "warn"):
                bright, dim = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
                assert (bright + 0.05) / (dim + 0.05) >= 4.5, (text, ground)


def test_a_picture_of_a_single_stamp_has_a_place_for_it():
    stamp = np.array(["2024-01-01T00:00:00"])
    figure = go.Figure(go.Scatter(x=stamp, y=[2.0], mode="markers", marker={"size": 8, "color": "#000000"}))
    drawn = str(svg(figure))
    assert "nan" not in drawn
    assert "2024-01-01" in drawn
