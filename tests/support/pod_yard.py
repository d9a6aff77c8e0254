"""Real servers whose replicas are pods of a real cluster, and streams that keep coming.

with a_server(tmp_path / "data", namespace, "proxy") as server: ...
async with streams(server.url, "chat") as told: ...     # told.failures, told.finished
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from domain.clock import MonotonicTimer
from infra.k8s.cluster import Cluster
from infra.k8s.kinds import Kind
from tests.support.api import Api
from tests.support.clusters import gone
from tests.support.load import replicas
from tests.support.server import Running, running

WITHIN = 420.0  # seconds: a kubelet tells five things a second, whatever number of pods it has
LOOK = 0.25
GRACE = 10  # seconds
SLEEP = 5  # seconds that a pod waits before its engine is told to end
ECHO = "modelyard echo --host {host} --port {port} --name {name}"
WORDS = "one two three four five six seven eight nine ten"
STANDS = "query($id: ID!) { modelDeployment(id: $id) { status rollout { id } } }"
KINDS = (Kind.DEPLOYMENT, Kind.SERVICE, Kind.POD)


@contextmanager
def a_server(
    data_dir: Path, namespace: str, routing: str, *options: str, **settings: str
) -> Iterator[Running]:
    """Its replicas end with it, unless `options` say otherwise."""
    env = yard_settings(namespace, routing, **settings)
    with running(data_dir, *(options or ("--stop-replicas",)), env=env) as server:
        yield server


def yard_settings(namespace: str, routing: str, **settings: str) -> dict[str, str]:
    return {
        "MODELYARD_DRIVER": "kubernetes",
        "MODELYARD_KUBERNETES_NAMESPACE": namespace,
        "MODELYARD_KUBERNETES_ROUTING": routing,
        "MODELYARD_STOP_GRACE": str(GRACE),
        **settings,
    }


def an_echo(name: str, *knobs: str) -> dict[str, Any]:
    """A definition whose engine calls itself by the name, and whose health is known soon."""
    check = {"interval": 0.5, "maxRetries": 3, "maxWaitTime": 5, "initialDelay": 60}
    service = {"startCommand": " ".join((ECHO, *knobs)), "healthCheck": check}
    return {"models": [{"name": name, "service": service}]}


async def serving(api: Api, name: str, image: str, *knobs: str, replicas: int = 1) -> str:
    """The id of a deployment whose first revision, `one`, is ready."""
    deployment_id = await api.deployment(name, replicas)
    await activate(api, deployment_id, image, an_echo("one", *knobs))
    await until(lambda: stands(api, deployment_id, "READY"))
    return deployment_id


async def activate(api: Api, deployment_id: str, image: str, definition: dict[str, Any]) -> None:
    revision = await api.revision(deployment_id, image=image, modelDefinition=definition)
    await api.change("activateModelRevision", {"revisionId": revision["id"]})


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    timer, never = MonotonicTimer(), asyncio.Event()
    async with asyncio.timeout(WITHIN):
        while not await is_so():
            await timer.wait(never, LOOK)


async def stands(api: Api, deployment_id: str, status: str) -> bool:
    found = (await api.get(STANDS, id=deployment_id))["modelDeployment"]
    rollout = found["rollout"] if found else None
    return (found["status"] if found else "STOPPED") == status and rollout is None


async def healthy(api: Api, deployment_id: str) -> set[str]:
    """The ids of its replicas that are."""
    found = await replicas(api, deployment_id)
    return {each["id"] for each in found if each["status"] == "HEALTHY"}


async def pods(cluster: Cluster, namespace: str) -> Sequence[str]:
    """The names of those that nobody has told to go."""
    listing = await cluster.list(Kind.POD, namespace)
    return [
        str(each["metadata"]["name"])
        for each in listing.objects
        if "deletionTimestamp" not in each["metadata"]
    ]


async def nothing_left(cluster: Cluster, namespace: str) -> None:
    """Soon."""
    for kind in KINDS:
        for each in (await cluster.list(kind, namespace)).objects:
            await gone(cluster, kind, namespace, each["metadata"]["name"])


@dataclass(slots=True)
class Told:
    """What became of the streams: `finished` counts those that came whole, `failures` say when the stream
    had begun (in the loop's time) and what went wrong."""

    finished: int = 0
    failures: list[tuple[float | None, str]] = field(default_factory=list)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self) -> None:
        self.finished += 1
        self._more.set()
        self._more = asyncio.Event()

    async def more(self, count: int) -> None:
        """Until so many more have come whole."""
        wanted = self.finished + count
        async with asyncio.timeout(WITHIN):
            while self.finished < wanted:
                await self._more.wait()


@asynccontextmanager
async def streams(url: str, model: str, clients: int = 3) -> AsyncIterator[Told]:
    """Each client begins another as soon as its last has ended."""
    told = Told()
    async with httpx.AsyncClient(base_url=url, timeout=60.0) as http:
        tasks = [asyncio.create_task(_stream(http, model, told)) for _ in range(clients)]
        try:
            yield told
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _stream(http: httpx.AsyncClient, model: str, told: Told) -> None:
    loop = asyncio.get_running_loop()
    while True:
        begun: float | None = None
        try:
            async for _ in pieces(http, model):
                begun = begun or loop.time()
            told.note()
        except (httpx.HTTPError, AssertionError) as error:
            told.failures.append((begun, repr(error)))
            await asyncio.sleep(0.05)


async def pieces(http: httpx.AsyncClient, model: str) -> AsyncIterator[str]:
    """Of a stream's text, as they come; that it came whole is asserted."""
    said = {"model": model, "stream": True, "messages": [{"role": "user", "content": WORDS}]}
    text = ""
    async with http.stream("POST", "/v1/chat/completions", json=said) as answer:
        assert answer.status_code == 200, await answer.aread()
        last = ""
        async for line in answer.aiter_lines():
            if line.startswith("data:"):
                last = line.removeprefix("data:").strip()
                if last != "[DONE]":
                    piece = _content(json.loads(last))
                    text += piece
                    yield piece
    assert last == "[DONE]", last
    assert WORDS in text, text


def _content(event: Any) -> str:
    assert "error" not in event, event
    return "".join(choice["delta"].get("content") or "" for choice in event["choices"])
