"""The event log, followed.

A subscription's context is renewed before each event: what an event's nodes show is of that moment,
and nothing that was loaded outlives the event.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import fields

import strawberry

from domain import events as facts
from domain.deployments.deployment import FINAL, Deployment
from domain.deployments.facts import DeploymentDeleted, ReplicaExited
from domain.deployments.replica import Replica
from domain.errors import NotFound
from domain.events import FACTS, Cursor, Fact, Scope, SubjectKind
from domain.work import EventLog
from resolvers.batch_subscriptions import After, BatchSubscriptions
from resolvers.context import Context, Info
from resolvers.events import known, scope, told
from resolvers.following import rest, until
from resolvers.inputs import own_id
from schema import versions
from schema.deployments import ModelDeployment
from schema.event_kinds import Event
from schema.events import EventFilter
from schema.replicas import DEFAULT_TAIL, ModelReplica, ReplicaLogLine, Tail

STATUS_FACTS = frozenset({"DeploymentStatusChanged", "DeploymentDeleted"})
REPLICA_FACTS = frozenset(
    {name for name, fact in FACTS.items() if any(f.name == "replica_id" for f in fields(fact))}
    | {"DeploymentDeleted"}
)


@versions.type(added="0.1.0")
class Subscription(BatchSubscriptions):
    """What can be followed. Errors come as a result with errors; then the stream ends."""

    @versions.method(subscription=True)
    async def events(
        self, info: Info, filter: EventFilter | None = None, after: After = None
    ) -> AsyncIterator[Event]:
        """The project's events, each once and in order."""
        wanted = scope(info, filter)
        start = None if after is None else Cursor.decode(after)
        async with aclosing(info.context.services.log.follow(start, wanted)) as followed:
            async for event in followed:
                info.context.renew()
                yield told(info, event)

    @versions.method(subscription=True)
    async def deployment_events(
        self, info: Info, deployment_id: strawberry.ID, after: After = None
    ) -> AsyncIterator[Event]:
        """All that happens to a deployment, its revisions, rollouts and replicas; ends after
        DeploymentDeleted."""
        head = await info.context.services.log.head()
        deployment = await _deployment(info.context, deployment_id)
        start = head if after is None else Cursor.decode(after)
        log = info.context.services.log
        async with aclosing(_of_deployment(log, deployment, start, known(info))) as followed:
            async for event in followed:
                info.context.renew()
                yield told(info, event)

    @versions.method(subscription=True)
    async def deployment_status_changed(
        self, info: Info, deployment_id: strawberry.ID
    ) -> AsyncIterator[ModelDeployment]:
        """The deployment as it is, then after each change of its status or reason, until it is gone.

        States that follow each other quickly may come as one.
        """
        log = info.context.services.log
        head = await log.head()
        deployment = await _deployment(info.context, deployment_id)
        yield ModelDeployment.of(deployment)
        changes = _of_deployment(log, deployment, head, STATUS_FACTS)
        async with aclosing(changes) as followed:
            async for _ in followed:
                info.context.renew()
                known, deployment = deployment, await _deployment(info.context, deployment_id)
                if _stand(known) != _stand(deployment):
                    yield ModelDeployment.of(deployment)

    @versions.method(subscription=True)
    async def replica_status_changed(
        self, info: Info, deployment_id: strawberry.ID
    ) -> AsyncIterator[ModelReplica]:
        """Each replica that has not exited as it is, then each one that changes its status or reason,
        until the deployment is gone.

        States that follow each other quickly may come as one.
        """
        log = info.context.services.log
        head = await log.head()
        deployment = await _deployment(info.context, deployment_id)
        known: dict[str, object] = {}
        for replica in await info.context.loads.present(deployment.id):
            known[replica.id] = _stand(replica)
            yield ModelReplica.of(replica)
        changes = _of_deployment(log, deployment, head, REPLICA_FACTS)
        async with aclosing(changes) as followed:
            async for event in followed:
                info.context.renew()
                changed = await _replica(info.context, event.fact)
                if changed is not None and known.get(changed.id) != _stand(changed):
                    known[changed.id] = _stand(changed)
                    yield ModelReplica.of(changed)
                if isinstance(event.fact, ReplicaExited):
                    known.pop(event.fact.replica_id, None)

    @versions.method(subscription=True)
    async def replica_logs(
        self, info: Info, replica_id: strawberry.ID, tail: Tail = DEFAULT_TAIL
    ) -> AsyncIterator[ReplicaLogLine]:
        """The replica's last lines, then each line as it is written, until the replica is gone."""
        own = own_id("ModelReplica", replica_id, "replica_id")
        lines = info.context.services.replicas.follow(info.context.caller, own, tail)
        async with aclosing(lines) as followed:
            async for line in followed:
                yield ReplicaLogLine(text=line)


async def _deployment(context: Context, id: str) -> Deployment:
    own = own_id("ModelDeployment", id, "deployment_id")
    found = await context.loads.deployment(own)
    if found is None:
        raise NotFound(kind="model deployment", id=own, path=("deployment_id",))
    return found


async def _replica(context: Context, fact: Fact) -> Replica | None:
    """The replica that the fact is about, as it is now."""
    own = getattr(fact, "replica_id", None)
    return None if own is None else await context.loads.replica(own)


def _stand(value: Deployment | Replica) -> object:
    """What a change of status shows in."""
    return value.status, value.status_since, value.reason


def _of_deployment(
    log: EventLog, deployment: Deployment, start: Cursor, types: frozenset[str] | None = None
) -> AsyncGenerator[facts.Event, None]:
    """The deployment's events behind the cursor, up to its deletion.

    The cursor was read before the deployment: if this is not yet deleted, that event lies ahead.
    """
    subject = (SubjectKind.DEPLOYMENT, deployment.id)
    wanted = Scope(project_id=deployment.project_id, subject=subject, types=types)
    if deployment.status in FINAL:
        return rest(log, start, wanted)
    return until(log, start, wanted, lambda event: isinstance(event.fact, DeploymentDeleted))
