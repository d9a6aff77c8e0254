import asyncio
from dataclasses import replace
from typing import Any

import pytest

from domain.access.access import Role
from domain.batches.batch import BatchStatus, Place, TargetKind, Wish
from domain.batches.external_endpoint import ExternalEndpoint
from domain.batches.external_endpoints import ExternalEndpointPatch, NewExternalEndpoint
from domain.batches.facts import (
    ExternalEndpointCreated,
    ExternalEndpointDeleted,
    ExternalEndpointUpdated,
)
from domain.errors import Forbidden, IdempotencyKeyReused, InUse, InvalidValue, NameTaken, NotFound
from tests.support.build import a_caller
from tests.support.builders import a_secret
from tests.support.office import Office


@pytest.fixture
def office() -> Office:
    return Office()


async def with_a_secret(office: Office, name: str = "cloud-key") -> None:
    async with office.store.start_work("t", "t") as work:
        await work.secrets.add(a_secret(office.store.default, name=name))


async def test_a_new_endpoint_is_kept_and_told_of(office: Office) -> None:
    await with_a_secret(office)
    endpoint = await office.an_endpoint(models=("b", "a", "b"), api_key_secret="cloud-key")
    now = office.clock.now
    assert endpoint == ExternalEndpoint(
        id=endpoint.id,
        project_id=office.store.default.id,
        name="cloud",
        base_url="https://cloud.example/v1",
        models=("b", "a"),
        api_key_secret="cloud-key",
        created_at=now,
        created_by="key:tester",
        updated_at=now,
    )
    found = await office.store.reads.external_endpoints.serving(office.store.default.id, "a")
    assert list(found) == [endpoint]
    told = ExternalEndpointCreated(external_endpoint_id=endpoint.id, name="cloud")
    assert (await office.facts())[-1] == told


async def test_only_an_admin_decides_about_endpoints(office: Office) -> None:
    endpoint, editor = await office.an_endpoint(), office.by(Role.EDITOR)
    new = NewExternalEndpoint(name="b", base_url="http://b")
    with pytest.raises(Forbidden):
        await office.external_endpoints.create(editor, new)
    with pytest.raises(Forbidden):
        await office.external_endpoints.update(editor, endpoint.id, {"name": "c"})
    with pytest.raises(Forbidden):
        await office.external_endpoints.delete(editor, endpoint.id)
    for decide in (
        office.external_endpoints.delete(a_caller("elsewhere"), endpoint.id),
        office.external_endpoints.update(a_caller("elsewhere"), endpoint.id, {"name": "c"}),
    ):
        with pytest.raises(NotFound) as missing:
            await decide
        assert missing.value.path == ("external_endpoint_id",)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000/v1", "https://host", "https://host/a/b/v1", "http://[::1]:9/v1"],
)
async def test_a_url_of_a_server_is_taken(office: Office, url: str) -> None:
    assert (await office.an_endpoint(base_url=url)).base_url == url


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "Write it as"),
        ("host:8000/v1", "Write it as"),
        ("ftp://host/v1", "Write it as"),
        ("file:///etc", "Write it as"),
        ("http://", "Write it as"),
        ("http:///v1", "Write it as"),
        ("http://host:port/v1", "malformed"),
        ("http://host:99999/v1", "malformed"),
        ("http://[::1/v1", "malformed"),
        ("https://user:pass@host/v1", "credentials"),
        ("https://key@host/v1", "credentials"),
        ("https://host/v1?key=a", "query"),
        ("https://host/v1?", "query"),
        ("https://host/v1#a", "fragment"),
        ("https://host/v1/", "slash"),
        ("https://host/", "slash"),
        ("https://ho st/v1", "spaces"),
        ("https://host/v1\n", "spaces"),
        ("https://host/v1\0", "NUL"),
        ("https://host/" + "a" * 2048, "at most"),
    ],
)
async def test_what_is_no_servers_url_is_refused(office: Office, url: str, problem: str) -> None:
    with pytest.raises(InvalidValue, match=problem) as refused:
        await office.an_endpoint(base_url=url)
    assert refused.value.path == ("base_url",)
    endpoint = await office.an_endpoint()
    with pytest.raises(InvalidValue):
        await office.external_endpoints.update(office.caller, endpoint.id, {"base_url": url})


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"name": "Cloud"}, ("name",)),
        ({"models": ("a", "")}, ("models", 1)),
        ({"models": ("a" * 256,)}, ("models", 0)),
        ({"models": tuple(map(str, range(257)))}, ("models",)),
        ({"api_key_secret": "a b"}, ("api_key_secret",)),
        ({"api_key_secret": "absent"}, ("api_key_secret",)),
    ],
)
async def test_what_can_not_be_is_refused(office: Office, said: Any, path: Any) -> None:
    with pytest.raises((InvalidValue, NotFound)) as refused:
        await office.an_endpoint(**said)
    assert refused.value.path == path
    endpoint = await office.an_endpoint()
    with pytest.raises((InvalidValue, NotFound)) as refused:
        await office.external_endpoints.update(office.caller, endpoint.id, said)
    assert refused.value.path == path


