"""Deployments that serve, and requests that keep coming while they change.

async with load(server.url, "chat") as asked: ...      # asked.failures, asked.answered_by
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil

from infra.process.processes import MARK
from tests.support.api import WAIT, Api, following

CLIENTS = 4
STATUS = """subscription($id: ID!) {
  deploymentStatusChanged(deploymentId: $id) { status statusReason statusMessage } }"""
REPLICAS = """query($id: ID!) { modelDeployment(id: $id) {
  activeRevision { number } replicas(first: 20) { nodes {
    id status createdAt revision { number } endpoints { url } } } } }"""
ROLLOUTS = """query($id: ID!) { modelDeployment(id: $id) { rollouts(first: 5) { nodes {
  kind status statusReason statusMessage revision { number } } } } }"""


@dataclass(slots=True)
class Asked:
    """What became of the requests: who answered, and what went wrong."""

    answered_by: "Counter[str]" = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    _answered: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, text: str) -> None:
        self.answered_by[text.removeprefix("Echo from ").partition(":")[0]] += 1
        self._answered.set()
        self._answered = asyncio.Event()

    async def more(self, count: int) -> None:
        """Until so many more were answered."""
        wanted = self.answered_by.total() + count
        try:
            async with asyncio.timeout(WAIT):
                while self.answered_by.total() < wanted:
                    await self._answered.wait()
        except TimeoutError:
            raise AssertionError(f"too few are answered: {self.failures[-3:]}") from None


@asynccontextmanager
async def load(
    url: str, model: str, clients: int = CLIENTS, headers: Mapping[str, str] | None = None
) -> AsyncIterator[Asked]:
    """Each client asks again as soon as it is answered."""
    asked = Asked()
    async with httpx.AsyncClient(base_url=url, timeout=60.0, headers=headers) as http:
        tasks = [asyncio.create_task(_ask(http, model, asked)) for _ in range(clients)]
        try:
            yield asked
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _ask(http: httpx.AsyncClient, model: str, asked: Asked) -> None:
    while True:
        try:
            asked.note(await chat(http, model))
        except (httpx.HTTPError, AssertionError) as error:
            asked.failures.append(repr(error))
            await asyncio.sleep(0.05)  # a server that is away answers at once


async def chat(http: httpx.AsyncClient, model: str) -> str:
    said = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
    answer = await http.post("/v1/chat/completions", json=said)
    assert answer.status_code == 200, answer.text
    assert answer.json()["model"] == model
    return str(answer.json()["choices"][0]["message"]["content"])


def echo(name: str, *knobs: str) -> dict[str, Any]:
    """A definition whose engine calls itself by the name, and whose health is known soon."""
    command = ["modelyard", "echo", "--port", "{port}", "--name", "{name}", *knobs]
    check = {"interval": 0.5, "maxRetries": 3, "maxWaitTime": 5, "initialDelay": 60}
    return {"models": [{"name": name, "service": {"startCommand": command, "healthCheck": check}}]}


async def serving(api: Api, name: str, *knobs: str, replicas: int = 1, **said: Any) -> str:
    """The id of a deployment whose first revision, `one`, is ready."""
    new = {"name": name, "desiredReplicas": replicas, **said}
    made = await api.change("createModelDeployment", new, "deployment { id }")
    deployment_id = str(made["deployment"]["id"])
    await activate(api, deployment_id, echo("one", *knobs))
    await stands(api, deployment_id, "READY")
    return deployment_id


async def activate(api: Api, deployment_id: str, definition: dict[str, Any], **said: Any) -> str:
    """The id of a new revision that is on its way now."""
    revision = await api.revision(deployment_id, modelDefinition=definition)
    await api.change("activateModelRevision", {"revisionId": revision["id"], **said})
    return str(revision["id"])


async def stands(api: Api, deployment_id: str, *statuses: str, reason: str | None = None) -> Any:
    """The first state of these that it comes to; on the way it never has one that is not foreseen."""
    async with following(str(api.http.base_url).rstrip("/"), STATUS, id=deployment_id) as payloads:
        async for payload in payloads:
            state = payload["data"]["deploymentStatusChanged"]
            if state["status"] in statuses and reason in (None, state["statusReason"]):
                return state
    return {"status": "STOPPED"}


async def replicas(api: Api, deployment_id: str) -> list[Any]:
    found = await api.get(REPLICAS, id=deployment_id)
    return list(found["modelDeployment"]["replicas"]["nodes"])


async def rollouts(api: Api, deployment_id: str) -> list[Any]:
    """The newest first."""
    found = await api.get(ROLLOUTS, id=deployment_id)
    return list(found["modelDeployment"]["rollouts"]["nodes"])


def marked(installation: str) -> set[int]:
    """The processes that an installation's replicas have."""
    found = set[int]()
    for process in psutil.process_iter():
        try:
            mark = process.environ().get(MARK, "")
        except psutil.Error:
            continue
        if mark.startswith(f"{installation}:"):
            found.add(process.pid)
    return found
