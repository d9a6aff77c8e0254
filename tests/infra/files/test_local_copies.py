"""Model folders where processes can read them."""

import asyncio
import fcntl
import os
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from domain.errors import FolderRefused, StorageUnavailable
from infra.buckets import Credentials
from infra.files.folders import Folders, real_roots
from infra.files.local import LocalCopies
from infra.files.objects import PIECE, Objects

KEYS = {"s3_region": "us-east-1", "s3_access_key_id": "key", "s3_secret_access_key": "secret"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """An S3-compatible server with the bucket `models`."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        connection = HTTPConnection(host, port)
        connection.request("PUT", "/models")
        assert connection.getresponse().status == 200
        connection.close()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture
def bucket(endpoint: str) -> S3Store:
    return S3Store(
        "models",
        endpoint=endpoint,
        region="us-east-1",
        access_key_id="key",
        secret_access_key="secret",
        client_options={"allow_http": True},
    )


@pytest.fixture
def copies(endpoint: str, tmp_path: Path) -> LocalCopies:
    return made(endpoint, tmp_path)


def made(endpoint: str, tmp_path: Path, piece: int = PIECE) -> LocalCopies:
    timeout = timedelta(seconds=10)
    credentials = Credentials(s3_endpoint=endpoint, **KEYS)
    stores = Objects(credentials=credentials, timeout=timeout, piece=piece)
    (tmp_path / "root").mkdir(exist_ok=True)
    roots = real_roots((tmp_path / "root",))
    folders = Folders(roots=roots, objects=stores, timeout=timeout)
    return LocalCopies(folders=folders, data_dir=tmp_path / "data")


def tree(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


async def test_a_local_folder_is_used_as_it_is(copies: LocalCopies, tmp_path: Path) -> None:
    folder = tmp_path / "root" / "größe 7%20"
    folder.mkdir()
    assert await copies.local(folder.as_uri()) == folder
    assert not (tmp_path / "data").exists()


async def test_a_link_out_of_the_roots_is_refused(copies: LocalCopies, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(FolderRefused):
        await copies.local((tmp_path / "root" / "link").as_uri())


async def test_a_stored_folder_is_copied_whole(
    endpoint: str, bucket: S3Store, tmp_path: Path
) -> None:
    copies = made(endpoint, tmp_path, piece=1000)
    weights = bytes(range(256)) * 20
    files = {"config.json": b"{}", "deep/er/weights": weights, "empty": b""}
    for path, content in files.items():
        await bucket.put_async(f"team/whole/{path}", content)
    await bucket.put_async("team/whole2/other", b"x")
    assert tree(await copies.local("s3://models/team/whole")) == files


async def test_a_folder_is_copied_once_until_it_changes(
    endpoint: str, copies: LocalCopies, bucket: S3Store, tmp_path: Path
) -> None:
    await bucket.put_async("once/f", b"one")
    first = await copies.local("s3://models/once")
    (first / "f").write_bytes(b"still the copy")
    assert await made(endpoint, tmp_path).local("s3://models/once") == first
    assert tree(first) == {"f": b"still the copy"}
    await bucket.put_async("once/f", b"two")
    second = await copies.local("s3://models/once")
    assert second != first
    assert tree(second) == {"f": b"two"}


async def test_while_the_storage_is_away_the_last_copy_is_used(
    copies: LocalCopies, bucket: S3Store, tmp_path: Path
) -> None:
    away = made("http://127.0.0.1:9", tmp_path)
    with pytest.raises(StorageUnavailable):
        await away.local("s3://models/away")
    await bucket.put_async("away/weights", b"old")
    old = await copies.local("s3://models/away")
    assert await away.local("s3://models/away") == old
    await bucket.put_async("away/weights", b"new")
    new = await copies.local("s3://models/away")
    assert await away.local("s3://models/away/") == new != old
    await copies.local("s3://models/away")
    assert tree(await away.local("s3://models/away")) == {"weights": b"new"}
    with pytest.raises(StorageUnavailable):
        await away.local("s3://models/elsewhere")


async def test_many_who_want_it_at_once_get_one_copy(
    endpoint: str, bucket: S3Store, tmp_path: Path
) -> None:
    for number in range(10):
        await bucket.put_async(f"many/{number}", b"x" * number)
    servers = [made(endpoint, tmp_path) for _ in range(2)]
    wanted = [server.local("s3://models/many") for server in servers for _ in range(5)]
    places = set(await asyncio.gather(*wanted))
    assert len(places) == 1
    assert len(tree(places.pop())) == 10
    assert [each.name for each in (tmp_path / "data" / "folders").glob(".*")] == []


async def test_what_a_killed_server_left_half_copied_is_removed(
    copies: LocalCopies, bucket: S3Store, tmp_path: Path
) -> None:
    await bucket.put_async("anew/f", b"x")
    folder = tmp_path / "data" / "folders"
    left, held = folder / ".draft-left", folder / ".draft-held"
    for draft in (left, held):
        draft.mkdir(parents=True)
        (draft / "f").write_bytes(b"half")
        os.utime(draft, (0, 0))
    descriptor = os.open(held, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        place = await copies.local("s3://models/anew")
    finally:
        os.close(descriptor)
    assert sorted(each for each in folder.iterdir() if each.is_dir()) == sorted([held, place])


@pytest.mark.parametrize("uri", ["s3://models/nothing/there", "s3://no-such-bucket/x"])
async def test_a_folder_that_is_not_there_is_an_error(copies: LocalCopies, uri: str) -> None:
    with pytest.raises(StorageUnavailable):
        await copies.local(uri)


async def test_an_object_that_is_a_file_and_a_folder_leaves_no_half_copy(
    copies: LocalCopies, bucket: S3Store, tmp_path: Path
) -> None:
    await bucket.put_async("clash/a", b"x")
    await bucket.put_async("clash/a/b", b"x")
    with pytest.raises(StorageUnavailable):
        await copies.local("s3://models/clash")
    assert list((tmp_path / "data" / "folders").iterdir()) == []
