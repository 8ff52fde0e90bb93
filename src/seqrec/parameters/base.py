"""What every block of parameters is made of."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Mask = Literal["masked", "unmasked"]
QueryTime = Literal["known", "unknown"]
Resume = bool | Literal["auto"]
"""Whether to resume from a checkpoint: ``auto`` if it is of the same experiment."""
Probability = Field(ge=0.0, lt=1.0)


class Frozen(BaseModel):
    """Base of all parameter blocks: immutable, no unknown keys."""

    # "model" is the field's own word for the network; pydantic would reserve the prefix.
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())
