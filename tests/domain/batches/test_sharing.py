from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as some

from domain.batches.ports import Worker
from domain.batches.worker.sharing import Crew, renewed, share

START = datetime(2026, 3, 1, tzinfo=UTC)


def a_worker(id: str, registered: float, last: float) -> Worker:
    at = START + timedelta(seconds=registered)
    return Worker(id=id, registered_at=at, renewed_at=START + timedelta(seconds=last))


@given(limit=some.integers(0, 500), of=some.integers(1, 20))
def test_all_shares_are_the_limit(limit: int, of: int) -> None:
    assert sum(share(limit, number, of) for number in range(of)) == limit


@given(limit=some.integers(0, 500), number=some.integers(0, 20), of=some.integers(1, 20))
def test_nobodys_share_grows_when_somebody_comes(limit: int, number: int, of: int) -> None:
    before = share(limit, min(number, of - 1), of)
    assert share(limit, min(number, of - 1), of + 1) <= before
    assert share(limit, min(number, of - 1) + 1, of + 1) <= before


def test_a_worker_alone_has_all_of_a_limit() -> None:
    crew = renewed(Crew("a"), [a_worker("a", 0, 0)])
    assert crew.share(10) == 10


def test_one_that_never_registered_has_nothing() -> None:
    assert Crew("a").share(10) == 0


def test_a_new_worker_waits_until_the_others_have_acted_on_it() -> None:
    new = a_worker("b", 10, 10)
    crew = renewed(Crew("b"), [a_worker("a", 0, 7), new])
    assert crew.share(10) == 0
    crew = renewed(crew, [a_worker("a", 0, 12), new])
    assert crew.share(10) == 0, "it has heard of it, and may still have requests in flight"
    crew = renewed(crew, [a_worker("a", 0, 13), new])
    assert crew.share(10) == 5


def test_an_old_worker_keeps_to_its_new_share_at_once() -> None:
    crew = renewed(Crew("a"), [a_worker("a", 0, 7)])
    crew = renewed(crew, [a_worker("a", 0, 12), a_worker("b", 10, 10)])
    assert crew.share(11) == 6


def test_whoever_dies_leaves_its_share_to_the_others() -> None:
    crew = renewed(Crew("a"), [a_worker("a", 0, 7), a_worker("b", 1, 7)])
    assert crew.share(10) == 5
    assert renewed(crew, [a_worker("a", 0, 30)]).share(10) == 10


def test_a_worker_that_was_forgotten_begins_anew() -> None:
    crew = renewed(Crew("a"), [a_worker("a", 0, 0)])
    crew = renewed(crew, [a_worker("a", 60, 60), a_worker("b", 30, 58)])
    assert crew.share(10) == 0
