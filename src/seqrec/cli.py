"""The project's commands: ``kedro preflight`` and ``kedro project``.

Kedro's own ``run`` and ``jupyter`` are here too, with plainer errors.
"""

from __future__ import annotations

import copy
import functools
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from fsspec.implementations.local import LocalFileSystem
from kedro.framework.cli.jupyter import jupyter as kedro_jupyter
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import _split_params
from kedro.framework.context import KedroContext
from kedro.framework.project import settings
from kedro.framework.session import KedroSession
from rich.text import Text

from seqrec.checks.selection import (
    check_configuration,
    check_pipelines,
    check_runner,
    check_selection,
)
from seqrec.errors import ProjectError, suggest
from seqrec.experiments import CHOSEN_BY, FOLDER, list_experiments, read_experiment
from seqrec.hooks.command_errors import command_errors
from seqrec.model_registry import MODELS, compared
from seqrec.project import find_file, find_model, find_setting
from seqrec.prune import plan_prune, prune, size_of
from seqrec.record import settings_of_base
from seqrec.terminal.screen import print_line
from seqrec.trees import merged

ENV_HELP = "Kedro environment, a folder of conf. Defaults to `smoke`."

_env_option = click.option("--env", "-e", default=None, help=ENV_HELP)
EXPERIMENT_HELP = "An experiment of conf/experiments; `kedro experiments` describes them."

_params_option = click.option(
    "--params", default="", callback=_split_params, help="As in kedro run."
)
_experiment_option = click.option("--experiment", metavar="NAME", help=EXPERIMENT_HELP)


class PlainCommand(click.Command):
    """A command of Kedro's whose errors are told in one line."""

    @classmethod
    def like(
        cls, command: click.Command, more: Sequence[click.Option] = (), **changes: Any
    ) -> PlainCommand:
        """Copy a command of Kedro's.

        Args:
            command: What to copy.
            more: Options of the copy's own.
            changes: Attributes that the copy has of its own.
        """
        plain = cls(command.name)
        params = [*map(_with_our_default, command.params), *more]
        vars(plain).update({**vars(command), "params": params, **changes})
        return plain

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the command line."""
        with command_errors():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Do what the command does."""
        with command_errors():
            return super().invoke(ctx)


def _with_our_default(param: click.Parameter) -> click.Parameter:
    """Have the help name this project's default environment: Kedro's text says `local`."""
    if isinstance(param, click.Option) and param.name == "env":
        param = copy.copy(param)
        param.help = ENV_HELP
    return param


def _run(of_kedro: Any, experiment: str | None, quiet: bool, **options: Any) -> Any:
    """Check what can be checked before Kedro does anything, then run."""
    options["params"] = _with_experiment(options["params"], experiment)
    if quiet:
        options["params"] = merged({"runtime": {"log_level": "warning"}}, options["params"])
    wanted = [options["pipeline"]] if options["pipeline"] else options["pipelines"]
    check_configuration(options["env"], options["conf_source"])
    check_runner(options["runner"], options["runner_params"])
    check_pipelines(wanted)
    check_selection(wanted, options)
    return of_kedro(**options)


def _with_experiment(params: Mapping[str, Any], name: str | None) -> dict[str, Any]:
    """Add an experiment to what ``--params`` gives.

    Raises:
        ProjectError: They name two.
    """
    other = params.get(CHOSEN_BY, name)
    if name and other != name:
        raise ProjectError(f"--experiment {name} and --params experiment={other}: choose one")
    return {**params, CHOSEN_BY: name} if name else dict(params)


@click.group(name="seqrec")
def cli() -> None:
    """Commands of this project."""


run = PlainCommand.like(
    kedro_run,
    callback=functools.partial(_run, kedro_run.callback),
    more=(
        click.Option(["--experiment"], metavar="NAME", help=EXPERIMENT_HELP),
        click.Option(
            ["--quiet", "-q"],
            is_flag=True,
            help="Print results only, like --params runtime.log_level=warning.",
        ),
    ),
)
cli.add_command(run)


@cli.group()
def jupyter() -> None:
    """Open Jupyter with the project's catalog, pipelines and session at hand."""


for _command in kedro_jupyter.commands.values():
    jupyter.add_command(PlainCommand.like(_command))


class _ModelChoice(click.Choice[str]):
    """A choice that says what a misspelt model may have meant."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Name the model and those there are."""
        return super().get_invalid_choice_message(value, ctx) + suggest(str(value), self.choices)


@cli.command()
@_env_option
@click.option(
    "--model",
    type=_ModelChoice([*MODELS, "all"]),
    default="all",
    show_default=True,
    help=f"What will be trained; all: {' and '.join(compared(MODELS))}.",
)
@_params_option
@_experiment_option
@click.option("--dollars-per-hour", type=float, help="Price of the machine, for the estimate.")
def preflight(
    env: str,
    model: str,
    params: dict[str, Any],
    experiment: str | None,
    dollars_per_hour: float,
) -> None:
    """Check this machine before a run: GPU, memory, disk, data, services, kernels, ten steps.

    Prints a line per check and ends with status 1 at the first red one. The figures are kept in
    the catalog's `preflight`.
    """
    models = tuple(compared(MODELS)) if model == "all" else (model,)
    with _context(env, params, experiment) as context:
        _check(context, models, dollars_per_hour)


