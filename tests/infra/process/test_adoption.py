"""Replicas that outlive the control plane that started them."""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from domain.deployments.ports import Sight
from domain.deployments.reason import Reason
from domain.deployments.replica import Replica, ReplicaStatus
from infra.process import exits
from infra.process.processes import MARK
from infra.process.records import Records
from tests.support.planes import Plane, a_plane
from tests.support.replicas import (
    GRACE,
    Bench,
    Rows,
    World,
    a_service,
    ended,
    engine,
    free_port,
    running,
    written,
)


@asynccontextmanager
async def killed(
    bench: Bench, *knobs: str, wanted: Sight = Sight.HEALTHY
) -> AsyncIterator[tuple[Replica, Plane]]:
    """A replica, as its row was before its placement was known, whose control plane was killed."""
    row = bench.row({"m": a_service(engine(*knobs))})
    plane = await a_plane(bench.world, row, list(knobs), wanted)
    plane.kill()
    yield row, plane


@pytest.mark.parametrize("knobs", [(), ("title=an engine",), ("clean=yes",)])
async def test_replicas_of_a_killed_control_plane_are_adopted_and_not_restarted(
    bench: Bench, knobs: tuple[str, ...]
) -> None:
    """Also under a title of its own, and with an environment that it cleaned."""
    async with killed(bench, *knobs) as (row, plane):
        assert plane.placement is not None
        (process,) = plane.placement["processes"]
        before = bench.members(row)
        assert len(before) == (0 if knobs else 1)
        adopted = replace(row, placement=plane.placement, status=ReplicaStatus.HEALTHY)
        observed = await bench.until(adopted, Sight.HEALTHY)
        assert observed.placement == plane.placement
        assert [endpoint.port for endpoint in observed.endpoints] == [plane.port]
        assert bench.members(row) == before
        await bench.driver.stop(adopted, GRACE)
        observed = await bench.until(adopted, Sight.EXITED)
        assert (observed.reason, observed.exit_code) == (None, None)
        await ended(process["pid"])


async def test_a_replica_that_was_spawned_but_not_recorded_is_found(bench: Bench) -> None:
    async with killed(bench) as (row, plane):
        observed = await bench.until(row, Sight.HEALTHY)
        assert observed.placement == plane.placement
        assert len(bench.members(row)) == 1


async def test_starting_what_was_spawned_but_not_recorded_adopts_it(bench: Bench) -> None:
    async with killed(bench) as (row, plane):
        await bench.driver.start(row, bench.revision_of(row))
        observed = await bench.until(row, Sight.HEALTHY)
        assert observed.placement == plane.placement
        assert len(bench.members(row)) == 1


async def test_the_end_of_an_adopted_replica_is_seen_and_its_code_is_not(bench: Bench) -> None:
    async with killed(bench) as (row, plane):
        adopted = replace(row, placement=plane.placement)
        await bench.until(adopted, Sight.HEALTHY)
        (process,) = bench.members(row)
        os.kill(process.pid, signal.SIGKILL)
        observed = await bench.until(adopted, Sight.EXITED)
        assert (observed.reason, observed.exit_code) == (Reason.EXITED_WHILE_ADOPTED, None)


async def test_a_replica_that_ended_unseen_ends_with_what_it_left(bench: Bench) -> None:
    family = bench.world.data_dir / "family"
    async with killed(bench, f"family={family}") as (row, plane):
        assert plane.placement is not None
        main = plane.placement["processes"][0]["pid"]
        pids = [int(pid) for pid in (await written(family)).split()]
        os.kill(main, signal.SIGKILL)
        await ended(main)
        adopted = replace(row, placement=plane.placement)
        observed = await bench.until(adopted, Sight.EXITED)
        assert observed.reason is Reason.EXITED_WHILE_ADOPTED
        for pid in pids:
            await ended(pid)


async def test_a_start_that_was_cut_off_is_cleared_away_and_done_again(bench: Bench) -> None:
    """Its control plane was killed while a pre-start action ran."""
    row = bench.row({"m": a_service(engine())})
    left = await asyncio.create_subprocess_exec(
        "sleep", "600", env={MARK: bench.parts.mark(row.id)}, start_new_session=True
    )
    assert (await bench.driver.observe([row]))[row.id].sight is Sight.ABSENT
    await bench.driver.start(row, bench.revision_of(row))
    assert await left.wait() == -signal.SIGKILL
    await bench.until(row, Sight.HEALTHY)


