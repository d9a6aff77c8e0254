from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import orjson
import pytest

from domain.batches.batch import Batch, BatchReason, Place, TargetKind
from domain.batches.external_endpoint import ExternalEndpoint
from domain.batches.ports import Reply, Seat, Standstill
from domain.errors import Unreachable
from infra.inference.echo import WithEcho
from infra.inference.targets import ByKind, EchoTargets, ExternalTargets, OneSeat
from tests.support.batches import a_running_batch, an_external_endpoint
from tests.support.memory import MemoryStore


@dataclass(frozen=True)
class Values:
    known: dict[str, str] = field(default_factory=dict)

    async def open(self, project_id: str, names: Collection[str]) -> Mapping[str, str]:
        return {name: self.known[name] for name in names if name in self.known}


class Nobody:
    async def ask(
        self, url: str, headers: Mapping[str, str], body: bytes, seconds: float, limit: int
    ) -> Reply:
        raise Unreachable(where=url, problem="refused")


async def kept(store: MemoryStore, endpoint: ExternalEndpoint) -> Batch:
    async with store.start_work("test", "test") as work:
        if await work.external_endpoints.get(endpoint.id) is None:
            await work.external_endpoints.add(endpoint)
        else:
            await work.external_endpoints.put(endpoint)
    place = Place(target=TargetKind.EXTERNAL, why="", external_endpoint_id=endpoint.id)
    return a_running_batch(store.default, place=place)


def seat(target: object) -> Seat:
    assert isinstance(target, OneSeat)
    found = target.seat("/v1/chat/completions", ())
    assert isinstance(found, Seat)
    return found


async def test_the_base_url_takes_the_place_of_v1_and_the_key_goes_along() -> None:
    store, values = MemoryStore(), Values({"key": "sk-1"})
    endpoint = an_external_endpoint(
        store.default, base_url="https://api.example.com/openai/v9", api_key_secret="key"
    )
    batch = await kept(store, endpoint)
    found = seat(await ExternalTargets(reads=store.reads, secrets=values).of(batch))
    assert found.url == "https://api.example.com/openai/v9/chat/completions"
    assert found.headers == {"authorization": "Bearer sk-1"}
    assert found.model is None


async def test_batches_of_one_endpoint_share_a_target_until_it_is_another() -> None:
    store, values = MemoryStore(), Values({"key": "sk-1"})
    endpoint = an_external_endpoint(store.default, api_key_secret="key")
    targets = ExternalTargets(reads=store.reads, secrets=values)
    batch = await kept(store, endpoint)
    first = await targets.of(batch)
    assert await targets.of(await kept(store, endpoint)) is first
    values.known["key"] = "sk-2"
    second = await targets.of(batch)
    assert second is not first
    await kept(store, replace(endpoint, base_url="http://elsewhere/v1"))
    assert seat(await targets.of(batch)).url.startswith("http://elsewhere/v1/")


async def test_without_its_endpoint_or_its_key_a_batch_waits_and_says_why() -> None:
    store = MemoryStore()
    endpoint = an_external_endpoint(store.default, api_key_secret="key")
    targets = ExternalTargets(reads=store.reads, secrets=Values())
    batch = await kept(store, endpoint)
    without_key = await targets.of(batch)
    assert isinstance(without_key, Standstill)
    assert "'key'" in without_key.message
    async with store.start_work("test", "test") as work:
        await work.external_endpoints.remove(endpoint.id)
    gone = await targets.of(batch)
    assert isinstance(gone, Standstill)
    assert gone.reason is BatchReason.ENGINE_UNREACHABLE


async def test_each_kind_of_place_has_its_targets() -> None:
    store, echo = MemoryStore(), EchoTargets()
    targets = ByKind({TargetKind.ECHO: echo})
    assert await targets.of(a_running_batch(store.default)) is echo.target
    nowhere = await targets.of(a_running_batch(store.default, place=None))
    assert isinstance(nowhere, Standstill)


async def test_an_echo_is_marked_as_one_and_asks_nobody() -> None:
    engines = WithEcho(Nobody(), lambda path, body: (200, {"path": path, "said": body["input"]}))
    url = seat(EchoTargets().target).url
    reply = await engines.ask(url, {}, b'{"input": "hello"}', 1.0, 100)
    assert reply.status == 200
    assert orjson.loads(reply.body) == {
        "path": "/v1/chat/completions",
        "said": "hello",
        "modelyard": {"echo": True},
    }
    with pytest.raises(Unreachable):
        await engines.ask("http://engine/v1", {}, b"{}", 1.0, 100)
