"""Several ways to the same: the next is tried beside those that take long."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from infra.inference.connection import Connection

Attempt = Callable[[], Coroutine[Any, Any, Connection]]


async def first_of(
    attempts: Sequence[Attempt], apart: float, under_way: set[asyncio.Task[Connection]]
) -> tuple[int, Connection]:
    """The place of the one that succeeded first, and its connection; the others' are closed. A failure
    lets the next begin at once, silence after `apart` seconds. `under_way` has what runs.

    Raises OSError, the last one's, where all fail, and ConnectionAbortedError, where they are cancelled
    from elsewhere."""
    left, running = deque(enumerate(attempts)), dict[asyncio.Task[Connection], int]()
    problem = OSError("there is nothing to try")
    try:
        while left or running:
            if left:
                place, attempt = left.popleft()
                task = asyncio.create_task(attempt())
                running[task] = place
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            done, _ = await asyncio.wait(
                running, timeout=apart if left else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                if (error := _problem(task)) is None:
                    return running.pop(task), task.result()
                del running[task]
                problem = error
    finally:
        for task in running:
            task.cancel()
            task.add_done_callback(_close)
    raise problem


def _problem(task: asyncio.Task[Connection]) -> OSError | None:
    """What is no OSError is raised."""
    if task.cancelled():
        return ConnectionAbortedError("it was given up")
    error = task.exception()
    if error is not None and not isinstance(error, OSError):
        raise error
    return error


def _close(late: asyncio.Task[Connection]) -> None:
    """It may have succeeded at the same moment."""
    if not late.cancelled() and late.exception() is None:
        late.result().close()
