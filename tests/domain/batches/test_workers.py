"""When workers came and were last heard of, whatever their clocks say."""

from datetime import timedelta

from domain.batches.ports import Worker
from domain.batches.worker.workers import renewed
from tests.support.builders import NOON

HOUR = timedelta(hours=1)


def a_worker(id: str, registered: timedelta, seen: timedelta) -> Worker:
    return Worker(id=id, registered_at=NOON + registered, renewed_at=NOON + seen)


def test_clocks_that_agree_are_believed() -> None:
    new = renewed("a", [], NOON)
    assert (new.registered_at, new.renewed_at) == (NOON, NOON)
    others = [a_worker("b", -HOUR, -HOUR)]
    assert renewed("a", [*others, new], NOON + HOUR) == a_worker("a", 0 * HOUR, HOUR)


def test_a_newcomer_registers_after_all_that_was_heard_before() -> None:
    others = [a_worker("b", -HOUR, HOUR), a_worker("c", -HOUR, -HOUR)]
    assert renewed("a", others, NOON).registered_at > NOON + HOUR


def test_a_renewal_is_later_than_every_registration_that_it_saw() -> None:
    mine, new = a_worker("a", -HOUR, 0 * HOUR), a_worker("b", HOUR, HOUR)
    assert renewed("a", [mine, new], NOON).renewed_at > new.registered_at


def test_nobody_was_heard_of_earlier_than_before() -> None:
    mine = a_worker("a", -HOUR, HOUR)
    assert renewed("a", [mine], NOON) == mine
