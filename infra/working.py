"""`modelyard worker`: more batch workers on the database of a server."""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack

from infra import app, batching, wiring
from infra.http.gateway.watch import watch
from infra.serving import allow_files, spare_garbage_collector
from infra.settings import Settings


async def work(settings: Settings, version: str) -> None:
    """Until a signal. It serves nobody, but tells as a gateway does what it sends to replicas."""
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, ending.set)
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(wiring.running(settings))
        traffic = watch(app.world(parts))
        allow_files()
        spare_garbage_collector()
        await stack.enter_async_context(traffic.running())
        await stack.enter_async_context(batching.running(parts, traffic))
        sys.stdout.write(f"Modelyard {version} batch worker ready\n")
        sys.stdout.flush()
        await ending.wait()


def run(settings: Settings, version: str) -> None:
    try:
        from uvloop import new_event_loop
    except ImportError:
        asyncio.run(work(settings, version))
        return
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(work(settings, version))
