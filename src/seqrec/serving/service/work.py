"""Requests that wait are done together: a thread takes all there are, and then all there are."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from seqrec.serving.service.faults import BusyError

Job = TypeVar("Job")


@dataclass
class Ticket(Generic[Job]):
    """A job and who waits for its result.

    Attributes:
        job: What is to be done.
        future: Of the event loop that asked.
        kept: What an earlier stage has found out.
    """

    job: Job
    future: asyncio.Future[Any]
    kept: Any = None
    outcome: Any = field(default=None, repr=False)


class Stage(Generic[Job]):
    """A thread that does jobs in batches, as they come.

    Nothing waits for a batch to fill: while one is done, the next gathers.

    Args:
        name: Of the thread.
        work: Does a batch, and returns the tickets that have an `outcome`; it hands the others on.
        most: Jobs in a batch.
        waiting: Jobs that may wait; further ones are refused.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[list[Ticket[Job]]], list[Ticket[Job]]],
        most: int,
        waiting: int,
    ) -> None:
        self._work = work
        self._most = most
        self._waiting = waiting
        self._queue: queue.SimpleQueue[Ticket[Job] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """Count the jobs that wait."""
        return self._queue.qsize()

    async def do(self, job: Job) -> Any:
        """Have a job done.

        Raises:
            BusyError: Too many wait.
            Exception: Whatever the job has come to.
        """
        if len(self) >= self._waiting:
            raise BusyError("too many requests are waiting: try again in a second")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.put(Ticket(job, future))
        return await future

    def put(self, ticket: Ticket[Job]) -> None:
        """Queue a ticket."""
        self._queue.put(ticket)

    def stop(self) -> None:
        """Do what waits, then end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        ending = False
        while not ending:
            batch, ending = self._take()
            if not batch:
                continue
            try:
                done = self._work(batch)
            except Exception as error:
                done = batch
                for ticket in batch:
                    ticket.outcome = error
            deliver(done)

    def _take(self) -> tuple[list[Ticket[Job]], bool]:
        """Wait for a job, and take those that have come with it; tell whether it is the end."""
        batch: list[Ticket[Job]] = []
        ticket = self._queue.get()
        while ticket is not None:
            batch.append(ticket)
            if len(batch) == self._most:
                return batch, False
            try:
                ticket = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True


def deliver(tickets: list[Ticket[Any]]) -> None:
    """Hand results to those who wait, each event loop's in one call."""
    if tickets:
        loop = tickets[0].future.get_loop()
        loop.call_soon_threadsafe(_resolve, tickets)


def _resolve(tickets: list[Ticket[Any]]) -> None:
    for ticket in tickets:
        if ticket.future.done():  # whoever asked has gone
            continue
        if isinstance(ticket.outcome, Exception):
            ticket.future.set_exception(ticket.outcome)
        else:
            ticket.future.set_result(ticket.outcome)
