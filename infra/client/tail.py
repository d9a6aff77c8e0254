"""A replica's log lines across lost connections. Lines have no cursor: what is the same is seen."""

from collections.abc import Sequence
from dataclasses import dataclass, field

KEPT = 1_000  # lines; a log that is followed anew starts with as many


@dataclass(slots=True)
class Tail:
    """What was shown of a log, and how much of what comes anew was shown before."""

    shown: list[str] = field(default_factory=list)

    def show(self, lines: Sequence[str]) -> None:
        self.shown = [*self.shown, *lines][-KEPT:]

    def news(self, lines: Sequence[str]) -> Sequence[str]:
        """Of a log's last lines those behind what was shown; all of them where nothing fits."""
        return lines[overlap(self.shown, lines) :]


def overlap(shown: Sequence[str], lines: Sequence[str]) -> int:
    """The index of the first line that is new: before it stands as much of the end of `shown` as
    there is room for."""
    for new in range(len(lines), 0, -1):
        known = lines[:new]
        room = min(len(known), len(shown))
        if room and list(known[-room:]) == list(shown[-room:]):
            return new
    return 0
