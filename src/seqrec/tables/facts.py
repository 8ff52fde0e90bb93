"""What tables and artefacts say of their origin: plain values, and a short name for them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # pandas takes half a second: commands that only look at facts do not wait
    import pandas as pd

FINGERPRINT = "fingerprint"
"""The data's fingerprint in their statistics."""
FACTS = "facts"
"""What a table was made from, in its `attrs`: `experiment` or `members`, `data`,
`version`."""
MEMBERS = "members"
"""The members of an ensemble, in its facts: name, model, training, version, fingerprint."""
LISTS = "lists"
"""Fact of recommendations and what describes them: `users`, `k`, `exclude_seen`."""
FOR_USE = "for_use"
"""Fact of a model that has learned every event: `epochs`, and whose validation chose them."""
WARM_START = "warm_start"
"""Fact of a model that went on from another: its `version`, rows that are new and dropped."""
FOR_USE = "for_use"
"""Fact of a model that has learned every event: `epochs`, and whose validation chose them."""
WARM_START = "warm_start"
"""Fact of a model that went on from another: its `version`, rows that are new and dropped."""
HEADLINE = "headline"
"""Fact of a leaderboard: the mask and the query time that it is at."""
USERS = "users"
"""Fact of tables of means and differences: over how many users they are."""
LENGTH = 16
"""Hexadecimal digits of a fingerprint."""


def facts_fingerprint(facts: dict[str, Any]) -> str:
    """Return the fingerprint of plain JSON values, such as an experiment's record."""
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def is_of_one_user(table: pd.DataFrame) -> bool:
    """Tell whether means are one user's; tables of earlier versions do not say."""
    return bool(table.attrs.get(FACTS, {}).get(USERS) == 1)
