"""How a job's progress looks: a bar in a terminal, plain lines elsewhere; always on the standard error."""

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from infra import output
from infra.commands import batch_display as display

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

SPAN = 10.0  # seconds that a rate is of
STEPS = 10  # lines that tell of counts alone


@dataclass(slots=True)
class Pace:
    """How many lines were done when, of the last seconds."""

    clock: Callable[[], float] = time.monotonic
    seen: deque[tuple[float, int]] = field(default_factory=deque)

    def note(self, done: int) -> None:
        now = self.clock()
        self.seen.append((now, done))
        while len(self.seen) > 2 and self.seen[1][0] <= now - SPAN:
            self.seen.popleft()

    @property
    def rate(self) -> float | None:
        """Lines a second; None before that can be told."""
        if len(self.seen) < 2:
            return None
        (began, before), (now, done) = self.seen[0], self.seen[-1]
        return (done - before) / (now - began) if now > began and done > before else None

    def left(self, lines: int) -> float | None:
        """Seconds, if it goes on so."""
        return None if self.rate is None else lines / self.rate


class Show(Protocol):
    def tell(self, text: str) -> None: ...

    def state(self, job: Mapping[str, Any]) -> None:
        """Called with every state that is seen, also with the same one again."""


@contextmanager
def shown() -> Iterator[Show]:
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TextColumn("{task.fields[pace]}", markup=False),
        TimeElapsedColumn(),
        console=Console(stderr=True, highlight=False, markup=False),
        transient=True,
    )
    with progress:
        yield Bar(progress)


@dataclass(slots=True)
class Lines:
    """A line for each change of status or reason, and for each tenth of the job."""

    pace: Pace = field(default_factory=Pace)
    last: tuple[str, int] | None = None

    def tell(self, text: str) -> None:
        output.tell(text)

    def state(self, job: Mapping[str, Any]) -> None:
        self.pace.note(display.done(job))
        total = job["counts"]["total"]
        stands = display.status(job), STEPS * display.done(job) // total if total else 0
        if stands != self.last:
            self.last = stands
            told = [f"{display.done(job)}/{total}" if total else "", _pace(job, self.pace)]
            message = job["message"] if job["reason"] else ""
            output.tell(" ".join(part for part in (stands[0], *told, message) if part))


@dataclass(slots=True)
class Bar:
    progress: "Progress"
    pace: Pace = field(default_factory=Pace)
    bar: "TaskID | None" = None

    def tell(self, text: str) -> None:
        self.progress.console.print(text)

    def state(self, job: Mapping[str, Any]) -> None:
        self.pace.note(display.done(job))
        said: dict[str, Any] = {
            "description": display.status(job),
            "completed": display.done(job),
            "total": job["counts"]["total"],
            "pace": _pace(job, self.pace),
        }
        if self.bar is None:
            self.bar = self.progress.add_task(**said)
        else:
            self.progress.update(self.bar, **said)


def _pace(job: Mapping[str, Any], pace: Pace) -> str:
    """`118/s, 38s left, 2 failed`."""
    failed = job["counts"]["failed"]
    parts = [f"{failed} failed"] if failed else []
    if pace.rate is not None and not display.is_final(job):
        left = pace.left(job["counts"]["total"] - display.done(job))
        parts = [f"{pace.rate:.3g}/s", f"{display.seconds(left)} left", *parts]
    return ", ".join(parts)
