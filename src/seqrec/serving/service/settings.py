"""What a service is told when it starts."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, model_validator

from seqrec.parameters.base import Amount, Count, Frozen

HISTORY = 2_000
"""Most events of a history in a request."""
QUESTIONS = 64
"""Most questions of a request."""
LONGEST_LIST = 500
SESSION = 10_000
"""Most events of a session."""
TOKEN = "SEQREC_TOKEN"  # noqa: S105 - the name of a variable
SETTINGS = "SEQREC_SERVE"
"""Environment variables by which the workers are told the token and everything else."""


def _is_store(url: str) -> str:
    if not url.startswith(("sqlite:", "redis://", "rediss://", "unix://")):
        raise ValueError(f"{url!r} names no store: give sqlite:<file> or redis://<host>:<port>/0")
    return url


Store = Annotated[str, AfterValidator(_is_store)]


class Settings(Frozen):
    """A service."""

    models: dict[str, Path] = Field(min_length=1, description="Folders by the models' names.")
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    workers: int = Field(1, ge=1, le=64)
    sessions: Store = "sqlite:data/sessions.db"
    data: str | None = Field("auto", description="Where known users' histories are.")
    token: SecretStr | None = None
    hosts: tuple[str, ...] = Field((), description="Names it is asked by beside its address.")
    body_bytes: Count = 262_144
    patience: Amount = Field(10.0, description="Seconds for a request to arrive.")
    waiting: Count = Field(2_000, description="Requests that may wait.")
    state_megabytes: Count = Field(256, description="Of each model's states, in each worker.")
    session_days: Amount = Field(30.0, description="Days after which a silent session is dropped.")
    watch_seconds: Amount = Field(2.0, description="Between looks for a new version.")
    grace: Count = Field(10, description="Seconds for requests to end after SIGTERM.")

    @property
    def is_local(self) -> bool:
        """Whether only this machine can ask."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @model_validator(mode="after")
    def _guarded(self) -> Settings:
        if not self.is_local and self.token is None:
            raise ValueError(
                f"host={self.host} can be reached from elsewhere: put a token of 16 characters or "
                f"more into the environment variable {TOKEN}"
            )
        if self.token is not None and len(self.token.get_secret_value()) < 16:
            raise ValueError(f"{TOKEN} is too short: 16 characters or more")
        return self
