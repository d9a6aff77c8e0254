"""A gateway that was gone for too long (stopped, or cut off) reads anew before it sends anything."""

import asyncio

import httpx

from domain.deployments.ports import GATEWAY_LIVES
from domain.deployments.replica import ReplicaStatus
from domain.errors import StorageUnavailable
from infra.http.gateway.standing import LASTS, Standing
from tests.support.clock import TestClock
from tests.support.server import ToyApp, serving
from tests.support.serving import a_served, listening
from tests.support.timer import TestTimer
from tests.support.watching import WAIT, Told, known, reported

CHAT = {"model": "chat", "messages": []}


def test_it_is_lost_before_others_take_the_gateway_for_gone() -> None:
    timer = TestTimer(TestClock())
    standing = Standing(timer)
    lost = [standing.is_lost]
    standing.gain(timer.now())
    timer.stop(LASTS - 1)
    standing.renew(timer.now())
    timer.stop(LASTS - 1)
    lost.append(standing.is_lost)
    timer.stop(1)
    lost.append(standing.is_lost)
    assert lost == [True, False, True]
    assert GATEWAY_LIVES.total_seconds() > LASTS


def test_a_report_that_comes_too_late_does_not_renew_it() -> None:
    timer = TestTimer(TestClock())
    standing = Standing(timer)
    standing.gain(timer.now())
    timer.stop(LASTS)
    standing.renew(timer.now())
    assert standing.is_lost


async def test_what_changed_meanwhile_is_read_before_a_request_is_sent() -> None:
    timer = TestTimer(TestClock())
    app, old, new = ToyApp(timer=timer), Told(), Told()
    reports = reported(app)
    async with listening(old) as one, listening(new) as two, serving(app):
        served = await a_served(app.store, "chat", [one])
        await known(app)
        async with httpx.AsyncClient(base_url=app.url, timeout=WAIT) as client:
            reports.problems = [StorageUnavailable(where="db", problem="gone")] * 10_000
            timer.stop(LASTS)
            asking = asyncio.create_task(client.post("/v1/chat/completions", json=CHAT))
            while not len(app.live):  # it waits
                assert not asking.done()
                await asyncio.sleep(0)
            await served.revision(2, [two])
            await served.becomes(served.replicas[0], ReplicaStatus.EXITED)
            reports.problems.clear()
            answer = await asking
    assert answer.status_code == 200
    assert (len(old.requests), len(new.requests)) == (0, 1)
