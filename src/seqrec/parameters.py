"""Every parameter the project knows, as types.

`Parameters` mirrors ``conf/*/parameters_*.yml``. Unknown keys and wrong types are refused before
the first node runs (`seqrec.hooks.preflight`); nodes then receive these objects, not dicts.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

Mask = Literal["masked", "unmasked"]
QueryTime = Literal["known", "unknown"]
Probability = Field(ge=0.0, lt=1.0)


class _Frozen(BaseModel):
    """Base of all parameter blocks: immutable, no unknown keys."""

    # "model" is the field's own word for the network; pydantic would reserve the prefix.
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class DataProcessing(_Frozen):
    """From raw ratings to interactions."""

    min_rating: float | None = Field(None, description="Keep ratings at or above it; null: all.")
    user_core: PositiveInt = Field(5, ge=3, description="Fewest interactions of a user.")
    item_core: PositiveInt = Field(5, description="Fewest interactions of an item.")
    tie_policy: Literal["hash", "file"] = Field(
        "hash",
        description="Order of interactions in the same second: seeded hash or file order.",
    )
    seed: int = Field(2026, description="Seed of the hash that orders tied interactions.")


class SS4RecModel(_Frozen):
    """SS4Rec's network (arXiv 2502.08132)."""

    hidden_size: PositiveInt = Field(64, description="Width of item embeddings and blocks.")
    n_layers: PositiveInt = Field(2, description="SSM blocks, each S5 then Mamba.")
    dropout: float = Probability
    max_length: PositiveInt = Field(200, description="Longest history the model sees.")
    d_state: PositiveInt = Field(32, description="State size of S5 and of Mamba.")
    d_conv: PositiveInt = Field(4, le=4, ge=2, description="Width of Mamba's convolution.")
    expand: PositiveInt = Field(2, description="Mamba's inner width over hidden_size.")
    dt_min: PositiveFloat = Field(0.001, description="Smallest initial step of S5, per second.")
    dt_max: PositiveFloat = Field(0.1, description="Largest initial step of S5, per second.")
    time_scale: Literal["seconds", "log1p", "log1p_plus_one", "constant"] = Field(
        "seconds",
        description=(
            "What S5 takes for time: seconds as in the authors' code; log1p keeps memory over "
            "long gaps; log1p_plus_one also lets tied events enter the state; constant ignores it."
        ),
    )
    parts: Literal["both", "s5", "mamba"] = Field(
        "both", description="Halves of a block; mamba alone is Mamba4Rec (arXiv 2403.03900)."
    )
    shared_norm: bool = Field(
        False, description="One LayerNorm for both halves of a block, as in the authors' code."
    )
    initialization: Literal["mamba", "authors"] = Field(
        "mamba",
        description=(
            "mamba: the SSMs keep their own; authors: normal(0, 0.02) for every linear layer and "
            "zero for its bias, Mamba's dt_proj included, as in the authors' code."
        ),
    )


class NCFModel(_Frozen):
    """NeuMF: generalised matrix factorisation beside an MLP (arXiv 1708.05031)."""

    mf_size: PositiveInt = Field(64, description="Width of the GMF embeddings.")
    mlp_size: PositiveInt = Field(64, description="Width of the MLP embeddings.")
    mlp_hidden_sizes: tuple[PositiveInt, ...] = Field((128, 64), min_length=1)
    dropout: float = Probability


class SASRecModel(_Frozen):
    """SASRec's network (arXiv 1808.09781), as RecBole builds it."""

    hidden_size: PositiveInt = Field(64, description="Width of embeddings and layers.")
    n_layers: PositiveInt = 2
    n_heads: PositiveInt = 2
    inner_size: PositiveInt = Field(256, description="Width inside the feed-forward layers.")
    dropout: float = Probability
    max_length: PositiveInt = Field(200, description="Longest history the model sees.")

    @model_validator(mode="after")
    def _whole_heads(self) -> SASRecModel:
        if self.hidden_size % self.n_heads:
            raise ValueError("hidden_size must be a multiple of n_heads")
        return self


class GRU4RecModel(_Frozen):
    """GRU4Rec's network (arXiv 1511.06939), as RecBole builds it."""

    hidden_size: PositiveInt = Field(64, description="Width of item embeddings.")
    inner_size: PositiveInt = Field(128, description="Width of the GRU.")
    n_layers: PositiveInt = 1
    dropout: float = Probability
    max_length: PositiveInt = Field(200, description="Longest history the model sees.")


class BPRMFModel(_Frozen):
    """Matrix factorisation."""

    hidden_size: PositiveInt = Field(64, description="Width of user and item embeddings.")


class Training(_Frozen):
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


