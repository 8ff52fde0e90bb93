"""What every block of parameters is made of."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Mask = Literal["masked", "unmasked"]
QueryTime = Literal["known", "unknown"]
Resume = bool | Literal["auto"]
"""Whether to resume from a checkpoint: ``auto`` if it is of the same experiment."""
Probability = Field(ge=0.0, lt=1.0)

# A field with a bound of its own is an int or a float: the narrower of two bounds does not win.
Count = Annotated[int, Field(gt=0, le=10**9)]
Size = Annotated[int, Field(gt=0, le=2**16)]
"""A width or a length of a network."""
Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""What NumPy, PyTorch and the engines all take."""
Amount = Annotated[float, Field(gt=0.0, le=1e6)]


def _is_name(text: str) -> str:
    """Refuse a name that would be a path: folders are called by it."""
    if not re.fullmatch(r"\w[\w.-]{0,99}", text):
        raise ValueError(f"{text!r} is no plain name: give letters, digits, '.', '_' and '-'")
    return text


def _is_place(text: str) -> str:
    """Refuse what no path or address can be."""
    if not text.strip() or not text.isprintable():
        raise ValueError(f"{text!r} is no path: it is empty or holds signs that cannot be printed")
    return text


def spell(value: object) -> str:
    """Write a value as ``--params`` reads it.

    Examples:
        >>> spell(None), spell(4.0), spell("group")
        ('null', '4.0', 'group')
    """
    return "null" if value is None else str(value)


Name = Annotated[str, AfterValidator(_is_name)]
Place = Annotated[str, AfterValidator(_is_place)]


class Frozen(BaseModel):
    """Base of all parameter blocks: immutable, no unknown keys."""

    # "model" is the field's own word for the network; pydantic would reserve the prefix.
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=()
    )
