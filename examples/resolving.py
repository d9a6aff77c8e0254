"""The demo's first part: a model folder becomes an explained revision."""

import asyncio
from pathlib import Path

from client import Client
from shown import Json, console, explained, heading, plain, side, told

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
    ... on RevisionAdded { revisionNumber } } }"""
REVISIONS = 2


async def resolve(client: Client, folder: Path) -> tuple[Json, Json]:
    """The deployment, and the input of its last revision."""
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
    explained(await client.ask(PREVIEW, input=first))

    heading("Two revisions added")
    one = (await client.ask(ADD, input=first))["revision"]
    service = {"port": 9000, "healthCheck": {"interval": 1, "initialDelay": 30}}
    second = first | {
        "modelDefinition": {"models": [{"service": service}]},
        "note": "probe more often, once it had time to start",
    }
    two = (await client.ask(ADD, input=second))["revision"]
    for revision in (one, two):
        console.print(f"revision {revision['number']}  digest {revision['digest'][:16]}…")
    await asyncio.wait_for(events, timeout=30)

    heading("What differs between them")
    for found in (await client.ask(COMPARE, a=one["id"], b=two["id"]))["differences"]:
        before, after = found["before"], found["after"]
        plain(f"{found['pointer']}: {side(before)} → {side(after)}")
    return deployment | {"revision": two}, second


async def print_events(client: Client, deployment_id: str, cursor: str | None) -> None:
    left = REVISIONS
    async for event in client.follow(FOLLOW, id=deployment_id, after=cursor):
        told(event)
        left -= event["__typename"] == "RevisionAdded"
        if not left:
            return
