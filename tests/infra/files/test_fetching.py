"""Model folders as pods get them from object stores."""

import asyncio
import fcntl
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from obstore.store import S3Store

from domain.errors import FolderRefused, StorageUnavailable
from infra.buckets import Credentials
from infra.files.fetching import Fetched, Fetching, booted
from infra.files.folders import Folders
from infra.files.objects import PIECE, Objects
from tests.support.buckets import KEYS, S3, s3_server


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with s3_server() as server:
        yield server


@pytest.fixture
def name(s3: S3) -> str:
    return s3.new_bucket()


@pytest.fixture
def bucket(s3: S3, name: str) -> S3Store:
    return S3Store(
        name,
        endpoint=s3.url,
        region="us-east-1",
        access_key_id="key",
        secret_access_key="secret",
        client_options={"allow_http": True},
    )


def fetching(url: str, piece: int = PIECE, boot: str = "b") -> Fetching:
    timeout = timedelta(seconds=10)
    credentials = Credentials(s3_endpoint=url, **KEYS)
    objects = Objects(credentials=credentials, timeout=timeout, piece=piece)
    return Fetching(folders=Folders(roots=(), objects=objects, timeout=timeout), boot=boot)


def tree(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


FILES = {"config.json": b"{}", "deep/er/weights": bytes(range(256)) * 20, "empty": b""}


async def test_a_folder_comes_whole_and_nothing_stays_beside_it(
    s3: S3, name: str, bucket: S3Store, tmp_path: Path
) -> None:
    for path, content in FILES.items():
        await bucket.put_async(f"team/llama/{path}", content)
    await bucket.put_async("team/llama2/other", b"x")
    place = tmp_path / "volume" / "folder"
    done = await fetching(s3.url, piece=1000).into(f"s3://{name}/team/llama/", place)
    assert done == Fetched(files=3, size=5122, copied=5122)
    assert tree(place) == FILES
    assert {each.name for each in place.parent.iterdir()} == {"folder", ".folder.whole"}
    modes = {each.is_dir(): each.stat().st_mode & 0o777 for each in (place, *place.rglob("*"))}
    assert modes == {True: 0o777, False: 0o666}  # whoever the engine is, it may write there
    again = await fetching(s3.url).into(f"s3://{name}/team/llama", place)
    assert again == Fetched(files=3, size=5122, copied=0)


async def test_what_an_engine_wrote_into_it_stays(
    s3: S3, name: str, bucket: S3Store, tmp_path: Path
) -> None:
    await bucket.put_async("f", b"x")
    place = tmp_path / "folder"
    await fetching(s3.url).into(f"s3://{name}", place)
    (place / "own").write_text("mine")
    await fetching(s3.url).into(f"s3://{name}", place)
    assert tree(place) == {"f": b"x", "own": b"mine"}


async def test_a_run_that_was_cut_short_is_taken_up_where_it_ended(
    s3: S3, name: str, bucket: S3Store, tmp_path: Path
) -> None:
    """One object is whole, one half there, one (an older one of the same key) is of no use."""
    for path, content in FILES.items():
        await bucket.put_async(path, content)
    own, place = fetching(s3.url, piece=1000), tmp_path / "folder"
    parts = tmp_path / ".folder.parts"
    parts.mkdir()
    stored = {e.key: e for e in await own.folders.objects.list("s3", name, "")}
    half = FILES["deep/er/weights"][:3333]
    own._part(parts, stored["deep/er/weights"]).write_bytes(half)
    own._part(parts, stored["config.json"]).write_bytes(b"{}")
    (parts / "older").write_bytes(b"old")
    done = await own.into(f"s3://{name}", place)
    assert done == Fetched(files=3, size=5122, copied=5120 - 3333)
    assert tree(place) == FILES
    assert not parts.exists()


async def test_a_part_longer_than_its_object_is_begun_anew(
    s3: S3, name: str, bucket: S3Store, tmp_path: Path
) -> None:
    await bucket.put_async("f", b"right")
    own, parts = fetching(s3.url), tmp_path / ".folder.parts"
    parts.mkdir()
    (stored,) = await own.folders.objects.list("s3", name, "")
    own._part(parts, stored).write_bytes(b"wrong and long")
    await own.into(f"s3://{name}", tmp_path / "folder")
    assert tree(tmp_path / "folder") == {"f": b"right"}


async def test_after_the_machine_started_anew_nothing_of_before_is_trusted(
    s3: S3, name: str, bucket: S3Store, tmp_path: Path
) -> None:
    await bucket.put_async("f", b"right")
    place = tmp_path / "folder"
    await fetching(s3.url).into(f"s3://{name}", place)
    (place / "f").write_bytes(b"\0\0\0\0\0")
    done = await fetching(s3.url, boot="another").into(f"s3://{name}", place)
    assert (done.copied, tree(place)) == (5, {"f": b"right"})
    with pytest.raises(StorageUnavailable):
        await fetching("http://127.0.0.1:9", boot="third").into(f"s3://{name}", place)


async def test_a_folder_that_changed_takes_the_place_of_the_old_one(
    s3: S3, name: str, bucket: S3Store, tmp_path: Path
) -> None:
    place = tmp_path / "folder"
    await bucket.put_async("f", b"one")
    await bucket.put_async("gone", b"x")
    await fetching(s3.url).into(f"s3://{name}", place)
    await bucket.put_async("f", b"two")
    await bucket.delete_async("gone")
    await fetching(s3.url).into(f"s3://{name}", place)
    assert tree(place) == {"f": b"two"}


async def test_what_is_whole_is_used_while_the_storage_is_away(
    s3: S3, name: str, bucket: S3Store, tmp_path: Path
) -> None:
    await bucket.put_async("f", b"x")
    away, place = fetching("http://127.0.0.1:9"), tmp_path / "folder"
    with pytest.raises(StorageUnavailable):
        await away.into(f"s3://{name}", place)
    await fetching(s3.url).into(f"s3://{name}", place)
    await away.into(f"s3://{name}", place)
    assert tree(place) == {"f": b"x"}
    with pytest.raises(StorageUnavailable):
        await away.into(f"s3://{name}/other", place)


async def test_of_two_who_fetch_at_once_one_is_refused(
    s3: S3, name: str, bucket: S3Store, tmp_path: Path
) -> None:
    await bucket.put_async("f", b"x")
    parts = tmp_path / ".folder.parts"
    parts.mkdir()
    descriptor = os.open(parts, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(StorageUnavailable, match="being fetched"):
            await fetching(s3.url).into(f"s3://{name}", tmp_path / "folder")
    finally:
        os.close(descriptor)


async def test_an_object_that_is_a_file_and_a_folder_leaves_what_was_there(
    s3: S3, name: str, bucket: S3Store, tmp_path: Path
) -> None:
    place = tmp_path / "folder"
    await bucket.put_async("a", b"x")
    await fetching(s3.url).into(f"s3://{name}", place)
    await bucket.put_async("a/b", b"x")
    with pytest.raises(StorageUnavailable):
        await fetching(s3.url).into(f"s3://{name}", place)
    assert tree(place) == {"a": b"x"}


@pytest.mark.parametrize("path", ["nothing", "../x"])
async def test_a_folder_that_is_not_there_is_an_error(
    s3: S3, name: str, tmp_path: Path, path: str
) -> None:
    with pytest.raises((StorageUnavailable, FolderRefused)):
        await fetching(s3.url).into(f"s3://{name}/{path}", tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


@pytest.mark.parametrize("uri", ["file:///etc", "/etc", "pvc://claim", "ftp://x"])
async def test_only_what_is_stored_can_be_fetched(tmp_path: Path, uri: str) -> None:
    with pytest.raises(FolderRefused):
        await fetching("http://127.0.0.1:9").into(uri, tmp_path / "folder")


async def test_the_command_says_what_it_did(
    s3: S3, name: str, bucket: S3Store, tmp_path: Path
) -> None:
    await bucket.put_async("f", b"12345")
    uri = f"s3://{name}"
    code, said = await command({**os.environ, **s3.environment}, tmp_path, uri, "folder")
    assert (code, tree(tmp_path / "folder")) == (0, {"f": b"12345"})
    assert said == f"{uri}: 1 files, 5 bytes, 5 of them copied now.\n"
    code, said = await command(os.environ, tmp_path, "file:///x", "folder")
    assert (code, said) == (1, "")


async def command(environment: Mapping[str, str], place: Path, *words: str) -> tuple[int, str]:
    """Its exit code, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("modelyard"),
        "fetch",
        *words,
        cwd=place,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


def test_a_machine_tells_when_it_started() -> None:
    assert len(booted()) == 36
