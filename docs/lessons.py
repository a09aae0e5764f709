"""The notebooks as pages of the site: each is run, and what its cells show stands below them.

A notebook that was run is kept under the hash of its source, so a build runs only those that changed.
"""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
NOTEBOOKS = HERE.parent / "notebooks"
PAGES = HERE / "lessons"
KEPT = HERE / "_build" / "lessons"
PLOTLY = "application/vnd.plotly.v1+json"
MOST_LINES = 60  # of an output that are shown
MOST_SECONDS = 240  # of a cell


def write() -> None:
    """Run every notebook and write a page for each, the list of them, and the script that draws their figures."""
    from plotly.offline import get_plotlyjs

    sources = sorted(NOTEBOOKS.glob("*.ipynb"))
    PAGES.mkdir(exist_ok=True)
    with ThreadPoolExecutor(2) as pool:
        notebooks = list(pool.map(finished, sources))
    for source, notebook in zip(sources, notebooks, strict=True):
        _keep(PAGES / f"{source.stem}.md", page_of(notebook))
    _keep(PAGES / "index.md", list_of([source.stem for source in sources]))
    for path in PAGES.glob("*.md"):
        if path.stem != "index" and path.stem not in {source.stem for source in sources}:
            path.unlink()
    script = HERE / "_extra" / "plotly.min.js"
    script.parent.mkdir(exist_ok=True)
    _keep(script, get_plotlyjs())


def _keep(path: Path, text: str) -> None:
    """Write a page where it differs from the one that is there."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def finished(source: Path) -> Any:
    """A notebook with its outputs: kept from an earlier build, or run now."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(source, as_version=4)
    known = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    kept = KEPT / f"{source.stem}-{known}.ipynb"
    if kept.exists():
        return nbformat.read(kept, as_version=4)
    place = {"metadata": {"path": str(NOTEBOOKS)}}
    NotebookClient(notebook, timeout=MOST_SECONDS, kernel_name="python3", resources=place).execute()
    KEPT.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, kept)
    return notebook


def list_of(names: list[str]) -> str:
    """The page that lists the lessons in their order."""
    lines = [
        "# Lessons",
        "",
        "Each is a notebook of `notebooks/`, run when this site was built. They are small: a lesson takes seconds.",
    ]
    return "\n".join([*lines, "", "```{toctree}", ":maxdepth: 1", "", *names, "```", ""])


def page_of(notebook: Any) -> str:
    """A notebook as a page of Markdown: words, code, and below each cell what it shows."""
    blocks: list[str] = []
    figures = 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            blocks.append(cell.source.strip())
            continue
        blocks.append(f"```python\n{cell.source.strip()}\n```")
        for output in cell.get("outputs", []):
            drawn = output.get("data", {}).get(PLOTLY)
            if drawn:
                figures += 1
                blocks.append(figure_block(drawn, f"figure{figures}"))
            else:
                blocks += text_block(output)
    if figures:
        blocks.insert(1, '```{raw} html\n<script src="../plotly.min.js"></script>\n```')
    return "\n\n".join(blocks) + "\n"


def text_block(output: Any) -> list[str]:
    """An output as text, cut where it is long; nothing of one without text."""
    text = output.get("text") or output.get("data", {}).get("text/plain") or ""
    if output.output_type == "stream" and output.name == "stderr":
        return []
    lines = text.rstrip().splitlines()
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], "..."]
    return ["```text\n" + "\n".join(lines) + "\n```"] if lines else []


def figure_block(drawn: Any, name: str) -> str:
    """A figure as a part of the page that the script of plotly draws."""
    data = json.dumps(drawn["data"]).replace("</", "<\\/")
    layout = json.dumps(drawn["layout"]).replace("</", "<\\/")
    call = f'Plotly.newPlot("{name}", {data}, {layout}, {{"responsive": true}});'
    return f'```{{raw}} html\n<div id="{name}"></div>\n<script>{call}</script>\n```'
