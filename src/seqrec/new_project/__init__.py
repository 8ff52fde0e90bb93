"""Make a project's folder: configuration and places for data; the code stays in the package."""

from __future__ import annotations

import json
import shutil
from importlib.metadata import version
from pathlib import Path
from string import Template

from seqrec import __version__
from seqrec.errors import ProjectError

TEMPLATE = Path(__file__).parent / "template"
CHECKOUT = Path(__file__).parents[3]
"""Where the configuration lies if this package is not installed but checked out."""

DATA = (
    "01_raw",
    "02_intermediate",
    "03_primary",
    "05_model_input",
    "06_models",
    "07_model_output",
    "08_reporting",
)
# pyproject.toml is the last: with it the folder is a project.
FILES = {
    "README.md": "README.md",
    "requirements.txt": "requirements.txt",
    "gitignore": ".gitignore",
    "telemetry": ".telemetry",
    "pyproject": "pyproject.toml",
}


def create_project(folder: Path) -> None:
    """Write a project into an empty folder, or a new one.

    Args:
        folder: Its name becomes the project's.

    Raises:
        ProjectError: There is something in the folder already, it cannot be written, or this
            installation lacks the configuration. Nothing is left behind.
    """
    made = _first_missing(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ProjectError(f"{folder} is not empty: give a new folder, seqrec init my-project")
    except OSError as error:
        raise _cannot_write(folder, error) from error
    try:
        _write(folder)
    except BaseException as error:
        _empty(folder, made)
        if isinstance(error, OSError):
            raise _cannot_write(folder, error) from error
        raise


def _write(folder: Path) -> None:
    """Write what a project has."""
    source = TEMPLATE if (TEMPLATE / "conf").is_dir() else CHECKOUT
    skip = shutil.ignore_patterns("local", "credentials*")
    shutil.copytree(source / "conf", folder / "conf", ignore=skip)
    shutil.copy(source / "constraints.txt", folder)
    for place in ("conf/local", "src", *(f"data/{layer}" for layer in DATA)):
        (folder / place).mkdir(parents=True)
        (folder / place / ".gitkeep").touch()
    name = folder.resolve().name
    values = {
        "name": name,
        "quoted_name": json.dumps(name, ensure_ascii=False),
        "version": __version__,
        "kedro": version("kedro"),
    }
    for template, target in FILES.items():
        text = (TEMPLATE / template).read_text(encoding="utf-8")
        (folder / target).write_text(Template(text).substitute(values), encoding="utf-8")


def _first_missing(folder: Path) -> Path | None:
    """Return the outermost folder that would be made; None if all are there."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    return missing[-1] if missing else None


def _empty(folder: Path, made: Path | None) -> None:
    """Remove what was written: all there is, in a folder that was empty or not there."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if made is not None:
        shutil.rmtree(made)


def _cannot_write(folder: Path, error: OSError) -> ProjectError:
    return ProjectError(f"{folder} cannot be made into a project: {error.strerror or error}")
