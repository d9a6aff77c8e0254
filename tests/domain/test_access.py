from dataclasses import dataclass

import pytest

from domain.access.access import Caller, Principal, Role
from domain.access.facts import KeyCreated, KeyRevoked, ProjectCreated
from domain.access.service import OPEN, Access, digest
from domain.errors import Forbidden, InvalidValue, NameTaken, NotFound, Unauthenticated
from domain.events import Scope
from tests.support.build import OwnClock, a_caller, a_server_admin, ids
from tests.support.memory import MemoryStore


@dataclass
class House:
    store: MemoryStore
    access: Access
    clock: OwnClock


@pytest.fixture
def house() -> House:
    clock = OwnClock()
    store = MemoryStore(clock=clock)
    some_ids, tokens = ids(), (f"my_token{n}_secret" for n in range(100))
    access = Access(
        start_work=store.start_work,
        reads=store.reads,
        clock=clock,
        new_id=lambda: next(some_ids),
        new_token=lambda: next(tokens),
    )
    return House(store, access, clock)


async def facts(house: House) -> list[object]:
    return [e.fact for e in await house.store.log.read(None, 100, Scope())]


def test_a_role_covers_itself_and_those_below() -> None:
    order = [Role.VIEWER, Role.EDITOR, Role.ADMIN]
    covers = [[a.covers(b) for b in order] for a in order]
    assert covers == [[True, False, False], [True, True, False], [True, True, True]]


async def test_a_key_authenticates_until_it_is_revoked(house: House) -> None:
    project = house.store.default
    key, token = await house.access.create_key("cli", "ci", {project.id: Role.EDITOR})
    principal = await house.access.authenticate(token)
    assert principal == Principal(
        actor="key:ci", roles={project.id: Role.EDITOR}, server_admin=False, key_id=key.id
    )
    await house.access.revoke_key("cli", key.id)
    with pytest.raises(Unauthenticated):
        await house.access.authenticate(token)


async def test_a_token_is_kept_as_a_digest_alone(house: House) -> None:
    key, token = await house.access.create_key("cli", "ci", {})
    assert key.digest == digest(token)
    assert token not in repr(key)
    assert token.startswith(key.prefix)
    assert token not in repr(await facts(house))


async def test_an_unknown_token_is_refused(house: House) -> None:
    for token in ("", "my_nothing", "\ud800", "x" * 100_000):
        with pytest.raises(Unauthenticated):
            await house.access.authenticate(token)


async def test_revoking_twice_is_revoking_once(house: House) -> None:
    key, _ = await house.access.create_key("cli", "ci", {})
    revoked = await house.access.revoke_key("cli", key.id)
    house.clock.forward(hours=1)
    assert await house.access.revoke_key("cli", key.id) == revoked
    expected = [KeyCreated(key_id=key.id, name="ci"), KeyRevoked(key_id=key.id, name="ci")]
    assert await facts(house) == expected


async def test_revoking_an_unknown_key_says_so(house: House) -> None:
    with pytest.raises(NotFound):
        await house.access.revoke_key("cli", "nothing")


async def test_open_mode_ends_with_the_first_key_and_does_not_come_back(house: House) -> None:
    assert await house.access.is_open(loopback=True)
    assert not await house.access.is_open(loopback=False)
    key, _ = await house.access.create_key("cli", "ci", {})
    assert not await house.access.is_open(loopback=True)
    await house.access.revoke_key("cli", key.id)
    assert not await house.access.is_open(loopback=True)


async def test_a_server_admin_creates_projects(house: House) -> None:
    caller = a_server_admin(house.store.default.id)
    project = await house.access.create_project(caller, "blue")
    assert await house.store.reads.projects.named("blue") == project
    assert await facts(house) == [ProjectCreated(project_id=project.id, name="blue")]


async def test_no_one_else_creates_projects(house: House) -> None:
    with pytest.raises(Forbidden):
        await house.access.create_project(a_caller(house.store.default.id), "blue")


async def test_a_project_has_a_name_of_its_own(house: House) -> None:
    caller = a_server_admin(house.store.default.id)
    with pytest.raises(NameTaken):
        await house.access.create_project(caller, "default")
    with pytest.raises(InvalidValue):
        await house.access.create_project(caller, "Not A Name")


async def test_a_request_without_a_project_takes_the_keys_only_one_else_default(
    house: House,
) -> None:
    blue = await house.access.create_project(a_server_admin("x"), "blue")
    default = house.store.default
    only = Principal(actor="a", roles={blue.id: Role.VIEWER})
    both = Principal(actor="a", roles={blue.id: Role.VIEWER, default.id: Role.VIEWER})
    assert await house.access.project(only, None) == blue
    assert await house.access.project(both, None) == default
    assert await house.access.project(OPEN, None) == default
    assert await house.access.project(both, "blue") == blue


async def test_another_project_is_not_found(house: House) -> None:
    await house.access.create_project(a_server_admin("x"), "blue")
    only = Principal(actor="a", roles={house.store.default.id: Role.ADMIN})
    for name in ("blue", "nothing"):
        with pytest.raises(NotFound):
            await house.access.project(only, name)


def test_a_caller_without_a_role_finds_nothing_and_with_a_low_one_is_forbidden() -> None:
    missing = NotFound(kind="thing", id="1", path=("thing_id",))
    stranger = a_caller("p", None)
    viewer: Caller = a_caller("p", Role.VIEWER)
    with pytest.raises(NotFound):
        stranger.require(Role.VIEWER, "p", missing)
    with pytest.raises(Forbidden) as refused:
        viewer.require(Role.EDITOR, "p", missing)
    assert refused.value.path == ("thing_id",)
    assert refused.value.message == "This needs the role editor."
