"""The pages of reference that are made from the code have an entry for everything there is, and the site holds every page."""

import dataclasses
import inspect
import itertools
import re
import sys
import tomllib

import pytest
from pages import ROOT

import forecast as fc
from forecast.data.findings import CODES
from forecast.models import MODELS, describe

sys.path.insert(0, str(ROOT / "docs"))
import generate
import lessons

DOCS = ROOT / "docs"
GENERATED = ("reference/", "lessons/")


@pytest.fixture(scope="module")
def commands():
    import typer.main

    from forecast.cli import app

    return typer.main.get_command(app).commands


@pytest.fixture(scope="module")
def pages():
    return generate.command_pages()


def test_every_command_has_a_page_with_its_flags_its_arguments_and_an_example(commands, pages):
    assert {f"commands/{name}" for name in commands} == set(pages) - {"commands/index"}
    for name, command in commands.items():
        page = pages[f"commands/{name}"]
        assert page.startswith(f"# forecast {name}\n")
        assert f"```sh\nforecast {name} " in page
        assert f"[{name}]({name}.md)" in pages["commands/index"]
        for one in command.params:
            if one.param_type_name == "option":
                assert all(f"`{text}`" in page for text in (*one.opts, *one.secondary_opts))
            else:
                assert f"`{one.name.upper()}`" in page or f"`[{one.name.upper()}]`" in page
            assert " ".join((one.help or "").split()).split("|")[0] in page


def test_every_model_has_a_page_with_each_of_its_settings():
    pages = generate.model_pages()
    assert {f"models/{name}" for name in MODELS} == set(pages) - {"models/index"}
    for name in MODELS:
        page = pages[f"models/{name}"]
        assert page.startswith(f"# {name}\n")
        for one in describe(name):
            row = next(line for line in page.splitlines() if line.startswith(f"| `{one.name}` |"))
            assert one.tried in row
            assert one.source in row


def test_every_finding_has_its_address_its_meaning_and_what_to_do():
    page = generate.findings_page()
    entries = tomllib.loads(generate.FINDINGS.read_text(encoding="utf-8"))
    codes = [code for group in entries.values() for code in group]
    assert sorted(codes) == sorted(CODES)
    headings = re.findall(r"^#+ (.*)$", page, re.M)
    assert set(CODES) <= set(headings)
    anchors = [re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-") for heading in headings]
    assert len(anchors) == len(set(anchors))  # two headings alike would move the address of the second
    for code, severity in CODES.items():
        entry = page.partition(f"\n### {code}\n")[2].partition("\n#")[0]
        assert entry.strip().startswith(f"*{severity}.* ")
        meaning, remedy = next(group[code] for group in entries.values() if code in group)
        assert meaning.endswith(".")
        assert remedy.endswith(".")
        if severity == "error":
            assert not remedy.startswith("Nothing"), code


def test_every_flag_that_a_finding_offers_exists(commands):
    known = {text for command in commands.values() for one in command.params for text in one.opts}
    known |= {text for command in commands.values() for one in command.params for text in one.secondary_opts}
    named = set(re.findall(r"`(--[a-z]+)", generate.FINDINGS.read_text(encoding="utf-8")))
    assert len(named) > 20
    assert named <= known


def test_every_public_name_is_documented():
    page = generate.python_page()
    for name in fc.__all__:
        heading = re.escape(generate.heading_of(name))
        value = getattr(fc, name)
        assert inspect.getdoc(value), name
        target = re.search(rf"^## {heading}\n\n```{{eval-rst}}\n\.\. auto\w+:: (\S+)$", page, re.M)[1]
        module, _, last = target.rpartition(".")
        __import__(module)
        assert getattr(sys.modules[module], last) is not None


def test_llms_txt_names_every_page_command_model_finding_and_public_name(commands):
    text = generate.llms_text()
    linked = set(re.findall(r"\]\((\S+?)\)", text))
    assert {f"reference/commands/{name}.html" for name in commands} <= linked
    assert {f"reference/models/{name}.html" for name in MODELS} <= linked
    assert {f"reference/findings.html#{code}" for code in CODES} <= linked
    assert {f"{path.stem}.html" for path in DOCS.glob("*.md")} - {"index.html"} <= linked
    assert len([link for link in linked if link.startswith("reference/python.html#")]) == len(fc.__all__)


def test_every_page_is_in_the_contents_once():
    pages = [path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")]
    trees = [tree for page in pages for tree in re.findall(r"```\{toctree\}\n(.*?)```", page, re.S)]
    entries = [line for tree in trees for line in tree.splitlines() if line and not line.startswith(":")]
    assert len(entries) == len(set(entries))
    written = {path.stem for path in DOCS.glob("*.md")} - {"index"}
    assert written == {entry for entry in entries if not entry.startswith(GENERATED)}
    assert {entry for entry in entries if entry.startswith("reference/")} <= {
        f"reference/{name}" for name in generate.page_names()
    }


def test_every_page_begins_with_one_title_and_skips_no_level():
    for path in DOCS.glob("*.md"):
        text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.S)
        levels = [len(mark) for mark in re.findall(r"^(#+) ", text, re.M)]
        if "{include}" in path.read_text(encoding="utf-8"):
            continue
        assert levels[0] == 1, path.name
        assert levels.count(1) == 1, path.name
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), path.name


