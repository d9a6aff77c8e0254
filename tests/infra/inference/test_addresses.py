"""Where requests go: URLs, hosts with several addresses, and who an engine proves to be."""

import asyncio
import socket
import ssl
from asyncio import StreamReader as Reader
from asyncio import StreamWriter as Writer
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from domain.batches.ports import Reply
from domain.errors import Interrupted, RequestTimeout, Unreachable
from infra.inference.engines import Engines, connections
from infra.inference.pool import Engine, NotThere
from infra.inference.pool import engine as of_url
from tests.support.engines_by_script import Scripted, engine, says, turned_until

MOST = 1024 * 1024
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


def is_quiet(known: Engine) -> bool:
    """Also what lost the race was given up."""
    return not known.connections and not known.racing


def head(url: str) -> bytes:
    return of_url(url, None, ssl.create_default_context).request({}, b"")


@pytest.mark.parametrize(
    ("url", "line", "host"),
    [
        ("http://host/v1", b"POST /v1 HTTP/1.1", b"host: host"),
        ("http://host:80/v1", b"POST /v1 HTTP/1.1", b"host: host"),
        ("HTTP://HOST:8000", b"POST / HTTP/1.1", b"host: host:8000"),
        ("https://host:443/", b"POST / HTTP/1.1", b"host: host"),
        ("https://host:80/", b"POST / HTTP/1.1", b"host: host:80"),
        ("http://[::1]/v1", b"POST /v1 HTTP/1.1", b"host: [::1]"),
        ("http://[::1]:8000/v1", b"POST /v1 HTTP/1.1", b"host: [::1]:8000"),
        ("http://bücher.example/ä b", b"POST /%C3%A4%20b HTTP/1.1", b"host: xn--bcher-kva.example"),
        ("http://host/a%20b?x=1&y=a/b#no", b"POST /a%20b?x=1&y=a/b HTTP/1.1", b"host: host"),
        ("http://host/a\r\nx: y", b"POST /ax:%20y HTTP/1.1", b"host: host"),
        ("http://host/a\x0b\x00", b"POST /a%0B%00 HTTP/1.1", b"host: host"),
        ("http://user:word@host/", b"POST / HTTP/1.1", b"host: host"),
    ],
)
def test_a_url_is_what_is_sent_of_it(url: str, line: bytes, host: bytes) -> None:
    lines = head(url).split(b"\r\n")
    assert lines[:2] == [line, host]
    assert lines[-3:] == [b"content-length: 0", b"", b""]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/v1",
        "ftp://host/",
        "http://",
        "http:///v1",
        "http://:80/",
        "http://host:x/",
        "http://host:0/",
        "http://host:65536/",
        "http://host:-1/",
        "http://[::1/",
        "http://a b/",
        "http://a\x00b/",
        "http://a\x0bx: y/",
        "http://a\\b/",
        "http://ä" + "x" * 70 + ".example/",
        "http://ä..example/",
    ],
)
async def test_what_is_no_address_is_unreachable_and_nothing_is_sent(url: str) -> None:
    with pytest.raises(NotThere):
        head(url)
    async with connections() as engines:
        with pytest.raises(Unreachable):
            await engines.ask(url, {}, b"{}", 20.0, MOST)


@pytest.mark.parametrize(
    "url", ["http://a..b/", f"http://{'x' * 70}.example/", "http://no.invalid/"]
)
async def test_a_host_that_has_no_address_is_unreachable(url: str) -> None:
    async with connections() as engines:
        for _ in range(2):
            with pytest.raises(Unreachable):
                await engines.ask(url, {}, b"{}", 20.0, MOST)


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer a\r\nx-other: 1"},
        {"authorization": "Bearer a\n"},
        {"authorization": "Bearer a\rb"},
        {"a\r\nb": "c"},
        {"authorization": "Bearer \u2603"},
        {"authorization": "Bearer a\x00b"},
    ],
)
async def test_a_header_that_is_more_than_one_is_not_sent(headers: dict[str, str]) -> None:
    async with engine(says(OK)) as server, connections() as engines:
        with pytest.raises(Unreachable):
            await engines.ask(server.url, headers, b"{}", 20.0, MOST)
        assert server.connected == 0


async def test_an_address_of_ipv6_is_asked() -> None:
    async with engine(says(OK), host="::1") as server, connections() as engines:
        assert (await engines.ask(server.url, {}, b"{}", 20.0, MOST)).status == 200
        assert b"host: [::1]:%d\r\n" % server.port in server.heads[0]


class Named(asyncio.SelectorEventLoop):
    """A loop that knows the addresses of `many.test` from the test."""

    addresses: tuple[str, ...] = ()
    asked = 0

    async def getaddrinfo(self, host: Any, port: Any, **said: Any) -> Any:
        if host != "many.test":
            return await super().getaddrinfo(host, port, **said)
        self.asked += 1
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in self.addresses
        ]


@contextmanager
def that_answers_no_syn(host: str, port: int) -> Iterator[None]:
    """Nobody accepts, and the queue is full."""
    with socket.socket() as listening, socket.socket() as first:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(0)
        first.connect((host, port))
        yield


def asked_at(addresses: tuple[str, ...], silent: tuple[str, ...], count: int = 1) -> float:
    """An engine is at 127.0.0.1 alone. The seconds that the last of `count` requests took."""

    async def asking() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Named)
        loop.addresses, took = addresses, 0.0
        async with engine(says(OK, then_closes=True)) as server, connections() as engines:
            url = server.url.replace("127.0.0.1", "many.test")
            with that_answers_no_syn(silent[0], server.port) if silent else nullcontext():
                for _ in range(count):
                    began = loop.time()
                    await engines.ask(url, {}, b"{}", 20.0, MOST)
                    took = loop.time() - began
                    for known in engines._known.values():
                        await turned_until(partial(is_quiet, known))
        assert loop.asked == 1
        return took

    with asyncio.Runner(loop_factory=Named) as runner:
        return runner.run(asking())


