"""Connections that are secured otherwise than the system would have it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.errors import Unreachable
from infra.inference.engines import Engines, connections
from infra.inference.pool import Secured
from tests.support.certificates import Certificate, certificate

NAME = "modelyard.test"


@pytest.fixture
def made(tmp_path: Path) -> Certificate:
    return certificate(NAME, tmp_path)


@pytest.fixture
async def url(made: Certificate) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=made.server)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/chat/completions"


async def ask(engines: Engines, url: str, secured: Secured | None) -> int:
    return (await engines.ask(url, {}, b"{}", 20.0, 1_000, secured)).status


async def test_what_is_given_for_an_address_is_for_nobody_who_does_not_give_it(
    made: Certificate, url: str
) -> None:
    """The same address, of somebody else's choice, is no way to the same credentials."""
    async with connections() as engines:
        assert await ask(engines, url, Secured(made.client, NAME)) == 200
        with pytest.raises(Unreachable, match="certificate verify failed"):
            await ask(engines, url, None)
        assert await ask(engines, url, Secured(made.client, NAME)) == 200


async def test_a_certificate_bears_the_addresss_host_unless_another_name_is_said(
    made: Certificate, url: str
) -> None:
    async with connections() as engines:
        with pytest.raises(Unreachable, match="certificate verify failed"):
            await ask(engines, url, Secured(made.client))
        assert await ask(engines, url, Secured(made.client, NAME)) == 200
