"""The main job, start to end: a model folder becomes an explained revision.

Starts a server on a fresh SQLite database and a free port, talks to it as any client would, and
stops it. `make serve` is what stays up.
"""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "model-folder"
READY = "ready at "
console = Console(highlight=False, soft_wrap=True)
Json = dict[str, Any]

ERRORS = "userErrors { code message path }"
CREATE_FOLDER = f"""mutation ($input: CreateModelFolderInput!) {{
  createModelFolder(input: $input) {{ folder {{ id name uri }} {ERRORS} }} }}"""
CREATE_DEPLOYMENT = f"""mutation ($input: CreateModelDeploymentInput!) {{
  createModelDeployment(input: $input) {{ deployment {{ id name status etag }} {ERRORS} }} }}"""
PREVIEW = f"""query ($input: AddModelRevisionInput!) {{
  previewModelRevision(input: $input) {{
    definitionDocument provenance {{ pointer value layer shadowed {{ layer value }} }} {ERRORS} }} }}"""
ADD = f"""mutation ($input: AddModelRevisionInput!) {{
  addModelRevision(input: $input) {{
    revision {{ id number digest
      provenance {{ pointer value layer shadowed {{ layer value }} }} }} {ERRORS} }} }}"""
COMPARE = """query ($a: ID!, $b: ID!) { compareModelRevisions(a: $a, b: $b) {
    differences { pointer before { value layer } after { value layer } } } }"""
FOLLOW = """subscription ($id: ID!, $after: String) { deploymentEvents(deploymentId: $id, after: $after) {
    __typename cursor at actor
    ... on RevisionAdded { number }
    ... on RevisionActivated { number }
    ... on DeploymentStatusChanged { before after } } }"""


class Client:
    """A GraphQL client of a few lines, on a socket like any other's."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http = http
        self.url = url

    async def ask(self, query: str, **variables: Any) -> Any:
        """The value of the query's one field."""
        body = {"query": query, "variables": variables}
        async with self.http.post(self.url, json=body) as answer:
            said: Json = await answer.json()
        if said.get("errors"):
            sys.exit(f"The server answered with errors: {said['errors']}")
        payload = next(iter(said["data"].values()))
        if isinstance(payload, dict) and payload.get("userErrors"):
            sys.exit(f"The server refused: {payload['userErrors']}")
        return payload

    async def follow(self, query: str, **variables: Any) -> AsyncIterator[Json]:
        """Each event of a subscription, over graphql-transport-ws."""
        protocols = ["graphql-transport-ws"]
        async with self.http.ws_connect(self.url, protocols=protocols) as socket:
            await socket.send_json({"type": "connection_init", "payload": {}})
            await socket.receive_json()
            payload = {"query": query, "variables": variables}
            await socket.send_json({"id": "1", "type": "subscribe", "payload": payload})
            async for frame in socket:
                said = frame.json()
                if said["type"] == "next":
                    yield next(iter(said["payload"]["data"].values()))


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="modelyard-demo-") as place:
        folder = Path(place) / "tiny-chat"
        shutil.copytree(FOLDER, folder)
        async with server(Path(place)) as url, aiohttp.ClientSession() as http:
            await show(Client(http, f"{url}/graphql"), folder)
    console.print("\n[bold green]Done.[/] `make serve` starts a server that stays up.")


async def show(client: Client, folder: Path) -> None:
    heading("A model folder")
    plain((folder / "model-definition.yaml").read_text().rstrip())
    made = await client.ask(CREATE_FOLDER, input={"name": "tiny-chat", "uri": folder.as_uri()})
    folder_id = made["folder"]["id"]

    heading("A deployment, and its events from now on")
    made = await client.ask(CREATE_DEPLOYMENT, input={"name": "chat", "desiredReplicas": 2})
    deployment = made["deployment"]
    console.print(f"{deployment['name']}: {deployment['status']}, etag {deployment['etag']}")
    cursor = await client.ask("{ eventCursor }")
    events = asyncio.create_task(print_events(client, deployment["id"], cursor))

    heading("Previewed: the folder's file over the echo variant, and what is asked for here")
    first = {
        "deploymentId": deployment["id"],
        "runtimeVariant": "ECHO",
        "modelFolder": {"folderId": folder_id},
        "enableModelDefinitionOverride": True,
        "modelDefinition": {"models": [{"service": {"port": 9000}}]},
    }
    explain(await client.ask(PREVIEW, input=first))

    heading("Two revisions added, the second one activated")
    one = (await client.ask(ADD, input=first))["revision"]
    second = first | {
        "modelDefinition": {
            "models": [{"service": {"port": 9000, "healthCheck": {"maxRetries": 3}}}]
        },
        "note": "fail sooner",
        "activate": True,
    }
    two = (await client.ask(ADD, input=second))["revision"]
    for revision in (one, two):
        console.print(f"revision {revision['number']}  digest {revision['digest'][:16]}…")
    await asyncio.wait_for(events, timeout=30)

    heading("What differs between them")
    for found in (await client.ask(COMPARE, a=one["id"], b=two["id"]))["differences"]:
        before, after = found["before"], found["after"]
        plain(f"{found['pointer']}: {side(before)} → {side(after)}")


async def print_events(client: Client, deployment_id: str, cursor: str | None) -> None:
    """Prints what arrives, up to the activation's change of status."""
    async for event in client.follow(FOLLOW, id=deployment_id, after=cursor):
        kind = event["__typename"]
        rest = {k: v for k, v in event.items() if k not in ("__typename", "cursor", "at", "actor")}
        plain(f"  event {event['at'][11:23]} {kind} {rest or ''} by {event['actor']}")
        if kind == "DeploymentStatusChanged":
            return


def explain(payload: Json) -> None:
    """One line a value: what it is, the layer that set it, and what that layer hid."""
    for origin in payload["provenance"]:
        over = ", ".join(f"{s['layer']} {short(s['value'])}" for s in origin["shadowed"])
        line = f"{origin['pointer']} = {short(origin['value'])}"
        plain(f"{line:<66} {origin['layer']:<8} {'over ' + over if over else ''}".rstrip())
    command = payload["definitionDocument"]["models"][0]["service"]["start_command"]
    plain(f"It would run: {command}")


def short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 32 else f"{text[:31]}…"


def side(origin: Json | None) -> str:
    return f"{origin['value']!r} ({origin['layer']})" if origin else "nothing"


def plain(text: str) -> None:
    console.print(text, markup=False)


def heading(text: str) -> None:
    console.print(f"\n[bold]{text}[/]")


@asynccontextmanager
async def server(place: Path) -> AsyncIterator[str]:
    """A server of our own, on a port that the system picks; its address."""
    command = [str(Path(sys.executable).parent / "modelyard"), "serve", "--port", "0"]
    command += ["--data-dir", str(place / "data")]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MODELYARD_")}
    environment["MODELYARD_MODEL_ROOTS"] = str(place)
    errors = place / "server.log"
    with errors.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, cwd=place, stdout=asyncio.subprocess.PIPE, stderr=log
        )
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), timeout=60)).decode()
        if READY not in line:
            sys.exit(f"The server did not start: {errors.read_text()}")
        console.print(line.rstrip())
        yield line.rpartition(READY)[2].strip()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


if __name__ == "__main__":
    asyncio.run(main())
