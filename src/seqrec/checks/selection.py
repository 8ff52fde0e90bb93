"""What a command names is there: environment, pipelines, nodes, datasets, runner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import kedro.runner
from kedro.framework.project import pipelines, settings
from kedro.pipeline import Pipeline
from kedro.utils import load_obj

from seqrec.errors import ProjectError, suggest
from seqrec.experiments import FOLDER

RUNNER = "SequentialRunner"
"""The only runner: nodes share one connection to the engine, and one GPU."""


def check_configuration(env: str | None, conf_source: str | None = None) -> None:
    """Refuse a configuration or an environment that is not there.

    Args:
        env: None: the default one.
        conf_source: A folder, or a packed one, which is not looked into; None: the project's.

    Raises:
        ProjectError: Names it, and what to type.
    """
    folder = Path(conf_source or settings.CONF_SOURCE)
    if not folder.exists() and "://" not in str(folder):
        raise ProjectError(
            f"there is no configuration in {folder.absolute()}: run this in the project's folder, "
            "or give --conf-source (`kedro package` packs one: dist/conf-seqrec.tar.gz)"
        )
    if not env or not folder.is_dir():
        return
    known = sorted(x.name for x in folder.iterdir() if x.is_dir() and x.name != FOLDER)
    if env not in known:
        raise ProjectError(_unknown("environment", env, known) + f" (in {folder})")


def check_pipelines(names: Iterable[str]) -> None:
    """Refuse a pipeline that is not there.

    Raises:
        ProjectError: Names it and those that are.
    """
    for name in names:
        if name not in pipelines:
            raise ProjectError(_unknown("pipeline", name, sorted(pipelines)))


def check_runner(name: str | None, options: Mapping[str, Any]) -> None:
    """Refuse a runner that does not exist or does not take its options.

    Args:
        name: As given with ``--runner``; None: the default one.
        options: As given with ``--runner-params``.

    Raises:
        ProjectError: Names it and what there is.
    """
    try:
        load_obj(name or RUNNER, "kedro.runner")
    except (ImportError, AttributeError, ValueError):
        raise ProjectError(_unknown("runner", str(name), kedro.runner.__all__)) from None
    check_sequential(name or RUNNER)
    for option in options:
        if option != "is_async":
            raise ProjectError(_unknown(f"option of {RUNNER}", option, ["is_async"]))


def check_sequential(runner: str) -> None:
    """Refuse runners that run several nodes at once.

    Args:
        runner: Its name, or how Python shows it.

    Raises:
        ProjectError: What to do instead.
    """
    for name in ("ParallelRunner", "ThreadRunner"):
        if name in runner:
            raise ProjectError(
                f"{name} cannot run this project, whose nodes share one connection to the engine "
                f"and one GPU: leave --runner out ({RUNNER}); trainings themselves use all cores"
            )


def check_selection(wanted: Sequence[str], options: Mapping[str, Any]) -> None:
    """Refuse nodes, tags, namespaces or datasets that the chosen pipelines do not have.

    Args:
        wanted: Names of pipelines; none: the default one.
        options: Of ``kedro run``: node_names, from_nodes and so on.

    Raises:
        ProjectError: Names the first that is not there, or says that nothing is left to run.
    """
    pipeline = sum((pipelines[name] for name in wanted or ["__default__"]), Pipeline([]))
    for what, (names, known) in _selectable(pipeline).items():
        for name in (chosen for option in names for chosen in options[option] or ()):
            if name not in known:
                raise ProjectError(
                    f"unknown {what} {name!r}{suggest(name, known)}: the chosen pipelines have "
                    f"{len(known)} (`kedro registry describe` lists nodes)"
                )
    chosen = {name: options[name] for names, _ in _selectable(pipeline).values() for name in names}
    try:
        pipeline.filter(**{"node_namespaces": chosen.pop("namespaces"), **chosen})
    except ValueError as error:
        raise ProjectError(" ".join(str(error).split())) from None


def _selectable(pipeline: Pipeline) -> dict[str, tuple[tuple[str, ...], set[str]]]:
    """Return the options that choose parts of a pipeline, and what each may name, by kind."""
    nodes = pipeline.nodes
    datasets = pipeline.datasets()
    return {
        "node": (("node_names", "from_nodes", "to_nodes"), {node.name for node in nodes}),
        "tag": (("tags",), {tag for node in nodes for tag in node.tags}),
        "namespace": (
            ("namespaces",),
            {name for node in nodes for name in node.namespace_prefixes},
        ),
        "dataset": (("from_inputs", "to_outputs"), datasets | {n.split("@")[0] for n in datasets}),
    }


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    names = list(known)
    return f"unknown {what} {name!r}{suggest(name, names)}: choose one of {', '.join(names)}"