class Runtime(_Frozen):
    """The machine a run uses; changes what is computed by rounding at most."""

    device: str = Field("cpu", pattern=r"^(cpu|auto|cuda(:\d+)?)$")
    ssm_backend: Literal["auto", "official", "triton", "torch", "naive"] = Field(
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


class Baselines(_Frozen):
    """Baselines that are not trained."""

    recent_days: PositiveFloat = Field(7.0, description="Days that count as recent.")
    neighbours: PositiveInt = Field(100, description="item-kNN: nearest items that count.")
    shrinkage: float = Field(10.0, ge=0.0, description="item-kNN: damps rare items' cosine.")


class Recommend(_Frozen):
    """Lists for users, from a saved model."""

    k: PositiveInt = Field(10, description="Items in a list.")
    users: tuple[str, ...] | None = Field(None, description="User ids; null: all.")
    moments: dict[str, PositiveFloat] = Field(
        description="When is asked: hours after the user's last interaction, by name."
    )


class Evaluation(_Frozen):
    """Metrics and their uncertainty."""

    cutoffs: tuple[PositiveInt, ...] = (1, 5, 10, 20)
    bootstrap_samples: PositiveInt = 2000
    confidence: float = Field(0.95, gt=0.5, lt=1.0)
    headline_mask: Mask = "masked"
    headline_query_time: QueryTime = "known"
    reference: str = Field("ss4rec", description="The model the others are subtracted from.")
    seed: int = 2026


class Tracking(_Frozen):
    """What Weights & Biases is told; its key comes from the environment (WANDB_API_KEY)."""

    mode: Literal["auto", "online", "offline", "disabled"] = Field(
        "auto", description="auto: online if there is a key, else offline; WANDB_MODE overrides."
    )
    project: str = Field("seqrec", min_length=1)
    entity: str | None = Field(None, description="Team or user; null: the key's own.")


class Notifications(_Frozen):
    """What Discord is told, if DISCORD_WEBHOOK_URL is in the environment."""

    enabled: bool = True
    best_minutes: PositiveFloat = Field(
        10.0, description="Fewest minutes between messages about a new best."
    )


class Range(_Frozen):
    """Values between two bounds; whole numbers if both bounds are."""

    low: int | float
    high: int | float
    log: bool = Field(False, description="Orders of magnitude are equally likely.")

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError("a range needs low < high, and low > 0 if log")
        return self


class Choice(_Frozen):
    """One of several values."""

    choices: tuple[bool | int | float | str, ...] = Field(min_length=2)


class Search(_Frozen):
    """What a search tries."""

    trials: PositiveInt = Field(20, description="Finished trials, earlier runs' included.")
    seed: int = Field(2026, ge=0)
    space: dict[Literal["model", "training"], dict[str, Range | Choice]]


def _check_space(block: SS4Rec | NCF) -> None:
    """Refuse a search space that names no parameter."""
    for part, names in block.search.space.items():
        unknown = sorted(names.keys() - type(getattr(block, part)).model_fields.keys())
        if unknown:
            raise ValueError(f"search.space.{part}.{unknown[0]} is no parameter of {part}")


class _Sequential(_Frozen):
    """A namespace whose model reads histories."""

    training: Training

    @model_validator(mode="after")
    def _histories(self) -> _Sequential:
        if self.training.training_mode == "pair" or self.training.loss_type == "BCE":
            name = type(self).__name__
            raise ValueError(
                f"{name} trains with sequence or prefix mode and CE, sampled_CE or BPR loss"
            )
        return self


class SS4Rec(_Sequential):
    """Namespace ``ss4rec``."""

    model: SS4RecModel
    search: Search

    @model_validator(mode="after")
    def _searched(self) -> SS4Rec:
        _check_space(self)
        return self


class NCF(_Frozen):
    """Namespace ``ncf``."""

    model: NCFModel
    training: Training
    search: Search

    @model_validator(mode="after")
    def _pairs(self) -> NCF:
        _check_space(self)
        if self.training.training_mode != "pair" or "CE" in self.training.loss_type.split("_"):
            raise ValueError("NCF trains with pair mode and BCE or BPR loss")
        return self


class Mamba4Rec(_Sequential):
    """Namespace ``mamba4rec``: SS4Rec without its time-aware half."""

    model: SS4RecModel


class SASRec(_Sequential):
    """Namespace ``sasrec``."""

    model: SASRecModel


class GRU4Rec(_Sequential):
    """Namespace ``gru4rec``."""

    model: GRU4RecModel


class BPRMF(_Frozen):
    """Namespace ``bprmf``."""

    model: BPRMFModel
    training: Training

    @model_validator(mode="after")
    def _pairwise(self) -> BPRMF:
        if (self.training.training_mode, self.training.loss_type) != ("pair", "BPR"):
            raise ValueError("BPRMF trains with pair mode and BPR loss")
        return self


class Parameters(_Frozen):
    """Every top-level parameter."""

    data_processing: DataProcessing
    ss4rec: SS4Rec
    ncf: NCF
    mamba4rec: Mamba4Rec
    sasrec: SASRec
    gru4rec: GRU4Rec
    bprmf: BPRMF
    runtime: Runtime
    evaluation: Evaluation
    baselines: Baselines
    recommend: Recommend
    tracking: Tracking
    notifications: Notifications
    resume: bool = Field(
        False, description="Go on from the last checkpoint of an interrupted training."
    )
    dataset: str | None = Field(
        None, description="Set on the command line only: overrides globals.yml."
    )
    raw: str | None = Field(None, description="Likewise: the folder of archives.")
    mirror: str | None = Field(None, description="Likewise: where archives are downloaded from.")
    data: str | None = Field(None, description="Likewise: the folder runs write to.")


ModelParameters = SS4RecModel | NCFModel | SASRecModel | GRU4RecModel | BPRMFModel
