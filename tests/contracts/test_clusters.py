"""What a cluster does that an informer and a driver build on: the fake's, and a real one's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import pytest

from infra.k8s.cluster import Cluster, opened
from infra.k8s.config import ClusterConfig
from infra.k8s.errors import Conflict
from infra.k8s.informer import Informer
from infra.k8s.kinds import Kind
from infra.k8s.watch import Event, Scope
from tests.support.api_server import NAMESPACE, api_server, config_map
from tests.support.clusters import WITHIN, a_namespace, given, informed


@dataclass(frozen=True)
class Place:
    cluster: Cluster
    namespace: str

    @property
    def scope(self) -> Scope:
        """Every namespace of a real cluster has a ConfigMap of its own, which is not meant."""
        return Scope(Kind.CONFIG_MAP, self.namespace, fields="metadata.name!=kube-root-ca.crt")

    async def put(self, name: str, text: str = "") -> str:
        """Its version."""
        made = await self.cluster.create(config_map(name, text, self.namespace))
        return str(made["metadata"]["resourceVersion"])

    async def remove(self, name: str, uid: str | None = None) -> None:
        await self.cluster.delete(Kind.CONFIG_MAP, self.namespace, name, uid=uid)

    async def names(self) -> list[str]:
        listing = await self.cluster.list(Kind.CONFIG_MAP, self.namespace, fields=self.scope.fields)
        return sorted(each["metadata"]["name"] for each in listing.objects)


@asynccontextmanager
async def fake() -> AsyncIterator[Place]:
    async with api_server() as server, opened(server.config) as cluster:
        yield Place(cluster, NAMESPACE)


@asynccontextmanager
async def real() -> AsyncIterator[Place]:
    async with opened(ClusterConfig(given())) as cluster, a_namespace(cluster) as namespace:
        yield Place(cluster, namespace)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.kubernetes)])
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    async with fake() if request.param == "fake" else real() as made:
        yield made


async def told(events: AsyncIterator[Event], count: int) -> list[tuple[str, str]]:
    """The next ones but bookmarks: type and name."""
    found: list[tuple[str, str]] = []
    async with asyncio.timeout(WITHIN):
        while len(found) < count:
            event = await anext(events)
            if event["type"] != "BOOKMARK":
                found.append((event["type"], event["object"]["metadata"]["name"]))
    return found


async def test_what_is_made_is_there_until_it_is_deleted(place: Place) -> None:
    await place.put("a", "1")
    found = await place.cluster.get(Kind.CONFIG_MAP, place.namespace, "a")
    assert found is not None
    assert found["data"] == {"text": "1"}
    assert await place.names() == ["a"]
    await place.remove("a")
    assert await place.cluster.get(Kind.CONFIG_MAP, place.namespace, "a") is None
    assert await place.names() == []
    await place.remove("a")


async def test_a_list_says_of_each_what_it_is(place: Place) -> None:
    await place.put("a")
    listing = await place.cluster.list(Kind.CONFIG_MAP, place.namespace, fields=place.scope.fields)
    assert [(each["kind"], each["apiVersion"]) for each in listing.objects] == [("ConfigMap", "v1")]


async def test_a_name_is_given_once(place: Place) -> None:
    await place.put("a")
    with pytest.raises(Conflict, match=f"ConfigMap {place.namespace}/a"):
        await place.put("a")


async def test_what_changed_since_it_was_seen_is_not_deleted(place: Place) -> None:
    before, now = await place.put("b"), await place.put("a")
    here = Kind.CONFIG_MAP, place.namespace, "a"
    with pytest.raises(Conflict):
        await place.cluster.delete(*here, version=before)
    assert await place.names() == ["a", "b"]
    await place.cluster.delete(*here, version=now)
    assert await place.names() == ["b"]


async def test_only_the_one_that_is_meant_is_deleted(place: Place) -> None:
    await place.put("a")
    await place.remove("a", uid="00000000-0000-0000-0000-000000000000")
    assert await place.names() == ["a"]
    found = await place.cluster.get(Kind.CONFIG_MAP, place.namespace, "a")
    assert found is not None
    await place.remove("a", uid=found["metadata"]["uid"])
    assert await place.names() == []


async def test_a_watch_tells_all_that_happened_since_the_list(place: Place) -> None:
    await place.put("before")
    listing = await place.cluster.list(Kind.CONFIG_MAP, place.namespace)
    await place.put("a")
    await place.remove("before")
    async with place.cluster.watch(place.scope, listing.version, 30) as events:
        assert await told(events, 2) == [("ADDED", "a"), ("DELETED", "before")]
        await place.remove("a")
        assert await told(events, 1) == [("DELETED", "a")]


async def test_the_end_of_an_object_is_of_a_later_version_than_its_last_state(
    place: Place,
) -> None:
    version = await place.put("a")
    await place.remove("a")
    async with place.cluster.watch(place.scope, version, 30) as events:
        event = await anext(events)
    assert event["type"] == "DELETED"
    assert int(event["object"]["metadata"]["resourceVersion"]) > int(version)


async def test_an_informer_follows(place: Place) -> None:
    await place.put("before")
    async with informed(place.cluster, place.scope) as informer:
        assert {each["metadata"]["name"] for each in informer.all()} == {"before"}
        following = asyncio.create_task(followed(informer, 30))
        await asyncio.gather(*(place.put(f"c{i}") for i in range(30)))
        await following
        removing = asyncio.create_task(place.remove("before"))
        async with asyncio.timeout(WITHIN), aclosing(informer.changes()) as changes:
            change = await anext(changes)
            while not change.gone:
                change = await anext(changes)
        await removing
        assert change.object["metadata"]["name"] == "before"
        assert len(informer.all()) == 30
        assert informer.in_sync


async def followed(informer: Informer, count: int) -> None:
    async with asyncio.timeout(WITHIN), aclosing(informer.changes()) as changes:
        seen = {each["metadata"]["name"] for each in informer.all()}
        while len(seen - {"before"}) < count:
            seen.add((await anext(changes)).object["metadata"]["name"])
