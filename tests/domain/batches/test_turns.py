from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as some

from domain.batches.sending import turns


@dataclass(eq=False)
class Queue:
    name: str
    priority: int = 5
    turn: float = 0.0


def sent(queues: list[Queue], count: int, present: float = 0.0) -> list[str]:
    names = []
    for _ in range(count):
        chosen = turns.first(queues)
        assert chosen is not None
        present, chosen.turn = max(chosen.turn, present), turns.next_turn(chosen, present)
        names.append(chosen.name)
    return names


def test_nobody_waiting_nobody_first() -> None:
    assert turns.first([]) is None


def test_equals_take_turns_one_request_at_a_time() -> None:
    names = sent([Queue("a"), Queue("b")], 6)
    assert names in (["a", "b"] * 3, ["b", "a"] * 3)


@given(high=some.integers(1, 10), low=some.integers(1, 10))
def test_shares_are_as_priorities(high: int, low: int) -> None:
    counts = Counter(sent([Queue("high", high), Queue("low", low)], 50 * (high + low)))
    assert abs(counts["high"] - 50 * high) <= 2 * high
    assert abs(counts["low"] - 50 * low) <= 2 * low


def test_a_newcomer_is_served_at_once_and_not_alone() -> None:
    old, new = Queue("old"), Queue("new")
    sent([old], 50_000)
    assert sent([old, new], 20, present=old.turn).count("new") in (10, 11)


def test_who_had_nothing_to_send_does_not_make_up_for_it() -> None:
    idle, busy = Queue("idle"), Queue("busy")
    sent([busy, idle], 10)
    sent([busy], 1_000, present=busy.turn)
    assert sent([idle, busy], 10, present=busy.turn).count("idle") in (5, 6)
