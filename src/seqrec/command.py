"""The command ``seqrec``: what comes before there is a project. In one, ``kedro`` has the rest."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from seqrec import __version__
from seqrec.errors import ProjectError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="seqrec")
def main() -> None:
    """Train and compare sequential recommenders: SS4Rec and others, in Kedro and RecBole.

    Begin with `seqrec init my-project`. In a project's folder, `kedro run` trains and compares,
    `kedro --help` lists what else there is.
    """


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
def init(folder: Path) -> None:
    """Make a project in FOLDER: configuration, places for data, a README.

    FOLDER is new or empty; `.` is this one. The project's code stays in the installed package.
    """
    # Kedro's version is looked up, and files are copied: help does without.
    from seqrec.new_project import create_project

    try:
        create_project(folder)
    except ProjectError as error:
        raise click.ClickException(str(error)) from error
    here = folder.resolve() == Path.cwd()
    click.echo(f"{folder.resolve()} is a project now. Next:")
    click.echo("  kedro run" if here else f"  cd {shlex.quote(str(folder))} && kedro run")
