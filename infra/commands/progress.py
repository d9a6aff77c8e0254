"""How a wait looks: bars in a terminal, plain lines elsewhere; always on the standard error."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from infra import output
from infra.commands import display

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Show(Protocol):
    def tell(self, text: str) -> None: ...

    def event(self, event: Mapping[str, Any]) -> None: ...

    def state(self, deployment: Mapping[str, Any]) -> None:
        """Called with every state that is seen, also with the same one again."""


@contextmanager
def shown(name: str) -> Iterator[Show]:
    if not sys.stderr.isatty():
        yield Lines(name)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}{task.fields[unit]}"),
        TextColumn("{task.fields[status]}", markup=False),
        TimeElapsedColumn(),
        console=Console(stderr=True, highlight=False, markup=False),
        transient=True,
    )
    with progress:
        yield Bars(progress, name)


def awaited(deployment: Mapping[str, Any]) -> str | None:
    """What somebody has to do for the rollout to go on; None where it goes on by itself."""
    rollout, name = deployment["rollout"], deployment["name"]
    if rollout is None:
        return None
    if rollout["status"] == "PAUSED":
        return f"It is paused: `modelyard rollout resume {name}` lets it go on."
    by_itself = rollout["strategy"].get("autoPromote", True)
    if deployment["statusReason"] == "AWAITING_PROMOTION" and not by_itself:
        return f"It waits for a go-ahead: `modelyard rollout promote {name}` gives it."
    return None


@dataclass(slots=True)
class Lines:
    name: str
    last: str = ""

    def tell(self, text: str) -> None:
        output.tell(text)

    def event(self, event: Mapping[str, Any]) -> None:
        output.tell(display.event_line(event))

    def state(self, deployment: Mapping[str, Any]) -> None:
        line = sentence(deployment)
        if line != self.last:
            output.tell(line)
        self.last = line


@dataclass(slots=True)
class Bars:
    """One for healthy replicas, one for a canary's share of the requests."""

    progress: "Progress"
    name: str
    bars: dict[str, "TaskID"] = field(default_factory=dict)

    def tell(self, text: str) -> None:
        self.progress.console.print(text)

    def event(self, event: Mapping[str, Any]) -> None:
        self.progress.console.print(display.event_line(event))

    def state(self, deployment: Mapping[str, Any]) -> None:
        revision, healthy, wanted, share = display.goal(deployment)
        of = f" revision {revision}" if revision else ""
        self._bar(f"{self.name}{of}", healthy, wanted, " healthy", display.status(deployment))
        if share is not None:
            self._bar(f"{self.name} share of requests", share, 100, "%", "")

    def _bar(self, what: str, completed: int, total: int, unit: str, status: str) -> None:
        said: dict[str, Any] = {
            "completed": completed,
            "total": total,
            "unit": unit,
            "status": status,
        }
        if what not in self.bars:
            self.bars[what] = self.progress.add_task(what, **said)
        else:
            self.progress.update(self.bars[what], **said)


def sentence(deployment: Mapping[str, Any]) -> str:
    """`chat: DEPLOYING (REPLICAS_STARTING), revision 2: 1/2 healthy, 25% of the requests`."""
    revision, healthy, wanted, share = display.goal(deployment)
    of = f", revision {revision}" if revision else ""
    routed = "" if share is None else f", {share}% of the requests"
    status = display.status(deployment)
    return f"{deployment['name']}: {status}{of}: {healthy}/{wanted} healthy{routed}"
