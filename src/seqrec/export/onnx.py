"""Programs as ONNX, where its operators allow."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch.export import ExportedProgram

from seqrec.errors import ProjectError

if TYPE_CHECKING:
    from seqrec.export.programs import Sketch

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_NOISY = ("onnxscript", "onnx_ir", "torch.onnx", "root")
_OPERATOR = re.compile(r"(?:aten|prims|higher_order|torchvision)[.:]+[A-Za-z_]\w*(?:\.\w+)?")


@dataclass(frozen=True)
class NoOnnx:
    """Why there is no ONNX of a program, in a sentence."""

    reason: str


def check_packages(wanted: Literal["auto"] | bool) -> NoOnnx | None:
    """Tell whether ONNX is left out; None: it is made.

    Args:
        wanted: False leaves it out, ``auto`` does where its packages are missing.

    Raises:
        ProjectError: It is wanted and a package is missing.
    """
    if wanted is False:
        return NoOnnx("It was not asked for (export.onnx=false).")
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing and wanted is True:
        raise ProjectError(
            f"export.onnx=true needs {', '.join(missing)}: pip install 'seqrec[export]', or leave "
            "export.onnx at auto"
        )
    return NoOnnx(f"{', '.join(missing)} was not installed.") if missing else None


def to_onnx(program: ExportedProgram, sketch: Sketch) -> Any:
    """Translate a program.

    Args:
        program: From `export_program`.
        sketch: What it was made from: names of inputs and outputs.

    Returns:
        torch's `ONNXProgram`, or `NoOnnx` with the operator that ONNX has not.
    """
    try:
        with _quiet():
            return torch.onnx.export(
                program,
                dynamo=True,
                verbose=False,
                input_names=list(sketch.example),
                output_names=list(sketch.outputs),
            )
    except torch.onnx.OnnxExporterError as error:
        causes = f"{error.__cause__ or ''} {error}"
        found = _OPERATOR.search(causes)
        operator = found[0] if found else (str(error).strip().splitlines() or ["unknown"])[0]
        return NoOnnx(f"torch's exporter has no translation of the operator {operator}.")


def open_session(program: Any) -> Any:
    """Open an `onnxruntime.InferenceSession` of a translated program."""
    import onnxruntime

    return onnxruntime.InferenceSession(program.model_proto.SerializeToString())


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what the exporter says of its own steps."""
    loggers = [logging.getLogger(name) for name in _NOISY]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)
