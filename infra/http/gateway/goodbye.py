"""The end of a stream that somebody else decides: its key's, or the server's."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from domain.errors import Unauthenticated
from infra.http.gateway.refusals import ServerStops
from infra.http.live import Ending, Live


@contextmanager
def ended_by(live: Live, key_id: str | None) -> Iterator[None]:
    """The block is one of the open streams. Raises ServerStops, Unauthenticated where it has to end."""
    task = asyncio.current_task()
    assert task is not None

    def cancel(ending: "asyncio.Future[Ending]") -> None:
        task.cancel()

    with live.stream(key_id) as stream:
        stream.ending.add_done_callback(cancel)
        is_told = False
        try:
            yield
        except asyncio.CancelledError:
            is_told = stream.ending.done() and not task.uncancel()
            if not is_told:
                raise
        finally:
            stream.ending.remove_done_callback(cancel)
        if is_told:
            if stream.ending.result() is Ending.REVOKED:
                raise Unauthenticated()
            raise ServerStops()
