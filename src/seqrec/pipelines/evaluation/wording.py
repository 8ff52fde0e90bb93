"""What was asked of whom, in sentences that are true for every protocol."""

from __future__ import annotations

from typing import Any

from seqrec.tables import columns as c

_HELD_OUT = {
    ("leave_one_out", False): "Leave one out: each user's last interaction is held out for test, "
    "the one before it for validation.",
    ("leave_one_out", True): "Leave one out: the second of each user's last interaction is held "
    "out for test, the second before it for validation.",
    ("temporal", False): "By time: what happened before one moment is training. Each user's first "
    "interaction after a later one is held out for test, with all before it as history.",
    ("temporal", True): "By time: what happened before one moment is training. The second of each "
    "user's first interaction after a later one is held out for test, with all before it as "
    "history.",
}
_OTHERS = {
    "leave_one_out": "the others' interactions all lie in one second",
    "temporal": "the others did nothing after that moment, or nothing before it",
}
_TIES = {
    "hash": "Interactions in the same second are ordered by a seeded hash.",
    "file": "Interactions in the same second are in the file's order.",
    "group": "Every item of the held-out second is a right answer: the best rank counts.",
}
_FIRST = ("split", "tie_policy")


def describe_data(stats: dict[str, Any]) -> str:
    """Say how much data there is.

    Args:
        stats: From `describe_interactions`.
    """
    first, last = (str(stats[name])[:10] for name in ("first_time", "last_time"))
    counts = (f"{stats[name]:,} {name}" for name in ("users", "items", "interactions"))
    return f"{', '.join(counts)}, {first} to {last}"


def describe_protocol(stats: dict[str, Any]) -> dict[str, str]:
    """Say what was held out, how many users were asked, and what became of ties.

    Args:
        stats: From `describe_interactions`; files of earlier versions have no `protocol`.

    Returns:
        Sentences by what they are about; what is not known is left out.
    """
    known = stats.get("protocol") or {}
    by_group = _by_group(stats)
    split = known.get("split") or _split(stats)
    ties = known.get("tie_policy") or ("group" if by_group else None)
    others = {name: value for name, value in known.items() if name not in _FIRST}
    sentences = {
        "held out": _HELD_OUT[split, by_group],
        "asked": _asked(stats, split),
        "ties": " ".join(filter(None, (_TIES.get(ties or ""), _tied(stats)))),
        "kept": ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in others.items()),
    }
    return {name: sentence for name, sentence in sentences.items() if sentence}


def _by_group(stats: dict[str, Any]) -> bool:
    protocol = stats.get("protocol") or {}
    marks = {c.VALID_TIED, c.TEST_TIED}
    return protocol.get("tie_policy") == "group" or bool(marks & set(stats["splits"]))


def _split(stats: dict[str, Any]) -> str:
    """Infer the split: leaving one out has no context, and asks everybody who has two seconds."""
    splits = stats["splits"]
    some = splits.get(c.TEST, 0) < stats["users"] and not _by_group(stats)
    return "temporal" if c.CONTEXT in splits or some else "leave_one_out"


def _asked(stats: dict[str, Any], split: str) -> str:
    asked, users = stats["splits"].get(c.TEST, 0), stats["users"]
    if asked == users:
        return f"All {users:,} users are asked."
    return f"{asked:,} of {users:,} users are asked: {_OTHERS[split]}."


def _tied(stats: dict[str, Any]) -> str:
    share = stats.get("users_with_tied_last")
    return f"{share:.0%} of the held-out items share their second with another." if share else ""
