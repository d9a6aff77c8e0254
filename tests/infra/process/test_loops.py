"""The driver on the event loop that the server runs on."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
import uvloop

from domain.deployments.ports import Sight
from domain.deployments.reason import Reason
from infra.process.portable import Portable
from tests.support.replicas import GRACE, a_world, engine, running


def test_uvloop_sees_starts_and_ends_and_leaves_other_children_alone(tmp_path: Path) -> None:
    async def live() -> None:
        async with a_world(tmp_path) as world, running(world) as bench:
            told, crashed = [await bench.start(engine()) for _ in range(2)]
            other = await asyncio.create_subprocess_exec("sh", "-c", "exit 7")
            for replica in (told, crashed):
                await bench.until(replica, Sight.HEALTHY)
            assert await other.wait() == 7
            await bench.driver.stop(told, GRACE)
            assert (await bench.until(told, Sight.EXITED)).exit_code == -signal.SIGTERM
            (process,) = bench.members(crashed)
            os.kill(process.pid, signal.SIGKILL)
            observed = await bench.until(crashed, Sight.EXITED)
            assert (observed.reason, observed.exit_code) == (Reason.EXITED, -signal.SIGKILL)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(live())


async def test_without_pidfds_ends_are_seen_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    async with a_world(tmp_path, processes=Portable()) as world, running(world) as bench:
        replica = await bench.start(engine("code=3", f"family={tmp_path / 'pids'}"))
        observed = await bench.until(replica, Sight.EXITED)
        assert (observed.reason, observed.exit_code) == (Reason.EXITED, 3)
        assert bench.members(replica) == []
        replica = await bench.start(engine())
        row = bench.placed(replica, await bench.until(replica, Sight.HEALTHY))
        await bench.driver.release([row])
        await bench.until(row, Sight.HEALTHY)
        await bench.driver.stop(row, GRACE)
        await bench.until(row, Sight.EXITED)
