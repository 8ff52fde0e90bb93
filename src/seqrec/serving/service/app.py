"""The service's address book: what each path does."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import orjson
from fastapi import FastAPI, Query, Request, Response
from fastapi import Path as InPath
from starlette.staticfiles import StaticFiles

from seqrec.serving.events import History
from seqrec.serving.service import schemas
from seqrec.serving.service.answers import add_answers_to_errors
from seqrec.serving.service.engine import (
    Engine,
    HistoryJob,
    Lane,
    NewSession,
    SessionJob,
    Wanted,
    WhyJob,
    query_of,
)
from seqrec.serving.service.faults import NotFoundError, RefusedError
from seqrec.serving.service.guard import Guard
from seqrec.serving.service.metrics import TYPE, Metrics
from seqrec.serving.service.settings import Settings
from seqrec.serving.service.store_of import open_store
from seqrec.serving.service.stores import Addition, StoredEvent

PAGE = Path(__file__).parent / "page"
"""What a browser is shown: files without a build step."""
JSON = "application/json"
SessionId = Annotated[str, InPath(pattern=r"^[A-Za-z0-9_-]{22}$")]


class Json(Response):
    """An answer that is JSON already."""

    media_type = JSON


def make_app(settings: Settings) -> FastAPI:
    """Build the service; models are loaded when it starts.

    Args:
        settings: What it serves.
    """
    metrics = Metrics()
    engine: list[Engine] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        store = open_store(settings.sessions, 86_400 * settings.session_days)
        engine.append(await asyncio.to_thread(Engine, settings, store, metrics))
        yield
        await asyncio.to_thread(engine.pop().stop)

    app = FastAPI(
        title="seqrec",
        description="Lists from trained models, for any history and any moment.",
        lifespan=lifespan,
        docs_url=None,  # their pages come from elsewhere
        redoc_url=None,
    )
    app.add_middleware(Guard, settings=settings, metrics=metrics)
    add_answers_to_errors(app)
    _add_lists(app, engine)
    _add_sessions(app, engine)
    _add_facts(app, engine, metrics)
    _add_page(app)
    return app


def _add_lists(app: FastAPI, engine: list[Engine]) -> None:
    @app.post("/recommend", summary="List the best items for a history or a known user")
    async def recommend(question: schemas.Question) -> Response:
        return Json(await _list(engine[0], question))

    @app.post("/recommend/many", summary="Answer several questions")
    async def recommend_many(asked: schemas.Questions) -> Response:
        lists = await asyncio.gather(*(_list(engine[0], each) for each in asked.questions))
        return Json(b'{"lists":[' + b",".join(lists) + b"]}")

    @app.post("/explain", summary="Tell which events moved an item's score most")
    async def explain(why: schemas.Why) -> Response:
        return Json(await _explain(engine[0], why))


def _add_sessions(app: FastAPI, engine: list[Engine]) -> None:
    @app.post("/sessions", status_code=201, summary="Begin a session")
    async def begin(new: schemas.NewSession) -> Response:
        return Json(await _begin(engine[0], new), status_code=201)

    @app.get("/sessions/{session}", summary="Show a session's events")
    async def show(session: SessionId) -> Response:
        return Json(await asyncio.to_thread(_show, engine[0], session))

    @app.post("/sessions/{session}/events", summary="Add an event, and list what follows")
    async def add(session: SessionId, event: schemas.NewEvent) -> Response:
        return Json(await _add(engine[0], session, event))

    @app.post("/sessions/{session}/recommend", summary="List the best items for a session")
    async def ask(session: SessionId, question: schemas.Filters) -> Response:
        job = SessionJob(session, None, _wanted_of_session(engine[0], question))
        return Json((await engine[0].writing.do(job))[1])

    @app.delete("/sessions/{session}", status_code=204, summary="Forget a session")
    async def forget(session: SessionId) -> Response:
        if not await asyncio.to_thread(engine[0].forget, session):
            raise NotFoundError("there is no such session")
        return Response(status_code=204)


def _add_facts(app: FastAPI, engine: list[Engine], metrics: Metrics) -> None:
    @app.get("/items", summary="Find items by words of their titles")
    async def items(
        query: Annotated[str, Query(min_length=1, max_length=100)],
        limit: Annotated[int, Query(ge=1, le=100)] = 10,
        model: Annotated[str | None, Query(max_length=300)] = None,
    ) -> Response:
        catalogue = engine[0].lane(model).model.items
        found = await asyncio.to_thread(catalogue.search, query, limit)
        return Json(orjson.dumps({"items": [_item(catalogue[row]) for row in found]}))

    @app.get("/models", summary="Tell which models answer")
    async def models() -> Response:
        told = [_describe(lane) for lane in engine[0].lanes.values()]
        return Json(orjson.dumps({"default": engine[0].default, "models": told}))

    @app.get("/healthz", summary="Tell whether requests are answered")
    async def healthz() -> Response:
        return Json(b'{"status":"ok"}')

    @app.get("/metrics", summary="Figures for Prometheus")
    async def figures() -> Response:
        for name, lane in engine[0].lanes.items():
            metrics.states.labels(name).set(len(lane.sessions))
        return Response(metrics.text(), media_type=TYPE)


def _add_page(app: FastAPI) -> None:
    """Serve the page's files, each under its own path: no other path can name a file."""
    files = StaticFiles(directory=PAGE)

    async def show(request: Request) -> Response:
        name = request.url.path.removeprefix("/") or "index.html"
        return await files.get_response(name, request.scope)

    for file in ["", *sorted(path.name for path in PAGE.iterdir())]:
        app.add_route(f"/{file}", show, methods=["GET"], include_in_schema=False)


