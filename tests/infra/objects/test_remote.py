"""Objects in a bucket that fails, and one whose uploads break off."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from domain.errors import StorageFull, StorageUnavailable
from infra import buckets
from infra.buckets import Credentials
from infra.objects.remote import RemoteObjects
from tests.support.buckets import KEYS, S3, s3_server

MIB = 1024 * 1024
PART = 5 * MIB


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with s3_server() as server:
        yield server


async def pieces(size: int, error: Exception | None = None) -> AsyncIterator[bytes]:
    for _ in range(size // MIB):
        yield b"x" * MIB
    if error is not None:
        raise error


async def test_large_objects_go_up_in_parts_and_leave_no_upload_open(s3: S3) -> None:
    bucket = s3.new_bucket()
    await s3.objects(bucket, part=PART).put("files/a", pieces(17 * MIB))
    assert (s3.keys(bucket), s3.unfinished(bucket)) == (["files/a"], [])


async def test_an_upload_that_breaks_off_is_aborted(s3: S3) -> None:
    bucket = s3.new_bucket()
    with pytest.raises(LookupError):
        await s3.objects(bucket, part=PART).put("files/a", pieces(17 * MIB, LookupError()))
    assert (s3.keys(bucket), s3.unfinished(bucket)) == ([], [])


async def test_an_upload_that_is_cancelled_is_aborted(s3: S3) -> None:
    bucket, stuck = s3.new_bucket(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        async for piece in pieces(17 * MIB):
            yield piece
        stuck.set()
        await asyncio.Event().wait()

    putting = asyncio.create_task(s3.objects(bucket, part=PART).put("files/a", slow()))
    await stuck.wait()
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert (s3.keys(bucket), s3.unfinished(bucket)) == ([], [])


async def test_a_bucket_that_is_not_there_is_an_outage_and_nothing_is_missing(s3: S3) -> None:
    await refuses_all(s3.objects("no-such-bucket", prefix="here/", part=PART))


async def refuses_all(objects: RemoteObjects) -> None:
    acts = (
        objects.get("files/a", 0, 1),
        objects.get_ranges("files/a", [(0, 0)]),
        anext(objects.stream("files/a")),
        objects.put_bytes("files/b", b"x"),
        objects.put_bytes("files/b", b"x" * (PART + 1)),
        objects.put("files/b", pieces(MIB)),
        objects.put("files/b", pieces(17 * MIB)),
        objects.remove(["files/a"]),
        anext(objects.listed("")),
    )
    for act in acts:
        with pytest.raises(StorageUnavailable):
            await act


@asynccontextmanager
async def a_store_that(answers: bytes | None, seconds: float = 5.0) -> AsyncIterator[RemoteObjects]:
    """One that gives this answer to everything; None: never any."""
    released = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answers is None:
            await released.wait()
        else:
            writer.write(answers)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    credentials = Credentials(s3_endpoint=f"http://{host}:{port}", **KEYS)
    timeout = timedelta(seconds=seconds)
    try:
        yield RemoteObjects(
            bucket=buckets.opened(credentials, "s3", "bucket", timeout),
            where="s3://bucket",
            prefix="",
            timeout=timeout,
            part=PART,
        )
    finally:
        released.set()
        server.close()
        await server.wait_closed()


async def test_a_store_that_hangs_is_an_outage_after_its_time() -> None:
    async with a_store_that(answers=None, seconds=0.2) as objects:
        await refuses_all(objects)


async def test_a_store_that_nobody_runs_is_an_outage() -> None:
    async with a_store_that(b"", seconds=0.5) as objects:
        pass
    await refuses_all(objects)


async def test_a_store_that_forbids_is_an_outage_that_says_so_and_no_more() -> None:
    answer = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 9\r\nconnection: close\r\n\r\nswordfish"
    async with a_store_that(answer) as objects:
        with pytest.raises(StorageUnavailable, match="access denied") as refused:
            await objects.put_bytes("files/a", b"x")
    assert "swordfish" not in str(refused.value)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (b"507 Insufficient Storage", b"XMinioStorageFull"),
        (b"403 Forbidden", b"QuotaExceeded"),
    ],
)
async def test_a_store_without_room_is_full(status: bytes, code: bytes) -> None:
    body = b"<Error><Code>" + code + b"</Code><Message>full</Message></Error>"
    head = b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
    async with a_store_that(head % len(body) + body) as objects:
        with pytest.raises(StorageFull):
            await objects.put_bytes("files/a", b"x")
        with pytest.raises(StorageFull):
            await objects.put("files/a", pieces(17 * MIB))
