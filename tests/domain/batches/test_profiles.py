import asyncio
from typing import Any

import pytest

from domain.access.access import Role
from domain.batches.batch import BatchStatus, Retry, Wish
from domain.batches.facts import BatchProfileCreated, BatchProfileDeleted, BatchProfileUpdated
from domain.batches.profile import BatchProfile, Quotas, Scheduling
from domain.batches.profiles import NewProfile, ProfilePatch
from domain.errors import (
    Forbidden,
    IdempotencyKeyReused,
    InUse,
    InvalidValue,
    NameTaken,
    NotFound,
    QuotaExceeded,
)
from domain.listing import Listing
from tests.support.build import a_caller
from tests.support.office import Office


@pytest.fixture
def office() -> Office:
    return Office()


async def defaults(office: Office) -> list[str]:
    profiles = (await office.store.reads.batch_profiles.page(Listing(first=100))).items
    return [profile.name for profile in profiles if profile.is_default]


async def test_a_new_profile_is_kept_and_told_of(office: Office) -> None:
    retry = Retry(attempts=2)
    profile = await office.a_profile("night", max_window=3600.0, retry=retry, max_active=2)
    now = office.clock.now
    assert profile == BatchProfile(
        id=profile.id,
        project_id=office.store.default.id,
        name="night",
        is_default=False,
        scheduling=Scheduling(max_window=3600, retry=retry),
        quotas=Quotas(max_active=2),
        created_at=now,
        created_by="key:tester",
        updated_at=now,
    )
    found = await office.store.reads.batch_profiles.named(office.store.default.id, "night")
    assert found == profile
    told = BatchProfileCreated(batch_profile_id=profile.id, name="night")
    assert (await office.facts())[-1] == told


async def test_only_an_admin_decides_about_profiles(office: Office) -> None:
    profile = await office.a_profile()
    editor = office.by(Role.EDITOR)
    with pytest.raises(Forbidden):
        await office.profiles.create(editor, NewProfile(name="b"))
    with pytest.raises(Forbidden):
        await office.profiles.update(editor, profile.id, {"priority": 1})
    with pytest.raises(Forbidden):
        await office.profiles.delete(editor, profile.id)
    with pytest.raises(NotFound) as missing:
        await office.profiles.delete(a_caller("elsewhere"), profile.id)
    assert missing.value.path == ("batch_profile_id",)
    with pytest.raises(NotFound):
        await office.profiles.update(a_caller("elsewhere"), profile.id, {"priority": 1})


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("name", "Night", ("name",)),
        ("name", "", ("name",)),
        ("max_window", 59.0, ("max_window",)),
        ("max_window", 2_592_001.0, ("max_window",)),
        ("max_window", float("nan"), ("max_window",)),
        ("priority", 0, ("priority",)),
        ("priority", 11, ("priority",)),
        ("max_concurrency", 0, ("max_concurrency",)),
        ("request_timeout", 0.0, ("request_timeout",)),
        ("request_timeout", float("inf"), ("request_timeout",)),
        ("retry", Retry(attempts=0), ("retry", "attempts")),
        ("retry", Retry(first=9, longest=1), ("retry", "longest")),
        ("max_requests", 0, ("max_requests",)),
        ("max_bytes", -1, ("max_bytes",)),
        ("max_active", 0, ("max_active",)),
        ("max_active", 2**60, ("max_active",)),
    ],
)
async def test_a_rule_that_can_not_be_is_refused(
    office: Office, field: str, value: Any, path: Any
) -> None:
    with pytest.raises(InvalidValue) as refused:
        await office.profiles.create(office.caller, NewProfile(**{"name": "a", field: value}))
    assert refused.value.path == path
    profile = await office.a_profile("b")
    patch: Any = {field: value}
    with pytest.raises(InvalidValue) as refused:
        await office.profiles.update(office.caller, profile.id, patch)
    assert refused.value.path == path


