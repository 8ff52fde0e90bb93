"""What answers: models that can be exchanged, a store of sessions, and threads between them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import orjson
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqrec.errors import ProjectError, suggest
from seqrec.serving.catalogue import Mask
from seqrec.serving.events import NOTHING, History
from seqrec.serving.explanations import Reason, explain_item
from seqrec.serving.folders import newest_version, open_model
from seqrec.serving.lists import hide, restrict, take_best
from seqrec.serving.loaded import LoadedModel
from seqrec.serving.scorers import Query, check_order
from seqrec.serving.service.faults import ConflictError, NotFoundError, RefusedError
from seqrec.serving.service.metrics import Metrics
from seqrec.serving.service.settings import Settings
from seqrec.serving.service.states import Sessions
from seqrec.serving.service.stores import Added, Addition, Store, StoredEvent
from seqrec.serving.service.work import Stage, Ticket

logger = logging.getLogger(__name__)

T = TypeVar("T")

TOGETHER = 64
"""Most sessions that are scored at once."""
EXPLAINED = 32
"""Explanations that may wait: each takes as long as many lists."""
LONG_TOGETHER = 16
"""Most histories of other requests: each is read from its beginning."""


@dataclass
class Lane:
    """A version of a model in use.

    Attributes:
        name: What requests call it.
        model: The version.
        sessions: The states of its sessions.
        lock: Held while they are used.
    """

    name: str
    model: LoadedModel
    sessions: Sessions
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class Wanted:
    """A list that is asked for.

    Attributes:
        lane: Who answers.
        at: When it is asked for; None if nobody knows.
        k: Items in the list.
        exclude_seen: Whether what the history holds is left out.
        allowed: The only candidates; None for all.
    """

    lane: Lane
    at: int | None
    k: int
    exclude_seen: bool
    allowed: Mask | None


@dataclass(frozen=True)
class NewSession:
    """A session that begins.

    Attributes:
        session: Its id.
        events: What came before.
    """

    session: str
    events: Sequence[StoredEvent]


@dataclass(frozen=True)
class SessionJob:
    """One more event, a list, or both.

    Attributes:
        session: Its id.
        addition: The event; None for a list alone.
        wanted: The list; None for the event alone.
    """

    session: str
    addition: Addition | None
    wanted: Wanted | None


@dataclass(frozen=True)
class HistoryJob:
    """A list for a history or a known user.

    Attributes:
        query: The question.
        seen: What may be left out.
        unknown: Names that are no items.
        wanted: The list.
    """

    query: Query
    seen: NDArray[np.int64]
    unknown: Sequence[str]
    wanted: Wanted


@dataclass(frozen=True)
class WhyJob:
    """An explanation."""

    lane: Lane
    row: int
    query: Query
    k: int


class Engine:
    """Answers requests.

    Events go through two threads: one writes what has gathered in one transaction, the next
    scores what has been written in one batch. Histories have a thread of their own, so that a
    long one does not hold up a session's step.

    Args:
        settings: Of the service.
        store: Of the sessions.
        metrics: Told what happens.
    """

    def __init__(self, settings: Settings, store: Store, metrics: Metrics) -> None:
        torch.set_num_threads(1)
        self.settings = settings
        self.store = store
        self.metrics = metrics
        self.lanes = {name: self._load(name) for name in settings.models}
        self.default = next(iter(settings.models))
        waiting = settings.waiting
        self.scoring = Stage("scoring", self._score_sessions, TOGETHER, waiting)
        self.writing = Stage("writing", self._write, 4 * TOGETHER, waiting)
        self.creating = Stage("creating", self._create, 4 * TOGETHER, waiting)
        self.reading = Stage("reading", self._read_histories, LONG_TOGETHER, waiting)
        self.explaining = Stage("explaining", self._explain, 1, EXPLAINED)
        self._ending = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="watching", daemon=True)
        self._watcher.start()

    def lane(self, name: str | None) -> Lane:
        """Return the version of a model that answers now.

        Raises:
            NotFoundError: No such model is served.
        """
        chosen = name or self.default
        if chosen not in self.lanes:
            raise NotFoundError(
                f"model {chosen[:80]!r} is not served{suggest(chosen[:80], self.lanes)}: "
                f"choose one of {', '.join(self.lanes)}"
            )
        return self.lanes[chosen]

    def item_id(self, name: str) -> str | None:
        """Return the id in the data of an item that some model knows; None if none does.

        Args:
            name: Its id or title.
        """
        for lane in self.lanes.values():
            row = lane.model.items.find(name)
            if row is not None:
                return lane.model.items[row].id
        return None

    def title_of(self, item: str) -> str:
        """Return an item's title; its id if no model knows it."""
        for lane in self.lanes.values():
            row = lane.model.items.row(item)
            if row is not None:
                return lane.model.items[row].label
        return item

    def forget(self, session: str) -> bool:
        """Forget a session; tell whether it was there."""
        was_there = self.store.delete(session)
        for lane in self.lanes.values():
            with lane.lock:
                lane.sessions.forget(session)
        return was_there

    def stop(self) -> None:
        """Finish what waits, and end the threads."""
        self._ending.set()
        self._watcher.join()
        self.creating.stop()
        self.writing.stop()
        self.scoring.stop()
        self.reading.stop()
        self.explaining.stop()
        self.store.close()

    def refresh(self) -> list[str]:
        """Take newer versions of the models into use; name those that were exchanged.

        Requests that have begun end with the version they began with. One that cannot be loaded
        is told in the log, and the present one stays.
        """
        exchanged = []
        for name, place in self.settings.models.items():
            newest = newest_version(place)
            if newest is None or newest == self.lanes[name].model.version:
                continue
            try:
                self.lanes[name] = self._load(name)
            except ProjectError as error:
                self.metrics.refused_versions.labels(name).inc()
                logger.error("%s stays with version %s: %s", name, self._version(name), error)
                continue
            logger.warning("%s now answers with version %s", name, self._version(name))
            exchanged.append(name)
        return exchanged

    def _version(self, name: str) -> str:
        return self.lanes[name].model.version

    def _load(self, name: str) -> Lane:
        folder = open_model(self.settings.models[name], None, self.settings.data)
        model = LoadedModel(folder)
        sessions = Sessions(model, self.store.read, self.settings.state_megabytes)
        if model.reads_histories:  # compiles and fills caches before anyone waits
            model.score([Query(History.of([1, 1], [0, 1], [1.0, 1.0]), None, 2)])
        return Lane(name, model, sessions)

    def _watch(self) -> None:
        """Look for newer versions, and drop sessions nobody has used."""
        looks = 0
        while not self._ending.wait(self.settings.watch_seconds):
            try:
                self.refresh()
                if looks % 1000 == 0:
                    before = time.time() - 86_400 * self.settings.session_days
                    self.store.purge(int(before))
            except Exception:  # the next look may do better
                logger.exception("looking for newer versions")
            looks += 1

    # What the threads do.

    def _create(self, tickets: list[Ticket[NewSession]]) -> list[Ticket[NewSession]]:
        """Keep the sessions that have gathered in one transaction."""
        self.store.create({ticket.job.session: ticket.job.events for ticket in tickets})
        for ticket in tickets:
            ticket.outcome = True
        return tickets

    def _write(self, tickets: list[Ticket[SessionJob]]) -> list[Ticket[SessionJob]]:
        """Write events in one transaction, and hand on those who want a list."""
        done = []
        for batch in _one_a_session(tickets):
            adding = [ticket for ticket in batch if ticket.job.addition is not None]
            added = self.store.add([t.job.addition for t in adding if t.job.addition], _now())
            for ticket, found in zip(adding, added, strict=True):
                ticket.kept = found
            asking = [ticket for ticket in batch if ticket.job.addition is None]
            counts = self.store.count([ticket.job.session for ticket in asking])
            for ticket, events in zip(asking, counts, strict=True):
                ticket.kept = _count_or_refusal(events)
            done += self._hand_on(batch)
            self.metrics.events.inc(sum(isinstance(found, Added) for found in added))
        return done

    def _hand_on(self, batch: list[Ticket[SessionJob]]) -> list[Ticket[SessionJob]]:
        done = []
        for ticket in batch:
            if isinstance(ticket.kept, RefusedError):
                ticket.outcome = ticket.kept
                done.append(ticket)
            elif ticket.job.wanted is None:
                ticket.outcome = ticket.kept, b"null"
                done.append(ticket)
            else:
                self.scoring.put(ticket)
        return done

    def _score_sessions(self, tickets: list[Ticket[SessionJob]]) -> list[Ticket[SessionJob]]:
        self.metrics.batch.observe(len(tickets))
        for batch in _one_a_session(tickets):
            for lane, mine in _by_lane([(t, _wanted(t).lane) for t in batch]):
                with lane.lock:
                    self._score_lane(lane, mine)
        return tickets

    def _score_lane(self, lane: Lane, tickets: list[Ticket[SessionJob]]) -> None:
        found = [(ticket, self._catch_up(lane, ticket)) for ticket in tickets]
        ready = [(ticket, events) for ticket, events in found if events is not None]
        if not ready:
            return
        wanted = [_wanted(ticket) for ticket, _ in ready]
        scores = lane.sessions.score([t.job.session for t, _ in ready], [w.at for w in wanted])
        lists = make_lists(scores, wanted, [events.items for _, events in ready])
        for (ticket, _), best in zip(ready, lists, strict=True):
            ticket.outcome = ticket.kept, list_body(lane, best, ())

    def _catch_up(self, lane: Lane, ticket: Ticket[SessionJob]) -> History | None:
        """Learn of a ticket's session; None if it cannot be scored, and the ticket says why."""
        job = ticket.job
        at = _wanted(ticket).at
        latest = None
        if job.addition is not None:
            latest = StoredEvent(job.addition.item, ticket.kept.at, job.addition.rating)
        events = lane.sessions.catch_up(job.session, ticket.kept.events, latest)
        try:
            if not len(events):
                raise ConflictError("the session has no event that the model knows: add one")
            if at is not None:
                check_order(events, at)
        except ProjectError as error:
            ticket.outcome = error
            return None
        return events

    def _read_histories(self, tickets: list[Ticket[HistoryJob]]) -> list[Ticket[HistoryJob]]:
        for lane, mine in _by_lane([(ticket, ticket.job.wanted.lane) for ticket in tickets]):
            self._list(lane, mine)
        return tickets

    def _explain(self, tickets: list[Ticket[WhyJob]]) -> list[Ticket[WhyJob]]:
        for ticket in tickets:
            ticket.outcome = _explain(ticket.job)
        return tickets

    def _list(self, lane: Lane, tickets: list[Ticket[HistoryJob]]) -> None:
        scores = lane.model.score([ticket.job.query for ticket in tickets])
        wanted = [ticket.job.wanted for ticket in tickets]
        lists = make_lists(scores, wanted, [ticket.job.seen for ticket in tickets])
        for ticket, best in zip(tickets, lists, strict=True):
            ticket.outcome = list_body(lane, best, ticket.job.unknown)


