"""The project's commands: ``kedro preflight``, ``kedro project``, and ``kedro run``.

The last is Kedro's own, with plainer errors.
"""

from __future__ import annotations

import copy
import functools
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import _split_params, env_option
from kedro.framework.context import KedroContext
from kedro.framework.project import pipelines, settings
from kedro.framework.session import KedroSession
from rich.console import Console

from seqrec.errors import ProjectError
from seqrec.hooks.command_errors import command_errors
from seqrec.model_registry import MODELS, compared
from seqrec.project import find_file, find_setting


@click.group(name="seqrec")
def cli() -> None:
    """Commands of this project."""


def check_names(
    env: str | None, conf_source: str | None = None, wanted: Iterable[str] = ()
) -> None:
    """Refuse an environment or a pipeline that is not there; Kedro prints a traceback.

    Raises:
        ProjectError: Names it and those that are.
    """
    folder = Path(conf_source or settings.CONF_SOURCE)
    if env and folder.is_dir() and not (folder / env).is_dir():
        known = ", ".join(sorted(path.name for path in folder.iterdir() if path.is_dir()))
        raise ProjectError(f"unknown environment {env!r}: choose one of {known} (in {folder})")
    for name in wanted:
        if name not in pipelines:
            known = ", ".join(sorted(pipelines))
            raise ProjectError(f"unknown pipeline {name!r}: choose one of {known}")


_params_option = click.option(
    "--params", default="", callback=_split_params, help="As in kedro run."
)


def _run(of_kedro: Any, **options: Any) -> Any:
    wanted = [options["pipeline"]] if options["pipeline"] else options["pipelines"]
    with command_errors():
        check_names(options["env"], options["conf_source"], wanted)
        return of_kedro(**options)


run = copy.copy(kedro_run)
run.callback = functools.partial(_run, kedro_run.callback)
cli.add_command(run)


@cli.command()
@env_option
@click.option(
    "--model",
    type=click.Choice([*MODELS, "all"]),
    default="all",
    show_default=True,
    help=f"What will be trained; all: {' and '.join(compared(MODELS))}.",
)
@_params_option
@click.option("--dollars-per-hour", type=float, help="What the machine costs.")
def preflight(env: str, model: str, params: dict[str, Any], dollars_per_hour: float) -> None:
    """Check this machine before a run: GPU, memory, disk, data, services, kernels, ten steps.

    Prints a line per check and ends with status 1 at the first red one. The figures are kept in
    the catalog's `preflight`.
    """
    models = tuple(compared(MODELS)) if model == "all" else (model,)
    with _context(env, params) as context:
        _check(context, models, dollars_per_hour)


@cli.group()
def project() -> None:
    """Tell scripts about this project: plain values, one a line."""


@project.command()
@env_option
@_params_option
@click.argument("name")
def get(env: str, params: dict[str, Any], name: str) -> None:
    """Print a setting of globals.yml as a run would have it.

    NAME is a key such as dataset, data, raw or mirror, or one inside a block: engine.backend.
    A setting that is null is an empty line; a block is printed as JSON. For example, kedro project
    get dataset --env runpod prints ml-1m.
    """
    with _context(env, params) as context:
        value = find_setting(context.config_loader, name)
    shown = "" if value is None else json.dumps(value)
    click.echo(value if isinstance(value, str) else shown)


@project.command()
@env_option
@_params_option
@click.argument("names", nargs=-1, required=True)
def paths(env: str, params: dict[str, Any], names: tuple[str, ...]) -> None:
    """Print where datasets of the catalog lie: the newest version of each that exists.

    NAMES are datasets such as report, comparison or ncf.weights. One that does not exist yet is
    left out; one that the catalog does not keep in a file is an error. For example, kedro project
    paths report --params data=/workspace/data prints the path of the last report on that volume.
    """
    with _context(env, params) as context:
        found = [find_file(context.config_loader, name) for name in names]
    for path in found:
        if path is not None:
            click.echo(path.absolute())


@contextmanager
def _context(env: str | None, params: dict[str, Any]) -> Iterator[KedroContext]:
    """Open the project in an environment; its own errors are told in one line."""
    with command_errors():
        check_names(env)
        with KedroSession.create(Path.cwd(), env=env, runtime_params=params) as session:
            yield session.load_context()  # type: ignore[attr-defined]


def _check(context: KedroContext, models: tuple[str, ...], dollars_per_hour: float | None) -> None:
    """Print a line per check, and keep the figures if all passed."""
    # torch takes seconds to import: other commands do without.
    from seqrec.checks.check import as_line
    from seqrec.checks.preflight import Preflight

    console = Console()
    found = []
    for check, seconds in Preflight(context, models, dollars_per_hour).checks():
        found.append((check, seconds))
        console.print(as_line(check, seconds), highlight=False, soft_wrap=True)
    if not all(check.passed for check, _ in found):
        sys.exit(1)
    facts = {key: value for check, _ in found for key, value in check.facts.items()}
    context.catalog.save("preflight", {**facts, "seconds_taken": sum(s for _, s in found)})
