"""Serve trained models: ``python -m seqrec.serving --model ss4rec=<folder>``, without Kedro."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from pydantic import ValidationError

from seqrec.errors import ProjectError


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and serve until a signal comes."""
    options = _parser().parse_args(arguments)
    try:
        from seqrec.serving.service.server import serve
        from seqrec.serving.service.settings import TOKEN, Settings
    except ImportError as error:
        sys.exit(f"Error: {error.name} is not installed: pip install 'seqrec[serve]'")
    given = {name: value for name, value in vars(options).items() if value is not None}
    models = dict(_named(each) for each in given.pop("model"))
    try:
        serve(Settings(models=models, token=os.environ.get(TOKEN) or None, **given))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        sys.exit(f"Error: {where + ': ' if where else ''}{message}")
    except ProjectError as error:
        sys.exit(f"Error: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m seqrec.serving", description=__doc__)
    add = parser.add_argument
    add("--model", action="append", required=True, help="name=folder, or a folder; may repeat")
    add("--host", help="address to listen at (127.0.0.1)")
    add("--port", type=int, help="8000")
    add("--workers", type=int, help="processes (1)")
    add("--sessions", help="sqlite:<file> (sqlite:data/sessions.db) or redis://<host>:<port>/0")
    add("--data", help="where known users' histories are; auto: beside the models")
    add("--hosts", nargs="+", help="names it may be asked by beside its address")
    return parser


def _named(text: str) -> tuple[str, Path]:
    """Take ``name=folder``, or name a model by its folder."""
    name, equals, folder = text.partition("=")
    path = Path(folder if equals else text)
    return (name if equals else path.name), path


if __name__ == "__main__":
    main()
