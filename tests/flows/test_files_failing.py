"""Files on a disk without room, and on one whose server is killed in the middle of an upload."""

import asyncio
import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import openai
import pytest

from domain.clock import utc_now
from domain.files.file import FileStatus
from tests.support.dedicated_jobs import within
from tests.support.forms import BATCH, FORM, form, the_file, until
from tests.support.kill_story import watching
from tests.support.server import Running, running

MIB = 1024 * 1024


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
    body = form(BATCH, the_file(b"x" * (4 * MIB)))
    head = f"POST /v1/files HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    head += f"Content-Type: {FORM['content-type']}\r\n\r\n"
    with running(folder) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(head.encode() + body[: 2 * MIB])
            await until(lambda: objects(folder) != set())
            await asyncio.to_thread(server.stop, signal.SIGKILL)
    [draft] = objects(folder)
    assert draft.startswith("tmp/")
    async with watching(f"sqlite+aiosqlite:///{folder / 'modelyard.db'}") as watch:
        later = utc_now() + timedelta(days=1)
        [upload] = await watch.reads.files.to_sweep(later, 9)
        assert upload.status is FileStatus.UPLOADING
        with running(folder) as server:
            async with httpx.AsyncClient(base_url=server.url) as plain:
                listed = (await plain.get("/v1/files")).json()
            async with within() as looks:
                async for _ in looks:
                    if not objects(folder) and not await watch.reads.files.to_sweep(later, 9):
                        break
    assert listed["data"] == []