def wanted_of(engine: Engine, filters: schemas.Filters) -> Wanted:
    """Look up what a request names.

    Raises:
        ProjectError: A model, candidate or genre is not known, or nothing is left.
    """
    lane = engine.lane(filters.model)
    allowed = lane.model.items.candidates(filters.among, filters.genre, filters.year)
    return Wanted(lane, filters.at, filters.k, filters.exclude_seen, allowed)


def _wanted_of_session(engine: Engine, filters: schemas.Filters) -> Wanted:
    """Look up what is asked about a session, of a model that reads histories."""
    wanted = wanted_of(engine, filters)
    wanted.lane.model.need_histories()
    return wanted


def read_events(
    lane: Lane, events: Sequence[schemas.Event] | None
) -> tuple[History | None, Sequence[str]]:
    """Look a history's items up; None stays None."""
    if events is None:
        return None, ()
    given = [(event.item, event.at, event.rating) for event in events]
    read = lane.model.read(given, warn=False)
    return read.history, read.unknown


async def _list(engine: Engine, question: schemas.Question) -> bytes:
    wanted = wanted_of(engine, question)
    job = await _job(wanted, question)
    body: bytes = await engine.reading.do(job)
    return body


async def _job(wanted: Wanted, question: schemas.Question) -> HistoryJob:
    """Read what a question says; the data of known users may have to be read first."""
    make = partial(_make_job, wanted, question)
    return make() if question.user is None else await asyncio.to_thread(make)


def _make_job(wanted: Wanted, question: schemas.Question) -> HistoryJob:
    lane = wanted.lane
    history, unknown = read_events(lane, question.history)
    query = query_of(lane, history, question.user, question.at)
    seen = query.history.items
    if query.user is not None and question.exclude_seen:
        seen = lane.model.history_of(question.user).items
    return HistoryJob(query, seen, unknown, wanted)


async def _begin(engine: Engine, new: schemas.NewSession) -> bytes:
    lane = engine.lane(new.model)
    known = []
    if new.user is not None:
        known = await asyncio.to_thread(_user_events, lane, new.user)
    rows = [(engine.item_id(event.item), event) for event in new.history]
    unknown = [event.item for name, event in rows if name is None]
    given = [StoredEvent(name, e.at, e.rating) for name, e in rows if name is not None]
    events = sorted([*known, *given], key=lambda event: event.at)
    session = secrets.token_urlsafe(16)
    await engine.creating.do(NewSession(session, events))
    return orjson.dumps({"session": session, "events": len(events), "unknown": unknown})


def _user_events(lane: Lane, user: str) -> list[StoredEvent]:
    history = lane.model.history_of(user)
    columns = (history.items.tolist(), history.times.tolist(), history.ratings.tolist())
    items = lane.model.items
    return [
        StoredEvent(items[row].id, at, None if rating != rating else rating)
        for row, at, rating in zip(*columns, strict=True)
    ]


def _show(engine: Engine, session: str) -> bytes:
    events = engine.store.read(session)
    if events is None:
        raise NotFoundError("there is no such session")
    told = [
        {
            "item": event.item,
            "title": engine.title_of(event.item),
            "at": event.at,
            "rating": event.rating,
        }
        for event in events
    ]
    return orjson.dumps({"session": session, "events": told})


async def _add(engine: Engine, session: str, event: schemas.NewEvent) -> bytes:
    item = engine.item_id(event.item)
    if item is None:
        raise RefusedError(f"{event.item[:80]!r} is no item of the models that are served")
    wanted = None if event.recommend is None else _wanted_of_session(engine, event.recommend)
    at = event.at
    if at is not None and at > time.time() + 86_400 * 366 * 10:
        raise RefusedError(f"at={at} lies more than ten years ahead")
    job = SessionJob(session, Addition(session, item, at, event.rating), wanted)
    added, listed = await engine.writing.do(job)
    return b'{"session":"%b","events":%d,"at":%d,"list":%b}' % (
        session.encode(),
        added.events,
        added.at,
        listed,
    )


async def _explain(engine: Engine, why: schemas.Why) -> bytes:
    lane = engine.lane(why.model)
    row = lane.model.row_of(why.item)
    lane.model.need_histories()
    if why.session is None:
        history, _ = read_events(lane, why.history)
    else:
        stored = await asyncio.to_thread(engine.store.read, why.session)
        if stored is None:
            raise NotFoundError("there is no such session")
        history = lane.model.read([(e.item, e.at, e.rating) for e in stored], warn=False).history
    job = WhyJob(lane, row, query_of(lane, history, None, why.at), why.k)
    reasons = await engine.explaining.do(job)
    item = lane.model.items[row]
    told = [{"item": r.item, "title": r.title, "at": r.time, "effect": r.effect} for r in reasons]
    return orjson.dumps(
        {
            "model": lane.name,
            "version": lane.model.version,
            "item": item.id,
            "title": item.title,
            "reasons": told,
        }
    )


def _item(item: Any) -> dict[str, Any]:
    return {"item": item.id, "title": item.title, "year": item.year, "genres": item.genres}


def _describe(lane: Lane) -> dict[str, Any]:
    model = lane.model
    spec = model.scorer.spec
    years = model.items.years[model.items.years > 0]
    return {
        "name": lane.name,
        "title": model.title,
        "version": model.version,
        "reads_histories": spec.uses_history,
        "reads_time": spec.uses_time,
        "reads_ratings": "rating" in spec.features,
        "items": len(model.items) - 1,
        "genres": list(model.items.genres),
        "years": [int(years.min()), int(years.max())] if len(years) else None,
    }
