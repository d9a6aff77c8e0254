"""The loop, with a timer of the test's own."""

from domain.access.access import Caller
from tests.support.build import a_caller
from tests.support.clock import TestClock
from tests.support.memory import MemoryStore
from tests.support.postman import URL, Postman
from tests.support.timer import TestTimer, settle


def with_timer() -> tuple[Postman, Caller, TestTimer]:
    clock = TestClock()
    timer = TestTimer(clock)
    postman = Postman(MemoryStore(clock=clock), clock, timer=timer)
    return postman, a_caller(postman.store.default.id), timer


async def test_a_batchs_end_is_sent_at_once() -> None:
    postman, caller, _ = with_timer()
    await postman.webhook(caller)
    async with postman.delivering.running():
        await settle()
        await postman.ends(caller.project_id, "b1")
        await settle()
        assert len(postman.endpoints.sent) == 1


async def test_a_retry_comes_when_it_is_due() -> None:
    postman, caller, timer = with_timer()
    await postman.webhook(caller)
    postman.endpoints.codes[URL] = [500, None]
    async with postman.delivering.running():
        await postman.ends(caller.project_id, "b1")
        await settle()
        await timer.pass_(4)
        assert len(postman.endpoints.sent) == 1
        await timer.pass_(2)
        assert len(postman.endpoints.sent) == 2
        await timer.pass_(25)
        assert len(postman.endpoints.sent) == 3
        await timer.pass_(3_600)
        assert len(postman.endpoints.sent) == 3


async def test_what_ended_while_no_server_ran_is_sent_at_the_start() -> None:
    postman, caller, _ = with_timer()
    await postman.webhook(caller)
    async with postman.delivering.running():
        await settle()
    await postman.ends(caller.project_id, "b1")
    restarted = Postman(postman.store, postman.clock, timer=postman.timer)
    async with restarted.delivering.running():
        await settle()
    assert len(restarted.endpoints.sent) == 1


async def test_a_database_that_is_away_is_waited_for() -> None:
    postman, caller, timer = with_timer()
    await postman.webhook(caller)
    async with postman.delivering.running():
        await settle()
        postman.log.is_away = True
        await postman.ends(caller.project_id, "b1")
        await timer.pass_(10)
        postman.log.is_away = False
        await timer.pass_(2)
        assert len(postman.endpoints.sent) == 1