async def test_a_patch_changes_what_it_says_and_null_takes_a_rule_away(office: Office) -> None:
    profile = await office.a_profile("night", priority=3, max_concurrency=9, max_active=2)
    office.clock.forward(hours=1)
    patch: ProfilePatch = {"priority": None, "max_active": 5, "max_bytes": 7, "name": "late"}
    changed = await office.profiles.update(office.caller, profile.id, patch)
    assert changed.scheduling == Scheduling(max_concurrency=9)
    assert changed.quotas == Quotas(max_active=5, max_bytes=7)
    assert (changed.name, changed.updated_at) == ("late", office.clock.now)
    told = BatchProfileUpdated(batch_profile_id=profile.id, name="late")
    assert (await office.facts())[-1] == told
    with pytest.raises(InvalidValue):
        await office.profiles.update(office.caller, profile.id, {"name": None})


async def test_a_patch_that_changes_nothing_is_not_told_of(office: Office) -> None:
    profile = await office.a_profile("night", priority=3)
    facts = await office.facts()
    office.clock.forward(hours=1)
    for patch in ({}, {"priority": 3}, {"is_default": None}):
        said: Any = patch
        assert await office.profiles.update(office.caller, profile.id, said) == profile
    assert await office.facts() == facts


async def test_a_name_is_one_profiles(office: Office) -> None:
    await office.a_profile("night")
    with pytest.raises(NameTaken):
        await office.a_profile("night")
    other = await office.a_profile("day")
    with pytest.raises(NameTaken):
        await office.profiles.update(office.caller, other.id, {"name": "night"})


async def test_a_new_default_takes_the_place_of_the_one_before(office: Office) -> None:
    first = await office.a_profile("first", is_default=True)
    await office.a_profile("second", is_default=True)
    assert await defaults(office) == ["second"]
    told = BatchProfileUpdated(batch_profile_id=first.id, name="first")
    assert (await office.facts())[-2] == told
    await office.profiles.update(office.caller, first.id, {"is_default": True})
    assert await defaults(office) == ["first"]
    await office.profiles.update(office.caller, first.id, {"is_default": None})
    assert await defaults(office) == []


async def test_of_many_defaults_at_once_one_stays(office: Office) -> None:
    some = [await office.a_profile(f"p{n}") for n in range(4)]
    await asyncio.gather(
        *(office.profiles.update(office.caller, p.id, {"is_default": True}) for p in some),
        *(office.a_profile(f"new{n}", is_default=True) for n in range(4)),
    )
    assert len(await defaults(office)) == 1


async def test_a_profile_with_live_batches_is_not_deleted(office: Office) -> None:
    profile = await office.a_profile("night")
    batch = await office.a_batch(wish=Wish(profile="night"))
    with pytest.raises(InUse, match="'night'") as refused:
        await office.profiles.delete(office.caller, profile.id)
    assert refused.value.path == ("batch_profile_id",)
    await office.ended(batch, BatchStatus.COMPLETED)
    await office.profiles.delete(office.caller, profile.id)
    told = BatchProfileDeleted(batch_profile_id=profile.id, name="night")
    assert (await office.facts())[-1] == told


async def test_of_a_batch_and_a_deletion_at_once_one_is_refused(office: Office) -> None:
    for pair in (0, 1):
        profile = await office.a_profile(f"p{pair}")
        new = await office.a_new_batch(wish=Wish(profile=profile.name))
        doing = [
            office.batches.create(office.caller, new),
            office.profiles.delete(office.caller, profile.id),
        ]
        done = await asyncio.gather(*(doing if pair else doing[::-1]), return_exceptions=True)
        assert sum(isinstance(each, NotFound | InUse) for each in done) == 1


async def test_a_raised_quota_holds_for_the_next_batch(office: Office) -> None:
    profile = await office.a_profile("day", is_default=True, max_active=1)
    await office.a_batch()
    with pytest.raises(QuotaExceeded):
        await office.a_batch()
    await office.profiles.update(office.caller, profile.id, {"max_active": None})
    await office.a_batch()


async def test_a_key_makes_one_profile(office: Office) -> None:
    new = NewProfile(name="night")
    first = await office.profiles.create(office.caller, new, "k")
    assert await office.profiles.create(office.caller, new, "k") == first
    with pytest.raises(IdempotencyKeyReused):
        await office.profiles.create(office.caller, NewProfile(name="day"), "k")
    made = await asyncio.gather(
        *(office.profiles.create(office.caller, NewProfile(name="x"), "l") for _ in range(3))
    )
    assert len({profile.id for profile in made}) == 1
