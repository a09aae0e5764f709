"""The page in a browser: it opens without a network, draws without an error, changes its series, and is read without a script."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.data.panel import Panel
from forecast.evaluation.backtest import backtest
from forecast.evaluation.leaderboard import leaderboard
from forecast.fitting import fit
from forecast.results import Forecast
from forecast.show.report import write_report

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
SERIES = 25

# what is written into the page by a reader who looks for a series, and what the page reports of itself
READER = """
<script>
  const errors = [];
  addEventListener("error", (event) => errors.push(event.message));
  addEventListener("unhandledrejection", (event) => errors.push(String(event.reason)));
  const wait = setInterval(() => {
    if (!document.documentElement.classList.contains("scripted")) return;
    clearInterval(wait);
    setTimeout(() => {
      const figure = figures[0], box = document.getElementById("search");
      const seen = () => figure._fullData.filter((trace) => trace.visible === true).map((trace) => Array.from(trace.y).at(-1));
      const before = seen();
      box.value = "s24";
      box.dispatchEvent(new Event("input"));
      setTimeout(() => {
        const outside = performance.getEntriesByType("resource").map((entry) => entry.name);
        document.body.dataset.seen = JSON.stringify({ errors, before, after: seen(), outside, drawn: figures.length,
          title: figure.layout.title.text, plots: document.querySelectorAll(".figure .main-svg").length });
      }, 300);
    }, 300);
  }, 50);
</script>
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> tuple[Path, Panel, Forecast]:
    random = np.random.default_rng(0)
    stamps = pd.date_range("2024-01-01", periods=120)
    parts = [
        pd.DataFrame({"ds": stamps, "id": f"s{i:02d}", "y": random.normal(i, 1, 120)}) for i in range(SERIES)
    ]
    panel = fc.read(pd.concat(parts))
    outcomes = list(backtest(["seasonal", "naive"], panel))
    forecast = fit("naive", panel).predict(panel)
    path = tmp_path_factory.mktemp("page") / "report.html"
    board = leaderboard(outcomes)
    write_report(path, title="t", findings=(), board=board, outcomes=outcomes, panel=panel, forecast=forecast)
    return path, panel, forecast


def opened(path: Path, *flags: str) -> tuple[str, str]:
    """The page as the browser has it after ten seconds of its own time, and what it logged."""
    if BROWSER is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    done = subprocess.run(
        [
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--virtual-time-budget=10000",
            "--enable-logging=stderr",
            f"--user-data-dir={path.parent / 'browser'}",
            *flags,
            "--dump-dom",
            path.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_it_opens_offline_draws_every_figure_and_changes_the_series(page):
    path, panel, forecast = page
    text = path.read_text()
    tried = path.with_name("tried.html")
    tried.write_text(text.replace("<body>", f"<body>{READER}"))
    found, logged = opened(tried)
    assert "CONSOLE" not in logged
    seen = json.loads(html.unescape(re.search(r'data-seen="(.*?)"', found)[1]))
    assert seen["errors"] == []
    assert seen["outside"] == []
    assert seen["drawn"] == text.count('class="drawn"')
    assert seen["plots"] >= seen["drawn"]
    last = {panel.ids[series]: forecast.values[m, -1] for m, (series, _) in enumerate(forecast.origins)}
    assert seen["before"][-1] == pytest.approx(last["s00"], rel=1e-4)
    assert seen["after"][-1] == pytest.approx(last["s24"], rel=1e-4)
    assert seen["title"].startswith("s24: ")


def test_it_is_read_without_a_script(page):
    path, *_ = page
    text = path.read_text()
    still = re.sub(r"<script.*?</script>", "", text, flags=re.S)
    assert still.count('<svg class="drawing"') >= 3
    assert still.index("<h2>The next 7 days</h2>") < still.index('<svg class="drawing"')
