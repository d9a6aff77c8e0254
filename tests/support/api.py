"""A client of the real API over real sockets.

async with a_client(server.url) as api: data = await api.get("{ eventCursor }")
async with following(server.url, query, **variables) as payloads: await anext(payloads)
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from domain.events import Cursor

PROTOCOL = Subprotocol("graphql-transport-ws")
WAIT = 60.0
EVENTS = """query($after: String) {
  events(first: 100, after: $after, filter: {everyProject: true}) {
    nodes { __typename cursor ... on RevisionAdded { revisionId deploymentId revisionNumber }
      ... on DeploymentCreated { deploymentId name } ... on DeploymentUpdated { tags } }
    pageInfo { endCursor hasNextPage } } }"""


@dataclass(frozen=True)
class Api:
    http: httpx.AsyncClient

    async def ask(self, query: str, **variables: Any) -> Any:
        """The answer as it came."""
        said = {"query": query, "variables": variables}
        return (await self.http.post("/graphql", json=said)).json()

    async def get(self, query: str, **variables: Any) -> Any:
        answer = await self.ask(query, **variables)
        assert "errors" not in answer, answer
        return answer["data"]

    async def change(self, mutation: str, said: dict[str, Any], shown: str = "__typename") -> Any:
        """The payload of one mutation whose input type is named after it."""
        kind = f"{mutation[0].upper()}{mutation[1:]}Input"
        query = f"mutation($input: {kind}!) {{ {mutation}(input: $input) {{ {shown} "
        data = await self.get(query + "userErrors { code message } } }", input=said)
        assert data[mutation]["userErrors"] == [], data
        return data[mutation]

    async def codes(self, query: str, **variables: Any) -> list[str]:
        """The codes of the errors at the top of an answer."""
        errors = (await self.ask(query, **variables)).get("errors", [])
        return [error["extensions"]["code"] for error in errors]

    async def deployment(self, name: str, replicas: int = 1) -> str:
        said = {"name": name, "desiredReplicas": replicas}
        made = await self.change("createModelDeployment", said, "deployment { id }")
        return str(made["deployment"]["id"])

    async def revision(self, deployment_id: str, **said: Any) -> Any:
        wanted = {"deploymentId": deployment_id, "runtimeVariant": "ECHO", **said}
        return (await self.change("addModelRevision", wanted, "revision { id number note }"))[
            "revision"
        ]

    async def file(self, content: bytes) -> str:
        """The id of a new file for batches, as OpenAI's API writes it."""
        said = {"purpose": "batch"}
        answer = await self.http.post("/v1/files", data=said, files={"file": ("in.jsonl", content)})
        return str(answer.json()["id"])

    async def events(self, after: str | None = None) -> list[Any]:
        """All behind the cursor."""
        found: list[Any] = []
        more = True
        while more:
            page = (await self.get(EVENTS, after=after))["events"]
            found += page["nodes"]
            more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
        return found


@asynccontextmanager
async def a_client(url: str) -> AsyncIterator[Api]:
    async with httpx.AsyncClient(base_url=url, timeout=WAIT) as http:
        yield Api(http)


@asynccontextmanager
async def following(
    url: str, query: str, **variables: Any
) -> AsyncIterator[AsyncGenerator[Any, None]]:
    """A subscription's payloads over a WebSocket; they end when it is complete."""
    address = url.replace("http", "ws") + "/graphql"
    async with connect(address, subprotocols=[PROTOCOL], compression=None) as socket:
        await socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        payload = {"query": query, "variables": variables}
        await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
        async with aclosing(_payloads(socket)) as payloads:
            yield payloads


async def _payloads(socket: ClientConnection) -> AsyncGenerator[Any, None]:
    while True:
        async with asyncio.timeout(WAIT):
            message = json.loads(await socket.recv())
        if message["type"] == "complete":
            return
        assert message["type"] == "next", message
        yield message["payload"]


def positions(cursors: list[str]) -> list[int]:
    return [Cursor.decode(cursor).position for cursor in cursors]
