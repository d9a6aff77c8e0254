"""Webhooks of a real server, received over a real socket."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import httpx
from openai import OpenAI

from tests.support.api import Api, a_client
from tests.support.kill_jobs import Job
from tests.support.receiver import Got, receiving, refusing
from tests.support.server import running

RECENT = "{ webhooks { nodes { recentDeliveries { status attempts lastCode message } } } }"
LOOKS = 300


async def webhook(api: Api, url: str) -> str:
    """Its secret."""
    made = await api.change("createWebhook", {"name": "hook", "url": url}, "secret")
    return str(made["secret"])


async def a_batch(url: str) -> Job:
    """Of one line, which an echo answers."""
    job = Job(["a"], model="any", options={"target": "ECHO"})
    async with httpx.AsyncClient(base_url=url) as http:
        await job.create(http)
    return job


def verified(got: Got, secret: str) -> Any:
    client = OpenAI(api_key="unused", webhook_secret=secret)
    return client.webhooks.unwrap(got.body, got.headers)


async def test_the_stock_client_takes_what_a_server_tells_it(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        async with receiving() as receiver, a_client(server.url) as api:
            secret = await webhook(api, receiver.url)
            job = await a_batch(server.url)
            await receiver.heard(1)
            told = verified(receiver.got[0], secret)
            assert (told.type, told.data.id) == ("batch.completed", job.id)


async def test_what_an_endpoint_missed_is_sent_by_the_next_server(tmp_path: Path) -> None:
    with refusing() as url, running(tmp_path / "data") as server:
        async with a_client(server.url) as api:
            secret = await webhook(api, url)
            job = await a_batch(server.url)
            for _ in range(LOOKS):
                [hook] = (await api.get(RECENT))["webhooks"]["nodes"]
                if any(each["message"] for each in hook["recentDeliveries"]):  # it has failed
                    break
                await asyncio.sleep(0.1)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait(60.0)
    port = int(url.rpartition(":")[2].partition("/")[0])
    async with receiving(port) as receiver:
        with running(tmp_path / "data"):
            async with asyncio.timeout(60):
                await receiver.heard(1)
    told = verified(receiver.got[0], secret)
    assert (told.type, told.data.id) == ("batch.completed", job.id)