@torch.inference_mode()
def make_lists(
    scores: Tensor,
    wanted: Sequence[Wanted],
    seen: Sequence[NDArray[np.int64]],
) -> list[list[tuple[int, float]]]:
    """Take each one's best items.

    Args:
        scores: (B, n_items).
        wanted: What each wants.
        seen: What each may leave out.
    """
    scores[:, 0] = -torch.inf
    none = NOTHING.items
    scores = hide(
        scores, [items if w.exclude_seen else none for w, items in zip(wanted, seen, strict=True)]
    )
    for row, each in enumerate(wanted):
        if each.allowed is not None:
            scores[row] = restrict(scores[row], each.allowed)
    best = take_best(scores, max(each.k for each in wanted))
    return [found[: each.k] for found, each in zip(best, wanted, strict=True)]


def list_body(lane: Lane, best: list[tuple[int, float]], unknown: Sequence[str]) -> bytes:
    """Spell a list as JSON."""
    items = [
        {
            "place": place,
            "item": item.id,
            "title": item.title,
            "year": item.year,
            "genres": item.genres,
            "score": score,
        }
        for place, (row, score) in enumerate(best, start=1)
        for item in (lane.model.items[row],)
    ]
    body = {
        "model": lane.name,
        "version": lane.model.version,
        "unknown": unknown,
        "items": items,
    }
    return orjson.dumps(body)


