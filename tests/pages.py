"""The fenced blocks of README and docs, in their order, as a reader would run them.

A comment of its own line before a block says what is special about it:
`<!-- slow: why -->` (minutes; run under the slow mark), `<!-- not run: why -->`, `<!-- shown -->` (of a generated page),
`<!-- saved as NAME -->` (the block is a file), and `<!-- before` ... `-->` holds Python that makes the files of a page.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SHELLS = ("sh", "console", "bash")
PART = re.compile(r"^<!--(?P<comment>.*?)-->[ ]*$|^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A block of a page: its language ("before" for Python in a comment), its text, its first line, and what the comment says."""

    language: str
    text: str
    line: int
    comment: str = ""

    @property
    def slow(self) -> bool:
        return self.comment.startswith("slow: ")

    @property
    def run(self) -> bool:
        return not self.comment.startswith("not run: ")

    @property
    def commands(self) -> list[list[str]]:
        """The commands of a block of shell, as words; lines that end in a backslash go on."""
        lines = self.text.replace("\\\n", " ").splitlines()
        words = [shlex.split(line.removeprefix("$ "), comments=True) for line in lines]
        return [line for line in words if line]


def blocks(page: Path) -> list[Block]:
    """The blocks of a page that are Python or shell, and what stands before them."""
    text = page.read_text(encoding="utf-8")
    found = []
    comment = ""
    for part in PART.finditer(text):
        line = text.count("\n", 0, part.start()) + 1
        if part["comment"] is not None:
            comment = part["comment"].strip()
            if comment.startswith("before\n"):
                found.append(Block("before", comment.removeprefix("before\n"), line))
            continue
        language = part["language"]
        if language == "python" or language in SHELLS:
            found.append(Block(language, part["text"], line, comment))
        comment = ""
    return found
