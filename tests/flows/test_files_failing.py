"""Files on a disk without room, and on one whose server is killed in the middle of an upload."""

import asyncio
import resource
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import openai
import pytest

from domain.clock import utc_now
from domain.files.file import File, FileStatus
from tests.support.dedicated_jobs import within
from tests.support.forms import BATCH, FORM, form, the_file, until
from tests.support.kill_watch import Watch, watching
from tests.support.server import Running, running

MIB = 1024 * 1024
HALF = 2 * MIB
BODY = form(BATCH, the_file(b"x" * (2 * HALF)))


@contextmanager
def little_room(server: Running) -> Iterator[None]:
    """No file of the server's grows beyond 2 MiB."""
    before = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (2 * MIB, before[1]))
    try:
        yield
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, before)


def objects(folder: Path) -> set[str]:
    root = folder / "objects"
    return {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}


async def test_a_full_disk_refuses_an_upload_once_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with running(folder) as server:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="any") as client:
            with little_room(server):
                with pytest.raises(openai.InternalServerError) as refused:
                    await client.files.create(file=("big", b"x" * (3 * MIB)), purpose="batch")
                assert (refused.value.status_code, refused.value.code) == (507, "storage_full")
                assert refused.value.response.headers["x-should-retry"] == "false"
                assert objects(folder) == set()
                assert [each async for each in client.files.list()] == []
                small = await client.files.create(file=("small", b"x" * MIB), purpose="batch")
            big = await client.files.create(file=("big", b"x" * (3 * MIB)), purpose="batch")
            assert {each.id async for each in client.files.list()} == {small.id, big.id}
        assert server.stop() == 0
        assert "Traceback" not in server.log.read_text()


async def test_a_server_that_is_killed_in_an_upload_leaves_no_file_and_what_is_swept(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data"
    with running(folder) as server, half_sent(server):
        await until(lambda: objects(folder) != set())
        await asyncio.to_thread(server.stop, signal.SIGKILL)
    [draft] = objects(folder)
    assert draft.startswith("tmp/")
    async with watching(f"sqlite+aiosqlite:///{folder / 'modelyard.db'}") as watch:
        assert [upload.status for upload in await to_sweep(watch)] == [FileStatus.UPLOADING]
        with running(folder) as server:
            async with httpx.AsyncClient(base_url=server.url) as plain:
                listed = (await plain.get("/v1/files")).json()
            async with within() as looks:
                async for _ in looks:
                    if not objects(folder) and not await to_sweep(watch):
                        break
    assert listed["data"] == []


async def test_a_dead_servers_upload_is_swept_while_another_servers_goes_on(
    postgres_url: str, tmp_path: Path
) -> None:
    env = {
        "MODELYARD_DATABASE_URL": postgres_url,
        "MODELYARD_OBJECT_STORE": str(tmp_path / "objects"),
    }
    first, other = tmp_path / "first", tmp_path / "other"
    async with watching(postgres_url) as watch:
        with running(other, env=env) as living, half_sent(living) as client:
            await until(lambda: len(objects(tmp_path)) == 1)
            with running(first, env=env) as server, half_sent(server):
                await until(lambda: len(objects(tmp_path)) == 2)
                await asyncio.to_thread(server.stop, signal.SIGKILL)
            assert len(await to_sweep(watch)) == 2
            with running(first, env=env):
                async with within() as looks:
                    async for _ in looks:
                        if len(objects(tmp_path)) == len(await to_sweep(watch)) == 1:
                            break
            client.sendall(BODY[HALF:])
            assert client.recv(64).startswith(b"HTTP/1.1 200 ")
    [kept] = objects(tmp_path)
    assert kept.startswith("files/")


@contextmanager
def half_sent(server: Running) -> Iterator[socket.socket]:
    """An upload that stands still halfway."""
    head = f"POST /v1/files HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(BODY)}\r\n"
    head += f"Content-Type: {FORM['content-type']}\r\n\r\n"
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(head.encode() + BODY[:HALF])
        yield client


async def to_sweep(watch: Watch) -> Sequence[File]:
    """Whatever there is of uploads, and of what was deleted."""
    return await watch.reads.files.to_sweep(utc_now() + timedelta(days=1), 9)
