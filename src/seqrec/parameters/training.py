"""How models are trained, on which machine, and searched."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from seqrec.parameters.base import Frozen, Mask, QueryTime


class Training(Frozen):
    """How a model is trained; one form for every model."""

    epochs: PositiveInt
    batch_size: PositiveInt = Field(description="Windows, prefixes or positives in a step.")
    learning_rate: PositiveFloat = 1e-3
    weight_decay: float = Field(0.0, ge=0.0)
    loss_type: Literal["CE", "sampled_CE", "BPR", "BCE"] = Field(
        description=(
            "CE: softmax over all items; sampled_CE: over sampled ones, for catalogues too big to "
            "score; BPR, BCE: each target against its own negatives."
        )
    )
    training_mode: Literal["sequence", "prefix", "pair"] = Field(
        description=(
            "sequence: every position of a window in one pass; prefix: RecBole's one sample per "
            "position; pair: user-item pairs, for models without a history."
        )
    )
    negatives: PositiveInt = Field(
        1, description="Sampled negatives: per positive (BPR, BCE), per step (sampled_CE)."
    )
    negative_power: float = Field(
        0.75, ge=0.0, description="sampled_CE draws items with (count + 1) to this power."
    )
    clip_grad_norm: PositiveFloat | None = Field(None, description="Largest gradient norm.")
    warmup_steps: int = Field(0, ge=0, description="Steps in which the learning rate rises.")
    schedule: Literal["constant", "cosine"] = Field(
        "constant", description="cosine: falls to 0 over `epochs`, after the warm-up."
    )
    ema_decay: float | None = Field(
        None, gt=0.0, lt=1.0, description="Validate and keep a moving average of the weights."
    )
    accumulate: PositiveInt = Field(
        1, description="Passes that a step is split into: the same step in less memory."
    )
    early_stopping: PositiveInt = Field(10, description="Validations without a new best.")
    valid_metric: Literal["NDCG@10", "HR@10", "MRR@10"] = "NDCG@10"
    valid_mask: Mask = "masked"
    valid_query_time: QueryTime = "known"
    seed: int = Field(2026, ge=0)


class Runtime(Frozen):
    """The machine a run uses; changes what is computed by rounding at most."""

    device: str = Field("cpu", pattern=r"^(cpu|auto|cuda(:\d+)?)$")
    ssm_backend: Literal["auto", "official", "triton", "torch", "numba", "naive"] = Field(
        "auto", description="Which implementation runs the recurrences; the function is the same."
    )
    precision: Literal["float32", "tf32", "bf16"] = Field(
        "float32",
        description="Rounding of matrix products on CUDA; bf16 is autocast. Scans stay float32.",
    )
    cuda_graphs: bool = Field(
        True, description="Record a training step once and replay it (triton backend, CUDA)."
    )
    histories: Literal["auto", "device", "host"] = Field(
        "auto",
        description="Where interactions lie: auto puts them on the GPU if they fill a quarter.",
    )
    workers: int = Field(
        0, ge=0, description="Processes that cut and pin batches if histories stay on the host."
    )
    checkpoint_minutes: PositiveFloat = Field(
        10.0, description="Minutes between checkpoints; each new best is one too."
    )
    eval_batch_size: PositiveInt = Field(256, description="Users scored at once.")
    show_progress: bool = True


class Range(Frozen):
    """Values between two bounds; whole numbers if both bounds are."""

    low: int | float
    high: int | float
    log: bool = Field(False, description="Orders of magnitude are equally likely.")

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError("a range needs low < high, and low > 0 if log")
        return self


class Choice(Frozen):
    """One of several values."""

    choices: tuple[bool | int | float | str, ...] = Field(min_length=2)


class Search(Frozen):
    """What a search tries."""

    trials: PositiveInt = Field(20, description="Finished trials, earlier runs' included.")
    seed: int = Field(2026, ge=0)
    space: dict[Literal["model", "training"], dict[str, Range | Choice]]
