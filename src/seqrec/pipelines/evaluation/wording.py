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


def describe_data(stats: dict[str, Any]) -> str:
    """Say how much data there is.

    Args:
        stats: From `describe_interactions`.
    """
    first, last = (str(stats[name])[:10] for name in ("first_time", "last_time"))
    counts = (f"{stats[name]:,} {name}" for name in ("users", "items", "interactions"))
    return f"{', '.join(counts)}, {first} to {last}"


def describe_protocol(stats: dict[str, Any], protocol: dict[str, Any] | None) -> dict[str, str]:
    """Say what was held out, how many users were asked, and what became of ties.

    Args:
        stats: From `describe_interactions`.
        protocol: The parameters of data_processing; None in files of earlier versions, whose
            marks tell the split.

    Returns:
        Sentences by what they are about; what is not known is left out.
    """
    known = protocol or {}
    by_group = bool({c.VALID_TIED, c.TEST_TIED} & set(stats["splits"]))
    ties = known.get("tie_policy") or ("group" if by_group else "")
    split = known.get("split") or _split(stats, by_group)
    sentences = {
        "held out": _HELD_OUT[split, ties == "group"],
        "asked": _asked(stats, split),
        "ties": " ".join(filter(None, (_TIES.get(ties), _tied(stats)))),
        "kept": _kept(known),
    }
    return {name: sentence for name, sentence in sentences.items() if sentence}


def _split(stats: dict[str, Any], by_group: bool) -> str:
    """Infer the split: leaving one out has no context, and asks everybody who has two seconds."""
    splits = stats["splits"]
    some = splits.get(c.TEST, 0) < stats["users"] and not by_group
    return "temporal" if c.CONTEXT in splits or some else "leave_one_out"


def _kept(known: dict[str, Any]) -> str:
    """Say which ratings, users and items were kept."""
    if not known:
        return ""
    rating = known.get("min_rating")
    ratings = "All ratings" if rating is None else f"Ratings of {rating:g} and more"
    cores = (known.get(f"{side}_core", 1) for side in ("user", "item"))
    users, items = cores
    return f"{ratings}, users with {users} or more of them, items with {items} or more."


def _asked(stats: dict[str, Any], split: str) -> str:
    asked, users = stats["splits"].get(c.TEST, 0), stats["users"]
    if asked == users:
        return f"All {users:,} users are asked."
    return f"{asked:,} of {users:,} users are asked: {_OTHERS[split]}."


def _tied(stats: dict[str, Any]) -> str:
    share = stats.get("users_with_tied_last")
    return f"{share:.0%} of the held-out items share their second with another." if share else ""
