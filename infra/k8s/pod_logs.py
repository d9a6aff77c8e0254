"""What a container wrote, as the cluster keeps it."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from infra.k8s.api import Api, Call
from infra.k8s.errors import Refused
from infra.k8s.kinds import Kind
from infra.k8s.lines import lines

LONGEST_LINE = 256 * 1024
LONGEST_TAIL = 4 * 1024 * 1024
UNWRITTEN = re.compile(r"waiting to start|previous terminated container .* not found")


@dataclass(frozen=True, slots=True)
class Log:
    """Of a container's run, or of the one before it."""

    namespace: str
    pod: str
    container: str
    previous: bool = False


async def written(api: Api, log: Log, tail: int, follow: bool) -> AsyncGenerator[str, None]:
    """The log of a container that is silent does not even begin: nothing limits the wait for it, where it
    is followed, but that connections to a machine that is gone break by themselves."""
    query = {"container": log.container, "tailLines": str(tail)}
    query |= {"previous": "true"} if log.previous else {}
    query |= {"follow": "true"} if follow else {"limitBytes": str(LONGEST_TAIL)}
    what = f"the log of {Kind.POD.called(log.namespace, log.pod)}"
    call = Call("GET", Kind.POD.path(log.namespace, log.pod, "log"), what, query)
    seconds = None if follow else api.patience.call
    try:
        async with (
            api.stream(call, answers=seconds, read=seconds) as pieces,
            aclosing(lines(pieces, LONGEST_LINE)) as found,
        ):
            async for line in found:
                yield readable(line)
    except Refused as error:
        if not UNWRITTEN.search(error.problem):
            raise


def readable(line: bytes) -> str:
    """As a terminal would leave it: what a progress bar wrote over is gone. Nor has it NUL characters,
    which can't be stored, so that whoever writes some could never be given up."""
    return line.replace(b"\0", b"").rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace")
