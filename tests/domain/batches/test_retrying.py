from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain.batches.batch import BatchReason, Retry
from domain.batches.ports import Reply
from domain.batches.sending.retrying import (
    ASKED_AT_MOST,
    LONGEST_PAUSE,
    Again,
    Blame,
    GivenUp,
    Situation,
    Tries,
    Trouble,
    after_failure,
    after_reply,
    troubled,
)
from domain.errors import (
    Interrupted,
    ModelyardError,
    RequestTimeout,
    ResponseTooLarge,
    StorageUnavailable,
    Unreachable,
)

FRESH = Situation(tries=Tries(), retry=Retry(), others_answered=True, chance=0.5)
NOBODY = replace(FRESH, others_answered=False)
REFUSED = Unreachable(where="http://engine", problem="refused")
BROKEN = Interrupted(where="http://engine", problem="reset")
SLOW = RequestTimeout(seconds=60)


def said(status: int, retry_after: float | None = None) -> Reply:
    return Reply(status=status, body=b"{}", retry_after=retry_after)


def failures_until_given_up(situation: Situation, cause: ModelyardError | int, most: int) -> int:
    """How often it is sent; `most` where it is still tried then."""
    for sent in range(1, most):
        if isinstance(cause, int):
            verdict: object = after_reply(said(cause), situation)
        else:
            verdict = after_failure(cause, situation)
        if not isinstance(verdict, Again):
            return sent
        situation = replace(situation, tries=verdict.tries)
    return most


@pytest.mark.parametrize("status", [200, 201, 302, 400, 401, 403, 404, 409, 413, 422])
def test_an_answer_that_trying_again_would_not_change_stands(status: int) -> None:
    assert after_reply(said(status), FRESH) is None


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 529])
def test_an_answer_that_may_change_is_asked_for_again(status: int) -> None:
    assert isinstance(after_reply(said(status), FRESH), Again)


@pytest.mark.parametrize("cause", [500, 502, 408, 425, BROKEN, SLOW], ids=str)
def test_a_requests_own_failures_use_up_its_attempts(cause: ModelyardError | int) -> None:
    assert failures_until_given_up(FRESH, cause, 100) == Retry().attempts
    assert failures_until_given_up(NOBODY, cause, 100) == Retry().attempts


@pytest.mark.parametrize("cause", [503, 429, REFUSED], ids=str)
def test_an_outage_uses_up_no_attempt(cause: ModelyardError | int) -> None:
    assert failures_until_given_up(NOBODY, cause, 1_000) == 1_000


@pytest.mark.parametrize("cause", [503, 429, REFUSED], ids=str)
def test_a_request_that_alone_is_put_off_is_not_for_ever(cause: ModelyardError | int) -> None:
    assert failures_until_given_up(FRESH, cause, 1_000) == 10 * Retry().attempts


def test_one_attempt_is_one_attempt() -> None:
    once = replace(FRESH, retry=Retry(attempts=1))
    assert after_reply(said(500), once) is None
    assert after_failure(BROKEN, once) == GivenUp("inference_unreachable", BROKEN.message)
    assert after_failure(SLOW, once) == GivenUp("request_timeout", "No answer within 60 s.")


def test_what_is_too_large_is_so_again() -> None:
    verdict = after_failure(ResponseTooLarge(limit=16), FRESH)
    assert verdict == GivenUp("response_too_large", "The answer has more than 16 bytes.")


def test_what_is_no_requests_failure_is_raised() -> None:
    with pytest.raises(StorageUnavailable):
        after_failure(StorageUnavailable(where="here", problem="away"), FRESH)


def test_waits_double_up_to_the_longest() -> None:
    retry = Retry(attempts=50, first=1.0, longest=8.0)
    waits, tries = [], Tries()
    for _ in range(6):
        again = after_reply(said(500), replace(FRESH, tries=tries, retry=retry, chance=0.0))
        assert isinstance(again, Again)
        waits.append(again.after)
        tries = again.tries
    assert waits == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]


@given(chance=some.floats(0, 1, exclude_max=True), failures=some.integers(0, 10_000))
def test_a_wait_is_never_longer_than_the_longest(chance: float, failures: int) -> None:
    situation = replace(NOBODY, tries=Tries(failures, 0.0), chance=chance)
    again = after_reply(said(503), situation)
    assert isinstance(again, Again)
    assert Retry().first / 2 <= again.after <= Retry().longest


def test_an_engine_that_names_a_time_is_heeded_within_reason() -> None:
    again = after_reply(said(429, retry_after=20.0), FRESH)
    assert isinstance(again, Again)
    assert again.after == 20.0
    later = after_reply(said(429, retry_after=1e9), FRESH)
    assert isinstance(later, Again)
    assert later.after == ASKED_AT_MOST


OUT = Again(0.5, Tries(), Blame.SEAT)
BUSY = Again(0.5, Tries(), Blame.LOAD)


def test_a_seat_out_of_reach_is_left_alone_for_longer_each_time() -> None:
    trouble, pauses, now = None, [], 0.0
    for _ in range(6):
        trouble = troubled(trouble, OUT, sent_at=now, now=now, chance=0.99)
        pauses.append(trouble.until - now)
        now = trouble.until
    assert pauses == sorted(pauses)
    assert pauses[0] <= 0.5
    assert LONGEST_PAUSE / 2 < pauses[-1] <= LONGEST_PAUSE


def test_a_wave_of_failures_is_one() -> None:
    first = troubled(None, OUT, sent_at=0.0, now=1.0, chance=0.0)
    for _ in range(256):
        again = troubled(first, OUT, sent_at=0.5, now=1.1, chance=0.0)
        assert again == first


def test_one_refusal_for_load_is_no_pause_and_one_that_follows_is() -> None:
    first = troubled(None, BUSY, sent_at=0.0, now=1.0, chance=0.0)
    assert first == Trouble(BatchReason.ENGINE_BUSY, 0, 1.0)
    assert troubled(first, BUSY, sent_at=1.5, now=2.0, chance=0.0).until > 2.0


def test_a_seat_that_names_a_time_is_left_alone_so_long() -> None:
    asked = replace(BUSY, asked=30.0)
    assert troubled(None, asked, sent_at=0.0, now=1.0, chance=0.0).until == 31.0
