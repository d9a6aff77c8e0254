"""When a wait is over, and how: decided from what the API shows."""

from typing import Any

import pytest

from infra.commands.outcome import Outcome, Seen, gone, ready
from infra.commands.progress import awaited, sentence
from infra.commands.strategy import Asked, Kind, said
from infra.commands.waiting import after, present
from tests.support.answers import a_deployment, a_group, a_rollout, an_event

TWO = a_deployment(desiredReplicas=2)
BROKEN = a_deployment(status="DEGRADED", activeRevision=None, replicaGroups=[a_group(healthy=0)])


@pytest.mark.parametrize(
    ("deployment", "rollout", "ending"),
    [
        (a_deployment(), None, Outcome.READY),
        (a_deployment(status="DEPLOYING"), None, None),
        (a_deployment(status="DEGRADED"), None, None),
        (TWO, None, None),
        (a_deployment(rollout=a_rollout(2)), None, None),
        (a_deployment(), "RUNNING", None),
        (a_deployment(), "PAUSED", None),
        (a_deployment(), "SUCCEEDED", Outcome.READY),
        (a_deployment(status="DEPLOYING"), "SUCCEEDED", None),
        (a_deployment(rollout=a_rollout(3)), "SUCCEEDED", Outcome.READY),
        (a_deployment(), "FAILED", Outcome.FAILED),
        (a_deployment(), "ABORTED", Outcome.ABORTED),
        (a_deployment(rollout=a_rollout(3)), "REPLACED", Outcome.REPLACED),
        (a_deployment(status="STOPPING"), "RUNNING", Outcome.DELETED),
        (None, None, Outcome.DELETED),
        (BROKEN, None, Outcome.FAILED),
        (a_deployment(status="PENDING", activeRevision=None), None, Outcome.NOTHING_ACTIVE),
    ],
)
def test_a_wait_for_readiness_ends_as_the_rollout_and_the_deployment_say(
    deployment: Any, rollout: str | None, ending: Outcome | None
) -> None:
    assert ready(Seen(deployment=deployment, rollout_status=rollout)) is ending


@pytest.mark.parametrize(
    ("status", "ending"), [("READY", None), ("STOPPING", None), ("STOPPED", Outcome.DELETED)]
)
def test_a_wait_for_the_end_ends_when_nothing_is_left(status: str, ending: Any) -> None:
    assert gone(Seen(deployment=a_deployment(status=status))) is ending


def test_another_rollouts_end_is_not_this_ones() -> None:
    seen = present(a_deployment(), a_rollout(1))
    other = an_event("RolloutFailed", 1, rolloutId="rollout-2", deployment=a_deployment())
    assert after(seen, other).rollout_status == "RUNNING"
    own = an_event("RolloutAborted", 2, rolloutId="rollout-1", deployment=a_deployment())
    assert after(seen, own).rollout_status == "ABORTED"


def test_a_rollout_that_failed_before_anybody_looked_still_says_why() -> None:
    deployment = a_deployment(replicaGroups=[a_group(2, healthy=0, logTail=["boom"])])
    over = a_rollout(2, status="FAILED", statusReason="TOO_MANY_EXITS", statusMessage="5 exits.")
    seen = present(deployment, over)
    assert (seen.reason, seen.message, seen.log_tail) == ("TOO_MANY_EXITS", "5 exits.", ("boom",))


def test_who_waits_is_told_what_the_rollout_waits_for() -> None:
    blue_green = {"__typename": "BlueGreenStrategy", "autoPromote": False, "promoteDelay": "PT0S"}
    paused = a_deployment(rollout=a_rollout(status="PAUSED"))
    waiting = a_deployment(
        rollout=a_rollout(strategy=blue_green), statusReason="AWAITING_PROMOTION"
    )
    delayed = a_deployment(
        rollout=a_rollout(strategy={**blue_green, "autoPromote": True}),
        statusReason="AWAITING_PROMOTION",
    )
    assert "rollout resume chat" in str(awaited(paused))
    assert "rollout promote chat" in str(awaited(waiting))
    assert awaited(delayed) is awaited(a_deployment(rollout=a_rollout())) is None


def test_a_state_is_one_sentence() -> None:
    rolling = a_deployment(status="DEPLOYING", rollout=a_rollout(2, weight=25, desiredReplicas=4))
    groups = {"replicaGroups": [a_group(1), a_group(2, healthy=3)]}
    assert sentence({**rolling, **groups}) == (
        "chat: DEPLOYING, revision 2: 3/4 healthy, 25% of the requests"
    )
    assert sentence(a_deployment(activeRevision=None)) == "chat: READY: 0/1 healthy"


@pytest.mark.parametrize(
    ("asked", "strategy"),
    [
        (Asked(), None),
        (Asked(kind=Kind.ROLLING), {"rolling": {}}),
        (Asked(max_surge="1", max_unavailable="25%"),
         {"rolling": {"maxSurge": 1, "maxUnavailable": "25%"}}),
        (Asked(auto_promote=False, promote_delay=0.0),
         {"blueGreen": {"autoPromote": False, "promoteDelay": 0.0}}),
        (Asked(steps=["5", "50%:90s"]),
         {"canary": {"steps": [{"weight": 5}, {"weight": 50, "pause": 90.0}]}}),
    ],
)  # fmt: skip
def test_a_strategy_is_what_its_options_say(asked: Asked, strategy: Any) -> None:
    assert said(asked) == strategy
