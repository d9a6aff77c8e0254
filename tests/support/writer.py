"""A process that writes, for tests that need a second one.

await another_process("events", url, data_dir, count)             # writers at once, an event each
await another_process("revisions", url, data_dir, count, id)      # adders at once to one deployment
"""

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

from domain.deployments.facts import RevisionAdded
from domain.folders.facts import FolderCreated
from infra.store import Store, open_store
from tests.support.builders import a_revision, fresh
from tests.support.forks import forks

END_SECONDS = 120.0


async def add_revisions(store: Store, deployment_id: str, count: int) -> None:
    await asyncio.gather(*(add_revision(store, deployment_id) for _ in range(count)))


async def add_revision(store: Store, deployment_id: str) -> None:
    """As the domain does it: the number is given out under the lock of the deployment's row."""
    async with store.start_work("ada", "request:1") as w:
        deployment = await w.deployments.lock(deployment_id)
        assert deployment is not None
        number = deployment.last_revision + 1
        revision = a_revision(deployment, number=number)
        await w.deployments.put(replace(deployment, last_revision=number))
        await w.revisions.add(revision)
        fact = RevisionAdded(
            deployment_id=deployment.id, revision_id=revision.id, number=number, digest="d"
        )
        w.record(deployment.project_id, fact)


async def add_events(store: Store, count: int) -> None:
    await asyncio.gather(*(add_event(store) for _ in range(count)))


async def add_event(store: Store) -> None:
    async with store.start_work("ada", "request:1") as w:
        w.record("p", FolderCreated(folder_id=fresh(), name="n", uri="file:///m"))


async def main(what: str, url: str, data_dir: str, count: str, *deployment: str) -> None:
    async with open_store(url, data_dir=Path(data_dir)) as store:
        if what == "events":
            await add_events(store, int(count))
        else:
            await add_revisions(store, deployment[0], int(count))


async def another_process(*arguments: str) -> None:
    """Run this file's `main` in a process of its own, and wait for its end."""
    process = forks().start(arguments, os.environ, Path(), 1, 2, f"{__name__}:run")
    assert await asyncio.to_thread(process.wait, END_SECONDS) == 0


def run() -> None:
    """The process's own."""
    asyncio.run(main(*sys.argv[1:]))
