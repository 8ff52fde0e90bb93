"""The project's own command beside Kedro's: ``kedro preflight``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.utils import _split_params, env_option
from kedro.framework.session import KedroSession
from rich.console import Console

MODELS = ("ss4rec", "ncf")


@click.group(name="seqrec")
def cli() -> None:
    """Commands of this project."""


@cli.command()
@env_option
@click.option("--model", type=click.Choice([*MODELS, "all"]), default="all", show_default=True)
@click.option("--params", default="", callback=_split_params, help="As in kedro run.")
@click.option("--dollars-per-hour", type=float, help="What the machine costs.")
def preflight(env: str, model: str, params: dict[str, Any], dollars_per_hour: float) -> None:
    """Check this machine before a run: GPU, memory, disk, data, services, kernels, ten steps.

    Prints a line per check and ends with status 1 at the first red one. The figures are kept in
    the catalog's `preflight`.
    """
    # torch takes seconds to import: other commands do without.
    from seqrec.preflight.checks import as_line
    from seqrec.preflight.run import Preflight

    models = MODELS if model == "all" else (model,)
    with KedroSession.create(Path.cwd(), env=env, runtime_params=params) as session:
        context = session.load_context()  # type: ignore[attr-defined]
        console, found = Console(), []
        for check, seconds in Preflight(context, models, dollars_per_hour).checks():
            found.append((check, seconds))
            console.print(as_line(check, seconds), highlight=False, soft_wrap=True)
        if not all(check.passed for check, _ in found):
            sys.exit(1)
        facts = {key: value for check, _ in found for key, value in check.facts.items()}
        context.catalog.save("preflight", {**facts, "seconds_taken": sum(s for _, s in found)})
