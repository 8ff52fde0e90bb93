"""Functions that the engines have and Ibis does not name."""

from __future__ import annotations

import ibis


@ibis.udf.scalar.builtin
def md5(text: str) -> str:  # type: ignore[empty-body]
    """Hash a text: hexadecimal, 32 digits; the same on every engine."""


@ibis.udf.scalar.builtin
def left(text: str, length: int) -> str:  # type: ignore[empty-body]
    """Take the first letters; Ibis' own spells it as a CASE that computes the text twice."""


@ibis.udf.scalar.builtin
def monotonically_increasing_id() -> int:  # type: ignore[empty-body]
    """Spark's number of a row: grows within a file."""


@ibis.udf.scalar.builtin
def is_valid_utf8(text: str) -> bool:  # type: ignore[empty-body]
    """Tell whether a text is UTF-8: Spark reads any bytes for one, DuckDB refuses them."""
