import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from domain.errors import FileTooLarge, FolderRefused, OutsideFolder, StorageUnavailable
from infra.buckets import Credentials
from infra.files.folders import Folders
from infra.files.objects import Objects

KEYS = {"s3_region": "us-east-1", "s3_access_key_id": "key", "s3_secret_access_key": "secret"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """An S3-compatible server with the bucket `models`."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        _make_bucket(host, port)
        yield url
    finally:
        server.stop()


def _make_bucket(host: str, port: int) -> None:
    import http.client

    connection = http.client.HTTPConnection(host, port)
    connection.request("PUT", "/models")
    assert connection.getresponse().status == 200
    connection.close()


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


def folders(endpoint: str, seconds: float = 10) -> Folders:
    timeout = timedelta(seconds=seconds)
    credentials = Credentials(s3_endpoint=endpoint, **KEYS)
    objects = Objects(credentials=credentials, timeout=timeout)
    return Folders(roots=(), objects=objects, timeout=timeout)


async def test_an_object_beneath_the_folder_is_read(endpoint: str, bucket: S3Store) -> None:
    await bucket.put_async("team/llama/deep/m.yaml", b"models: []")
    uri = await folders(endpoint).usable("s3://models/team/llama/")
    assert uri == "s3://models/team/llama"
    assert await folders(endpoint).read(uri, "./deep/../deep/m.yaml", 1_024) == b"models: []"


async def test_a_whole_bucket_may_be_a_folder(endpoint: str, bucket: S3Store) -> None:
    await bucket.put_async("m.toml", b"x")
    assert await folders(endpoint).usable("S3://models") == "s3://models"
    assert await folders(endpoint).read("s3://models", "m.toml", 1_024) == b"x"


async def test_a_key_is_taken_as_it_is_written(endpoint: str, bucket: S3Store) -> None:
    await bucket.put_async("größe 7%20/f", b"x")
    assert await folders(endpoint).read("s3://models/größe 7%20", "f", 1_024) == b"x"


@pytest.mark.parametrize("uri", ["s3://models/team", "s3://no-such-bucket/x"])
async def test_an_object_that_is_not_there_is_none(endpoint: str, uri: str) -> None:
    assert await folders(endpoint).read(uri, "nothing.yaml", 1_024) is None


async def test_an_object_over_the_limit_is_refused(endpoint: str, bucket: S3Store) -> None:
    await bucket.put_async("team/huge", b"x" * 2_000_000)
    with pytest.raises(FileTooLarge):
        await folders(endpoint).read("s3://models/team", "huge", 1_024)


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "", "x\0"])
async def test_a_path_that_leaves_the_folder_is_refused(path: str) -> None:
    with pytest.raises(OutsideFolder):
        await folders("http://127.0.0.1:9").read("s3://models/team", path, 1_024)


@pytest.mark.parametrize(
    "uri", ["s3://", "s3://UPPER/x", "s3://models/a//b", "s3://models/../x", "gs://a b/c", "az://x"]
)
async def test_a_uri_that_names_no_folder_is_refused(uri: str) -> None:
    with pytest.raises(FolderRefused):
        await folders("http://127.0.0.1:9").usable(uri)


@pytest.mark.parametrize("uri", ["gs://models/a", "az://models/a"])
async def test_google_and_azure_folders_are_usable(uri: str) -> None:
    assert await folders("http://127.0.0.1:9").usable(uri) == uri


@asynccontextmanager
async def a_store_that(answers: bytes | None) -> AsyncIterator[str]:
    """A server that gives this answer to everything; None: never any."""
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
    try:
        yield f"http://{host}:{port}"
    finally:
        released.set()
        server.close()
        await server.wait_closed()


async def test_a_store_that_hangs_is_unavailable_after_its_time() -> None:
    async with a_store_that(answers=None) as endpoint:
        with pytest.raises(StorageUnavailable, match=r"too long|failed"):
            await folders(endpoint, seconds=0.2).read("s3://models/a", "m.yaml", 1_024)


async def test_a_store_that_hangs_within_the_content_is_unavailable_after_its_time() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\nlast-modified: Mon, 01 Jan 2024 00:00:00 GMT"
    async with a_store_that(head + b'\r\netag: "x"\r\n\r\nhalf') as endpoint:
        with pytest.raises(StorageUnavailable, match=r"too long|failed"):
            await folders(endpoint, seconds=0.5).read("s3://models/a", "m.yaml", 1_024)


@pytest.mark.parametrize("status", [b"403 Forbidden", b"401 Unauthorized"])
async def test_a_store_that_forbids_says_so_and_no_more(status: bytes) -> None:
    answer = b"HTTP/1.1 " + status + b"\r\ncontent-length: 9\r\nconnection: close\r\n\r\nswordfish"
    async with a_store_that(answer) as endpoint:
        with pytest.raises(StorageUnavailable, match="access denied") as refused:
            await folders(endpoint).read("s3://models/a", "m.yaml", 1_024)
    assert "swordfish" not in str(refused.value)


async def test_a_store_that_nobody_runs_is_unavailable() -> None:
    async with a_store_that(b"") as endpoint:
        pass
    with pytest.raises(StorageUnavailable):
        await folders(endpoint, seconds=1).read("s3://models/a", "m.yaml", 1_024)
