"""One look at a replica's port: a GET, or nothing but a connection."""

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

from domain.definitions.definition import HealthCheck
from infra.process.places import LOCALHOST

LONGEST_HEAD = 64 * 1024
INFORMATIONAL = range(100, 200)
OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


async def problem(port: int, check: HealthCheck) -> str:
    """What is wrong at the port; "" where the probe succeeds. Raises OSError where we are what fails."""
    try:
        async with asyncio.timeout(check.max_wait_time):
            if not check.enable:
                async with _connected(port):
                    return ""
            status = await _status(port, check)
    except TimeoutError:
        return f"no answer within {check.max_wait_time:g} s"
    except OSError as error:
        if error.errno in OURS:
            raise
        return f"port {port} can't be reached: {error.strerror or error}"
    except (EOFError, ValueError):
        return f"what answers at port {port} does not speak HTTP"
    if status != check.expected_status_code:
        return f"GET {check.path} answered {status}, not {check.expected_status_code}"
    return ""


async def _status(port: int, check: HealthCheck) -> int:
    path = quote(check.path, safe="/?&=%:@;,+~!$'()*#[]")
    request = (
        f"GET {path} HTTP/1.1\r\nHost: {LOCALHOST}:{port}\r\nUser-Agent: modelyard\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n"
    )
    async with _connected(port) as (reader, writer):
        writer.write(request.encode())
        while True:
            head = await reader.readuntil(b"\r\n")
            version, _, rest = head.partition(b" ")
            if not version.startswith(b"HTTP/"):
                raise ValueError(head)
            status = int(rest[:3])
            if status not in INFORMATIONAL or status == check.expected_status_code:
                return status
            await reader.readuntil(b"\r\n\r\n")


@asynccontextmanager
async def _connected(
    port: int,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(LOCALHOST, port, limit=LONGEST_HEAD)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