async def test_what_is_left_of_a_start_is_ended_where_its_replica_is_to_end(bench: Bench) -> None:
    row = bench.row({"m": a_service(engine())}, status=ReplicaStatus.STOPPING)
    left = await asyncio.create_subprocess_exec(
        "sleep", "600", env={MARK: bench.parts.mark(row.id)}, start_new_session=True
    )
    await bench.until(row, Sight.EXITED)
    assert await left.wait() == -signal.SIGTERM


async def test_an_engine_under_a_title_of_its_own_is_ended_though_no_row_names_it(
    bench: Bench,
) -> None:
    """It wrote over its mark, and its control plane was killed before it could say where it runs."""
    async with killed(bench, "title=an engine") as (row, plane):
        assert plane.placement is not None
        (process,) = plane.placement["processes"]
        assert bench.members(row) == []
        leaving = replace(row, status=ReplicaStatus.STOPPING)
        await bench.driver.stop(leaving, GRACE)
        await bench.until(leaving, Sight.EXITED)
        await ended(process["pid"])


@pytest.mark.parametrize("since", ["another start", "another boot"])
async def test_a_process_that_has_the_pid_of_a_replicas_is_not_taken_for_it(
    bench: Bench, since: str
) -> None:
    """It leads a session and shows no environment, as the replica's own might."""
    command = ["python", "engine.py", str(free_port()), "title=a stranger", "says=up"]
    stranger = await asyncio.create_subprocess_exec(
        *command, cwd=bench.world.model, start_new_session=True, stdout=subprocess.PIPE
    )
    try:
        assert stranger.stdout is not None
        await stranger.stdout.readline()
        row = bench.row({"m": a_service(engine())})
        folder = bench.parts.settings.replicas / row.id
        folder.mkdir(parents=True)
        line = Path(f"/proc/{stranger.pid}/stat").read_text()
        boot = bench.parts.boot if since == "another start" else "before"
        if since == "another start":
            fields = line.split()
            line = " ".join([*fields[:21], str(int(fields[21]) - 1), *fields[22:]])
        (folder / "process-0.pid").write_text(f"{stranger.pid}\n{line}")
        process = {"model": "m", "port": 1, "pid_file": "process-0.pid"}
        (folder / "started.json").write_text(json.dumps({"boot": boot, "processes": [process]}))
        await bench.driver.start(row, bench.revision_of(row))
        await bench.until(row, Sight.HEALTHY)
        assert len(bench.members(row)) == 1
        assert stranger.returncode is None
    finally:
        stranger.kill()
        await stranger.wait()


async def test_a_replica_of_another_host_is_not_told_of(bench: Bench) -> None:
    row = bench.row({"m": a_service(engine())})
    elsewhere = {"host": "there", "boot": bench.parts.boot, "processes": []}
    assert await bench.driver.observe([replace(row, placement=elsewhere)]) == {}


async def test_a_replica_of_before_the_machine_started_anew_lost_its_place(bench: Bench) -> None:
    row = bench.row({"m": a_service(engine())})
    before = {"host": "here", "boot": "another", "processes": []}
    observed = (await bench.driver.observe([replace(row, placement=before)]))[row.id]
    assert (observed.sight, observed.reason) == (Sight.EXITED, Reason.PLACE_LOST)


async def test_a_log_that_can_not_be_read_keeps_nobody_from_looking(bench: Bench) -> None:
    row = bench.row({"m": a_service(engine())})
    (bench.parts.settings.replicas / row.id / "output.log.at").mkdir(parents=True)
    before = {"host": "here", "boot": "another", "processes": []}
    observed = (await bench.driver.observe([replace(row, placement=before)]))[row.id]
    assert observed.sight is Sight.EXITED
    assert "can't be read" in observed.log_tail[0]


