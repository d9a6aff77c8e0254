"""The demo's second part: revisions run, are rolled out under load, and outlive their server."""

import asyncio
import sys
from collections.abc import Awaitable

import aiohttp
from batching import batch
from client import Client, Server
from load import Load, under_load
from resolving import ADD, ERRORS
from shown import Json, console, heading, plain, told

ACTIVATE = f"""mutation ($input: ActivateModelRevisionInput!) {{
  activateModelRevision(input: $input) {{ changed deployment {{ status }} {ERRORS} }} }}"""
DELETE = f"""mutation ($input: DeleteModelDeploymentInput!) {{
  deleteModelDeployment(input: $input) {{ deployment {{ status }} {ERRORS} }} }}"""
STATE = """query ($id: ID!) { modelDeployment(id: $id) {
  status statusReason statusMessage activeRevision { number }
  replicas(first: 10) { nodes { id status createdAt revision { number } endpoints { url } } } } }"""
FOLLOW = """subscription ($id: ID!, $after: String) { deploymentEvents(deploymentId: $id, after: $after) {
  __typename cursor at actor
  ... on RevisionActivated { revisionNumber }
  ... on DeploymentStatusChanged { statusBefore statusAfter reason }
  ... on RolloutStarted { revisionNumber strategyKind }
  ... on RolloutAdvanced { revisionNumber healthyReplicas desiredReplicas }
  ... on RolloutSucceeded { revisionNumber durationSeconds }
  ... on RolloutFailed { revisionNumber reason message }
  ... on RolledBack { revisionNumber }
  ... on ReplicaStarted { revisionNumber }
  ... on ReplicaBecameHealthy { revisionNumber }
  ... on ReplicaDraining { revisionNumber }
  ... on ReplicaExited { revisionNumber exitCode wanted } } }"""
PATIENCE = 120.0  # seconds, for a rollout on a slow laptop


async def run(client: Client, server: Server, deployment: Json, last: Json) -> None:
    revision, id_ = deployment["revision"], deployment["id"]

    heading(f"Revision {revision['number']} activated: two replicas of it")
    await until("READY", client, id_, activate(client, revision))
    async with aiohttp.ClientSession() as http:
        await chat(http, server.url)

    heading("A third revision, rolled out under load")
    async with under_load(server.url, "chat") as load:
        third = await add(client, last, environment=[{"name": "GREETING", "value": "hello"}])
        await until("READY", client, id_, activate(client, third))
    report(load)

    heading("A fourth one that can't start, activated under load as well")
    async with under_load(server.url, "chat") as load:
        broken = await add(client, last, startupCommand="echo 'no weights for {port}' >&2; exit 3")
        await until("READY", client, id_, activate(client, broken))
    report(load)
    state = await client.ask(STATE, id=id_)
    console.print(f"active: revision {state['activeRevision']['number']}, {state['status']}")

    heading(
        "The server is killed (kill -9); its replicas serve on, and are adopted when it is back"
    )
    await killed(client, server, id_)

    await batch(client, server, "chat", server.place)

    heading("Deleted: replicas finish what they do, then nothing is left")
    await until("STOPPED", client, id_, client.ask(DELETE, input={"deploymentId": id_}))


async def add(client: Client, last: Json, **changes: object) -> Json:
    said = {"note": "for the demo"} | changes
    made: Json = (await client.ask(ADD, input=last | said))["revision"]
    return made


def activate(client: Client, revision: Json) -> Awaitable[Json]:
    return client.ask(ACTIVATE, input={"revisionId": revision["id"]})


async def until(status: str, client: Client, id_: str, act: Awaitable[object]) -> None:
    """Does it, and prints the deployment's events up to the change to that status."""
    cursor = await client.ask("{ eventCursor }")
    await act

    async def follow() -> None:
        async for event in client.follow(FOLLOW, id=id_, after=cursor):
            told(event)
            if event.get("statusAfter") == status:
                return

    try:
        await asyncio.wait_for(follow(), PATIENCE)
    except TimeoutError:
        sys.exit(f"It did not become {status}: {await client.ask(STATE, id=id_)}")


async def chat(http: aiohttp.ClientSession, url: str) -> None:
    message = {"role": "user", "content": "Is anybody there?"}
    body = {"model": "chat", "messages": [message]}
    async with http.post(f"{url}/v1/chat/completions", json=body) as answer:
        said = await answer.json()
    if answer.status != 200:
        sys.exit(f"The model did not answer: {said}")
    plain(f"  user: {message['content']}")
    plain(f"  {said['model']}: {said['choices'][0]['message']['content']}")


def report(load: Load) -> None:
    console.print(f"under load meanwhile: {load}, answered by {len(load.answers)} replicas")
    if load.failures:
        sys.exit(f"Requests failed: {load.failures[:3]}")


async def killed(client: Client, server: Server, id_: str) -> None:
    before = (await client.ask(STATE, id=id_))["replicas"]["nodes"]
    await server.kill()
    async with aiohttp.ClientSession() as http:
        for replica in before:
            url = replica["endpoints"][0]["url"]
            async with http.get(f"{url}/v1/models") as answer:
                console.print(f"no server, but {url} answers {answer.status}")
    await server.start()
    async with aiohttp.ClientSession() as http:
        await chat(http, server.url)
    after = (await client.ask(STATE, id=id_))["replicas"]["nodes"]
    kept = [replica["id"] for replica in before] == [replica["id"] for replica in after]
    console.print(f"replicas after the restart: {len(after)}, restarted: {0 if kept else 'some'}")
    if not kept:
        sys.exit(f"Replicas changed: {before} became {after}")
