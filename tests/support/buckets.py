"""An S3-compatible server in this process, and buckets on it."""

import http.client
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from xml.etree import ElementTree

from moto.server import ThreadedMotoServer

from infra import buckets
from infra.buckets import Credentials
from infra.objects.remote import RemoteObjects

KEYS: Mapping[str, str] = {
    "s3_region": "us-east-1",
    "s3_access_key_id": "key",
    "s3_secret_access_key": "secret",
}
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class S3:
    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def environment(self) -> Mapping[str, str]:
        """The settings of a server that keeps its objects here."""
        said = {**KEYS, "s3_endpoint": self.url}
        return {f"MODELYARD_{name.upper()}": value for name, value in said.items()}

    def credentials(self) -> Credentials:
        return Credentials(s3_endpoint=self.url, **KEYS)

    def new_bucket(self) -> str:
        name = f"bucket-{next(_numbers)}"
        assert self._ask("PUT", f"/{name}")[0] == 200
        return name

    def keys(self, bucket: str) -> Sequence[str]:
        return self._named(f"/{bucket}?list-type=2")

    def unfinished(self, bucket: str) -> Sequence[str]:
        """The keys of multipart uploads that were neither finished nor aborted."""
        return self._named(f"/{bucket}?uploads")

    def objects(
        self, bucket: str, *, prefix: str = "", part: int = 8 * 1024 * 1024
    ) -> RemoteObjects:
        timeout = timedelta(seconds=10)
        return RemoteObjects(
            bucket=buckets.opened(self.credentials(), "s3", bucket, timeout),
            where=f"s3://{bucket}",
            prefix=prefix,
            timeout=timeout,
            part=part,
        )

    def _named(self, path: str) -> Sequence[str]:
        status, body = self._ask("GET", path)
        assert status == 200
        return [each.text or "" for each in ElementTree.fromstring(body).iterfind(".//{*}Key")]

    def _ask(self, method: str, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.host, self.port)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@contextmanager
def s3_server() -> Iterator[S3]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        yield S3(*server.get_host_and_port())
    finally:
        server.stop()
