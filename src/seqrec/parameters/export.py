"""A trained model as a program and a folder for a hub."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seqrec.parameters.base import Count, Frozen


class Export(Frozen):
    """What is exported, and how it is checked."""

    onnx: bool | Literal["auto"] = Field(
        "auto", description="Translate to ONNX: auto where its packages are installed."
    )
    users: Count | None = Field(
        10_000, description="Users whose ranks are compared with the model's; null: all."
    )
