import pytest

from domain.access.access import Role
from domain.errors import (
    FolderRefused,
    Forbidden,
    IdempotencyKeyReused,
    InvalidValue,
    NameTaken,
    NotFound,
    Path,
)
from domain.folders.facts import FolderCreated, FolderDeleted, FolderUpdated
from domain.folders.service import FolderPatch, NewFolder
from tests.support.build import a_caller
from tests.support.house import URI, House


@pytest.fixture
def house() -> House:
    return House()


async def test_a_folder_is_created_renamed_and_deleted_with_an_event_each(house: House) -> None:
    folder = await house.folders.create(house.caller, NewFolder(name="llama", uri=URI))
    house.clock.forward(minutes=1)
    renamed = await house.folders.update(house.caller, folder.id, {"name": "llama-3"})
    await house.folders.delete(house.caller, folder.id)
    assert (renamed.name, renamed.updated_at) == ("llama-3", house.clock())
    assert await house.facts() == [
        FolderCreated(folder_id=folder.id, name="llama", uri=URI),
        FolderUpdated(folder_id=folder.id, name="llama-3", uri=URI),
        FolderDeleted(folder_id=folder.id, name="llama-3"),
    ]
    assert await house.store.reads.folders.by_ids([folder.id]) == {}


async def test_an_update_that_changes_nothing_is_no_event(house: House) -> None:
    folder = await house.a_folder()
    before = await house.facts()
    assert await house.folders.update(house.caller, folder.id, {}) == folder
    assert await house.folders.update(house.caller, folder.id, {"name": folder.name}) == folder
    assert await house.facts() == before


async def test_null_can_not_clear_a_name_or_a_uri(house: House) -> None:
    folder = await house.a_folder()
    patches: list[tuple[FolderPatch, Path]] = [
        ({"name": None}, ("name",)),
        ({"uri": None}, ("uri",)),
    ]
    for patch, path in patches:
        with pytest.raises(InvalidValue) as refused:
            await house.folders.update(house.caller, folder.id, patch)
        assert refused.value.path == path


async def test_a_name_is_taken_once_a_project(house: House) -> None:
    await house.a_folder()
    with pytest.raises(NameTaken) as refused:
        await house.folders.create(house.caller, NewFolder(name="llama", uri=URI))
    assert refused.value.path == ("name",)


async def test_a_folder_that_can_not_be_used_is_refused(house: House) -> None:
    with pytest.raises(FolderRefused):
        await house.folders.create(house.caller, NewFolder(name="x", uri="file:///etc"))
    folder = await house.a_folder()
    with pytest.raises(FolderRefused):
        await house.folders.update(house.caller, folder.id, {"uri": "file:///etc"})


async def test_who_may_not_change_a_folder_learns_nothing_of_the_disk(house: House) -> None:
    folder = await house.a_folder()
    with pytest.raises(Forbidden):
        await house.folders.create(house.viewer(), NewFolder(name="x", uri="file:///etc"))
    with pytest.raises(Forbidden):
        await house.folders.update(house.viewer(), folder.id, {"uri": "file:///etc"})
    with pytest.raises(Forbidden):
        await house.folders.delete(house.viewer(), folder.id)


async def test_another_projects_folder_is_not_found(house: House) -> None:
    folder = await house.a_folder()
    stranger = a_caller("elsewhere", Role.ADMIN)
    with pytest.raises(NotFound) as refused:
        await house.folders.update(stranger, folder.id, {"name": "mine"})
    assert refused.value.path == ("folder_id",)
    with pytest.raises(NotFound):
        await house.folders.delete(stranger, folder.id)


async def test_the_same_request_twice_makes_one_folder(house: House) -> None:
    new = NewFolder(name="llama", uri=URI)
    first = await house.folders.create(house.caller, new, "key-1")
    assert await house.folders.create(house.caller, new, "key-1") == first
    assert len(await house.facts()) == 1
    with pytest.raises(IdempotencyKeyReused):
        await house.folders.create(house.caller, NewFolder(name="other", uri=URI), "key-1")


async def test_a_key_is_forgotten_after_a_day_and_a_failure_is_never_kept(house: House) -> None:
    with pytest.raises(InvalidValue):
        await house.folders.create(house.caller, NewFolder(name="No Name", uri=URI), "key-1")
    await house.folders.create(house.caller, NewFolder(name="one", uri=URI), "key-1")
    house.clock.forward(hours=24, seconds=1)
    two = await house.folders.create(house.caller, NewFolder(name="two", uri=URI), "key-1")
    assert two.name == "two"
