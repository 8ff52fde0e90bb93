"""Log lines as people read them: the message alone on a screen, one dated line in a file."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.logging import RichHandler
from rich import get_console
from rich.text import Text
from rich.traceback import Traceback

from seqrec.parameter_tree import Parameters
from seqrec.terminal.screen import is_screen, page, print_line

ROWS = "rows"
"""Attribute of a record: what a screen shows instead, the first that it has room for."""

KEDRO = "kedro"
OURS = "seqrec"


class LineHandler(RichHandler):
    """Kedro's log handler, with a line for each message.

    Kedro's own wraps each message into what the columns of time and level leave, in files too.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        try:
            print_line(_on_screen(record) if is_screen(get_console()) else _in_file(record))
            kind, error, trace = record.exc_info or (None, None, None)
            if kind and error:
                page().print(Traceback.from_exception(kind, error, trace))
        except Exception:
            self.handleError(record)


class LogLevelHooks:
    """Have a run say as much as `runtime.log_level` wants."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Set the level; `PreflightHooks` has checked the parameters.

        Kedro's own lines name each node's every input: that is for whoever debugs.
        """
        runtime = Parameters.model_validate(context.config_loader["parameters"]).runtime
        level = logging.getLevelName(runtime.log_level.upper())
        logging.getLogger(OURS).setLevel(level)
        kedros = logging.INFO if level == logging.DEBUG else max(level, logging.WARNING)
        logging.getLogger(KEDRO).setLevel(kedros)


def use_lines() -> None:
    """Put `LineHandler` where Kedro has put its own handler.

    ``conf/logging.yml`` cannot name a class of a project's: Kedro trusts its own alone.
    """
    root = logging.getLogger()
    for handler in root.handlers:
        if type(handler) is RichHandler:
            root.removeHandler(handler)
            root.addHandler(LineHandler(handler.level, rich_tracebacks=handler.rich_tracebacks))


def _on_screen(record: logging.LogRecord) -> Text:
    if rows := getattr(record, ROWS, None):
        return _that_fits(rows, get_console().width)
    if record.levelno <= logging.INFO:
        return Text(record.getMessage(), style="dim")
    level = record.levelname.capitalize()
    return Text.assemble((level, f"logging.level.{level.lower()}"), f": {record.getMessage()}")


def _that_fits(rows: Sequence[Text], width: int) -> Text:
    """Take the first row that is not too long, or cut the last."""
    for row in rows:
        if row.cell_len <= width:
            return row
    rows[-1].truncate(width, overflow="ellipsis")
    return rows[-1]


def _in_file(record: logging.LogRecord) -> Text:
    moment = datetime.fromtimestamp(record.created).isoformat(" ", "seconds")
    return Text(f"{moment} {record.levelname:7} {record.getMessage()}")
