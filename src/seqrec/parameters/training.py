"""How a model is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_serializer

from seqrec.parameters.base import Amount, Count, Frozen, Mask, QueryTime, Seed

LossType = Literal["CE", "sampled_CE", "BPR", "BCE"]
TrainingMode = Literal["sequence", "prefix", "pair"]
Candidates = Literal["unseen", "all"]

EARLIER_MEANING: dict[str, Any] = {
    "candidates": "all",
    "shuffle_ties": False,
    "scale_batch": "none",
    "warm_start": None,
}
"""What trainings did whose records do not say it: earlier versions had no such parameters."""


def as_earlier(training: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out of a training's record what an earlier version's means without saying it."""
    return {k: v for k, v in training.items() if (k, v) not in EARLIER_MEANING.items()}


class Training(Frozen):
    """How a model is trained; one form for every model."""

    epochs: Count
    batch_size: Count = Field(description="Windows, prefixes or positives in a step.")
    scale_batch: Literal["none", "linear", "sqrt"] = Field(
        "none",
        description=(
            "With several processes. none: batch_size is that of all together, and their number "
            "changes nothing that is learned; linear, sqrt: it is that of each, and the learning "
            "rate is multiplied by their number or by its square root."
        ),
    )
    learning_rate: float = Field(1e-3, gt=0.0, le=100.0)
    weight_decay: float = Field(0.0, ge=0.0, le=100.0)
    loss_type: LossType = Field(
        description=(
            "CE: softmax over all items; sampled_CE: over sampled ones, for catalogues too big to "
            "score; BPR, BCE: each target against its own negatives."
        )
    )
    candidates: Candidates | None = Field(
        None,
        description=(
            "Items in the softmax of CE and sampled_CE. unseen: without those that stand in the "
            "history so far, the target excepted, as masked ranking ranks; all: every item. By "
            "default what valid_mask says: masked: unseen, unmasked: all. BPR and BCE draw unseen "
            "items in any case."
        ),
    )
    training_mode: TrainingMode = Field(
        description=(
            "sequence: every position of a window in one pass; prefix: RecBole's one sample per "
            "position; pair: user-item pairs, for models without a history."
        )
    )
    negatives: Count = Field(
        1, description="Sampled negatives: per positive (BPR, BCE), per step (sampled_CE)."
    )
    negative_power: float = Field(
        0.75, ge=0.0, le=4.0, description="sampled_CE draws items with (count + 1) to this power."
    )
    clip_grad_norm: Amount | None = Field(None, description="Largest gradient norm.")
    warmup_steps: int = Field(
        0, ge=0, le=10**9, description="Steps in which the learning rate rises."
    )
    schedule: Literal["constant", "cosine"] = Field(
        "constant", description="cosine: falls to 0 over `epochs`, after the warm-up."
    )
    ema_decay: float | None = Field(
        None, gt=0.0, lt=1.0, description="Validate and keep a moving average of the weights."
    )
    shuffle_ties: bool = Field(
        False, description="Draw the order of a user's events of one second anew each epoch."
    )
    warm_start: str | None = Field(
        None,
        pattern=r"^[\w.:-]+$",
        description="Go on from the weights of this version of the model instead of drawn ones.",
    )
    accumulate: int = Field(
        1,
        gt=0,
        le=4096,
        description="Passes that a step is split into: the same step in less memory.",
    )
    early_stopping: Count = Field(10, description="Validations without a new best.")
    valid_metric: Literal["NDCG@10", "HR@10", "MRR@10"] = "NDCG@10"
    valid_mask: Mask = "masked"
    valid_query_time: QueryTime = "known"
    seed: Seed = 2026

    @field_serializer("candidates")
    def _as_meant(self, _: Candidates | None) -> Candidates:
        """Write what it comes to: by their records trainings are told apart."""
        if self.candidates is not None:
            return self.candidates
        masked = self.training_mode != "pair" and self.valid_mask == "masked"
        return "unseen" if masked else "all"

    def scaled(self, processes: int) -> Training:
        """Return what several processes do: their batches together, and the learning rate.

        Args:
            processes: How many train together.

        Paper: for Adam the square root, arXiv 2205.10287; for SGD the number, arXiv 1706.02677.
        """
        if self.scale_batch == "none" or processes == 1:
            return self
        factor = processes if self.scale_batch == "linear" else processes**0.5
        changes = {
            "batch_size": self.batch_size * processes,
            "learning_rate": self.learning_rate * factor,
        }
        return self.model_copy(update=changes)

    @property
    def leaves_out_seen(self) -> bool:
        """Whether positions leave items out of their softmax."""
        return self._as_meant(None) == "unseen" and self.loss_type in ("CE", "sampled_CE")
