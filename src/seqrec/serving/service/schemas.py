"""What requests may say, and how long it may be."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from seqrec.errors import ProjectError
from seqrec.serving.events import to_rating, to_seconds
from seqrec.serving.service.settings import HISTORY, LONGEST_LIST, QUESTIONS


def _text(value: Any) -> Any:
    """Take a whole number for a name."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _seconds(value: Any) -> Any:
    if isinstance(value, str) and len(value) > 64:
        raise ValueError("is no time")
    try:
        return to_seconds(value)
    except ProjectError as error:
        raise ValueError(str(error)) from None


def _rating(value: Any) -> Any:
    try:
        return None if value is None else to_rating(value)
    except ProjectError as error:
        raise ValueError(str(error)) from None


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Name = Annotated[str, BeforeValidator(_text), Field(min_length=1, max_length=300)]
At = Annotated[int, BeforeValidator(_seconds), Field(description="Unix seconds or ISO 8601.")]
Rating = Annotated[float | None, BeforeValidator(_rating)]
Years = tuple[int | None, int | None]


class Request(BaseModel):
    """Base of all requests: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class Event(Request):
    """An event of a history."""

    item: Name = Field(description="Id or title.")
    at: At
    rating: Rating = None


class Filters(Request):
    """How a list is made."""

    model: Name | None = None
    at: At | None = Field(None, description="When it is asked for; null: not known.")
    k: int = Field(10, ge=1, le=LONGEST_LIST)
    exclude_seen: bool = True
    among: list[Name] | None = Field(None, min_length=1, max_length=HISTORY)
    genre: Annotated[list[Name] | None, BeforeValidator(_listed)] = Field(
        None, min_length=1, max_length=64
    )
    year: Years | None = Field(None, description="First and last.")


class Question(Filters):
    """A list for a history, or for a user of the training data."""

    history: list[Event] | None = Field(None, max_length=HISTORY)
    user: Name | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Question:
        if (self.history is None) == (self.user is None):
            raise ValueError("give a history or a user, one of them")
        return self


class Questions(Request):
    """Several questions at once."""

    questions: list[Question] = Field(min_length=1, max_length=QUESTIONS)


class NewSession(Request):
    """What a session begins with."""

    history: list[Event] = Field(default=[], max_length=HISTORY)
    user: Name | None = Field(None, description="Of the training data: its history comes first.")
    model: Name | None = Field(None, description="Whose training data.")


class NewEvent(Request):
    """An event that is added to a session, and the list that is wanted after it."""

    item: Name = Field(description="Id or title.")
    at: At | None = Field(None, description="Now if it is not given.")
    rating: Rating = None
    recommend: Filters | None = None


class Why(Request):
    """What is to be explained."""

    item: Name
    history: list[Event] | None = Field(None, max_length=HISTORY)
    session: Name | None = None
    model: Name | None = None
    at: At | None = None
    k: int = Field(5, ge=1, le=50)

    @model_validator(mode="after")
    def _one_of_both(self) -> Why:
        if (self.history is None) == (self.session is None):
            raise ValueError("give a history or a session, one of them")
        return self
