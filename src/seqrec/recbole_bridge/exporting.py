"""A trained model exported, and held against the recommender that it was trained in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqrec.export.card import Told, write_card, write_licence
from seqrec.export.check import compare, compare_steps, describe
from seqrec.export.exported import ExportedModel
from seqrec.export.onnx import NoOnnx, check_packages, open_session, to_onnx
from seqrec.export.programs import (
    SCORE,
    STEP,
    Sketch,
    Tensors,
    describe_program,
    export_program,
    sketch_programs,
)
from seqrec.histories.held_out import CompleteLoader, HeldOutLoader
from seqrec.metrics.ranking import metric_table
from seqrec.model_registry import MODELS
from seqrec.models.artifact import ModelArtifact
from seqrec.parameters import Evaluation, Export, Runtime
from seqrec.recbole_bridge.api import Assembly, facts_of, load, rank
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import AtomicFiles
from seqrec.tables.protocols import at_headline

logger = logging.getLogger(__name__)

QUERY_SECONDS = 3600.0
"""From the last event to the query, where nothing is held out."""

Programs = Mapping[str, Callable[[Tensors], Any]]
"""What runs a program, by its name."""


def export_checked(
    artifact: ModelArtifact,
    files: AtomicFiles,
    runtime: Runtime,
    evaluation: Evaluation,
    options: Export,
) -> ExportedModel:
    """Export a model's programs, check them, and describe everything.

    Args:
        artifact: A trained model.
        files: The atomic files it was trained on.
        runtime: The machine; programs are made and checked on the CPU.
        evaluation: Protocol and cutoffs of the metrics.
        options: What is exported, and how it is checked.

    Raises:
        ProjectError: The model is of other data, a program ranks otherwise, or ONNX is wanted and
            its packages are missing.
    """
    absent = check_packages(options.onnx)
    on_cpu = runtime.model_copy(update={"device": "cpu", "ssm_backend": "auto"})
    parts = load(artifact, files, on_cpu)
    sketches = sketch_programs(artifact.config, artifact.weights)
    name = artifact.config["name"]
    logger.info("%s: exporting %s", name, " and ".join(sketches))
    longest = parts.feed.max_length
    programs = {kind: export_program(sketch, longest) for kind, sketch in sketches.items()}
    translated = {k: absent or to_onnx(p, sketches[k]) for k, p in programs.items()}
    onnx = {k: it for k, it in translated.items() if not isinstance(it, NoOnnx)}
    forms = {"torch.export": {k: _as_program(p, sketches[k]) for k, p in programs.items()}}
    if onnx:
        forms["ONNX"] = {k: _as_session(it, sketches[k]) for k, it in onnx.items()}
    told = Told(
        MODELS[name],
        files.dataset.removesuffix("-interactions"),
        files.stats,
        artifact.config,
        {kind: describe_program(kind, sketch) for kind, sketch in sketches.items()},
        _measure(artifact, files, on_cpu, evaluation),
        _check(parts, forms, sketches, options.users),
        {k: it for k, it in translated.items() if isinstance(it, NoOnnx)},
    )
    return _folder(artifact, programs, onnx, told)


def _folder(
    artifact: ModelArtifact, programs: dict[str, Any], onnx: dict[str, Any], told: Told
) -> ExportedModel:
    """Put everything together."""
    return ExportedModel(
        artifact=artifact,
        programs=programs,
        onnx=onnx,
        inputs=dict(told.inputs),
        metrics=dict(told.metrics),
        check=dict(told.check),
        card=write_card(told),
        licence=write_licence(told.dataset, artifact.users is not None),
        facts={**facts_of(artifact.config), "check": dict(told.check)},
    )


def _as_program(program: Any, sketch: Sketch) -> Callable[[Tensors], Any]:
    module = program.module()
    return lambda inputs: module(*(inputs[name] for name in sketch.example))


def _as_session(translated: Any, sketch: Sketch) -> Callable[[Tensors], Any]:
    session = open_session(translated)
    taken = [each.name for each in session.get_inputs()]

    def run(inputs: Tensors) -> Any:
        found = session.run(None, {name: inputs[name].numpy() for name in taken})
        outputs = tuple(torch.from_numpy(np.array(each)) for each in found)
        return outputs if len(sketch.outputs) > 1 else outputs[0]

    return run


def _check(
    parts: Assembly,
    forms: Mapping[str, Programs],
    sketches: Mapping[str, Sketch],
    users: int | None,
) -> dict[str, Any]:
    """Compare every program in every form with the model."""
    spec = MODELS[parts.feed.experiment.name]
    loader = _loader(parts)
    found: dict[str, Any] = {}
    for form, programs in forms.items():
        if SCORE in programs:
            its = compare(parts.recommender, loader, spec, programs[SCORE], users)
            found[f"{form}, {SCORE}"] = describe(its)
            logger.info(
                "%s as %s: %d of %d users have equal ranks, scores differ by at most %.2g",
                *(spec.name, form, its.equal_ranks, its.users, its.largest_score_difference),
            )
        if STEP in programs and SCORE in programs:
            state = _nothing_yet(sketches[STEP])
            steps = compare_steps(programs[SCORE], programs[STEP], state, loader, spec)
            found[f"{form}, {STEP}"] = steps
    return found


def _loader(parts: Assembly) -> HeldOutLoader:
    """Take the test users; all users' complete histories where nothing is held out."""
    loader = HeldOutLoader(parts.feed, c.TEST, c.KNOWN)
    if len(loader.users):
        return loader
    users = np.unique(parts.feed.histories.users)
    return CompleteLoader(parts.feed, users, QUERY_SECONDS)


def _nothing_yet(sketch: Sketch) -> dict[str, Tensor]:
    """Return the state before the first event, a batch of one."""
    return {
        name: torch.zeros_like(x[:1])
        for name, x in sketch.example.items()
        if name.startswith("state")
    }


def _measure(
    artifact: ModelArtifact, files: AtomicFiles, runtime: Runtime, evaluation: Evaluation
) -> dict[str, Any]:
    """Measure the model on its test users; nothing where nothing is held out."""
    ranks = rank(artifact, files, runtime)
    if ranks.empty:
        return {}
    chosen = at_headline(ranks, evaluation)
    means = metric_table(chosen[c.RANK].to_numpy(), evaluation.cutoffs).mean()
    return {
        "users": len(chosen),
        "protocol": f"history {evaluation.headline_mask}, query time "
        f"{evaluation.headline_query_time}",
        "values": {str(name): round(float(value), 6) for name, value in means.items()},
    }
