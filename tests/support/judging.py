"""The invariants of a deployment's plan, said once more and without its code: a judge for `World`."""

from dataclasses import replace
from math import ceil, floor

from domain.deployments import deployment as deployments
from domain.deployments import replica as replicas
from domain.deployments import rollout as rollouts
from domain.deployments.deployment import DeploymentStatus
from domain.deployments.plan import decide
from domain.deployments.ports import Sight
from domain.deployments.reason import Reason
from domain.deployments.replica import Replica, ReplicaStatus
from domain.deployments.rollout import Rollout, RolloutStatus
from domain.deployments.situation import Decision, Situation, Start, Stop
from domain.deployments.strategy import BlueGreen, Canary, Rolling, Strategy
from tests.support.world import World

S = ReplicaStatus
GONE = frozenset({Sight.ABSENT, Sight.EXITED})


def judge(world: World, situation: Situation, decision: Decision) -> None:
    after = {r.id: r for r in situation.replicas} | {r.id: r for r in decision.replicas}
    _statuses_follow_their_tables(situation, decision)
    _serving_replicas_stay(world, situation, decision, after)
    _never_too_many(world, situation, decision, after)
    _acts_are_on_committed_rows(decision, after)
    _what_serves_is_drained(situation, decision, world)
    _one_replacement_at_a_time(after)
    _back_off_is_waited_for(situation, decision)
    _ready_means_reached(situation, decision, after)
    _what_nobody_saw_is_left_alone(situation, decision)
    _nothing_comes_beside_what_bears_nothing(world, situation, decision)
    _again_changes_nothing(world, situation, decision, after)


def counts(strategy: Strategy, desired: int, step: int | None) -> tuple[int, int]:
    """Surge and unavailable, as the issue words them."""
    if isinstance(strategy, BlueGreen):
        return desired, 0
    if isinstance(strategy, Canary):
        if step is None or step >= len(strategy.steps):
            return desired, 0
        return max(1, ceil(strategy.steps[step].weight / 100 * desired)), 0
    surge = _amount(strategy, "max_surge", desired)
    unavailable = _amount(strategy, "max_unavailable", desired)
    return surge, unavailable if surge or unavailable else 1


def _amount(strategy: Rolling, name: str, desired: int) -> int:
    said = getattr(strategy, name)
    if isinstance(said, int):
        return said
    share = int(said.rstrip("%")) * desired / 100
    return ceil(share) if name == "max_surge" else floor(share)


def _statuses_follow_their_tables(situation: Situation, decision: Decision) -> None:
    before = {r.id: r.status for r in situation.replicas}
    for replica in decision.replicas:
        was = before.get(replica.id, S.STARTING)
        assert replica.status is was or replica.status in replicas.TRANSITIONS[was], (was, replica)
    old, new = situation.deployment.status, decision.deployment.status
    assert new is old or new in deployments.TRANSITIONS[old], (old, new)
    if situation.rollout is None:
        assert decision.rollout is None
        return
    assert decision.rollout is not None
    went, goes = situation.rollout.status, decision.rollout.status
    assert goes is went or goes in rollouts.TRANSITIONS[went], (went, goes)
    assert (decision.rollout.finished_at is None) == decision.rollout.is_live


def _serving_now(situation: Situation) -> list[Replica]:
    """Those that serve when the plan looks: what it decides may not take them."""
    serving = []
    for replica in situation.replicas:
        seen = situation.observed.get(replica.id)
        sight = seen.sight if seen else Sight.RUNNING
        if replica.status is S.HEALTHY and sight not in GONE | {Sight.FAILING}:
            serving.append(replica)
        if replica.status in (S.STARTING, S.UNHEALTHY) and sight is Sight.HEALTHY:
            serving.append(replica)
    return serving


def _limits(
    world: World, situation: Situation, decision: Decision, rollout: Rollout | None
) -> tuple[int, int]:
    desired = situation.deployment.desired_replicas
    if _bears_nothing_beside(world, situation, decision):
        return 0, desired
    if rollout is not None and rollout.is_live:
        return counts(rollout.strategy, desired, rollout.step)
    return counts(situation.deployment.strategy, desired, None)


def _bears_nothing_beside(world: World, situation: Situation, decision: Decision) -> bool:
    gone = {r.id for r in decision.replicas if r.status is S.EXITED}
    revisions = {r.revision_id for r in situation.replicas if r.id not in gone}
    revisions.add(situation.deployment.active_revision_id or "")
    revisions.add(situation.rollout.revision_id if situation.rollout else "")
    return bool(revisions & world.in_place)


def _serving_replicas_stay(
    world: World, situation: Situation, decision: Decision, after: dict[str, Replica]
) -> None:
    aims = decision.deployment.active_revision_id or (decision.rollout and decision.rollout.is_live)
    if situation.deployment.deleted_at or not aims:
        return
    serving = _serving_now(situation)
    left = sum(after[r.id].status is S.HEALTHY for r in serving)
    desired = situation.deployment.desired_replicas
    least = [
        desired - _limits(world, situation, decision, rollout)[1]
        for rollout in (situation.rollout, decision.rollout)
    ]
    assert left >= min(len(serving), *least), (left, len(serving), least)
    lone = desired == 1 and _limits(world, situation, decision, situation.rollout)[0] == 0
    if desired and serving and not lone and not _bears_nothing_beside(world, situation, decision):
        assert left, "the last healthy one was taken"
    _what_serves_is_sent_requests(situation, decision, after, min(least))


