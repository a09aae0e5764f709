import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from forecast.data.clock import Clock
from forecast.data.findings import Finding
from forecast.data.panel import Column, Panel, make_panel
from forecast.data.zones import to_local
from forecast.errors import ForecastError
from forecast.evaluation.backtest import backtest
from forecast.evaluation.calibration import calibrate
from forecast.evaluation.leaderboard import leaderboard
from forecast.fitting import fit
from forecast.insight.attribution import explain
from forecast.paths import sample_paths
from forecast.results import Log
from forecast.show import plots, sections
from forecast.show.report import write_report
from forecast.show.section import Material, Section, filled
from forecast.show.tables import number, numbers

EVIL = "<script>alert(1)</script>"
DAILY = Clock("fixed", "1D")


def small(ids=("a", "b"), clock=DAILY, rows=150, target="y") -> Panel:
    steps = np.arange(rows)
    stamps = (
        steps.astype("int64")
        if clock.kind == "step"
        else np.datetime64("2024-01-01", "ns") + steps * np.timedelta64(1, "D")
    )
    noise = np.random.default_rng(0)
    values = [(np.sin(2 * np.pi * steps / 7) + noise.normal(0, 0.1, rows))[:, None] for _ in ids]
    for one in values:
        one[40:43] = one[-20] = np.nan
    return make_panel(tuple(ids), [stamps] * len(ids), values, (Column(target, "target"),), clock)


def ran(panel):
    return list(backtest(["naive", "seasonal"], panel))


def page(folder, panel, outcomes=None, **more) -> str:
    outcomes = ran(panel) if outcomes is None else outcomes
    given = {
        "title": "data.csv",
        "findings": (),
        "board": leaderboard(outcomes),
        "outcomes": outcomes,
        "panel": panel,
    }
    path = folder / "report.html"
    write_report(path, **{**given, "forecast": fit("seasonal", panel).predict(panel), **more})
    assert [file.name for file in folder.iterdir()] == ["report.html"]
    return path.read_text(encoding="utf-8")


def own(text: str) -> str:
    """The page without the bundle of plotly.js, whose text is not ours."""
    (bundle,) = re.findall(r'<script type="text/plain" id="plotly">(.*?)</script>', text)
    assert len(bundle) > 1_000_000
    return text.replace(bundle, "")


def figures(text: str) -> list[dict]:
    return [
        json.loads(data)
        for data in re.findall(r'<script type="application/json" class="drawn">(.*?)</script>', text, re.S)
    ]


def with_history(outcomes):
    history = ((10, 1.0, 1.1), (20, 0.5, 0.7), (30, 0.4, 0.9))
    return [
        replace(outcome, log=Log((), history)) if outcome.forecast.model == "seasonal" else outcome
        for outcome in outcomes
    ]


def test_page_holds_verdict_and_every_model(tmp_path):
    panel = small()
    outcomes = ran(panel)
    board = replace(leaderboard(outcomes), notes=("2 series were forecast cold.", "Ended <early>."))
    findings = (Finding("gaps", "warning", "a: 4 values missing"),)
    text = own(
        page(tmp_path, panel, outcomes, board=board, findings=findings, notes=("chosen for tomorrow",))
    )
    table = text[text.index('id="leaderboard"') :].split("</table>")[0]
    assert board.verdict in text
    assert "2 series were forecast cold. Ended &lt;early&gt;." in text
    assert re.findall(r"<td>(naive|seasonal)", table) == [row.model for row in board.rows]
    assert table.count(">baseline<") == 1
    assert "a: 4 values missing" in text
    assert "season of 7 steps" in text
    assert "chosen for tomorrow" in text


def test_user_text_is_escaped_everywhere(tmp_path):
    text = own(
        page(
            tmp_path,
            small((EVIL, "b"), target="<img src=x>"),
            title=EVIL,
            notes=(EVIL,),
            findings=(Finding("x", "info", EVIL),),
        )
    )
    assert EVIL not in text
    assert "<img" not in text
    drawn = json.dumps(figures(text))
    assert "&lt;script&gt;" in drawn
    assert "<" not in re.sub(r"<(extra|br)>", "", drawn)


