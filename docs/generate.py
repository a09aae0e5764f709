"""The pages of reference that are made from the code: commands, models, findings, Python, and llms.txt.

`conf.py` calls `write` before each build; the tests call the functions that make the pages. Nothing made here is kept in git.
"""

import inspect
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import typer.main

import forecast as fc
from forecast.cli import app
from forecast.data.findings import CODES
from forecast.models import MODELS, Setting, describe, spec, targets_of

HERE = Path(__file__).parent
REFERENCE = HERE / "reference"
EXTRA = HERE / "_extra"  # what stands at the top of the site as it is
FINDINGS = HERE / "findings.toml"
SEVERITIES = {
    "info": "said, nothing to decide",
    "warning": "noticed or repaired as said",
    "error": "the file is refused",
}
LISTS = {"commands": "Commands", "models": "Models and their settings"}


def write() -> None:
    """Write every page of reference, and llms.txt."""
    pages = {**command_pages(), **model_pages()}
    pages["findings"] = findings_page()
    pages["python"] = python_page()
    for name, text in pages.items():
        _keep(REFERENCE / f"{name}.md", text)
    wanted = {REFERENCE / f"{name}.md" for name in pages}
    for path in set(REFERENCE.rglob("*.md")) - wanted:
        path.unlink()
    _keep(EXTRA / "llms.txt", llms_text())


def page_names() -> set[str]:
    """The pages of reference that `write` makes, without making them."""
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    lists = {"commands/index", "models/index", "findings", "python"}
    return lists | {f"commands/{name}" for name in commands} | {f"models/{name}" for name in MODELS}


