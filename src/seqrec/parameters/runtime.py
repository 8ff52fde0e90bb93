"""The machine a run uses."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seqrec.parameters.base import Amount, Count, Frozen


class Runtime(Frozen):
    """The machine a run uses; changes what is computed by rounding at most."""

    device: str = Field("cpu", pattern=r"^(cpu|auto|cuda(:\d{1,3})?)$")
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
    gradient_exchange: Literal["after", "recorded", "during"] = Field(
        "after",
        description=(
            "When several processes sum their gradients. after: in one message after the backward "
            "pass; recorded: the same, within the CUDA graph; during: in messages of 1 MiB while "
            "it runs."
        ),
    )
    shard_items: bool = Field(
        False,
        description=(
            "Each of several processes keeps some rows of the item embedding and of its "
            "optimiser: for catalogues too big for one GPU. Saved files hold all "
            "rows, whatever the number of processes."
        ),
    )
    histories: Literal["auto", "device", "host"] = Field(
        "auto",
        description="Where interactions lie: auto puts them on the GPU if they fill a quarter.",
    )
    workers: int = Field(
        0,
        ge=0,
        le=256,
        description="Processes that cut and pin batches if histories stay on the host.",
    )
    checkpoint_minutes: Amount = Field(
        10.0, description="Minutes between checkpoints; each new best is one too."
    )
    eval_batch_size: Count = Field(256, description="Users scored at once.")
    show_progress: bool = Field(
        True, description="Bars while something takes long; a file never has any."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info",
        description="What a run says beside its results. info: a line for each node and epoch; "
        "warning: only what went wrong; debug: Kedro's own lines too.",
    )

    @property
    def shows_bars(self) -> bool:
        """Whether bars are wanted: not by whoever wants no lines."""
        return self.show_progress and self.log_level in ("debug", "info")
