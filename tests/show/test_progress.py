"""Progress: what the lines of a run's file become on a terminal and elsewhere."""

import json

from rich.console import Console
from rich.progress import Progress

from forecast.show.progress import _Display


def test_a_bar_counts_the_steps_of_all_fits_that_a_part_is_made_of(tmp_path):
    """Of two models the first is a net of two members, one ended and one half way: 1/4 + 1/8. Then the second, which has no looks, has ended."""
    tell = tmp_path / "progress.jsonl"
    looks = [([0, 0], 4, 40), ([0, 1], 4, 20), ([1], 2, 0)]
    events = [
        {"part": ["gru+lstm", 0], "place": place, "fits": fits, "step": step, "of": 40, "value": 0.5}
        for place, fits, step in looks
    ]
    console = Console(file=open(tmp_path / "console", "w"))  # noqa: SIM115
    with Progress(console=console, disable=True) as bars:
        display = _Display(bars, console, 3)
        tell.write_text("".join(json.dumps(event) + "\n" for event in events) + '{"part": ["gru')
        offset = display.read(tell, 0)
        assert offset == tell.read_text().rindex("{")
        task = bars.tasks[1]
        assert (task.completed / task.total, task.description) == (3 / 8, "gru+lstm fold 1")
        display.show({**events[0], "place": [1], "fits": 2, "step": 1, "of": 1, "value": None})
        assert (task.completed, task.total) == (2, 2)  # 7 of 8, in steps as coarse as those that it tells of
        with tell.open("a") as file:
            file.write('+lstm", 0], "done": true, "seconds": 1.25}\n')
        display.read(tell, offset)
        assert [bar.completed for bar in bars.tasks] == [1]
    console.file.close()
    assert (tmp_path / "console").read_text() == "gru+lstm fold 1: done in 1.2 CPU s\n"
