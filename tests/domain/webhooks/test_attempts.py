from datetime import timedelta

import pytest

from domain.webhooks import attempts
from domain.webhooks.attempts import ATTEMPTS, Outcome, after, pause
from domain.webhooks.webhook import DeliveryStatus
from tests.support.batches import a_delivery, a_webhook
from tests.support.builders import NOON, a_project

HOOK = a_webhook(a_project())
LATER = NOON + timedelta(hours=1)


@pytest.mark.parametrize("code", [200, 202, 204])
def test_any_2xx_is_a_delivery(code: int) -> None:
    done = after(a_delivery(HOOK, attempts=3, message="before"), Outcome(code=code), LATER, 0.5)
    assert done.status is DeliveryStatus.DELIVERED
    assert (done.finished_at, done.last_code, done.message) == (LATER, code, "")


@pytest.mark.parametrize("code", [301, 400, 404, 429, 500, 503])
def test_any_other_answer_is_tried_again(code: int) -> None:
    told = after(a_delivery(HOOK, attempts=1), Outcome(code=code), LATER, 0.5)
    assert told.status is DeliveryStatus.PENDING
    assert told.due_at == LATER + timedelta(seconds=5)
    assert told.last_code == code
    assert str(code) in told.message


def test_no_answer_is_tried_again_and_says_why() -> None:
    told = after(a_delivery(HOOK, attempts=1), Outcome(problem="x" * 2_000), LATER, 0.5)
    assert told.status is DeliveryStatus.PENDING
    assert (told.last_code, told.message) == (None, "x" * attempts.MESSAGE_LIMIT)


def test_an_endpoint_that_is_gone_is_asked_once() -> None:
    told = after(a_delivery(HOOK, attempts=1), Outcome(code=410), LATER, 0.5)
    assert (told.status, told.finished_at) == (DeliveryStatus.GIVEN_UP, LATER)


def test_the_last_attempt_is_the_last() -> None:
    told = after(a_delivery(HOOK, attempts=ATTEMPTS - 1), Outcome(code=500), LATER, 0.5)
    assert told.status is DeliveryStatus.PENDING
    told = after(a_delivery(HOOK, attempts=ATTEMPTS), Outcome(code=500), LATER, 0.5)
    assert (told.status, told.finished_at) == (DeliveryStatus.GIVEN_UP, LATER)


def test_pauses_grow_up_to_a_limit_and_reach_over_three_days() -> None:
    pauses = [pause(count, 0.5) for count in range(1, ATTEMPTS)]
    assert pauses == sorted(pauses)
    assert max(pauses) == attempts.LONGEST
    assert timedelta(days=2.8) < sum(pauses, timedelta()) < timedelta(days=3.2)


def test_chance_keeps_many_from_coming_back_at_once() -> None:
    assert pause(4, 0.0) < pause(4, 0.5) < pause(4, 1.0)
    assert pause(4, 1.0) < pause(5, 0.0)
