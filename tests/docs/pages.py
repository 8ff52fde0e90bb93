"""The pages of the README and the site, and the commands in them."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^( *)```(.*)\n((?:.*\n)*?)\1```$", re.MULTILINE)
TITLE = re.compile(r'(?:^|\s)title="([^"]*)"$')
COMMAND = re.compile(r"^(?:\.venv/bin/)?(kedro|make|python|torchrun|pip|docker|\./\S+) ")
LOOP = re.compile(r"for (\w+) in (.*); do (.*); done")
BLANK = re.compile(r"<[^>]*>|…|\*")
"""What a reader is to fill in."""


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: Its page, from the repository's root.
        info: What stands behind the fence.
        text: Its lines.
        number: Its place among the page's blocks.
    """

    page: str
    info: str
    text: str
    number: int

    def __str__(self):
        return f"{self.page}:{self.number}"

    @property
    def language(self):
        return self.info.split(" ")[0]

    @property
    def mark(self):
        """How it is tested, as readers of the site see it; empty if it does not say."""
        found = TITLE.search(self.info)
        return found[1] if found else ""

    def commands(self):
        """Return the lines as typed: continued ones joined, comments and loops resolved."""
        lines = self.text.replace("\\\n", "").splitlines()
        plain = (re.sub(r"(^|\s+)# .*", "", line).strip() for line in lines)
        return [command for line in plain if line for command in unrolled(line)]


def unrolled(line):
    """Return the commands of a loop over words, or the line itself."""
    loop = LOOP.fullmatch(line)
    if not loop:
        return [line]
    return [loop[3].replace(f"${loop[1]}", word) for word in loop[2].split()]


def blocks(page):
    """Return a page's fenced blocks."""
    found = FENCE.finditer(page.read_text(encoding="utf-8"))
    name = str(page.relative_to(ROOT))
    return [Block(name, m[2].strip(), m[3], n) for n, m in enumerate(found, 1)]


ALL_BLOCKS = [block for page in PAGES for block in blocks(page)]


def inline_commands(page):
    """Return the `kedro …` commands amid a page's sentences and tables."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return re.findall(r"`((?:torchrun [^`]* -m )?kedro [a-z][^`]*)`", text)


def kedro_arguments(command):
    """Return what stands behind ``kedro``; None if it is no command of Kedro's or has blanks."""
    found = re.search(r"(?:^|/| )kedro (.*)", command)
    if found is None or BLANK.search(command) or command.startswith(("pip ", "git ")):
        return None
    return shlex.split(found[1])


def relative(path):
    """Return a path from the repository's root."""
    return str(Path(path).relative_to(ROOT))
