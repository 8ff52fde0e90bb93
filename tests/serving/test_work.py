"""Work that gathers while other work is done is done together."""

import asyncio
import threading

import pytest

from seqrec.serving.service.faults import BusyError
from seqrec.serving.service.work import Stage


def test_what_waits_is_done_together_and_everybody_gets_their_own():
    sizes, begun, go = [], threading.Event(), threading.Event()

    def work(tickets):
        sizes.append(len(tickets))
        begun.set()
        go.wait(5)
        for ticket in tickets:
            odd = ticket.job % 2
            ticket.outcome = ValueError(ticket.job) if odd else ticket.job * 10
        return tickets

    async def ask():
        stage = Stage("test", work, 4, 100)
        first = asyncio.ensure_future(stage.do(0))
        await asyncio.to_thread(begun.wait, 5)
        others = [asyncio.ensure_future(stage.do(n)) for n in range(1, 7)]
        await asyncio.sleep(0)
        others[1].cancel()  # whoever asked has gone
        go.set()
        found = await asyncio.gather(first, *others, return_exceptions=True)
        await asyncio.to_thread(stage.stop)
        return found

    found = asyncio.run(ask())
    assert sizes == [1, 4, 2]
    assert found[0] == 0
    assert [str(x) for x in found[1::2]] == ["1", "3", "5"]
    assert isinstance(found[2], asyncio.CancelledError)
    assert found[4::2] == [40, 60]


def test_a_batch_that_fails_tells_everybody_and_work_goes_on():
    def work(tickets):
        if tickets[0].job == "bad":
            raise RuntimeError("broken")
        for ticket in tickets:
            ticket.outcome = "done"
        return tickets

    async def ask():
        stage = Stage("test", work, 4, 100)
        with pytest.raises(RuntimeError, match="broken"):
            await stage.do("bad")
        assert await stage.do("good") == "done"
        await asyncio.to_thread(stage.stop)

    asyncio.run(ask())


def test_too_many_are_refused():
    begun, go = threading.Event(), threading.Event()

    def work(tickets):
        begun.set()
        go.wait(5)
        for ticket in tickets:
            ticket.outcome = 1
        return tickets

    async def ask():
        stage = Stage("test", work, 1, 3)
        waiting = [asyncio.ensure_future(stage.do(0))]
        await asyncio.to_thread(begun.wait, 5)
        waiting += [asyncio.ensure_future(stage.do(n)) for n in (1, 2, 3)]
        await asyncio.sleep(0)  # one turn of the loop queues them
        with pytest.raises(BusyError, match="too many requests"):
            await stage.do(4)
        go.set()
        assert await asyncio.gather(*waiting) == [1] * 4
        await asyncio.to_thread(stage.stop)

    asyncio.run(ask())
