"""The definition's health check, each of its fields, against engines that answer as a test says."""

import asyncio
import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from domain.definitions.definition import HealthCheck
from domain.deployments.ports import Sight
from domain.deployments.reason import Reason
from infra.process import probes
from tests.support.replicas import QUICK, Bench, engine, free_port


def check(**said: Any) -> HealthCheck:
    return HealthCheck(**{**QUICK.model_dump(), **said})


async def test_failing_probes_are_told_and_one_that_succeeds_heals(
    bench: Bench, tmp_path: Path
) -> None:
    status = tmp_path / "status"
    replica = await bench.start(engine(f"status={status}", "says=Oh no"))
    await bench.until(replica, Sight.HEALTHY)
    status.write_text("500")
    observed = await bench.until(replica, Sight.FAILING)
    assert observed.reason is Reason.HEALTH_CHECK_FAILED
    assert observed.message == "GET /health answered 500, not 200."
    assert observed.log_tail[-1] == "Oh no"
    status.write_text("200")
    observed = await bench.until(replica, Sight.HEALTHY)
    assert (observed.reason, observed.message, observed.log_tail) == (None, "", ())


async def test_the_status_that_is_expected_is_healthy(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "status").write_text("401")
    words = f"status={tmp_path / 'status'}"
    replica = await bench.start(engine(words), health_check=check(expected_status_code=401))
    await bench.until(replica, Sight.HEALTHY)


async def test_a_slow_start_is_neither_healthy_nor_failing(bench: Bench, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    patient = check(initial_delay=60)
    replica = await bench.start(engine(f"after={gate}"), health_check=patient)
    observed = await bench.until(replica, lambda o: o.placement is not None)
    assert observed.sight is Sight.RUNNING
    gate.touch()
    await bench.until(replica, Sight.HEALTHY)


@pytest.mark.parametrize("none", [None, check(enable=False)])
async def test_without_a_check_a_replica_is_ready_when_its_port_accepts(
    bench: Bench, tmp_path: Path, none: HealthCheck | None
) -> None:
    (tmp_path / "status").write_text("500")
    replica = await bench.start(engine(f"status={tmp_path / 'status'}"), health_check=none)
    await bench.until(replica, Sight.HEALTHY)


async def test_the_path_is_asked_for_as_it_is_written() -> None:
    listener, port = silent()
    with closing(listener):
        listener.settimeout(5)
        asking = probes.problem(port, check(path="/a b/ü?x=1", max_wait_time=0.2))
        assert await asking == "no answer within 0.2 s"
        connection, _ = listener.accept()
        with connection:
            request = connection.recv(65536)
    assert request.startswith(b"GET /a%20b/%C3%BC?x=1 HTTP/1.1\r\n")


async def test_what_does_not_speak_http_is_a_problem() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ready\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", port := free_port()):
        problem = await probes.problem(port, check())
    assert problem == f"what answers at port {port} does not speak HTTP"


async def test_a_port_that_nobody_has_is_a_problem() -> None:
    port = free_port()
    assert (await probes.problem(port, check())).startswith(f"port {port} can't be reached")


async def test_interim_answers_are_passed_over() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", port := free_port()):
        assert await probes.problem(port, check()) == ""


def silent() -> tuple[socket.socket, int]:
    listener = socket.create_server(("127.0.0.1", port := free_port()))
    return listener, port
