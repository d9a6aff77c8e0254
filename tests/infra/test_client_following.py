"""Lost connections and repeated lines, without sockets and without waiting."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from infra.client.errors import ConnectionLost, Unreachable
from infra.client.following import LONGEST_PAUSE, PATIENCE, Line
from infra.client.server import Server
from infra.client.socket import Socket
from infra.client.tail import KEPT, Tail, overlap

HERE = Server(url="http://localhost:1")
GONE = Unreachable(url=HERE.url, problem="refused")


@dataclass
class Attempts:
    """Connections that come or fail as written, and a clock that pauses move."""

    outcomes: list[Exception | None]
    now: float = 0.0
    pauses: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def line(self) -> Line:
        return Line(
            server=HERE,
            tell=self.told.append,
            connect=self.connect,
            pause=self.pause,
            clock=lambda: self.now,
        )

    def connect(self, server: Server) -> AbstractContextManager[Socket]:
        outcome = self.outcomes.pop(0) if self.outcomes else GONE
        if outcome is not None:
            raise outcome
        return nullcontext(cast("Socket", None))

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def test_a_server_that_stays_away_ends_the_patience() -> None:
    attempts = Attempts([])
    with pytest.raises(Unreachable):
        list(attempts.line().sockets(lambda socket: iter_of("never")))
    assert PATIENCE < attempts.now <= PATIENCE + LONGEST_PAUSE
    assert attempts.pauses[:3] == [0.1, 0.2, 0.4]
    assert max(attempts.pauses) == LONGEST_PAUSE
    assert len(attempts.told) == 1


def test_what_may_be_done_twice_is_tried_until_it_is_done() -> None:
    losses: list[Exception] = [GONE, ConnectionLost(url=HERE.url, problem="x")]

    def act() -> str:
        if losses:
            raise losses.pop()
        return "done"

    attempts = Attempts([])
    assert attempts.line().patiently(act) == "done"
    assert attempts.pauses == [0.1, 0.2]
    assert len(attempts.told) == 1

    def never() -> str:
        raise GONE

    with pytest.raises(Unreachable):
        attempts.line().patiently(never)


def test_each_loss_is_told_once_and_so_is_its_end() -> None:
    losses = [True, False]

    def use(socket: Socket) -> Any:
        yield "here"
        if losses.pop(0):
            raise ConnectionLost(url=HERE.url, problem="no goodbye")

    attempts = Attempts([None, GONE, GONE, None])
    assert list(attempts.line().sockets(use)) == ["here", "here"]
    assert [told.split()[0] for told in attempts.told] == ["The", "Connected"]
    assert attempts.pauses == [0.1, 0.2, 0.4]


def test_connections_that_end_at_once_are_no_connection() -> None:
    def use(socket: Socket) -> Any:
        yield from ()
        raise ConnectionLost(url=HERE.url, problem="no goodbye")

    attempts = Attempts([None] * 1_000)
    with pytest.raises(ConnectionLost):
        list(attempts.line().sockets(use))
    assert attempts.pauses[:3] == [0.1, 0.2, 0.4]
    assert attempts.now > PATIENCE


def test_a_long_connection_on_which_nothing_came_was_one() -> None:
    lasts = iter([PATIENCE, 2 * PATIENCE])

    def use(socket: Socket) -> Any:
        yield from ()
        if (seconds := next(lasts, None)) is not None:
            attempts.now += seconds
            raise ConnectionLost(url=HERE.url, problem="no goodbye")

    attempts = Attempts([None, None, None])
    assert list(attempts.line().sockets(use)) == []
    assert attempts.pauses == [0.1, 0.1]


def iter_of(*values: str) -> Any:
    yield from values


@pytest.mark.parametrize(
    ("shown", "lines", "new"),
    [
        ([], ["a"], ["a"]),
        (["a"], [], []),
        (["a", "b"], ["a", "b"], []),
        (["a", "b"], ["a", "b", "c"], ["c"]),
        (["a", "b", "c"], ["b", "c", "d"], ["d"]),
        (["a", "b"], ["x", "y"], ["x", "y"]),
        (["a", "a"], ["a", "a", "a", "b"], ["b"]),
        (["a", "b", "a"], ["a", "b", "a", "b"], ["b"]),
    ],
)
def test_lines_that_were_shown_are_not_new(
    shown: list[str], lines: list[str], new: list[str]
) -> None:
    assert lines[overlap(shown, lines) :] == new


def test_a_tail_keeps_no_more_than_it_compares() -> None:
    tail = Tail()
    tail.show([str(n) for n in range(KEPT + 10)])
    assert len(tail.shown) == KEPT
    assert tail.news([str(KEPT + 9), "new"]) == ["new"]


def test_a_server_is_addressed_below_its_path() -> None:
    assert Server(url="https://x/yard/").socket_url == "wss://x/yard/graphql"


def test_a_followed_name_is_cut_to_what_names_may_be() -> None:
    from infra.commands.deploying import folder_name

    assert folder_name("s3://b/Llama_3.1 8B/", "chat", 1) == "llama-3-1-8b"
    assert folder_name("file:///models/%C3%A4%C3%B6", "chat", 2) == "chat-2"
    assert len(folder_name(f"s3://b/{'x' * 90}", "chat", 10)) == 63