@cli.command("prune")
@_env_option
@_params_option
@_experiment_option
@click.option("--keep", multiple=True, help="A version that stays; may be repeated.")
@click.option("--yes", is_flag=True, help="Remove them; without it they are only shown.")
def prune_versions(
    env: str,
    params: dict[str, Any],
    experiment: str | None,
    keep: tuple[str, ...],
    yes: bool,
) -> None:
    """Show which old versions can go; remove them with --yes.

    What stays: the newest version of everything, and of each model the newest of every
    configuration, seed and data.
    """
    with _context(env, params, experiment) as context:
        plan = plan_prune(Path(str(find_setting(context.config_loader, "data"))), keep)
        for path in plan:
            click.echo(f"{path} ({size_of(path):,} bytes)")
        if yes:
            prune(plan)
    what = "removed" if yes else "can go; --yes removes them"
    click.echo(f"{len(plan)} old versions {what}")


@cli.command()
def experiments() -> None:
    """Describe the experiments that are kept in conf/experiments, and what each changes.

    `kedro run --experiment NAME` runs one, in any environment and below --params.
    """
    with command_errors():
        check_configuration(None)
        conf = settings.CONF_SOURCE
        files = LocalFileSystem()
        kept = [read_experiment(files, conf, name) for name in list_experiments(files, conf)]
        usual = settings_of_base(conf)
    for experiment in kept:
        print_line(Text(experiment.name, style="bold"))
        print_line(f"  {experiment.description}")
        for block, values in experiment.differing(usual).items():
            print_line(Text(f"  {_in_short(block, values)}", style="dim"))
    if not kept:
        print_line(f"There is none: {conf}/{FOLDER} has no *.yml")


def _in_short(block: str, values: Mapping[str, str]) -> str:
    """Spell a block in a line.

    >>> _in_short("dataset", {"dataset": "ml-1m"}), _in_short("recommend", {"k": "5"})
    ('dataset: ml-1m', 'recommend: k=5')
    """
    if list(values) == [block]:
        return f"{block}: {values[block]}"
    return f"{block}: {', '.join(f'{name}={value}' for name, value in values.items())}"


@cli.command()
@_env_option
@_params_option
@_experiment_option
@click.option(
    "--model",
    "models",
    multiple=True,
    default=(next(iter(compared(MODELS))),),
    show_default=True,
    help="A trained model, for its newest version and those to come, or model@version; the "
    "first of several answers where a request names none.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option(
    "--sessions",
    help="Where sessions are kept: sqlite:<file>, or redis://<host>:<port>/0 for several workers. "
    "Defaults to sessions.db in the data folder.",
)
def serve(
    env: str,
    params: dict[str, Any],
    experiment: str | None,
    models: tuple[str, ...],
    **options: Any,
) -> None:
    """Serve trained models over HTTP: lists, sessions, explanations.

    A newer version of a model is taken into use without a pause. To be reached from other
    machines it needs a token, in the environment variable SEQREC_TOKEN.
    """
    with _context(env, params, experiment) as context:
        places = [f"{name}={find_model(context.config_loader, name)}" for name in models]
        data = Path(str(find_setting(context.config_loader, "data")))
    options["sessions"] = options["sessions"] or f"sqlite:{data / 'sessions.db'}"
    given = [f"--{name}={value}" for name, value in options.items()]
    asked = [f"--model={place}" for place in places]
    # The service does without Kedro, and a signal reaches it directly.
    os.execv(sys.executable, [sys.executable, "-m", "seqrec.serving", *asked, *given])  # noqa: S606


@cli.group()
def project() -> None:
    """Print settings and paths for scripts: plain values, one per line."""


@project.command()
@_env_option
@_params_option
@_experiment_option
@click.argument("name")
def get(env: str, params: dict[str, Any], experiment: str | None, name: str) -> None:
    """Print a setting of globals.yml as a run would have it.

    NAME is a key such as dataset, data, raw or mirror, or one inside a block: engine.backend.
    A setting that is null is an empty line; a block is printed as JSON. For example, kedro project
    get dataset --env runpod prints ml-1m.
    """
    with _context(env, params, experiment) as context:
        value = find_setting(context.config_loader, name)
    shown = "" if value is None else json.dumps(value)
    click.echo(value if isinstance(value, str) else shown)


@project.command()
@_env_option
@_params_option
@_experiment_option
@click.argument("names", nargs=-1, required=True)
def paths(
    env: str, params: dict[str, Any], experiment: str | None, names: tuple[str, ...]
) -> None:
    """Print where datasets of the catalog lie: the newest version of each that exists.

    NAMES are datasets such as report, comparison or ncf.weights. One that does not exist yet is
    left out; one that the catalog does not keep in a file is an error. For example, kedro project
    paths report --params data=/workspace/data prints the path of the last report on that volume.
    """
    with _context(env, params, experiment) as context:
        found = [find_file(context.config_loader, name) for name in names]
    for path in found:
        if path is not None:
            click.echo(path.absolute())


@contextmanager
def _context(
    env: str | None, params: dict[str, Any], experiment: str | None
) -> Iterator[KedroContext]:
    """Open the project in an environment; its own errors are printed in one line."""
    with command_errors():
        check_configuration(env)
        given = _with_experiment(params, experiment)
        with KedroSession.create(Path.cwd(), env=env, runtime_params=given) as session:
            yield session.load_context()  # type: ignore[attr-defined]


def _check(context: KedroContext, models: tuple[str, ...], dollars_per_hour: float | None) -> None:
    """Print a line per check, and save the figures if all passed."""
    # torch takes seconds to import: other commands do without.
    from seqrec.checks.check import as_line
    from seqrec.checks.preflight import Preflight

    found = []
    for check, seconds in Preflight(context, models, dollars_per_hour).checks():
        found.append((check, seconds))
        print_line(Text.from_markup(as_line(check, seconds)))
    if not all(check.passed for check, _ in found):
        sys.exit(1)
    facts = {key: value for check, _ in found for key, value in check.facts.items()}
    context.catalog.save("preflight", {**facts, "seconds_taken": sum(s for _, s in found)})
