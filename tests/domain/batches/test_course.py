from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.access.access import Project
from domain.batches.batch import (
    CANCELLABLE,
    TRANSITIONS,
    Batch,
    BatchReason,
    BatchStatus,
    InputError,
    Place,
    TargetKind,
    Terms,
)
from domain.batches.tending import course, finalise
from domain.batches.tending.course import (
    Close,
    End,
    Finalise,
    Provide,
    Situation,
    TearDown,
    Validate,
    Wait,
)
from domain.errors import TransitionRefused
from tests.support.batches import ECHO, a_batch, a_running_batch
from tests.support.builders import NOON

S, R = BatchStatus, BatchReason
PROJECT = Project(id="p", name="p", created_at=NOON)
IDLE, BUSY = Situation(0), Situation(1)
OWN = Place(target=TargetKind.DEDICATED, why="It was asked for.")
LATER = NOON + timedelta(seconds=10)
REFUSED = (InputError(code="empty_file", message="Nothing."),)


def running(**said: object) -> Batch:
    return a_running_batch(PROJECT, **said)


def draining(status: BatchStatus = S.IN_PROGRESS, **said: object) -> Batch:
    own: dict[str, object] = {"ending": S.EXPIRED, "drain_until": NOON + timedelta(seconds=60)}
    return running(status=status, **{**own, **said})


@pytest.mark.parametrize(
    ("batch", "situation", "step"),
    [
        (a_batch(PROJECT), IDLE, Validate()),
        (a_batch(PROJECT, expires_at=NOON), IDLE, Validate()),
        (a_batch(PROJECT, status=S.CANCELLING, ending=S.CANCELLED), IDLE, Validate()),
        (running(), BUSY, Wait(NOON + timedelta(days=1))),
        (running(paused_at=NOON), IDLE, Wait(NOON + timedelta(days=1))),
        (running(paused_at=NOON, expires_at=LATER), IDLE, End(S.EXPIRED)),
        (running(completed=9, failed=1), IDLE, Close()),
        (running(completed=9, failed=1, expires_at=NOON), IDLE, Close()),
        (running(place=OWN), IDLE, Provide()),
        (running(place=OWN, paused_at=NOON), IDLE, Wait(NOON + timedelta(days=1))),
        (running(place=OWN, expires_at=NOON), IDLE, End(S.EXPIRED)),
        (running(place=OWN, completed=1), IDLE, Wait(NOON + timedelta(days=1))),
        (draining(), BUSY, Wait(LATER + course.DRAIN_LOOK)),
        (
            draining(drain_until=LATER + timedelta(seconds=1)),
            BUSY,
            Wait(LATER + timedelta(seconds=1)),
        ),
        (draining(), IDLE, Close()),
        (draining(drain_until=LATER), BUSY, Close()),
        (draining(S.CANCELLING), BUSY, Wait(LATER + course.DRAIN_LOOK)),
        (draining(S.CANCELLING), IDLE, Finalise()),
        (draining(S.CANCELLING, drain_until=None), BUSY, Finalise()),
        (running(status=S.FINALIZING), BUSY, Finalise()),
        *((running(status=status), IDLE, TearDown()) for status in (S.COMPLETED, S.FAILED)),
        *((running(status=status), IDLE, TearDown()) for status in (S.EXPIRED, S.CANCELLED)),
    ],
)
def test_each_batch_has_a_next_step(batch: Batch, situation: Situation, step: course.Step) -> None:
    assert course.step(batch, situation, LATER) == step


def test_an_input_that_is_gone_ends_the_batch() -> None:
    gone = running(reason=R.INPUT_UNAVAILABLE, message="It is gone.")
    end = course.step(gone, IDLE, NOON)
    assert isinstance(end, End)
    ended = course.closed(course.ended(gone, end, NOON), NOON)
    assert finalise.reason_undone(ended) == ("input_unavailable", "It is gone.")
    assert finalise.outcome(ended) is S.COMPLETED


def test_a_deployment_that_never_came_ends_the_batch_with_the_reason() -> None:
    ended = course.ended(running(place=OWN), course.never_ready("no GPU"), NOON)
    assert (ended.status, ended.ending) == (S.IN_PROGRESS, S.COMPLETED)
    assert [(error.code, error.message) for error in ended.errors] == [
        ("deployment_not_ready", "no GPU")
    ]
    closed = course.closed(ended, NOON)
    assert (closed.reason, closed.message) == (R.DEPLOYMENT_NOT_READY, "no GPU")
    assert finalise.reason_undone(closed) == ("inference_unreachable", "no GPU")
    over = finalise.finished(closed, 0, None, None, NOON)
    assert (over.status, over.failed, over.reason) == (S.COMPLETED, 10, R.DEPLOYMENT_NOT_READY)


