"""What tables and artefacts say of their origin: plain values, and a short name for them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

FINGERPRINT = "fingerprint"
"""The data's fingerprint in their statistics."""
FACTS = "facts"
"""What a table was made from, in its `attrs`: `experiment` or `members`, `data`,
`version`."""
MEMBERS = "members"
"""The members of an ensemble, in its facts: name, model, training, version, fingerprint."""
LENGTH = 16
"""Hexadecimal digits of a fingerprint."""


def facts_fingerprint(facts: dict[str, Any]) -> str:
    """Return the fingerprint of plain JSON values, such as an experiment's record."""
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