def test_nothing_is_loaded_from_the_network(tmp_path):
    text = own(page(tmp_path, small()))
    assert not re.findall(r"(?:https?:)?//\w", re.sub(r"<script.*?</script>", "", text, flags=re.S))
    assert not re.findall(r"""<link|@import|url\(|\b(?:src|href)\s*=""", text)


@pytest.mark.parametrize(
    "panel",
    [small(("y",), Clock("step")), small(("y",)), small([f"s{i:03d}" for i in range(30)])],
    ids=["step", "one", "30"],
)
def test_a_page_for_every_kind_of_panel(tmp_path, panel):
    text = page(tmp_path, panel)
    first, *_ = figures(text)
    assert len(first["data"]) == 2 * min(len(panel.ids), plots.SHOWN)
    assert sum(trace["visible"] for trace in first["data"]) == 2
    assert ("updatemenus" in first["layout"]) == (len(panel.ids) > 1)
    assert ("20 of 30 series" in text) == (len(panel.ids) == 30)
    assert first["layout"]["xaxis"]["title"]["text"] == ("step" if panel.clock.kind == "step" else "date")


def test_a_series_that_was_never_observed_is_left_out_of_the_figures(tmp_path):
    panel = small()
    values = panel.values.copy()
    values[panel.rows(0)] = np.nan
    ahead, *others = figures(page(tmp_path, replace(panel, values=values)))
    (backtested,) = [one for one in others if "next to the actual" in one["layout"]["title"]["text"]]
    assert "updatemenus" not in ahead["layout"]
    assert backtested["layout"]["title"]["text"].startswith("b: ")


def test_the_forecast_stands_in_the_table(tmp_path):
    panel = small()
    forecast = fit("naive", panel).predict(panel)
    text = page(tmp_path, panel, forecast=forecast)
    table = text[text.index('<details id="forecast"') :].split("</details>")[0]
    cells = re.findall(r"<td>(.*?)</td>", table)
    assert cells[0] == "2024-05-30"
    assert [float(cell.replace("−", "-")) for cell in cells[1:3]] == pytest.approx(
        forecast.values[:, 0], abs=0.01
    )


def test_losses_only_where_a_net_was_trained(tmp_path):
    panel = small()
    outcomes = ran(panel)
    assert plots.loss_figure(outcomes) is None
    assert "How the nets were trained" not in page(tmp_path, panel, outcomes)
    assert "How the nets were trained" in page(tmp_path, panel, with_history(outcomes))


def test_loss_figure_marks_the_weights_that_were_kept():
    drawn = plots.loss_figure(with_history(ran(small())))
    marks = [trace for trace in drawn.data if trace.mode == "markers" and trace.x[0] is not None]
    assert [(trace.x[0], trace.y[0]) for trace in marks] == [(20, 0.7)] * 3


def test_a_model_has_one_colour_in_all_figures():
    panel = small()
    outcomes = ran(panel)
    drawn = [
        plots.forecast_figure(panel, outcomes[1].forecast),
        plots.error_by_step_figure(outcomes),
        plots.backtest_figure(panel, outcomes),
    ]
    for name in ("naive", "seasonal"):
        assert {trace.line.color for one in drawn for trace in one.data if trace.name == name} == {
            plots.COLOURS[name]
        }
    own = plots.palette(["my-gru", "other", "gru"])
    assert len({own["my-gru"], own["other"], *plots.COLOURS.values()}) == len(plots.COLOURS) + 2


def test_backtest_figure_draws_few_points_of_a_long_test():
    panel = small(("y",), rows=30_000)
    drawn = plots.backtest_figure(panel, ran(panel))
    assert all(len(trace.x) <= plots.POINTS for trace in drawn.data)
    truth = drawn.data[0]
    at = np.searchsorted(panel.times, np.array(truth.x, "datetime64[ns]"))
    np.testing.assert_array_equal(np.array(truth.y), panel.values[at, 0])
    assert "7 days before" in drawn.layout.title.text


