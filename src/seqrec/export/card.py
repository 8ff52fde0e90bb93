"""The model card and the licence note that go with an exported model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seqrec.export.onnx import NoOnnx
from seqrec.model_registry import ModelSpec
from seqrec.tables.facts import FOR_USE, WARM_START

MOVIELENS = "ml-"
"""How the names of MovieLens' releases begin."""

_MOVIELENS_LICENCE = """# Licence

**Trained on MovieLens ({dataset}).** GroupLens' terms, in short (the release's README has them in
full, https://grouplens.org/datasets/movielens/):

- The data may be used for research; neither GroupLens nor the University of Minnesota is endorsed
  or endorses.
- The data may not be redistributed without separate permission, nor used for commercial or
  revenue-bearing purposes without permission of a faculty member of GroupLens.
- Publications acknowledge the data: F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens
  Datasets: History and Context. ACM Transactions on Interactive Intelligent Systems 5, 4.
  https://doi.org/10.1145/2827872

This folder holds no ratings and no titles: weights learned from the ratings, and MovieLens'
numbers of the films (`item_id.csv`{users}). Whether weights count as the data is for you and your
counsel: ask GroupLens before you use them commercially.
"""

_OWN_LICENCE = """# Licence

**Trained on {dataset}, a log of your own.** Whoever owns the log decides what may be done with
what was learned from it. This folder holds no events: weights learned from them, and the log's
ids of the items (`item_id.csv`{users}). Put your licence here before you give the folder away.
"""

_USERS = ", and of the users, `user_id.csv`: they may be personal data"


@dataclass(frozen=True)
class Told:
    """What a card tells.

    Attributes:
        spec: The model's entry.
        dataset: Name of the interactions.
        stats: Of the interactions.
        config: Of the model's artifact.
        inputs: Of the programs.
        metrics: What was measured; nothing where nothing is held out.
        check: How the programs agree with the model.
        no_onnx: Why a program has no ONNX, by name.
    """

    spec: ModelSpec
    dataset: str
    stats: Mapping[str, Any]
    config: Mapping[str, Any]
    inputs: Mapping[str, Any]
    metrics: Mapping[str, Any]
    check: Mapping[str, Any]
    no_onnx: Mapping[str, NoOnnx]


def write_licence(dataset: str, names_users: bool) -> str:
    """Say what is known of the licence.

    Args:
        dataset: Name of the interactions.
        names_users: Whether the folder names users.
    """
    text = _MOVIELENS_LICENCE if dataset.startswith(MOVIELENS) else _OWN_LICENCE
    return text.format(dataset=dataset, users=_USERS if names_users else "")


def write_card(told: Told) -> str:
    """Write the card.

    Args:
        told: What it tells.
    """
    parts = [_header(told), _what(told), _files(told), _use(told), _measured(told), _checked(told)]
    return "\n\n".join([*parts, _limits(told)]) + "\n"


def _header(told: Told) -> str:
    """Write what hubs read: YAML, of which JSON is a part."""
    results = [
        {"type": name, "value": value} for name, value in told.metrics.get("values", {}).items()
    ]
    task = {"type": "recommendation", "name": "Full ranking of held-out items"}
    data = {"name": told.dataset, "type": told.dataset}
    index = [
        {"name": told.spec.title, "results": [{"task": task, "dataset": data, "metrics": results}]}
    ]
    values = {
        "license": "other",
        "license_name": "see-license-md",
        "license_link": "LICENSE.md",
        "library_name": "pytorch",
        "tags": ["recommendation", "sequential-recommendation", told.spec.name],
        **({"model-index": index} if results else {}),
    }
    lines = (f"{name}: {json.dumps(value)}" for name, value in values.items())
    return "\n".join(["---", *lines, "---"])


def _what(told: Told) -> str:
    stats = told.stats
    reads = "a user's history" if told.spec.uses_history else "a user it was trained on"
    counts = ", ".join(
        f"{stats[name]:,} {name}" for name in ("users", "items", "interactions") if name in stats
    )
    size = json.dumps(told.config["model"])
    return (
        f"# {told.spec.title}, trained on {told.dataset}\n\n"
        f"Scores every item for {reads}. Trained on {told.dataset} ({counts or 'not counted'}) "
        f"with seqrec and torch {told.config.get('torch', 'unknown')}.\n\n"
        f"Network: `{size}`."
    )


def _files(told: Told) -> str:
    rows = ["## Files", "", "| file | what |", "|---|---|"]
    for name, its in told.inputs.items():
        rows.append(f"| `{name}.pt2` | `torch.export` program: {its['what']} |")
        absent = told.no_onnx.get(name)
        if absent is None:
            rows.append(f"| `{name}.onnx` | the same as ONNX |")
        else:
            rows.append(f"| no `{name}.onnx` | {absent.reason} |")
    rows += [
        "| `model.safetensors`, `config.json` | weights, network and training |",
        "| `item_id.csv` | the item of row 1, 2, …; row 0 is padding |",
        "| `programs.json`, `metrics.json`, `check.json` | what the sections below say |",
        "| `LICENSE.md` | what is known of the licence |",
    ]
    return "\n".join(rows)


def _use(told: Told) -> str:
    rows = ["## Use", ""]
    for name, its in told.inputs.items():
        takes = ", ".join(f"`{k}` {v['type']} {v['shape']}" for k, v in its["takes"].items())
        rows.append(f"- **{name}** takes, in this order, {takes}; returns {its['returns']}.")
    call = ", ".join(told.inputs["score"]["takes"])
    rows += [
        "",
        "```python",
        "import torch",
        'score = torch.export.load("score.pt2").module()',
        f"scores = score({call})  # a column for each row of items; column 0 is −inf",
        "```",
    ]
    return "\n".join(rows)


def _measured(told: Told) -> str:
    rows = ["## Measured", ""]
    warm = told.config.get(WARM_START)
    if warm:
        rows += [f"It went on from version {warm['version']} with more events.", ""]
    use = told.config.get(FOR_USE)
    if use:
        chosen = "as was asked for"
        if use.get("chosen_by"):
            chosen = (
                f"as validation chose in training {use['chosen_by']} of the same configuration, "
                f"whose best {use['metric']} was {use['score']:.4f}"
            )
        rows.append(
            f"**This model was not measured**: it has learned every event, for {use['epochs']} "
            f"epochs, {chosen}. Nothing was held out that could tell how good it is."
        )
        return "\n".join(rows)
    metrics = told.metrics
    rows += [
        f"Each of {metrics['users']:,} users' held-out item ranked among all items ("
        f"{metrics['protocol']}), ties at their mean rank:",
        "",
        "| metric | mean |",
        "|---|--:|",
        *(f"| {name} | {value:.4f} |" for name, value in metrics["values"].items()),
    ]
    return "\n".join(rows)


def _checked(told: Told) -> str:
    rows = ["## Checked", "", "Programs against the model they were made from:", ""]
    for form, its in told.check.items():
        rows.append(
            f"- {form}: " + ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in its.items())
        )
    return "\n".join(rows)


def _limits(told: Told) -> str:
    cold = (
        "- New users need some events first; items that were not trained on are never listed."
        if told.spec.uses_history
        else "- Users and items that were not trained on have no scores."
    )
    return (
        "## Limits\n\n"
        f"{cold}\n"
        "- Popular items are found far more often than rare ones.\n"
        "- Nothing was checked for fairness between groups of users: not for decisions about "
        "people."
    )
