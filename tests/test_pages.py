"""Every block of shell and Python of README and docs runs, in the order of its page, in a folder with copies of the data.

The copies are small, but for the blocks that are slow.
"""

import os
import re
import sys
from contextlib import redirect_stdout
from io import StringIO

import pandas as pd
import pytest
from commands import forecast
from pages import PAGES, PART, ROOT, SHELLS, blocks

WITH_BLOCKS = [page for page in PAGES if any(block.run for block in blocks(page))]
SLOW = [page for page in PAGES if any(block.slow for block in blocks(page))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
KINDS = ("slow: ", "not run: ", "saved as ", "shown")


@pytest.fixture(scope="module", autouse=True)
def one_core():
    """Commands run in one process each: a pool of processes would take longer to start than these walks take."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with the files of data/, those of many rows cut to their last, and the pipelines."""
    (tmp_path / "data").mkdir()
    weather = pd.read_parquet(ROOT / "data" / "weather.parquet")
    recent = weather["time"] > weather["time"].max() - pd.Timedelta(days=8)
    weather[recent].to_parquet(tmp_path / "data" / "weather.parquet")
    lines = (ROOT / "data" / "oil.csv").read_text().splitlines()
    (tmp_path / "data" / "oil.csv").write_text("\n".join([lines[0], *lines[-250:]]) + "\n")
    for name in ("sine.csv", "bumps.csv", "regimes.parquet"):
        os.symlink(ROOT / "data" / name, tmp_path / "data" / name)
    yield from working_in(tmp_path, monkeypatch)


@pytest.fixture
def whole(tmp_path, monkeypatch):
    """A folder with the files of data/ as they are."""
    os.symlink(ROOT / "data", tmp_path / "data")
    yield from working_in(tmp_path, monkeypatch)


def working_in(folder, monkeypatch):
    """The folder as the working directory and on the path of imports, until the test is over."""
    os.symlink(ROOT / "pipelines", folder / "pipelines")
    known = set(sys.modules)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for name in set(sys.modules) - known:
        if str(folder) in str(getattr(sys.modules[name], "__file__", None)):
            del sys.modules[name]


def run_page(page, place, *, slow):
    """Run the blocks of a page; the slow ones only if asked for. The number of blocks that ran."""
    names: dict[str, object] = {"__name__": "page"}
    ran = 0
    for block in blocks(page):
        if not block.run or (block.slow and not slow):
            continue
        where = f"{page.name}:{block.line}"
        if block.comment.startswith("saved as "):
            (place / block.comment.removeprefix("saved as ")).write_text(block.text)
        elif block.language in SHELLS:
            for command in block.commands:
                assert command[0] == "forecast", f"{where}: {command[0]} is no command that a test can run"
                done = forecast(place, *command[1:])
                assert done.returncode == 0, f"{where}: {' '.join(command)}\n{done.stderr}"
        else:
            with redirect_stdout(StringIO()):
                exec(compile(block.text, where, "exec"), names)
        ran += 1
    return ran


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run(page, place):
    run_page(page, place, slow=False)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", SLOW, ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run_with_the_slow_ones(page, whole):
    assert run_page(page, whole, slow=True)


def test_what_is_left_out_says_why_and_is_little():
    every = [block for page in PAGES for block in blocks(page) if block.language != "before"]
    for block in every:
        if block.comment.startswith(("slow", "not run")):
            assert re.match(r"(slow|not run): \w.{8,}", block.comment), block
    assert len([block for block in every if block.run]) >= 45
    assert len([block for block in every if not block.run]) < 12


def test_a_command_stands_in_a_block_that_runs():
    """A fence without a language holds output, a table of cron or a formula: no line of it begins as a command does."""
    for page in PAGES:
        for part in PART.finditer(page.read_text(encoding="utf-8")):
            if part["language"] in ("", "text"):
                assert not re.search(r"^(\$ )?forecast \w", part["text"], re.M), page.name


@pytest.mark.parametrize("page", [*PAGES, ROOT / "ARCHITECTURE.md"], ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    """Files that a page links to are there; pages of reference are those that are made."""
    import importlib

    sys.path.insert(0, str(ROOT / "docs"))
    generate = importlib.import_module("generate")
    made = {f"reference/{name}.md" for name in generate.page_names()} | {"lessons/index.md"}
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for link in LINK.findall(text):
        target = link.partition("#")[0]
        if "://" in link or link.startswith("mailto:") or not target:
            continue
        there = (page.parent / target).exists() or target in made
        assert there, f"{page.name} links to {link}"
