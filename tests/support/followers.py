"""Clients of others that follow events, and go on behind the last cursor when a connection ends.

async with following(by_gql, url, query, after=cursor) as events: await anext(events)
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from gql import Client, GraphQLRequest
from gql.transport import AsyncTransport
from gql.transport.aiohttp_websockets import AIOHTTPWebsocketsTransport
from gql.transport.exceptions import TransportConnectionFailed
from gql.transport.websockets import WebsocketsTransport
from graphql import parse

from tests.support.node import node

WAIT = 60.0
AGAIN = 0.1  # seconds between two tries
PROTOCOL = "graphql-transport-ws"

Event = dict[str, Any]
Follow = Callable[[str, str, dict[str, Any]], AsyncGenerator[Event, None]]


def by_gql(url: str, query: str, variables: dict[str, Any]) -> AsyncGenerator[Event, None]:
    return _by_gql(lambda: WebsocketsTransport(url, subprotocols=[PROTOCOL]), query, variables)


def by_gql_and_aiohttp(
    url: str, query: str, variables: dict[str, Any]
) -> AsyncGenerator[Event, None]:
    return _by_gql(
        lambda: AIOHTTPWebsocketsTransport(url, subprotocols=[PROTOCOL]), query, variables
    )


class GraphqlWs:
    """npm's graphql-ws, as the script in `folder` uses it; `stock`: with nothing of ours around it."""

    def __init__(self, folder: Path, *, stock: bool = False) -> None:
        self.command = (node(), str(folder / "follow.mjs"))
        self.options = ("stock",) if stock else ()

    async def __call__(
        self, url: str, query: str, variables: dict[str, Any]
    ) -> AsyncGenerator[Event, None]:
        process = await asyncio.create_subprocess_exec(
            *self.command,
            url,
            query,
            json.dumps(variables),
            *self.options,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                yield json.loads(line)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


@asynccontextmanager
async def following(
    follow: Follow, url: str, query: str, **variables: Any
) -> AsyncIterator[AsyncGenerator[Event, None]]:
    address = f"{url.replace('http', 'ws', 1)}/graphql"
    async with aclosing(follow(address, query, variables)) as events:
        yield events


async def _by_gql(
    transport: Callable[[], AsyncTransport], query: str, variables: dict[str, Any]
) -> AsyncGenerator[Event, None]:
    while True:
        try:
            async with Client(transport=transport()) as session:
                request = GraphQLRequest(parse(query), variable_values=variables)
                async for data in session.subscribe(request):
                    (event,) = data.values()
                    variables = {**variables, "after": event["cursor"]}
                    yield event
        except (TransportConnectionFailed, OSError):
            await asyncio.sleep(AGAIN)