def _keep(path: Path, text: str) -> None:
    """Write a page where it differs from the one that is there, so that a build makes only what changed."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def command_pages() -> dict[str, str]:
    """One page per command, from the parser of its arguments, and the list of them."""
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    pages = {f"commands/{name}": command_page(name, command) for name, command in commands.items()}
    firsts = {name: _first_sentence(command.help) for name, command in commands.items()}
    pages["commands/index"] = _list_page(LISTS["commands"], firsts)
    return pages


def command_page(name: str, command: Any) -> str:
    """What a command does, its example, its arguments and its flags."""
    words, _, example = command.help.partition("Example: ")
    lines = [f"# forecast {name}", "", *_paragraphs(words), "<!-- shown -->", "```sh", example.strip(), "```"]
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    flags = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    if arguments:
        rows = [(_argument(one), one.help or "") for one in arguments]
        lines += ["", "## Arguments", "", *_table(("argument", "meaning"), rows)]
    rows = [(_flag(one), one.help or "", _default(one)) for one in flags]
    lines += ["", "## Flags", "", *_table(("flag", "meaning", "default"), rows)]
    return "\n".join(lines) + "\n"


def _argument(one: Any) -> str:
    """An argument as it stands in a command, in brackets where it may be left out."""
    name = one.name.upper()
    return _code(name if one.required else f"[{name}]")


def _flag(one: Any) -> str:
    """The spellings of a flag."""
    return ", ".join(_code(text) for text in (*one.opts, *one.secondary_opts))


def _default(one: Any) -> str:
    """What a flag is where it is not given, as its help says it."""
    if isinstance(one.show_default, str):
        return one.show_default
    if one.show_default and one.default not in (None, False):
        return str(one.default)
    return ""


def model_pages() -> dict[str, str]:
    """One page per model of the table with every setting, and the list of them."""
    pages = {f"models/{name}": model_page(name) for name in MODELS}
    firsts = {name: _first_sentence(inspect.getdoc(type(spec(name))) or "") for name in MODELS}
    pages["models/index"] = _list_page(LISTS["models"], firsts)
    return pages


def model_page(name: str) -> str:
    """What a model is, which targets it can forecast, and its settings, group by group."""
    made = spec(name)
    targets = ", ".join(targets_of(made))
    lines = [
        f"# {name}",
        "",
        *_paragraphs(inspect.getdoc(type(made)) or ""),
        f"Kinds of target: {targets}.",
        "",
    ]
    settings = describe(name)
    if not settings:
        return "\n".join([*lines, "It has no settings."]) + "\n"
    lines += [
        f"A setting is given as `--set {name}.{settings[0].name}=...`, in TOML below `[{name}]`, and in Python as a"
    ]
    lines += [f'keyword: `fc.fit("{name}", panel, {settings[0].name}=...)`.', ""]
    for group in dict.fromkeys(one.group for one in settings):
        lines += [f"## {group or 'Settings'}", ""]
        rows = [_setting_row(one) for one in settings if one.group == group]
        lines += [*_table(("setting", "default", "meaning", "a full study tries"), rows), ""]
    return "\n".join(lines)


def _setting_row(one: Setting) -> tuple[str, str, str, str]:
    """A setting: its name, its default, what it means with its choices and source, and what a study tries."""
    default = one.default
    if default is None:
        default = "chosen from the data" if one.group == "sizes" else "none"
    choices = " or ".join(_code(choice) for choice in one.choices)
    words = ": ".join(filter(None, [_escaped(one.meaning), choices]))
    source = f"({one.source})" if one.source else ""
    meaning = " ".join(filter(None, [words, source]))
    return _code(one.name), str(default), meaning, one.tried


def findings_page() -> str:
    """Every finding under a heading that is its code, so that its address never changes."""
    table = tomllib.loads(FINDINGS.read_text(encoding="utf-8"))
    lines = ["# Findings", ""]
    lines += [
        "What `forecast check` and every other command report of a file, by code. The address of a finding is that of this page"
    ]
    lines += ["with `#` and its code, and does not change.", ""]
    lines += ["- **info**: " + SEVERITIES["info"] + ".", "- **warning**: " + SEVERITIES["warning"] + "."]
    lines += ["- **error**: " + SEVERITIES["error"] + ", for it cannot be read without guessing.", ""]
    for group, entries in table.items():
        lines += [f"## {group.replace('-', ' ')} ({len(entries)})", ""]
        for code, (meaning, remedy) in entries.items():
            lines += [f"### {code}", "", f"*{CODES[code]}.* {meaning}", "", f"**What to do.** {remedy}", ""]
    return "\n".join(lines)


def python_page() -> str:
    """Every public name with its signature and its docstring."""
    lines = ["# Python", "", "The public names of `import forecast as fc`. All else may change.", ""]
    for name in fc.__all__:
        lines += [f"## {heading_of(name)}", "", "```{eval-rst}", *_directive(name), "```", ""]
    return "\n".join(lines)


def _directive(name: str) -> list[str]:
    """What autodoc is asked for a public name."""
    value = getattr(fc, name)
    if inspect.ismodule(value):
        if callable(value):  # the module `sequences`, which is called as its function of that name
            return [f".. autofunction:: {value.__name__}.door.{name}"]
        return [f".. automodule:: {value.__name__}", "   :members:"]
    if inspect.isclass(value):
        return [f".. autoclass:: forecast.{name}", "   :members:"]
    return [f".. autofunction:: forecast.{name}"]


def llms_text() -> str:
    """The site in one plain file for programs that read it: what it is, and each page with its first sentence."""
    lines = [
        "# forecast",
        "",
        "> From a CSV or Parquet file of market or weather series to a forecast you can defend.",
        "",
    ]
    lines += [
        "Install: `pip install forecast-toolkit`. Import: `import forecast as fc`. Every command takes `--json`: one object on"
    ]
    lines += [
        "stdout, progress on stderr; exit code 0 done, 2 a mistake that you can correct, 130 Ctrl-C.",
        "",
    ]
    lines += ["## Pages", ""]
    for path in sorted(HERE.glob("*.md")):
        title, sentence = _summary(path.read_text(encoding="utf-8"))
        if path.stem != "index":
            lines.append(f"- [{title}]({path.stem}.html): {sentence}")
    lines += ["", "## Commands", ""]
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for name, command in commands.items():
        lines.append(f"- [forecast {name}](reference/commands/{name}.html): {_first_sentence(command.help)}")
    lines += ["", "## Models", ""]
    lines += [f"- [{name}](reference/models/{name}.html)" for name in MODELS]
    lines += ["", "## Python", ""]
    lines += [f"- [fc.{name}](reference/python.html#{_anchor(heading_of(name))})" for name in fc.__all__]
    lines += ["", "## Findings", ""]
    lines += [f"- [{code}](reference/findings.html#{code}): {CODES[code]}" for code in CODES]
    return "\n".join(lines) + "\n"


def heading_of(name: str) -> str:
    """The heading of a public name: a class is called one, for `Run` and `run` would have one address."""
    return f"{name} (class)" if inspect.isclass(getattr(fc, name)) else name


def _anchor(heading: str) -> str:
    """The id that a heading has in a page."""
    return heading.lower().replace("_", "-").replace(" (class)", "-class")


def _summary(text: str) -> tuple[str, str]:
    """The title of a page and its first sentence."""
    title = ""
    for block in text.split("\n\n"):
        if block.startswith("# "):
            title = block.removeprefix("# ").strip()
        elif block[:1].isalnum() and title:
            return title, _first_sentence(block)
    return title, ""


def _first_sentence(text: str) -> str:
    """The first sentence of a text, on one line."""
    flat = " ".join((text or "").split())
    head, stop, _ = flat.partition(". ")
    return head.removesuffix(".") + "." if stop or head else ""


def _list_page(title: str, firsts: dict[str, str]) -> str:
    """A page that names others, each with its first sentence."""
    rows = [(f"[{name}]({name}.md)", _escaped(sentence)) for name, sentence in firsts.items()]
    entries = ["```{toctree}", ":hidden:", "", *firsts, "```", ""]
    return "\n".join([f"# {title}", "", *_table(("name", "what it is"), rows), "", *entries])


def _paragraphs(text: str) -> list[str]:
    """A docstring as paragraphs of Markdown."""
    lines: list[str] = []
    for block in text.split("\n\n"):
        lines += [_escaped(" ".join(block.split())), ""]
    return lines


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table of Markdown; a bar within a cell is escaped."""
    lines = [_row(head), "|" + "---|" * len(head)]
    lines += [_row(cells) for cells in rows]
    return lines


def _row(cells: Sequence[str]) -> str:
    """One row of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _code(text: str) -> str:
    """Text in code font."""
    return f"`{text}`"


def _escaped(text: str) -> str:
    """Text of a docstring in which no star or angle bracket is Markdown; what stands in code font stays."""
    parts = text.split("`")
    for place in range(0, len(parts), 2):
        for sign in "*_<[":
            parts[place] = parts[place].replace(sign, f"\\{sign}")
    return "`".join(parts)
