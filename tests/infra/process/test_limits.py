import signal
from decimal import Decimal
from pathlib import Path

import pytest

from domain.deployments.ports import Sight
from domain.deployments.reason import Reason
from infra.process import limits, machine
from infra.process.limits import Limits, delegated
from infra.process.portable import Portable
from infra.process.procfs import ProcFs
from tests.support.replicas import Bench, World, engine, running


@pytest.mark.parametrize(
    ("key", "quantity", "written"),
    [
        ("memory", "256Mi", str(256 * 1024**2)),
        ("memory", "1.5G", "1500000000"),
        ("cpu", "2", "200000 100000"),
        ("cpu", "500m", "50000 100000"),
        ("cpu", "1m", "1000 100000"),
    ],
)
def test_quantities_are_written_as_the_kernel_wants_them(
    key: str, quantity: str, written: str
) -> None:
    assert limits.limit(key, quantity) == written
    assert Decimal(written.split()[0]) > 0


def test_without_a_cgroup_or_a_limit_nothing_is_held(tmp_path: Path) -> None:
    assert Limits(None).hold("r", {"memory": "1Gi"}) is None
    assert Limits(tmp_path).hold("r", {"nvidia.com/gpu": "1"}) is None
    assert Limits(tmp_path / "gone").hold("r", {"memory": "1Gi"}) is None
    assert list(tmp_path.iterdir()) == []


async def test_a_replica_is_told_when_nothing_limits_it(bench: Bench) -> None:
    replica = await bench.start(engine(), resources={"memory": "1Gi"})
    await bench.until(replica, Sight.HEALTHY)
    assert "not limited" in await bench.log(replica)


async def test_a_replica_joins_its_cgroup_before_its_engine_starts(
    world: World, tmp_path: Path
) -> None:
    world.cgroup = tmp_path / "cgroup"
    world.cgroup.mkdir()
    async with running(world) as bench:
        replica = await bench.start(engine(), resources={"memory": "1Gi", "cpu": "500m"})
        await bench.until(replica, Sight.HEALTHY)
        (process,) = bench.members(replica)
    group = world.cgroup / f"modelyard-{replica.id}"
    assert (group / "memory.max").read_text() == str(1024**3)
    assert (group / "cpu.max").read_text() == "50000 100000"
    assert (group / "cgroup.procs").read_text() == str(process.pid)


async def test_a_replica_that_the_kernel_ended_for_its_memory_says_so(
    world: World, tmp_path: Path
) -> None:
    world.cgroup = tmp_path / "cgroup"
    world.cgroup.mkdir()
    async with running(world) as bench:
        command = f"cd {world.cgroup}/modelyard-*; echo oom_kill 1 >memory.events; kill -9 $$"
        replica = await bench.start(command, resources={"memory": "1Gi"})
        observed = await bench.until(replica, Sight.EXITED)
    assert (observed.reason, observed.exit_code) == (Reason.OUT_OF_MEMORY, -signal.SIGKILL)


async def test_a_replica_that_somebody_kills_did_not_run_out_of_memory(bench: Bench) -> None:
    replica = await bench.start(engine(f"signal={signal.SIGKILL}"))
    assert (await bench.until(replica, Sight.EXITED)).reason is Reason.EXITED


async def test_a_replica_is_what_the_kernel_ends_first(bench: Bench) -> None:
    replica = await bench.start(engine())
    await bench.until(replica, Sight.HEALTHY)
    (process,) = bench.members(replica)
    assert int(Path(f"/proc/{process.pid}/oom_score_adj").read_text()) > int(
        Path("/proc/self/oom_score_adj").read_text()
    )


@pytest.mark.parametrize(("given", "ours"), [("cpu io memory", True), ("pids", False)])
def test_a_cgroup_is_ours_to_divide_when_its_children_get_both_controllers(
    tmp_path: Path, given: str, ours: bool
) -> None:
    group = tmp_path / "fs" / "app"
    group.mkdir(parents=True)
    (group / "cgroup.subtree_control").write_text(given)
    (tmp_path / "cgroup").write_text("3:cpu:/x\n0::/app\n")
    mounts = tmp_path / "mounts"
    mounts.write_text(f"tmpfs /tmp tmpfs rw 0 0\ncgroup2 {tmp_path}/fs cgroup2 rw 0 0\n")
    assert delegated(tmp_path, mounts) == (group if ours else None)


def test_without_cgroups_there_is_none(tmp_path: Path) -> None:
    assert delegated(tmp_path, tmp_path / "mounts") is None
    (tmp_path / "cgroup").write_text("0::/app\n")
    (tmp_path / "mounts").write_text(f"cgroup2 {tmp_path}/fs cgroup2 rw 0 0\n")
    assert delegated(tmp_path, tmp_path / "mounts") is None


def test_what_the_kernel_killed_is_counted(tmp_path: Path) -> None:
    (tmp_path / "vmstat").write_text("nr_free_pages 5\noom_kill 3\n")
    assert limits.kills(tmp_path / "vmstat") == 3
    assert limits.kills(tmp_path / "nothing") == 0


def test_psutil_tells_of_processes_where_there_is_no_proc(tmp_path: Path) -> None:
    assert isinstance(machine.processes(), ProcFs)
    assert isinstance(machine.processes(tmp_path / "stat"), Portable)