async def test_a_patch_changes_what_it_says(office: Office) -> None:
    await with_a_secret(office)
    endpoint = await office.an_endpoint(models=("a",), api_key_secret="cloud-key")
    office.clock.forward(hours=1)
    patch: ExternalEndpointPatch = {"models": None, "api_key_secret": None, "base_url": "http://b"}
    changed = await office.external_endpoints.update(office.caller, endpoint.id, patch)
    assert changed == replace(
        endpoint,
        models=(),
        api_key_secret=None,
        base_url="http://b",
        updated_at=office.clock.now,
    )
    told = ExternalEndpointUpdated(external_endpoint_id=endpoint.id, name="cloud")
    assert (await office.facts())[-1] == told
    office.clock.forward(hours=1)
    facts = await office.facts()
    assert await office.external_endpoints.update(office.caller, endpoint.id, patch) == changed
    assert await office.facts() == facts
    for field in ("name", "base_url"):
        said: Any = {field: None}
        with pytest.raises(InvalidValue):
            await office.external_endpoints.update(office.caller, endpoint.id, said)


async def test_a_name_is_one_endpoints(office: Office) -> None:
    await office.an_endpoint("cloud")
    with pytest.raises(NameTaken):
        await office.an_endpoint("cloud")


async def test_an_endpoint_that_live_batches_use_is_not_deleted(office: Office) -> None:
    endpoint, other = await office.an_endpoint("cloud"), await office.an_endpoint("other")
    asking = await office.a_batch(wish=Wish(endpoint="cloud"))
    with pytest.raises(InUse, match="'cloud'") as refused:
        await office.external_endpoints.delete(office.caller, endpoint.id)
    assert refused.value.path == ("external_endpoint_id",)
    place = Place(target=TargetKind.EXTERNAL, why="it lists it", external_endpoint_id=other.id)
    running = await office.running(asking, place=place)
    with pytest.raises(InUse, match="'other'"):
        await office.external_endpoints.delete(office.caller, other.id)
    await office.ended(running, BatchStatus.EXPIRED)
    for each in (endpoint, other):
        await office.external_endpoints.delete(office.caller, each.id)
        told = ExternalEndpointDeleted(external_endpoint_id=each.id, name=each.name)
        assert (await office.facts())[-1] == told


async def test_of_a_batch_and_a_deletion_at_once_one_is_refused(office: Office) -> None:
    for pair in (0, 1):
        endpoint = await office.an_endpoint(f"e{pair}")
        new = await office.a_new_batch(wish=Wish(endpoint=endpoint.name))
        doing = [
            office.batches.create(office.caller, new),
            office.external_endpoints.delete(office.caller, endpoint.id),
        ]
        done = await asyncio.gather(*(doing if pair else doing[::-1]), return_exceptions=True)
        assert sum(isinstance(each, NotFound | InUse) for each in done) == 1


async def test_a_key_makes_one_endpoint(office: Office) -> None:
    new = NewExternalEndpoint(name="cloud", base_url="http://a")
    made = await asyncio.gather(
        *(office.external_endpoints.create(office.caller, new, "k") for _ in range(3))
    )
    assert len({endpoint.id for endpoint in made}) == 1
    other = replace(new, base_url="http://b")
    with pytest.raises(IdempotencyKeyReused):
        await office.external_endpoints.create(office.caller, other, "k")