def _what_serves_is_sent_requests(
    situation: Situation, decision: Decision, after: dict[str, Replica], least: int
) -> None:
    """A replica without any share of the requests serves nobody, as if it had been taken. Shares in
    percent are moved on purpose: a canary that is given up gets nothing at once."""
    before = {g.id: g.weight for g in situation.groups}
    then = before | {g.id: g.weight for g in decision.groups}
    arriving = decision.rollout.revision_id if decision.rollout and decision.rollout.is_live else ""
    candidates = _serving_now(situation)
    sharing = [
        r for r in candidates if before.get(r.group_id) is None and r.revision_id != arriving
    ]
    healthy = [r for r in candidates if after[r.id].status is S.HEALTHY]
    weighed = [r for r in healthy if then[r.group_id] != 0]
    # gateways send to what has no weight where nothing has one, but not to what is to come
    left = weighed or [r for r in healthy if r.revision_id != arriving]
    assert len(left) >= min(len(sharing), least), (len(left), len(sharing), least)


def _never_too_many(
    world: World, situation: Situation, decision: Decision, after: dict[str, Replica]
) -> None:
    before = sum(r.is_staying for r in situation.replicas)
    staying = sum(r.is_staying for r in after.values())
    desired = situation.deployment.desired_replicas
    most = max(
        desired + _limits(world, situation, decision, rollout)[0]
        for rollout in (situation.rollout, decision.rollout)
    )
    assert staying <= max(before, most), (before, staying, most)
    if len(after) > len(situation.replicas):
        assert staying <= most, (staying, most)


def _acts_are_on_committed_rows(decision: Decision, after: dict[str, Replica]) -> None:
    for action in decision.actions:
        wanted = {Start: S.STARTING, Stop: S.STOPPING}[type(action)]
        assert after[action.replica_id].status is wanted
    new = [r for r in decision.replicas if r.created_at == r.status_since and not r.placement]
    started = {a.replica_id for a in decision.actions if isinstance(a, Start)}
    assert all(r.id in started for r in new if r.status is S.STARTING and r.id not in after)


def _what_serves_is_drained(situation: Situation, decision: Decision, world: World) -> None:
    before = {r.id: r for r in situation.replicas}
    for replica in decision.replicas:
        was = before.get(replica.id)
        if was is None or replica.status is not S.STOPPING or was.status is S.STOPPING:
            continue
        assert was.status in (S.STARTING, S.DRAINING), (was, replica)
        if was.status is S.DRAINING:
            waited = world.now - was.status_since >= situation.patience.drain
            assert replica.id in situation.unused or waited


def _one_replacement_at_a_time(after: dict[str, Replica]) -> None:
    under_way = [
        r
        for r in after.values()
        if r.status in (S.DRAINING, S.STOPPING)
        and r.reason is Reason.HEALTH_CHECK_FAILED
        and r.first_healthy_at
    ]
    assert len(under_way) <= 1, under_way


def _back_off_is_waited_for(situation: Situation, decision: Decision) -> None:
    known = {r.id for r in situation.replicas}
    groups = {g.id: g for g in situation.groups} | {g.id: g for g in decision.groups}
    for replica in decision.replicas:
        if replica.id not in known:
            assert groups[replica.group_id].retry_at is None


def _ready_means_reached(
    situation: Situation, decision: Decision, after: dict[str, Replica]
) -> None:
    deployment = decision.deployment
    if deployment.status is DeploymentStatus.READY:
        assert decision.rollout is None or not decision.rollout.is_live
        healthy = [
            r
            for r in after.values()
            if r.status is S.HEALTHY and r.revision_id == deployment.active_revision_id
        ]
        assert len(healthy) >= deployment.desired_replicas
        if situation.deployment.status is not DeploymentStatus.READY:
            reached = [r for r in healthy if r.id in situation.known]
            assert len(reached) >= deployment.desired_replicas
    if decision.rollout and decision.rollout.status is RolloutStatus.SUCCEEDED:
        assert deployment.active_revision_id == decision.rollout.revision_id
    elif deployment.active_revision_id != situation.deployment.active_revision_id:
        raise AssertionError("another revision became the active one without a rollout")


def _what_nobody_saw_is_left_alone(situation: Situation, decision: Decision) -> None:
    unseen = {r.id for r in situation.replicas} - set(situation.observed)
    assert not unseen & {r.id for r in decision.replicas}


def _nothing_comes_beside_what_bears_nothing(
    world: World, situation: Situation, decision: Decision
) -> None:
    before = {r.id for r in situation.replicas}
    new = [r for r in decision.replicas if r.id not in before]
    gone = {r.id for r in decision.replicas if r.status is S.EXITED}
    present = [r for r in situation.replicas if r.id not in gone]
    if new and world.in_place & {r.revision_id for r in [*new, *present]}:
        assert len(new) + len(present) == 1, (new, present)


def _again_changes_nothing(
    world: World, situation: Situation, decision: Decision, after: dict[str, Replica]
) -> None:
    groups = {g.id: g for g in situation.groups} | {g.id: g for g in decision.groups}
    rollout = decision.rollout if decision.rollout and decision.rollout.is_live else None
    result = replace(
        situation,
        deployment=decision.deployment,
        rollout=rollout,
        groups=tuple(groups.values()),
        replicas=tuple(r for r in after.values() if r.status is not S.EXITED),
    )
    again = decide(result, world.now, world.new_id)
    assert again.deployment == decision.deployment
    assert again.rollout == rollout
    assert (again.groups, again.replicas, again.facts) == ((), (), ())
    assert set(again.actions) <= set(decision.actions)