def test_an_axis_of_local_time_never_steps_back():
    for step, count in (("1h", 60), ("15min", 240), ("40min", 90)):
        moments = pd.date_range("2024-10-26", periods=count, freq=step)
        drawn = plots.along(moments.to_numpy().astype("datetime64[ns]"), "Europe/Paris")
        assert (np.diff(drawn) > np.timedelta64(0)).all()
        wall = moments.tz_localize("UTC").tz_convert("Europe/Paris").tz_localize(None).to_numpy()
        assert ((drawn == wall) | (np.datetime_as_string(wall, unit="h") == "2024-10-27T02")).all(), step
    summer = np.arange("2024-03-30", "2024-04-01", dtype="datetime64[h]").astype("datetime64[ns]")
    np.testing.assert_array_equal(plots.along(summer, "Europe/Paris"), to_local(summer, "Europe/Paris"))


def test_error_by_step_is_the_mean_over_all_origins():
    outcomes = ran(small())
    line = next(trace for trace in plots.error_by_step_figure(outcomes).data if trace.name == "naive")
    errors = np.concatenate(
        [np.abs(o.forecast.values - o.actual) for o in outcomes if o.forecast.model == "naive"]
    )
    np.testing.assert_allclose(line.y, np.nanmean(errors, axis=0))


def test_a_series_without_forecast_is_named():
    panel = small()
    forecast = fit("naive", panel).predict(panel, np.array([[0, 100]]))
    with pytest.raises(ForecastError, match=r"Series 1 \(b\) has no forecast here"):
        plots.forecast_figure(panel, forecast, 1)


@pytest.mark.parametrize(
    ("clock", "count", "words"),
    [
        (Clock("fixed", "1h"), 24, "hours"),
        (Clock("fixed", "10s"), 1, "step of 10s"),
        (Clock("calendar", "B"), 1, "business day"),
        (Clock("step"), 2, "steps"),
    ],
)
def test_steps_in_words(clock, count, words):
    assert plots.steps_of(clock, count) == words


def test_numbers_of_a_column_share_their_decimals():
    assert numbers(np.array([3.1171, 12.5, np.nan])) == ["3.117", "12.500", "–"]
    assert numbers(np.array([12345.6, 0.0])) == ["12,346", "0"]
    assert numbers(np.array([0.0, 0.0])) == ["0", "0"]
    assert number(-0.001, 2) == "0.00"
    assert number(-1.5, 1) == "−1.5"


def test_intervals_are_bands_around_the_forecast_widest_below():
    panel = small()
    _, calibrations = calibrate(ran(panel), (80, 95))
    fitted = replace(fit("naive", panel, intervals=(80, 95)), calibration=calibrations["naive"])
    forecast = fitted.predict(panel)
    drawn = plots.forecast_figure(panel, forecast)
    assert [trace.name for trace in drawn.data[:4]] == ["observed", "95 %", "80 %", "naive"]
    assert len(drawn.data) == 4 * len(panel.ids)
    band = drawn.data[2]
    assert band.fill == "toself"
    np.testing.assert_array_equal(
        band.y, np.concatenate([forecast.quantiles[0, :, 3], forecast.quantiles[0, ::-1, 1]])
    )
    assert all(
        len(button["args"][0]["visible"]) == len(drawn.data) for button in drawn.layout.updatemenus[0].buttons
    )


def shares_of_forecasts(material: Material) -> Section | None:
    """A section of somebody else: text, HTML and a figure."""
    table = filled("<p id='counted'>{{ count }} forecasts of {{ name }}</p>", count=3, name=EVIL)
    drawn = go.Figure(go.Scatter(x=[1, 2], y=[3, 4], name="mine"))
    return Section(f"Counted on {material.panel.target} & more", table, (drawn,))


def test_a_section_that_is_added_stands_on_the_page_in_its_place(tmp_path):
    added = [sections.SECTIONS[0], shares_of_forecasts, lambda material: None, *sections.SECTIONS[1:]]
    text = own(page(tmp_path, small(), sections=added))
    heads = re.findall(r"<h2>(.*?)</h2>", text)
    assert heads[:3] == ["The next 7 days", "Counted on y &amp; more", "The models compared"]
    assert "<p id='counted'>3 forecasts of &lt;script&gt;alert(1)&lt;/script&gt;</p>" in text
    assert figures(text)[1]["data"][0]["name"] == "mine"
    assert len(figures(text)) == 8


