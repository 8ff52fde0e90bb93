"""The networks' sizes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from seqrec.parameters.base import Amount, Frozen, Probability, Size


class ModelParameters(Frozen):
    """Base of all networks' sizes: a model's own are the fields that it adds."""


class SS4RecModel(ModelParameters):
    """SS4Rec's network (arXiv 2502.08132)."""

    hidden_size: Size = Field(64, description="Width of item embeddings and blocks.")
    n_layers: Size = Field(2, description="SSM blocks, each S5 then Mamba.")
    dropout: float = Probability
    input_dropout: float = Field(
        0.0, ge=0.0, lt=1.0, description="Dropout of item embeddings; the authors use none."
    )
    max_length: Size = Field(200, description="Longest history the model sees.")
    d_state: Size = Field(32, description="State size of S5 and of Mamba.")
    d_conv: int = Field(4, le=4, ge=2, description="Width of Mamba's convolution.")
    expand: Size = Field(2, description="Mamba's inner width over hidden_size.")
    dt_min: Amount = Field(0.001, description="Smallest initial step of S5, per second.")
    dt_max: Amount = Field(0.1, description="Largest initial step of S5, per second.")
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

    @model_validator(mode="after")
    def _steps_in_order(self) -> SS4RecModel:
        if self.dt_min > self.dt_max:
            raise ValueError(f"dt_min = {self.dt_min} must not lie above dt_max = {self.dt_max}")
        return self


class SS4RecPlusModel(SS4RecModel):
    """SS4Rec+'s network: SS4Rec's blocks, and options that each have an ablation."""

    input_dropout: float = Field(0.2, ge=0.0, lt=1.0, description="Dropout of what enters.")
    time_scale: Literal["seconds", "log1p", "log1p_plus_one", "constant"] = Field(
        "log1p_plus_one", description="What S5 takes for time; as in SS4Rec."
    )
    drive_by: Literal["previous", "next"] = Field(
        "previous",
        description=(
            "Interval that S5's state decays by: the one before an event, known in any case, or "
            "the one after it, as in SS4Rec, where the query's time enters the state (0 if "
            "nobody knows it)."
        ),
    )
    event_context: bool = Field(
        True, description="Embed the previous interval, and an event's place in its second."
    )
    ratings: bool = Field(True, description="Embed the rating that was given to each item.")
    calendar: bool = Field(True, description="Embed the week of each event.")
    query_path: bool = Field(True, description="Tell the query's time to the head.")
    hide_query_time: float = Field(
        0.15, ge=0.0, lt=1.0, description="Share of positions that learn without the query's time."
    )
    feed_forward: int = Field(
        128, ge=0, le=2**16, description="Width inside the gated feed-forward layers; 0: none."
    )
    scores: Literal["dot", "cosine"] = Field(
        "cosine", description="Compare hidden states and items by their angle or their product."
    )
    temperature: Amount = Field(0.05, description="What cosines are divided by.")


class NCFModel(ModelParameters):
    """NeuMF: generalised matrix factorisation beside an MLP (arXiv 1708.05031)."""

    mf_size: Size = Field(64, description="Width of the GMF embeddings.")
    mlp_size: Size = Field(64, description="Width of the MLP embeddings.")
    mlp_hidden_sizes: tuple[Size, ...] = Field((128, 64), min_length=1, max_length=64)
    dropout: float = Probability


class SASRecModel(ModelParameters):
    """SASRec's network (arXiv 1808.09781), as RecBole builds it."""

    hidden_size: Size = Field(64, description="Width of embeddings and layers.")
    n_layers: Size = 2
    n_heads: Size = 2
    inner_size: Size = Field(256, description="Width inside the feed-forward layers.")
    dropout: float = Probability
    max_length: Size = Field(200, description="Longest history the model sees.")

    @model_validator(mode="after")
    def _whole_heads(self) -> SASRecModel:
        if self.hidden_size % self.n_heads:
            raise ValueError("hidden_size must be a multiple of n_heads")
        return self


class GRU4RecModel(ModelParameters):
    """GRU4Rec's network (arXiv 1511.06939), as RecBole builds it."""

    hidden_size: Size = Field(64, description="Width of item embeddings.")
    inner_size: Size = Field(128, description="Width of the GRU.")
    n_layers: Size = 1
    dropout: float = Probability
    max_length: Size = Field(200, description="Longest history the model sees.")


class BPRMFModel(ModelParameters):
    """Matrix factorisation."""

    hidden_size: Size = Field(64, description="Width of user and item embeddings.")


class HSTUModel(ModelParameters):
    """HSTU's network (arXiv 2402.17152)."""

    hidden_size: Size = Field(64, description="Width of embeddings and layers.")
    n_layers: Size = 2
    n_heads: Size = 1
    dropout: float = Probability
    max_length: Size = Field(200, description="Longest history the model sees.")

    @model_validator(mode="after")
    def _whole_heads(self) -> HSTUModel:
        if self.hidden_size % self.n_heads:
            raise ValueError("hidden_size must be a multiple of n_heads")
        return self