@pytest.mark.parametrize(("timeout", "drain"), [(5.0, 5), (600.0, 60)])
def test_a_drain_lasts_as_long_as_a_request_but_a_minute_at_most(
    timeout: float, drain: int
) -> None:
    batch = running(terms=Terms(request_timeout=timeout))
    ended = course.ended(batch, End(S.EXPIRED), NOON)
    assert ended.drain_until == NOON + timedelta(seconds=drain)


def test_a_batch_waits_for_what_it_lacks() -> None:
    def reason(place: Place, **said: object) -> BatchReason | None:
        return course.accepted(a_batch(PROJECT, **said), 3, "m", "index", place, NOON).reason

    assert reason(ECHO) is R.QUEUED
    assert reason(OWN) is R.PROVISIONING
    assert reason(OWN, paused_at=NOON) is R.PAUSED
    assert reason(ECHO, expires_at=NOON) is R.DRAINING


def test_no_status_is_left_but_for_those_it_may_become() -> None:
    with pytest.raises(TransitionRefused):
        course.moved(running(), S.COMPLETED, NOON)


EVENTS = [
    "cancel",
    "pause",
    "resume",
    "work",
    "fail",
    "busy",
    "idle",
    "invalid",
    "hopeless",
    "ready",
]
happenings = st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 30)), max_size=40)


@settings(max_examples=300)
@given(happenings, st.booleans(), st.integers(1, 200))
def test_whatever_happens_it_ends_and_its_accounts_sum(
    events: list[tuple[str, int]], dedicated: bool, window: int
) -> None:
    world = World(OWN if dedicated else ECHO, NOON + timedelta(seconds=window))
    for event, seconds in events:
        world.now += timedelta(seconds=seconds)
        world.happens(event)
        world.look()
    world.now = max(world.now, world.batch.expires_at)
    for _ in range(20):
        world.look()
        world.now += timedelta(seconds=6)
    over = world.batch
    assert over.is_final
    assert over.total == over.completed + over.failed
    assert over.total == (0 if world.refused else 10)
    stamps = [getattr(over, f"{s.value}_at", None) for s in world.path]
    assert all(stamps)


class World:
    """A batch, what happens to it, and what is done about it."""

    def __init__(self, place: Place, expires_at: datetime) -> None:
        self.batch = a_batch(PROJECT, expires_at=expires_at)
        self.place, self.now, self.working = place, NOON, 0
        self.is_valid, self.refused, self.hopeless = True, False, False
        self.path: list[BatchStatus] = []

    def happens(self, event: str) -> None:
        batch = self.batch
        goes_on = batch.status is S.IN_PROGRESS and batch.ending is None
        match event:
            case "cancel" if batch.status in CANCELLABLE:
                cut = self.now + timedelta(seconds=60)
                moved = course.moved(batch, S.CANCELLING, self.now)
                self._becomes(replace(moved, ending=S.CANCELLED, drain_until=cut))
            case "pause" if batch.status in CANCELLABLE:
                self.batch = replace(batch, paused_at=self.now)
            case "resume":
                self.batch = replace(batch, paused_at=None)
            case "work" if goes_on and batch.left:
                self.batch = replace(batch, completed=batch.completed + 1)
            case "fail" if goes_on and batch.left:
                self.batch = replace(batch, failed=batch.failed + 1)
            case "busy":
                self.working = 1
            case "idle":
                self.working = 0
            case "invalid":
                self.is_valid = False
            case "hopeless":
                self.hopeless = True

    def look(self) -> None:
        """At most as many steps as there are statuses, before it rests."""
        for _ in range(6):
            step = course.step(self.batch, Situation(self.working), self.now)
            if isinstance(step, Wait | TearDown):
                assert isinstance(step, TearDown) == self.batch.is_final
                assert not isinstance(step, Wait) or step.until > self.now
                return
            if isinstance(step, Provide) and not self.hopeless:
                return
            self._does(step)
        raise AssertionError("it does not come to rest")

    def _does(self, step: course.Step) -> None:
        batch, now = self.batch, self.now
        match step:
            case Validate() if self.is_valid:
                self._becomes(course.accepted(batch, 10, "m", "index", self.place, now))
            case Validate():
                self.refused = True
                self._becomes(course.refused(batch, REFUSED, R.INPUT_REFUSED, now))
            case Provide():
                self._becomes(course.ended(batch, course.never_ready("no"), now))
            case End() as end:
                self._becomes(course.ended(batch, end, now))
            case Close():
                self._becomes(course.closed(batch, now))
            case Finalise():
                self._becomes(finalise.finished(batch, batch.completed, None, None, now))

    def _becomes(self, batch: Batch) -> None:
        before, after = self.batch.status, batch.status
        if before is not after:
            assert after in TRANSITIONS[before]
            self.path.append(after)
        self.batch = batch