async def test_a_process_without_the_mark_is_not_touched_whatever_a_row_says(
    bench: Bench,
) -> None:
    stranger = await asyncio.create_subprocess_exec("sleep", "600", start_new_session=True)
    try:
        seen = bench.parts.processes.one(stranger.pid)
        assert seen is not None
        processes = [{"model": "m", "pid": seen.pid, "started": seen.started, "port": 1}]
        row = bench.row({"m": a_service(engine())})
        claimed = {"host": "here", "boot": bench.parts.boot, "processes": processes}
        row = replace(row, placement=claimed)
        observed = await bench.until(row, Sight.EXITED)
        assert observed.reason is Reason.EXITED_WHILE_ADOPTED
        assert bench.parts.processes.one(stranger.pid) == seen
    finally:
        stranger.kill()
        await stranger.wait()


async def test_what_is_released_runs_on_and_can_be_taken_up_again(bench: Bench) -> None:
    replica = await bench.start(engine())
    row = bench.placed(replica, await bench.until(replica, Sight.HEALTHY))
    before = bench.members(row)
    await bench.driver.release([row])
    assert bench.driver.running == 0
    await bench.until(row, Sight.HEALTHY)
    assert bench.members(row) == before


async def test_of_two_control_planes_that_start_a_replica_one_does(
    bench: Bench, world: World
) -> None:
    async with running(world) as other:
        row = bench.row({"m": a_service(engine())})
        for each in (bench, other):
            await each.driver.start(row, each.revision_of(row))
        told = await bench.until(row, Sight.HEALTHY)
        assert (await other.until(row, Sight.HEALTHY)).placement == told.placement
        assert len(bench.members(row)) == 1


async def test_a_start_waits_while_another_control_plane_prepares(bench: Bench) -> None:
    row = bench.row({"m": a_service(engine())})
    records = Records(bench.parts.settings.replicas / row.id)
    records.make()
    lock = records.lock()
    assert lock is not None
    await bench.driver.start(row, bench.revision_of(row))
    assert (await bench.driver.observe([row]))[row.id].sight is Sight.RUNNING
    assert bench.members(row) == []
    os.close(lock)
    await bench.until(row, Sight.HEALTHY)


@pytest.mark.parametrize("knobs", [(), ("title=an engine",), ("clean=yes",)])
@pytest.mark.parametrize("row_is", ["gone", "exited"])
async def test_a_sweep_ends_what_has_no_living_row(
    bench: Bench, world: World, row_is: str, knobs: tuple[str, ...]
) -> None:
    stays, goes = [await bench.start(engine(*more)) for more in ((), knobs)]
    for replica in (stays, goes):
        row = bench.placed(replica, await bench.until(replica, Sight.HEALTHY))
    assert row.placement is not None
    (process,) = row.placement["processes"]
    await bench.driver.release([stays, goes])
    if row_is == "gone":
        del world.replicas.kept[goes.id]
    else:
        world.replicas.kept[goes.id] = replace(goes, status=ReplicaStatus.EXITED)
    assert await bench.driver.sweep() == 1
    await ended(process["pid"])
    assert len(bench.members(stays)) == 1


async def test_a_sweep_leaves_another_installations_processes_alone(
    bench: Bench, world: World
) -> None:
    replica = await bench.start(engine())
    await bench.until(replica, Sight.HEALTHY)
    stranger = replace(world, installation="another", replicas=Rows())
    async with running(stranger) as other:
        assert await other.driver.sweep() == 0
    assert len(bench.members(replica)) == 1


async def test_a_second_sweep_waits_for_the_child_that_nobody_waited_for(bench: Bench) -> None:
    """A replica that was released runs on, and ends under another control plane."""
    replica = await bench.start(engine())
    await bench.until(replica, Sight.HEALTHY)
    (process,) = bench.members(replica)
    await bench.driver.release([replica])
    os.kill(process.pid, signal.SIGKILL)
    await ended(process.pid)
    await bench.driver.sweep()
    assert process.pid in exits.zombies()
    await bench.driver.sweep()
    assert process.pid not in exits.zombies()


async def test_a_sweep_forgets_ended_replicas_and_old_logs(bench: Bench, world: World) -> None:
    replica = await bench.start(engine("code=0"))
    await bench.until(replica, Sight.EXITED)
    folder = bench.parts.settings.replicas / replica.id
    world.replicas.kept[replica.id] = replace(replica, status=ReplicaStatus.EXITED)
    assert await bench.driver.sweep() == 0
    assert bench.driver.supervision(replica.id) is None
    assert folder.is_dir()
    async with running(world, logs_kept=timedelta(0)) as later:
        await later.driver.sweep()
    assert not folder.exists()
