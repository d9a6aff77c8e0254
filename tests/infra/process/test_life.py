"""Replicas from their start to their end, as real processes."""

import os
import signal
from datetime import timedelta
from pathlib import Path

from domain.deployments.ports import Sight
from domain.deployments.reason import Reason
from tests.support.replicas import (
    GRACE,
    Bench,
    a_service,
    ended,
    engine,
    written,
)


async def test_a_replica_becomes_healthy_and_ends_when_it_is_told_to(bench: Bench) -> None:
    replica = await bench.start(engine())
    observed = await bench.until(replica, Sight.HEALTHY)
    (endpoint,) = observed.endpoints
    assert observed.placement is not None
    (process,) = observed.placement["processes"]
    assert (endpoint.model, endpoint.host) == ("m", "127.0.0.1")
    assert endpoint.port == process["port"] == bench.world.ports.reserved[replica.id, "m"]
    assert os.getsid(process["pid"]) == os.getpgid(process["pid"]) == process["pid"]
    await bench.driver.stop(replica, GRACE)
    observed = await bench.until(replica, Sight.EXITED)
    assert (observed.exit_code, observed.reason) == (-signal.SIGTERM, None)
    assert bench.members(replica) == []


async def test_what_was_never_started_is_absent(bench: Bench) -> None:
    replica = bench.row({"m": a_service(engine())})
    assert (await bench.driver.observe([replica]))[replica.id].sight is Sight.ABSENT
    await bench.driver.stop(replica, GRACE)
    assert (await bench.driver.observe([replica]))[replica.id].sight is Sight.ABSENT


async def test_starting_twice_starts_once(bench: Bench) -> None:
    replica = await bench.start(engine())
    await bench.driver.start(replica, bench.revision_of(replica))
    await bench.until(replica, Sight.HEALTHY)
    assert len(bench.members(replica)) == 1


async def test_a_process_that_ignores_sigterm_is_killed_after_the_grace(bench: Bench) -> None:
    replica = await bench.start(engine("ignore=TERM"))
    await bench.until(replica, Sight.HEALTHY)
    await bench.driver.stop(replica, timedelta(milliseconds=200))
    assert (await bench.until(replica, Sight.EXITED)).exit_code == -signal.SIGKILL
    assert bench.members(replica) == []


async def test_children_that_left_the_session_end_with_their_replica(
    bench: Bench, tmp_path: Path
) -> None:
    replica = await bench.start(engine(f"family={tmp_path / 'pids'}"))
    await bench.until(replica, Sight.HEALTHY)
    pids = [int(pid) for pid in (await written(tmp_path / "pids")).split()]
    assert len(pids) == 3
    assert len({os.getsid(pid) for pid in pids}) == 3
    await bench.driver.stop(replica, timedelta(milliseconds=200))
    await bench.until(replica, Sight.EXITED)
    assert bench.members(replica) == []
    for pid in pids:
        await ended(pid)


async def test_what_a_crashed_process_leaves_ends_with_it(bench: Bench, tmp_path: Path) -> None:
    replica = await bench.start(engine(f"family={tmp_path / 'pids'}", "code=3", "says=Goodbye"))
    observed = await bench.until(replica, Sight.EXITED)
    assert (observed.reason, observed.exit_code) == (Reason.EXITED, 3)
    assert observed.message == "m ended with exit code 3."
    assert observed.log_tail[-1] == "Goodbye"
    assert bench.members(replica) == []


async def test_the_signal_that_ended_it_is_told(bench: Bench) -> None:
    replica = await bench.start(engine(f"signal={signal.SIGABRT}"))
    observed = await bench.until(replica, Sight.EXITED)
    assert (observed.reason, observed.exit_code) == (Reason.EXITED, -signal.SIGABRT)
    assert observed.message == "m ended with SIGABRT."


async def test_a_replica_of_two_models_is_healthy_when_both_are(
    bench: Bench, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    services = {"a": a_service(engine()), "b": a_service(engine(f"after={gate}"))}
    replica = await bench.start_all(services)
    observed = await bench.until(replica, lambda o: len(o.endpoints) == 2)
    assert [endpoint.model for endpoint in observed.endpoints] == ["a", "b"]
    assert observed.sight is Sight.RUNNING
    gate.touch()
    await bench.until(replica, Sight.HEALTHY)


async def test_when_one_process_ends_the_whole_replica_ends(bench: Bench) -> None:
    services = {"a": a_service(engine()), "b": a_service(engine())}
    replica = await bench.start_all(services)
    observed = await bench.until(replica, Sight.HEALTHY)
    assert observed.placement is not None
    os.kill(observed.placement["processes"][1]["pid"], signal.SIGKILL)
    observed = await bench.until(replica, Sight.EXITED)
    assert (observed.message, observed.exit_code) == ("b ended with SIGKILL.", -signal.SIGKILL)
    assert bench.members(replica) == []


async def test_a_command_that_is_not_there_fails_the_start(bench: Bench) -> None:
    replica = await bench.start(("no-such-engine", "{port}"))
    observed = await bench.until(replica, Sight.EXITED)
    assert observed.reason is Reason.START_FAILED
    assert "'no-such-engine'" in observed.message
    assert observed.placement is None


async def test_a_model_without_a_start_command_fails_the_start(bench: Bench) -> None:
    replica = await bench.start_all({"m": a_service(None)})
    observed = await bench.until(replica, Sight.EXITED)
    assert observed.reason is Reason.START_FAILED
    assert "no start command" in observed.message


async def test_a_definition_without_a_service_fails_the_start(bench: Bench) -> None:
    replica = await bench.start_all({})
    observed = await bench.until(replica, Sight.EXITED)
    assert observed.reason is Reason.START_FAILED
    assert observed.message == "No model of the definition has a service."


async def test_a_replica_that_is_stopped_while_it_is_prepared_leaves_nothing(
    bench: Bench, tmp_path: Path
) -> None:
    action = {"action": "run_command", "args": {"command": f"touch {tmp_path}/ran; sleep 600"}}
    replica = await bench.start(engine(), pre_start_actions=(action,))
    await written(tmp_path / "ran")
    assert len(bench.members(replica)) > 0
    await bench.driver.stop(replica, GRACE)
    assert (await bench.until(replica, Sight.EXITED)).placement is None
    assert bench.members(replica) == []


async def test_a_driver_that_closes_leaves_its_replicas_and_says_how_many(bench: Bench) -> None:
    replicas = [await bench.start(engine()) for _ in range(2)]
    for replica in replicas:
        await bench.until(replica, Sight.HEALTHY)
    assert await bench.driver.close() == 2
    assert all(len(bench.members(replica)) == 1 for replica in replicas)
