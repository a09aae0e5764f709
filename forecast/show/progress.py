"""Live progress on stderr, read from the file that worker processes append to."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

PERIOD = 0.2  # seconds between two looks at the file


@contextmanager
def live(tell: Path, parts: int) -> Iterator[None]:
    """Show the parts of a run as they go: on a terminal one bar per part, elsewhere one line per finished part."""
    console = Console(stderr=True)
    seen = tell.stat().st_size if tell.exists() else 0
    stop = threading.Event()
    columns = (
        TextColumn("{task.description:16}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[value]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        display = _Display(bars, console, parts)

        def follow() -> None:
            offset = seen
            while True:
                last = stop.is_set()
                offset = display.read(tell, offset)
                if last:
                    return
                stop.wait(PERIOD)

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


class _Display:
    """Turns events into bars."""

    def __init__(self, bars: Progress, console: Console, parts: int) -> None:
        self.bars, self.console = bars, console
        self.whole = bars.add_task("all", total=parts, value="")
        self.tasks: dict[str, Any] = {}
        self.shares: dict[str, dict[tuple[int, ...], float]] = {}  # of a part, that each of its fits has done

    def read(self, tell: Path, offset: int) -> int:
        """Show the whole lines after `offset` of the file; the new offset."""
        if not tell.exists():
            return offset
        with tell.open("rb") as file:
            file.seek(offset)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        for line in whole.splitlines():
            self.show(json.loads(line))
        return offset + len(whole)

    def show(self, event: dict[str, Any]) -> None:
        """One event: a look of a fit, or the end of a part."""
        name = part_name(event["part"])
        if event.get("done"):
            self._finish(name, event)
        else:
            self._advance(name, event)

    def _finish(self, name: str, event: dict[str, Any]) -> None:
        """Take the bar of a finished part away; where there are no bars, print a line."""
        self.bars.advance(self.whole)
        if name in self.tasks:
            self.bars.remove_task(self.tasks.pop(name))
            del self.shares[name]
        if not self.console.is_terminal:
            self.console.print(f"{name}: {_end_in_words(event)}", highlight=False)

    def _advance(self, name: str, event: dict[str, Any]) -> None:
        """Move the bar of a part on by what one of its fits has done."""
        total = event["of"] * event["fits"]
        if name not in self.tasks:
            self.tasks[name] = self.bars.add_task(name, total=total, value="")
            self.shares[name] = {}
        self.shares[name][tuple(event["place"])] = event["step"] / total
        completed = round(total * sum(self.shares[name].values()))
        value = "" if event["value"] is None else f"validation loss {event['value']:.4f}"
        self.bars.update(self.tasks[name], total=total, completed=completed, value=value)


def _end_in_words(event: dict[str, Any]) -> str:
    """How long a part took, and of a trial its value and state."""
    text = f"done in {event['seconds']:.1f} CPU s"
    if event.get("value") is not None:
        text += f", {event['value']:.4g}"
    if event.get("state") not in (None, "COMPLETE"):
        text += f", {event['state'].lower()}"
    return text


def part_name(part: list[Any]) -> str:
    """A part in words: (gru, 0) is the first fold of gru, (gru, -1) the fit on all data."""
    model, fold = part
    if model == "trial":
        return f"trial {fold}"
    return f"{model} on all" if fold < 0 else f"{model} fold {fold + 1}"
