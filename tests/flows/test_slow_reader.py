"""Readers that stop reading cost the server no memory, and nobody else an event."""

import json
import socket
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

from tests.support.api import PROTOCOL, Api, a_client, following
from tests.support.server import Running, running

READERS = 5
EVENTS = 240
ALIASES = 40
TAGS = [f"{'x' * 50}{number}" for number in range(31)]
FOLLOW = f"""subscription($after: String) {{ events(after: $after) {{ cursor
  ... on DeploymentUpdated {{ {" ".join(f"t{n}: tags" for n in range(ALIASES))} }} }} }}"""
PAYLOAD = ALIASES * len(json.dumps(TAGS))
SENT = READERS * EVENTS * PAYLOAD  # bytes, if nobody were waited for
MAY_GROW = SENT // 4


async def update(api: Api, deployment: str, number: int) -> None:
    said: dict[str, Any] = {"deploymentId": deployment, "tags": [*TAGS, f"n{number}"]}
    await api.change("updateModelDeployment", said)


async def test_readers_that_stop_cost_no_memory_and_nobody_an_event(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        async with a_client(server.url) as api, AsyncExitStack() as stack:
            deployment = await api.deployment("chat")
            start = (await api.get("{eventCursor}"))["eventCursor"]
            await update(api, deployment, 0)
            await anext(await stack.enter_async_context(following(server.url, FOLLOW, after=start)))
            before = memory(server)
            for _ in range(READERS):
                await stop_reading(stack, server, start)
            async with following(server.url, FOLLOW, after=start) as quick:
                for number in range(1, EVENTS):
                    await update(api, deployment, number)
                cursors = [(await anext(quick))["data"]["events"]["cursor"] for _ in range(EVENTS)]
            assert cursors == [event["cursor"] for event in await api.events(start)]
            assert memory(server) - before < MAY_GROW


async def stop_reading(stack: AsyncExitStack, server: Running, after: str) -> None:
    """A subscription whose client takes what its small buffers hold, and no more."""
    host, port = server.url.removeprefix("http://").split(":")
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    raw.connect((host, int(port)))
    reader = await stack.enter_async_context(
        connect(server.ws_url, sock=raw, subprotocols=[PROTOCOL], compression=None, max_queue=1)
    )
    await reader.send(json.dumps({"type": "connection_init"}))
    payload = {"query": FOLLOW, "variables": {"after": after}}
    await reader.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
    await reader.recv()
    stack.callback(reader.transport.abort)


def memory(server: Running) -> int:
    """Resident bytes."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))
