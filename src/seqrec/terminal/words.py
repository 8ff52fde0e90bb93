"""Times and counts as a reader wants them."""

from __future__ import annotations


def spell_seconds(seconds: float) -> str:
    """Spell a duration in at most two units.

    >>> spell_seconds(0.04), spell_seconds(9.94), spell_seconds(59.7), spell_seconds(243.4)
    ('0.0 s', '9.9 s', '60 s', '4 min 03 s')
    >>> spell_seconds(3599.8), spell_seconds(7384)
    ('1 h 00 min', '2 h 03 min')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole <= 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def count(number: int, noun: str) -> str:
    """Count things.

    >>> count(1, "node"), count(30, "node"), count(1200, "row")
    ('1 node', '30 nodes', '1,200 rows')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
