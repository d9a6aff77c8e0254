"""Whose port it is: found taken before a start, stolen in between, shared with a thief."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest

from domain.deployments.ports import Sight
from domain.deployments.reason import BLAMELESS, Reason
from domain.errors import PortsExhausted
from infra.process.listening import Owner, Ports, is_free
from infra.process.portable import Portable
from infra.process.processes import Processes
from infra.process.procfs import ProcFs
from tests.support.replicas import GRACE, Bench, World, a_service, engine, free_port, running


@contextmanager
def thief(port: int, host: str = "127.0.0.1") -> Iterator[None]:
    """Another's server at the port, which answers 200 to everything."""
    listener = socket.create_server((host, port))

    def answer() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    thread = Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
async def test_a_port_found_taken_is_given_up_for_another(bench: Bench, host: str) -> None:
    ports = bench.world.ports
    taken, good = free_port(), free_port()
    ports.offered += [taken, good]
    with thief(taken, host):
        replica = await bench.start(engine())
        observed = await bench.until(replica, Sight.HEALTHY)
    assert [endpoint.port for endpoint in observed.endpoints] == [good]
    assert ports.avoided == [set(), {taken}]


async def test_a_port_stolen_in_between_is_no_fault_of_the_replica(
    bench: Bench, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    replica = await bench.start(engine(f"after={gate}"))
    observed = await bench.until(replica, lambda o: o.placement is not None)
    port = observed.endpoints[0].port
    with thief(port):
        gate.touch()
        observed = await bench.until(replica, Sight.EXITED)
        assert observed.reason is Reason.PORT_TAKEN
        assert observed.reason in BLAMELESS
        again = await bench.start(engine())
        await bench.until(again, Sight.HEALTHY)
    assert port in bench.world.ports.avoided[-1]


async def test_a_thief_on_the_port_does_not_answer_for_the_replica(
    bench: Bench, tmp_path: Path
) -> None:
    replica = await bench.start(engine(f"after={tmp_path / 'never'}"))
    observed = await bench.until(replica, lambda o: o.placement is not None)
    port = observed.endpoints[0].port
    with thief(port):
        observed = await bench.until(replica, Sight.FAILING)
    assert observed.reason is Reason.HEALTH_CHECK_FAILED
    assert observed.message == f"port {port} is answered by a process of others."


async def test_a_listener_that_left_the_session_is_the_replicas_own(bench: Bench) -> None:
    command = "setsid python engine.py {port} & wait"
    replica = await bench.start(command)
    await bench.until(replica, Sight.HEALTHY)
    await bench.driver.stop(replica, GRACE)
    await bench.until(replica, Sight.EXITED)
    assert bench.members(replica) == []


async def test_a_command_with_a_fixed_port_gets_the_definitions(bench: Bench) -> None:
    port = free_port()
    replica = await bench.start(engine(port=str(port)), port=port)
    observed = await bench.until(replica, Sight.HEALTHY)
    assert [endpoint.port for endpoint in observed.endpoints] == [port]
    assert bench.world.ports.avoided == []


async def test_a_fixed_port_is_waited_for(bench: Bench) -> None:
    port = free_port()
    with thief(port):
        replica = await bench.start(engine(port=str(port)), port=port)
        assert (await bench.driver.observe([replica]))[replica.id].sight is Sight.RUNNING
    await bench.until(replica, Sight.HEALTHY)


async def test_a_fixed_port_that_stays_taken_fails_the_start(world: World) -> None:
    port = free_port()
    async with running(world, port_wait=timedelta(0)) as bench:
        with thief(port):
            replica = await bench.start(engine(port=str(port)), port=port)
            observed = await bench.until(replica, Sight.EXITED)
    assert observed.reason is Reason.START_FAILED
    assert f"port {port} is taken" in observed.message


async def test_a_fixed_port_of_one_model_is_not_given_to_the_other(bench: Bench) -> None:
    port, good = free_port(), free_port()
    bench.world.ports.offered += [good]
    services = {"a": a_service(engine(port=str(port)), {"port": port}), "b": a_service(engine())}
    replica = await bench.start_all(services)
    await bench.until(replica, Sight.HEALTHY)
    assert bench.world.ports.avoided == [{port}]


class Exhausted:
    async def reserve(self, *_: object) -> Mapping[str, int]:
        raise PortsExhausted(first=20_000, last=20_001)


async def test_a_range_that_is_used_up_fails_the_start(world: World) -> None:
    world.place_ports = Exhausted()
    async with running(world) as bench:
        replica = await bench.start(engine())
        observed = await bench.until(replica, Sight.EXITED)
    assert observed.reason is Reason.START_FAILED
    assert "MODELYARD_REPLICA_PORTS" in observed.message


@pytest.mark.parametrize("processes", [ProcFs(), Portable()], ids=["procfs", "psutil"])
async def test_both_ways_of_looking_tell_owners_apart(bench: Bench, processes: Processes) -> None:
    replica = await bench.start(engine())
    observed = await bench.until(replica, Sight.HEALTHY)
    port, mark = observed.endpoints[0].port, bench.parts.mark(replica.id)
    own = [seen for seen in processes.all() if seen.mark == mark]
    assert Ports(mark, processes, own).owner(port) is Owner.OURS
    by_mark = Ports(mark, processes)
    assert [by_mark.owner(port) for _ in range(2)] == [Owner.OURS, Owner.OURS]
    assert [each.pid for each in by_mark.holders] == [each.pid for each in own]
    assert Ports("another:mark", processes).owner(port) is Owner.OTHERS
    nobody = free_port()
    assert Ports(mark, processes, own).owner(nobody) is Owner.NOBODY
    assert (is_free(nobody), is_free(port)) == (True, False)
