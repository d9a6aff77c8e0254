"""Batches have what clients leave, and whose turn it is follows the weights."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from domain.batches.targets import room
from domain.batches.targets.room import Load
from domain.deployments.replica import Endpoint
from domain.gateway.choice import Choice, Lot

AT = Endpoint(model="m", host="127.0.0.1", port=8000)


def a_load(max_in_flight: int = 256, **said: int) -> Load:
    own = {"online": 0, "batch": 0, **said}
    return Load(max_in_flight=max_in_flight, is_dedicated=False, **own)


def a_lot(number: int, replicas: int, weight: int | None = None) -> Lot:
    choices = [Choice(f"{number}-{place}", number, AT) for place in range(replicas)]
    return Lot(replicas if weight is None else weight, choices, is_counted=weight is None)


def all_of_it(limit: int) -> int:
    return limit


def sent(lots: Sequence[Lot], rooms: dict[str, int], times: int) -> Counter[int]:
    """By revision, of so many requests none of which ends."""
    by_revision: Counter[int] = Counter()
    by_replica: Counter[str] = Counter()
    for _ in range(times):
        found = room.chosen(
            lots, lambda i: rooms[i] - by_replica[i], lambda i: by_replica[i], by_revision
        )
        if found is None:
            break
        by_revision[found.revision_number] += 1
        by_replica[found.replica_id] += 1
    return by_revision


def test_a_tenth_is_kept_for_clients_and_one_at_least() -> None:
    assert room.left(a_load(256), all_of_it) == 230
    assert room.left(a_load(256, online=100, batch=30), all_of_it) == 100
    assert room.left(a_load(5), all_of_it) == 4
    assert room.left(a_load(2), all_of_it) == 1


def test_what_serves_batches_alone_keeps_nothing_free() -> None:
    own = Load(max_in_flight=256, is_dedicated=True, online=0, batch=56)
    assert room.left(own, all_of_it) == 200


@given(st.integers(2, 1_000), st.integers(0, 1_500), st.booleans(), st.integers(1, 9))
def test_all_workers_together_have_what_clients_leave_and_no_more(
    most: int, online: int, dedicated: bool, workers: int
) -> None:
    load = Load(max_in_flight=most, is_dedicated=dedicated, online=online, batch=0)
    parts = [room.left(load, partial(share, number=i, of=workers)) for i in range(workers)]
    kept = 0 if dedicated else max(1, ceil(most / 10))
    assert sum(parts) == max(0, most - online - kept)


def share(limit: int, number: int, of: int) -> int:
    return limit // of + (number < limit % of)


def test_the_replica_with_the_fewest_outstanding_is_next() -> None:
    lots = [a_lot(1, 2), a_lot(2, 1)]
    outstanding = {"1-0": 5, "1-1": 3, "2-0": 4}
    found = room.chosen(lots, lambda i: 1, outstanding.__getitem__, {})
    assert found is not None
    assert found.replica_id == "1-1"
    found = room.chosen(lots, lambda i: int(i != "1-1"), outstanding.__getitem__, {})
    assert found is not None
    assert found.replica_id == "2-0"


def test_a_canary_gets_its_weight_of_batches_too() -> None:
    lots = [a_lot(1, 3, weight=90), a_lot(2, 1, weight=10)]
    rooms = {"1-0": 1_000, "1-1": 1_000, "1-2": 1_000, "2-0": 1_000}
    assert sent(lots, rooms, 1_000) == {1: 900, 2: 100}


@given(st.integers(1, 99), st.integers(0, 50), st.integers(0, 50))
def test_who_is_full_does_not_leave_its_part_to_another_revision(
    weight: int, stable: int, canary: int
) -> None:
    lots = [a_lot(1, 1, weight=100 - weight), a_lot(2, 1, weight=weight)]
    got = sent(lots, {"1-0": stable, "2-0": canary}, 500)
    for number, part in ((1, 100 - weight), (2, weight)):
        assert abs(got[number] - got.total() * part / 100) <= 1


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 100)), min_size=1, max_size=3),
    st.booleans(),
    st.integers(0, 6),
)
def test_there_is_room_exactly_while_somebody_is_chosen(
    shape: list[tuple[int, int]], weighed: bool, most: int
) -> None:
    lots = [a_lot(n, r, w if weighed else None) for n, (r, w) in enumerate(shape, start=1)]
    rooms = {c.replica_id: (hash(c.replica_id) % (most + 1)) for lot in lots for c in lot.choices}
    there = room.in_all(lots, rooms.__getitem__, {})
    assert (there > 0) == (room.chosen(lots, rooms.__getitem__, lambda i: 0, {}) is not None)
    assert there <= sum(rooms.values())
