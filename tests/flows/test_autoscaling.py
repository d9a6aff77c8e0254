"""Autoscaling through the real server, with real engines: from no replica to all, and back to none."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from tests.support.api import Api, a_client, following
from tests.support.server import running

EVENTS = """subscription($id: ID!) { deploymentEvents(deploymentId: $id) { __typename actor
  ... on DeploymentScaled { replicasBefore replicasAfter metric measured target note rule { lastScaledAt } }
  ... on ReplicaEvent { replicaId } } }"""
STATUS = """subscription($id: ID!) { deploymentStatusChanged(deploymentId: $id) { status } }"""
SHOWN = """query($id: ID!) { modelDeployment(id: $id) {
  etag updatedAt replicas(first: 9) { nodes { id } } } }"""
CHECK = {"interval": 0.5, "maxRetries": 3, "maxWaitTime": 5, "initialDelay": 60}
COMMAND = "modelyard echo --port {port} --name {name} --latency 0.2"
ENGINE = {"models": [{"service": {"startCommand": COMMAND, "healthCheck": CHECK}}]}
ANSWER = "Echo from echo-model: hello"
RULE = {"metric": "IN_FLIGHT", "target": 1, "minReplicas": 0, "maxReplicas": 2}
COOLDOWNS = {"cooldownUp": "PT0S", "cooldownDown": "PT4S"}
Events = AsyncGenerator[Any, None]


async def asleep(api: Api, name: str) -> str:
    """A deployment with an active revision and no replicas, which a request is to change."""
    new = {"name": name, "desiredReplicas": 0}
    made = await api.change("createModelDeployment", new, "deployment { id }")
    deployment = str(made["deployment"]["id"])
    revision = await api.revision(deployment, modelDefinition=ENGINE)
    await api.change("activateModelRevision", {"revisionId": revision["id"]})
    await ready(api, deployment)
    assert (await shown(api, deployment))["replicas"]["nodes"] == []
    await api.change("createAutoscalingRule", {"deploymentId": deployment, **RULE, **COOLDOWNS})
    return deployment


async def ready(api: Api, deployment: str) -> None:
    url = str(api.http.base_url).rstrip("/")
    async with following(url, STATUS, id=deployment) as states:
        async for state in states:
            if state["data"]["deploymentStatusChanged"]["status"] == "READY":
                return


async def shown(api: Api, deployment: str) -> Any:
    return (await api.get(SHOWN, id=deployment))["modelDeployment"]


async def chat(api: Api) -> str:
    said = {"model": "sleeper", "messages": [{"role": "user", "content": "hello"}]}
    answer = await api.http.post("/v1/chat/completions", json=said)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["choices"][0]["message"]["content"])


async def chat_until(ended: asyncio.Event, api: Api) -> int:
    """One request after the other; how many were answered."""
    count = 0
    while not ended.is_set():
        assert await chat(api) == ANSWER
        count += 1
    return count


async def until(events: Events, **counts: int) -> list[Any]:
    """All that happens until there were so many of each kind."""
    heard: list[Any] = []
    async for payload in events:
        heard.append(payload["data"]["deploymentEvents"])
        kinds = Counter(event["__typename"] for event in heard)
        if all(kinds[kind] >= count for kind, count in counts.items()):
            return heard
    raise AssertionError("the deployment's events ended")


def scalings(heard: list[Any]) -> list[Any]:
    return [event for event in heard if event["__typename"] == "DeploymentScaled"]


async def test_a_deployment_follows_its_load_from_no_replica_to_all_and_back(
    tmp_path: Path,
) -> None:
    with running(tmp_path / "data", "--stop-replicas") as server:
        async with a_client(server.url) as api:
            deployment = await asleep(api, "sleeper")
            before = await shown(api, deployment)
            async with following(server.url, EVENTS, id=deployment) as events:
                first = asyncio.create_task(chat(api))
                [woken] = scalings(await until(events, DeploymentScaled=1))
                assert (woken["replicasBefore"], woken["replicasAfter"], woken["actor"]) == (
                    0,
                    1,
                    "autoscaler",
                )
                assert (woken["measured"], woken["note"]) == (1.0, "1 request held.")
                assert await first == ANSWER

                ended = asyncio.Event()
                load = asyncio.gather(*(chat_until(ended, api) for _ in range(6)))
                heard = await until(events, DeploymentScaled=1, ReplicaBecameHealthy=2)
                [more] = scalings(heard)
                assert (more["replicasAfter"], more["metric"], more["target"]) == (
                    2,
                    "IN_FLIGHT",
                    1.0,
                )
                assert more["measured"] > 1.1
                ended.set()
                assert all(count > 0 for count in await load)

                fewer = scalings(await until(events, ReplicaExited=2))
                assert all(each["replicasAfter"] < each["replicasBefore"] for each in fewer)
                assert fewer[-1]["replicasAfter"] == 0
                assert fewer[-1]["rule"]["lastScaledAt"] is not None

                again = asyncio.create_task(chat(api))
                [woken] = scalings(await until(events, DeploymentScaled=1))
                assert woken["replicasAfter"] == 1
                assert await again == ANSWER
            after = await shown(api, deployment)
            assert (after["etag"], after["updatedAt"]) == (before["etag"], before["updatedAt"])
