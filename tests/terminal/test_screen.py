"""What is drawn where: bars and colours on a screen, whole plain lines in a file."""

import io

import pytest
import rich
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqrec.terminal import bars, screen


def screen_of(width, **more):
    return Console(file=io.StringIO(), force_terminal=True, width=width, **more)


@pytest.fixture
def use(monkeypatch):
    """Have everything print to a console."""

    def use(console):
        for module in (rich, screen, bars):
            monkeypatch.setattr(module, "get_console", lambda: console)
        return console

    return use


SENTENCE = "a training of the present configuration was made with other data, " * 3


def test_a_screen_breaks_lines_between_words(use):
    console = use(screen_of(80))
    screen.print_line(SENTENCE)
    lines = console.file.getvalue().splitlines()
    assert len(lines) > 1
    assert all(len(line) <= 80 for line in lines)
    assert " ".join(line.strip() for line in lines) == SENTENCE.strip()
    assert all(line.startswith("  ") for line in lines[1:])


def test_a_path_that_is_longer_than_the_screen_stays_in_one_piece(use):
    console = use(screen_of(40))
    path = "data/" + "folder/" * 12 + "report.html"
    screen.print_line(f"kept in {path}")
    assert path in console.file.getvalue()


def test_a_file_gets_whole_lines_without_colours(use, capsys):
    use(Console(width=80))
    screen.print_line(Text(SENTENCE, style="bold red"))
    assert capsys.readouterr().out == SENTENCE + "\n"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False)],
)
def test_a_dumb_terminal_is_no_screen(environment, expected):
    assert screen.is_screen(screen_of(80, _environ=environment)) is expected


def test_a_build_log_that_wants_colours_is_no_screen(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert not screen.is_screen(Console(file=io.StringIO()))


def tables():
    wide, narrow = Table(), Table()
    for table, columns in ((wide, 8), (narrow, 1)):
        for _ in range(columns):
            table.add_column(no_wrap=True)
        table.add_row(*["0.1994 ±0.025"] * columns)
    return wide, narrow


@pytest.mark.parametrize(("width", "expected"), [(140, 0), (80, 1), (5, 1)])
def test_the_widest_table_that_fits_is_shown(width, expected):
    both = tables()
    assert screen.widest_that_fits(both, screen_of(width)) is both[expected]


def drawn(console, shown=True):
    for _ in bars.track(range(3), 3, "users", shown):
        pass
    return console.file.getvalue()


def test_bars_come_where_something_takes_long_and_there_is_a_screen(use, monkeypatch):
    assert "users" not in drawn(use(screen_of(80)))
    monkeypatch.setattr(bars, "LONG_SECONDS", 0.0)
    assert "3/3" in drawn(use(screen_of(80)))
    assert drawn(use(screen_of(80)), shown=False) == ""
    assert drawn(use(Console(file=io.StringIO()))).strip() == ""
    assert drawn(use(screen_of(80, _environ={"TERM": "dumb"}))).strip() == ""


def test_a_bar_within_another_is_drawn_below_it(use, monkeypatch):
    monkeypatch.setattr(bars, "LONG_SECONDS", 0.0)
    console = use(screen_of(80))
    with bars.WaitingBar("12/30 ncf.rank_held_out_items", shown=True) as outer:
        outer.share = lambda: 0.5
        drawn(console)
    text = console.file.getvalue()
    assert text.index("12/30 ncf.rank_held_out_items") < text.index("users")
    assert "0/3" in text