def test_text_of_a_section_that_is_no_markup_is_escaped(tmp_path):
    text = own(page(tmp_path, small(), sections=[lambda material: Section("Plain", EVIL)]))
    assert EVIL not in text
    assert "&lt;script&gt;alert(1)" in text


def test_every_section_of_the_table_is_made_from_the_material_alone(tmp_path):
    panel = small()
    outcomes = with_history(ran(panel))
    fitted = fit("seasonal", panel)
    forecast, explanation = fitted.predict(panel), explain(fitted, panel)
    board, models = leaderboard(outcomes), plots.ranked(outcomes)
    material = Material(board, models, panel, forecast, explanation=explanation)
    made = [make(material) for make in sections.SECTIONS]
    titles = [section.title for section in made if section is not None]
    of_names = [make for make, section in zip(sections.SECTIONS, made, strict=True) if section is None]
    assert of_names == [sections.market, sections.sample_futures, sections.probabilities_of_names]
    text = page(tmp_path, panel, outcomes, forecast=forecast, explanation=explanation)
    assert re.findall(r"<h2>(.*?)</h2>", own(text)) == titles
    assert len(set(titles)) == len(titles)


def walked(ids=("a", "b"), target="y"):
    """A panel, its outcomes with calibrated intervals, and the model that they taught."""
    panel = small(ids, rows=240, target=target)
    outcomes, taught = calibrate(
        backtest("seasonal", panel, horizon=5, intervals=(80, 95), levels=(0.05, 0.25, 0.75, 0.95))
    )
    task = outcomes[0].truth.task
    return panel, outcomes, fit("seasonal", panel, task).calibrated(taught["seasonal"])


def test_paths_have_a_fan_and_the_distribution_of_their_sum():
    panel, outcomes, fitted = walked()
    paths = sample_paths(fitted, panel, count=300)
    models = {"seasonal": outcomes}
    material = Material(leaderboard(outcomes), models, panel, fitted.predict(panel), paths=paths)
    section = sections.sample_futures(material)
    fan, sums = section.figures
    lines = [trace for trace in fan.data if trace.name == "single paths"]
    assert len(lines) == 40
    np.testing.assert_array_equal(np.array([one.y for one in lines]), paths.values[0, :40])
    (middle,) = (trace for trace in fan.data if trace.name == "median of the paths")
    np.testing.assert_allclose(middle.y, np.median(paths.values[0], axis=0))
    assert [trace.name for trace in fan.data[:2]] == ["95 % of the paths", "80 % of the paths"]
    np.testing.assert_allclose(sums.data[0].x, paths.values[0].sum(axis=1))
    marks = sorted(shape.x0 for shape in sums.layout.shapes)
    frame = paths.sum().iloc[0]
    ends = [f"seasonal-sum{end}" for end in ("", "-lo-80", "-hi-80", "-lo-95", "-hi-95")]
    np.testing.assert_allclose(marks, sorted(frame[ends].astype(float)))
    assert "a: sample paths of y" in fan.layout.title.text
    assert f"<td>{number(frame['seasonal-sum'], 2)}</td>" in section.html
    assert "<th>80 %</th><th>95 %</th>" in section.html


def test_the_page_has_paths_where_a_walk_taught_them_and_escapes_names(tmp_path):
    panel, outcomes, fitted = walked(ids=(EVIL,), target=EVIL)
    paths = sample_paths(fitted, panel, count=50)
    found = page(tmp_path, panel, outcomes, forecast=fitted.predict(panel), paths=paths)
    assert "Sample paths and their sum" in found
    assert EVIL not in found
    assert "Sample paths" not in page(tmp_path, panel, outcomes, forecast=fitted.predict(panel))


def test_one_step_has_no_sum():
    panel, outcomes, fitted = walked()
    paths = sample_paths(fitted, panel, count=50)
    one = replace(paths, values=paths.values[..., :1], times=paths.times[:, :1])
    material = Material(
        leaderboard(outcomes), {"seasonal": outcomes}, panel, fitted.predict(panel), paths=one
    )
    assert sections.sample_futures(material) is None