def _wanted(ticket: Ticket[SessionJob]) -> Wanted:
    """Return the list that a ticket of the second thread wants."""
    assert ticket.job.wanted is not None  # noqa: S101 - for the type checker
    return ticket.job.wanted


def _by_lane(tickets: list[tuple[T, Lane]]) -> list[tuple[Lane, list[T]]]:
    """Put tickets of one version together."""
    lanes = {id(lane): lane for _, lane in tickets}
    return [(lane, [t for t, own in tickets if own is lane]) for lane in lanes.values()]


def _explain(job: WhyJob) -> list[Reason] | ProjectError:
    try:
        return explain_item(job.lane.model.scorer, job.lane.model.items, job.row, job.query, job.k)
    except ProjectError as error:
        return error


def _one_a_session(tickets: list[Ticket[SessionJob]]) -> list[list[Ticket[SessionJob]]]:
    """Divide tickets so that each part has one of a session, in their order."""
    parts: list[list[Ticket[SessionJob]]] = []
    times: dict[str, int] = {}
    for ticket in tickets:
        turn = times.get(ticket.job.session, 0)
        times[ticket.job.session] = turn + 1
        if turn == len(parts):
            parts.append([])
        parts[turn].append(ticket)
    return parts


def _count_or_refusal(events: int | None) -> Added | RefusedError:
    return NotFoundError("there is no such session") if events is None else Added(events, 0)


def _now() -> int:
    return int(time.time())


def query_of(lane: Lane, history: History | None, user: Any, at: int | None) -> Query:
    """Make a question of what a request says.

    Raises:
        ProjectError: The user is not known, or the history is empty or later than the question.
    """
    model = lane.model
    if user is not None:
        if not model.reads_histories:
            return Query(NOTHING, model.user_row(user), at)
        history = model.history_of(user)
    assert history is not None  # noqa: S101 - for the type checker
    if not len(history):
        raise RefusedError("the history has no item that the model knows")
    if at is not None:
        check_order(history, at)
    return Query(history, None, at)