def test_behind_an_address_that_refuses_the_next_is_tried_at_once() -> None:
    assert asked_at(("127.0.0.2", "127.0.0.3", "127.0.0.1"), ()) < 5


def test_behind_an_address_that_is_silent_the_next_is_tried_soon() -> None:
    assert asked_at(("127.0.0.2", "127.0.0.1"), ("127.0.0.2",)) < 5


def test_an_address_that_answered_is_the_first_to_be_asked_from_then_on() -> None:
    assert asked_at(("127.0.0.2", "127.0.0.1"), ("127.0.0.2",), count=3) < 0.2


def test_a_host_all_of_whose_addresses_refuse_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        asked_at(("127.0.0.2", "127.0.0.3"), ())


def test_a_host_without_addresses_is_unreachable() -> None:
    with pytest.raises(Unreachable) as caught:
        asked_at((), ())
    assert "no address" in caught.value.message


class Authority:
    """Makes certificates of engines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
        self.certificate = self._signed(self.name, self.key, [], is_authority=True)

    def _signed(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        names: list[x509.GeneralName],
        is_authority: bool,
    ) -> bytes:
        now = datetime.now(UTC)
        limits = x509.BasicConstraints(ca=is_authority, path_length=None)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(limits, critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        signed = builder.sign(self.key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)

    def of(self, *names: str) -> ssl.SSLContext:
        """An engine's own."""
        key = ec.generate_private_key(ec.SECP256R1())
        said: list[x509.GeneralName] = [
            x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
            for name in names
        ]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path = self.folder / "engine.pem"
        path.write_bytes(secret + self._signed(subject, key, said, is_authority=False))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def trusted(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.certificate.decode())


async def asked_securely(url: str, trusts: Authority | None, times: int = 1) -> Reply:
    engines = Engines() if trusts is None else Engines(security=trusts.trusted)
    try:
        for _ in range(times - 1):
            await engines.ask(url, {}, b"{}", 20.0, MOST)
        return await engines.ask(url, {}, b"{}", 20.0, MOST)
    finally:
        await engines.closed()
        assert not any(each.connections for each in engines._known.values())


async def test_an_engine_that_proves_who_it_is_is_asked_and_asked_again(tmp_path: Path) -> None:
    trusted = Authority(tmp_path)
    async with engine(says(OK), security=trusted.of("127.0.0.1")) as server:
        assert (await asked_securely(server.url, trusted, times=3)).status == 200
        assert server.connected == 1


@pytest.mark.parametrize("case", ["another authority", "the system's", "another name"])
async def test_an_engine_that_does_not_prove_who_it_is_hears_nothing(
    tmp_path: Path, case: str
) -> None:
    trusted, other = Authority(tmp_path), Authority(tmp_path)
    certificate = trusted.of("other.test" if case == "another name" else "127.0.0.1")
    trusts = {"another authority": other, "the system's": None, "another name": trusted}[case]
    async with engine(says(OK), security=certificate) as server:
        with pytest.raises(Unreachable) as caught:
            await asked_securely(server.url, trusts)
        assert server.heads == []
    assert "certificate" in caught.value.message.lower()


async def test_an_engine_that_speaks_no_tls_is_unreachable(tmp_path: Path) -> None:
    async def plain(server: Scripted, reader: Reader, writer: Writer) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad\r\n\r\n")

    async with engine(plain) as server:
        with pytest.raises(Unreachable):
            await asked_securely(server.url.replace("http:", "https:"), Authority(tmp_path))


async def test_a_handshake_that_is_not_answered_has_the_time_that_there_is(tmp_path: Path) -> None:
    async def silent(server: Scripted, reader: Reader, writer: Writer) -> None:
        await server.gone(reader)

    async with engine(silent) as server:
        engines = Engines(security=Authority(tmp_path).trusted)
        with pytest.raises(RequestTimeout):
            await engines.ask(server.url.replace("http:", "https:"), {}, b"{}", 0.2, MOST)
        await asyncio.wait_for(server.ended.wait(), 20)
        await engines.closed()


@pytest.mark.parametrize("body", [b"{}", b"x" * 3_000_000], ids=["small", "big"])
async def test_a_secured_answer_until_its_end_is_whole(tmp_path: Path, body: bytes) -> None:
    trusted = Authority(tmp_path)
    script = says(b"HTTP/1.1 200 OK\r\n\r\n", body, then_closes=True)
    async with engine(script, security=trusted.of("127.0.0.1")) as server:
        engines = Engines(security=trusted.trusted)
        assert (await engines.ask(server.url, {}, b"{}", 20.0, 4_000_000)).body == body
        await engines.closed()


async def test_a_secured_connection_that_breaks_is_an_interruption(tmp_path: Path) -> None:
    async def breaks(server: Scripted, reader: Reader, writer: Writer) -> None:
        await server.heard(reader)
        writer.write(OK[:-1])
        await writer.drain()
        writer.transport.abort()

    trusted = Authority(tmp_path)
    async with engine(breaks, security=trusted.of("127.0.0.1")) as server:
        with pytest.raises(Interrupted):
            await asked_securely(server.url, trusted)
        assert len(server.heads) == 1
