"""What every store of objects does, on the fake, in a folder and in a bucket."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from domain.errors import ObjectMissing, StorageFull, StorageUnavailable
from domain.files.ports import Objects, Written
from infra.objects.local import LocalObjects
from tests.support.buckets import S3, s3_server
from tests.support.memory_objects import MemoryObjects

MIB = 1024 * 1024
SMALL_PART = 5 * MIB  # the least that S3 takes, so that multipart uploads are seen


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with s3_server() as server:
        yield server


@pytest.fixture(params=["memory", "local", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "memory":
        return MemoryObjects()
    if request.param == "local":
        return LocalObjects(root=tmp_path / "objects").prepared()
    server: S3 = request.getfixturevalue("s3")
    return server.objects(server.new_bucket(), prefix="some/where/", part=SMALL_PART)


async def of(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def breaking(size: int, error: Exception) -> AsyncIterator[bytes]:
    for _ in range(size // MIB):
        yield b"x" * MIB
    raise error


async def whole(objects: Objects, key: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([piece async for piece in objects.stream(key, start, end)])


async def listed(objects: Objects, prefix: str = "") -> dict[str, int]:
    return {kept.key: kept.size async for kept in objects.listed(prefix)}


@pytest.mark.parametrize("pieces", [[], [b""], [b"one"], [b"one", b"", b"two"]])
async def test_what_was_put_is_read_and_measured(objects: Objects, pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    written = await objects.put("files/a", of(*pieces))
    assert written == Written(size=len(content), sha256=sha256(content).hexdigest())
    assert await whole(objects, "files/a") == content
    assert await objects.get("files/a", 0, len(content)) == content
    assert await listed(objects) == {"files/a": len(content)}


async def test_bytes_are_put_at_once(objects: Objects) -> None:
    await objects.put_bytes("batches/b/segments/1", b"lines")
    await objects.put_bytes("batches/b/segments/2", b"")
    assert await whole(objects, "batches/b/segments/1") == b"lines"
    assert await whole(objects, "batches/b/segments/2") == b""


@pytest.mark.parametrize("size", [3 * MIB, SMALL_PART, 2 * SMALL_PART, 13 * MIB + 7])
async def test_a_large_one_is_kept_whole_and_comes_in_small_pieces(
    objects: Objects, size: int
) -> None:
    content = bytes(range(256)) * (size // 256) + b"y" * (size % 256)
    step = 700_001
    await objects.put("files/a", of(*(content[i : i + step] for i in range(0, size, step))))
    await objects.put_bytes("files/b", content)
    for key in ("files/a", "files/b"):
        pieces = [piece async for piece in objects.stream(key)]
        assert b"".join(pieces) == content
        assert max(len(piece) for piece in pieces) <= MIB
    assert await whole(objects, "files/a", size - 2_000_000) == content[size - 2_000_000 :]
    assert await whole(objects, "files/a", 1, 2_500_000) == content[1:2_500_000]


async def test_many_ranges_are_read_at_once(objects: Objects) -> None:
    await objects.put_bytes("files/a", b"0123456789")
    ranges = [(2, 4), (0, 1), (9, 10), (5, 5), (2, 4)]
    assert list(await objects.get_ranges("files/a", ranges)) == [b"23", b"0", b"9", b"", b"23"]
    assert list(await objects.get_ranges("files/a", [])) == []
    assert list(await objects.get_ranges("files/a", [(10, 10)])) == [b""]
    assert await whole(objects, "files/a", 3, 3) == b""
    assert await whole(objects, "files/a", 10) == b""


async def test_what_is_not_there_is_missing(objects: Objects) -> None:
    await objects.put_bytes("files/a", b"0123456789")
    for key in ("files/b", "files", "other/b", "files/a.b"):
        with pytest.raises(ObjectMissing):
            await objects.get(key, 0, 1)
        with pytest.raises(ObjectMissing):
            await objects.get_ranges(key, [(0, 0)])
        with pytest.raises(ObjectMissing):
            await whole(objects, key)


@pytest.mark.parametrize(("start", "end"), [(0, 11), (9, 12), (10, 11), (20, 30)])
async def test_an_object_that_has_less_is_missing(objects: Objects, start: int, end: int) -> None:
    await objects.put_bytes("files/a", b"0123456789")
    with pytest.raises(ObjectMissing):
        await objects.get("files/a", start, end)
    with pytest.raises(ObjectMissing):
        await objects.get_ranges("files/a", [(0, 1), (start, end)])
    with pytest.raises(ObjectMissing):
        await whole(objects, "files/a", start, end)


@pytest.mark.parametrize("size", [0, 2 * MIB, 17 * MIB])
async def test_what_its_writer_raises_is_raised_and_nothing_is_kept(
    objects: Objects, size: int
) -> None:
    with pytest.raises(LookupError, match="mine"):
        await objects.put("files/a", breaking(size, LookupError("mine")))
    assert await listed(objects) == {}
    with pytest.raises(ObjectMissing):
        await objects.get("files/a", 0, 1)


@pytest.mark.parametrize("size", [0, 2 * MIB, 17 * MIB])
async def test_a_writer_that_is_cancelled_leaves_nothing(objects: Objects, size: int) -> None:
    stuck = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(size // MIB):
            yield b"x" * MIB
        stuck.set()
        await asyncio.Event().wait()

    writing = asyncio.create_task(objects.put("files/a", pieces()))
    await stuck.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await listed(objects) == {}
    assert await objects.sweep() == 0


async def test_removed_objects_are_gone_whether_or_not_they_were_there(objects: Objects) -> None:
    for name in ("a", "b", "c"):
        await objects.put_bytes(f"files/{name}", name.encode())
    await objects.remove(["files/a", "files/never", "nowhere/at/all", "files/b"])
    assert await listed(objects) == {"files/c": 1}
    await objects.remove(["files/a"])
    await objects.remove([])
    with pytest.raises(ObjectMissing):
        await objects.get("files/a", 0, 1)


async def test_a_list_has_what_lies_beneath_its_prefix(objects: Objects) -> None:
    named = ["batches/a/index-1", "batches/a/segments/x", "batches/ab/index-1", "files/a"]
    for key in named:
        await objects.put_bytes(key, b"12")
    assert sorted(await listed(objects)) == named
    assert sorted(await listed(objects, "batches/")) == named[:3]
    assert sorted(await listed(objects, "batches/a/")) == named[:2]
    assert await listed(objects, "batches/none/") == {}
    assert await listed(objects, "files/a/") == {}


async def test_a_list_tells_when_each_was_written(objects: Objects) -> None:
    await objects.put_bytes("files/a", b"1")
    [kept] = [each async for each in objects.listed("files/")]
    assert abs(kept.modified_at - datetime.now(UTC)) < timedelta(minutes=1)


async def test_a_long_list_is_whole_and_each_in_it_once(objects: Objects) -> None:
    named = {f"batches/a/segments/{number}" for number in range(1_203)}
    for number in range(0, 1_203, 50):
        some = sorted(named)[number : number + 50]
        await asyncio.gather(*(objects.put_bytes(key, b"") for key in some))
    found = [kept.key async for kept in objects.listed("batches/a/")]
    assert len(found) == 1_203
    assert set(found) == named
    await objects.remove(named)
    assert await listed(objects) == {}


async def test_a_stream_can_be_left_halfway(objects: Objects) -> None:
    await objects.put_bytes("files/a", b"x" * 5 * MIB)
    async with aclosing(objects.stream("files/a")) as pieces:
        assert len(await anext(pieces)) == MIB
    await objects.remove(["files/a"])


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "A", "a b", "a\0", "tmp/a", ".", "x" * 600],
)
async def test_what_is_no_key_is_never_asked_for(objects: Objects, key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        await objects.put_bytes(key, b"1")
    with pytest.raises(ValueError, match="key"):
        await objects.put(key, of(b"1"))
    with pytest.raises(ValueError, match="key"):
        await objects.get(key, 0, 1)
    with pytest.raises(ValueError, match="key"):
        await objects.remove([key])
    with pytest.raises(ValueError, match="key"):
        await whole(objects, key)


@pytest.mark.parametrize("prefix", ["a", "../", "/", "a//", "tmp/"])
async def test_what_is_no_prefix_is_never_asked_for(objects: Objects, prefix: str) -> None:
    with pytest.raises(ValueError, match=r"key|slash"):
        await listed(objects, prefix)


async def test_the_fake_fails_when_it_is_told_to() -> None:
    objects = MemoryObjects()
    await objects.put_bytes("files/a", b"1")
    objects.full = True
    with pytest.raises(StorageFull):
        await objects.put("files/b", of(b"1"))
    await objects.remove(["files/b"])
    assert await objects.get("files/a", 0, 1) == b"1"
    objects.unavailable = True
    with pytest.raises(StorageUnavailable):
        await objects.get("files/a", 0, 1)
    with pytest.raises(StorageUnavailable):
        await listed(objects)
    objects.unavailable = objects.full = False
    objects.trouble = lambda method, key: ObjectMissing(key=key) if method == "stream" else None
    with pytest.raises(ObjectMissing):
        await whole(objects, "files/a")
