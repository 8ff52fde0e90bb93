"""How a model is trained."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seqrec.parameters.base import Amount, Count, Frozen, Mask, QueryTime, Seed

LossType = Literal["CE", "sampled_CE", "BPR", "BCE"]
TrainingMode = Literal["sequence", "prefix", "pair"]


class Training(Frozen):
    """How a model is trained; one form for every model."""

    epochs: Count
    batch_size: Count = Field(description="Windows, prefixes or positives in a step.")
    learning_rate: float = Field(1e-3, gt=0.0, le=100.0)
    weight_decay: float = Field(0.0, ge=0.0, le=100.0)
    loss_type: LossType = Field(
        description=(
            "CE: softmax over all items; sampled_CE: over sampled ones, for catalogues too big to "
            "score; BPR, BCE: each target against its own negatives."
        )
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