def test_a_lesson_shows_its_words_its_code_and_what_came_of_it():
    import nbformat

    v4 = nbformat.v4
    table = v4.new_output("execute_result", {"text/plain": "a table\n" * 100})
    drawn = v4.new_output("display_data", {lessons.PLOTLY: {"data": [], "layout": {"title": "</script>"}}})
    cell = v4.new_code_cell("made = 1", outputs=[table, drawn])
    page = lessons.page_of(v4.new_notebook(cells=[v4.new_markdown_cell("# A lesson"), cell]))
    assert page.startswith("# A lesson\n")
    assert "```python\nmade = 1\n```" in page
    assert page.count("a table") == lessons.MOST_LINES
    assert "plotly.min.js" in page
    assert page.count("</script>") == 2  # that of the figure, and that which loads plotly


def words_of_maps():
    for path in sorted(DOCS.glob("from-*.md")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("| ") and not line.startswith("| in "):
                yield path.stem, line.rpartition(" | ")[2]


def test_a_map_of_words_names_what_there_is():
    from forecast.models.nets.settings import Settings

    owners = (fc.Task, fc.WalkForward, fc.Reading, fc.Run, fc.Panel, Settings)
    settings = {field.name for owner in owners for field in dataclasses.fields(owner)}
    functions = (fc.fit, fc.tune, fc.read, fc.windows, fc.backtest, fc.leaderboard)
    settings |= {name for function in functions for name in inspect.signature(function).parameters}
    settings |= {"sampler", "random_state"}
    for page, words in words_of_maps():
        assert set(re.findall(r"\bfc\.(\w+)", words)) <= set(fc.__all__), (page, words)
        assert set(re.findall(r"\b(\w+)=", words)) <= settings, (page, words)
        assert set(re.findall(r'fc\.spec\("([^"+]+)"', words)) <= set(MODELS), (page, words)


def test_the_pictures_are_small_and_say_what_they_are():
    for name in ("forecast", "board"):
        text = (DOCS / "pictures" / f"{name}.svg").read_text(encoding="utf-8")
        assert len(text) < 100_000
        assert "<title>" in text
        assert "script" not in text


def test_the_version_is_the_same_in_every_file():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## {version}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_python_of_the_workflows_is_one_that_the_package_takes():
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert re.findall(r'"(3\.\d+)"', text)[:3] == ["3.11", "3.12", "3.13"]
    for target in re.findall(r"run: make (\S+)", text):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M), target
