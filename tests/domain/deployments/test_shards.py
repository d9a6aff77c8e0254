"""Shards are shared out fairly, whole, and with no more moves than that takes."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from domain.deployments.ports import SHARDS
from domain.deployments.shards import Moves, Shard, fair_part, moves, shard_of

planes = st.lists(st.sampled_from("abcdefg"), min_size=1, unique=True)
owners = st.lists(st.none() | st.sampled_from("abcdefgxyz"), min_size=SHARDS, max_size=SHARDS)


def renewed(shards: Sequence[Shard], plane: str, living: Sequence[str]) -> list[Shard]:
    due = moves(shards, plane, living)
    after = dict.fromkeys(due.take, plane) | dict.fromkeys(due.give)
    return [replace(s, owner=after.get(s.id, s.owner)) for s in shards]


def counts(shards: Sequence[Shard]) -> dict[str | None, int]:
    owned = [shard.owner for shard in shards]
    return {owner: owned.count(owner) for owner in set(owned)}


def unowned() -> list[Shard]:
    return [Shard(id_, None, 0) for id_ in range(SHARDS)]


def test_a_deployments_shard_never_changes() -> None:
    assert [shard_of(id_) for id_ in ("0" * 32, "f" * 32, "a")] == [16, 17, 3]


def test_deployments_lie_in_all_shards() -> None:
    assert {shard_of(uuid4().hex) for _ in range(SHARDS * 40)} == set(range(SHARDS))


def test_one_plane_has_all() -> None:
    assert counts(renewed(unowned(), "a", ["a"])) == {"a": SHARDS}


def test_a_plane_that_does_not_yet_count_as_living_has_its_part() -> None:
    assert fair_part("b", ["a"]) == SHARDS // 2


def test_two_planes_have_a_half_each_after_two_renewals() -> None:
    shards = renewed(unowned(), "a", ["a"])
    for plane in ("b", "a", "b"):
        shards = renewed(shards, plane, ["a", "b"])
    assert counts(shards) == {"a": SHARDS // 2, "b": SHARDS // 2}


def test_a_dead_planes_shards_are_shared_by_the_living() -> None:
    shards = [Shard(id_, "abc"[id_ % 3], 1) for id_ in range(SHARDS)]
    for plane in ("a", "b"):
        shards = renewed(shards, plane, ["a", "b"])
    assert counts(shards) == {"a": SHARDS // 2, "b": SHARDS // 2}


@given(planes)
def test_parts_are_fair_and_fill_the_whole(living: list[str]) -> None:
    parts = [fair_part(plane, living) for plane in living]
    assert sum(parts) == SHARDS
    assert max(parts) - min(parts) <= 1


@given(owners, planes, st.data())
def test_nobody_is_robbed_and_nobody_gives_what_it_needs(
    owned: list[str | None], living: list[str], data: st.DataObject
) -> None:
    shards = [Shard(id_, owner, 1) for id_, owner in enumerate(owned)]
    plane = data.draw(st.sampled_from(living))
    due, part = moves(shards, plane, living), fair_part(plane, living)
    assert {owned[id_] for id_ in due.give} <= {plane}
    assert not {owned[id_] for id_ in due.take} & set(living)
    before, after = owned.count(plane), counts(renewed(shards, plane, living)).get(plane, 0)
    assert after <= part
    assert after >= min(before, part)
    assert not (due.take and due.give)


@given(owners, planes, st.data())
def test_two_rounds_from_anywhere_make_it_fair(
    owned: list[str | None], living: list[str], data: st.DataObject
) -> None:
    shards = [Shard(id_, owner, 1) for id_, owner in enumerate(owned)]
    for _ in range(2):
        for plane in data.draw(st.permutations(living)):
            shards = renewed(shards, plane, living)
    assert counts(shards) == {p: fair_part(p, living) for p in living}
    assert {moves(shards, plane, living) for plane in living} == {Moves()}
