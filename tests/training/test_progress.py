import io
import re

from rich.console import Console

from seqrec.parameters import Runtime
from seqrec.terminal import bars
from seqrec.training import progress
from tests.training import test_step


def test_a_terminal_shows_epochs_steps_loss_and_speed(files, monkeypatch):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    monkeypatch.setattr(bars, "get_console", lambda: console)
    monkeypatch.setattr(progress, "REFRESH_SECONDS", 0.0)
    monkeypatch.setattr(test_step, "CPU", Runtime(device="cpu", show_progress=True))
    test_step.trained("ss4rec", files, epochs=2)
    shown = screen.getvalue()
    assert "ss4rec epochs" in shown
    assert "steps" in shown
    assert re.search(r"[\d,]+/s", shown)
    assert "loss" in shown


def test_a_log_file_gets_no_bars(files, monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(bars, "get_console", lambda: Console(file=screen))
    with progress.TrainingProgress("ss4rec", 3, shown=True) as shown:
        shown.begin(0, 0, 5)
        shown.advance(10, 1.0)
    assert screen.getvalue().strip() == ""
