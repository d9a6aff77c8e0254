"""The event log, followed.

A subscription's context is renewed before each event: what an event's nodes show is of that moment,
and nothing that was loaded outlives the event.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, TypeVar

import strawberry

from domain import events as facts
from domain.deployments.deployment import FINAL, Deployment
from domain.errors import NotFound
from domain.events import Cursor, DeploymentDeleted, Scope, SubjectKind
from resolvers.context import Context, Info
from resolvers.events import scope
from resolvers.inputs import own_id
from schema import versions
from schema.deployments import ModelDeployment
from schema.event_types import Event
from schema.events import EventFilter, shown

T = TypeVar("T")
After = Annotated[
    str | None, versions.argument("The cursor of the event to go on behind; else starts now.")
]
BATCH = 100
STATUS_FACTS = frozenset({"DeploymentStatusChanged", "DeploymentDeleted"})


@versions.type(added="0.1.0")
class Subscription:
    """What can be followed. Errors come as a result with errors; then the stream ends."""

    @versions.method(subscription=True)
    async def events(
        self, info: Info, filter: EventFilter | None = None, after: After = None
    ) -> AsyncIterator[Event]:
        """The project's events, each once and in order."""
        wanted = scope(info.context.caller, filter)
        start = None if after is None else Cursor.decode(after)
        async with _closed(info.context.services.log.follow(start, wanted)) as followed:
            async for event in followed:
                yield _shown(info.context, event)

    @versions.method(subscription=True)
    async def deployment_events(
        self, info: Info, deployment_id: strawberry.ID, after: After = None
    ) -> AsyncIterator[Event]:
        """A deployment's events, and its revisions'; ends after DeploymentDeleted."""
        head = await info.context.services.log.head()
        deployment = await _deployment(info.context, deployment_id)
        start = head if after is None else Cursor.decode(after)
        async with _closed(_of_deployment(info.context, deployment, start)) as followed:
            async for event in followed:
                yield _shown(info.context, event)

    @versions.method(subscription=True)
    async def deployment_status_changed(
        self, info: Info, deployment_id: strawberry.ID
    ) -> AsyncIterator[ModelDeployment]:
        """The deployment as it is, then after each change of its status, until it is gone.

        States that follow each other quickly may come as one.
        """
        head = await info.context.services.log.head()
        deployment = await _deployment(info.context, deployment_id)
        yield ModelDeployment.of(deployment)
        changes = _of_deployment(info.context, deployment, head, STATUS_FACTS)
        async with _closed(changes) as followed:
            async for _ in followed:
                info.context.renew()
                known, deployment = deployment, await _deployment(info.context, deployment_id)
                if (known.status, known.status_since) != (
                    deployment.status,
                    deployment.status_since,
                ):
                    yield ModelDeployment.of(deployment)


async def _deployment(context: Context, id: str) -> Deployment:
    own = own_id("ModelDeployment", id, "deployment_id")
    found = await context.loads.deployment(own)
    if found is None:
        raise NotFound(kind="model deployment", id=own, path=("deployment_id",))
    return found


async def _of_deployment(
    context: Context, deployment: Deployment, start: Cursor, types: frozenset[str] | None = None
) -> AsyncIterator[facts.Event]:
    """The deployment's events behind the cursor, up to its deletion.

    The cursor was read before the deployment: if this is not yet deleted, that event lies ahead.
    """
    subject = (SubjectKind.DEPLOYMENT, deployment.id)
    wanted = Scope(project_id=deployment.project_id, subject=subject, types=types)
    log = context.services.log
    if deployment.status in FINAL:
        async for event in _rest(context, start, wanted):
            yield event
        return
    async with _closed(log.follow(start, wanted)) as followed:
        async for event in followed:
            yield event
            if isinstance(event.fact, DeploymentDeleted):
                return


async def _rest(context: Context, start: Cursor, wanted: Scope) -> AsyncIterator[facts.Event]:
    """What a log that gets no more of the scope still holds."""
    log = context.services.log
    while found := await log.read(start, BATCH, wanted):
        for event in found:
            yield event
        start = Cursor.decode(log.cursor(found[-1]))


@asynccontextmanager
async def _closed(stream: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Close the stream when its reader leaves: `async for` alone leaves that to chance."""
    try:
        yield stream
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()


def _shown(context: Context, event: facts.Event) -> Event:
    context.renew()
    return shown(event, context.services.log.cursor(event))
