"""Rollouts."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

import strawberry

from domain.access.access import Caller
from domain.deployments.rollouts import Activation, Outcome, RollBack
from resolvers.context import Info
from resolvers.errors import mending
from resolvers.inputs import own_id, own_id_or_none
from schema import versions
from schema.deployments import ModelDeployment
from schema.rollout_decisions import (
    AbortRolloutInput,
    AbortRolloutPayload,
    ActivateModelRevisionInput,
    ActivateModelRevisionPayload,
    PauseRolloutInput,
    PauseRolloutPayload,
    PromoteRolloutInput,
    PromoteRolloutPayload,
    ResumeRolloutInput,
    ResumeRolloutPayload,
    RollBackModelDeploymentInput,
    RollBackModelDeploymentPayload,
)
from schema.rollouts import Rollout

Decide: TypeAlias = Callable[[Caller, str, str, str | None], Awaitable[Outcome]]


@versions.type(added="0.1.0")
class RolloutQueries:
    @versions.field
    async def rollout(self, info: Info, id: strawberry.ID) -> Rollout | None:
        """A rollout by its id; null for an id of nothing that the caller sees."""
        own = own_id_or_none("Rollout", id)
        found = await info.context.loads.rollout(own) if own else None
        return None if found is None else Rollout.of(found)


@versions.type(added="0.1.0")
class RolloutMutations:
    @versions.field
    async def activate_model_revision(
        self, info: Info, input: ActivateModelRevisionInput
    ) -> ActivateModelRevisionPayload | None:
        """Begins a rollout to the revision, in the place of a live one."""
        payload = ActivateModelRevisionPayload()
        with mending(payload):
            said = Activation(
                revision_id=own_id("ModelRevision", input.revision_id, "revision_id"),
                progress_deadline=input.progress_deadline,
                note=input.note or "",
                expected_etag=input.expected_etag,
                idempotency_key=input.idempotency_key,
            )
            rollouts = info.context.services.rollouts
            _show(payload, await rollouts.activate(info.context.caller, said))
        return payload

    @versions.field
    async def roll_back_model_deployment(
        self, info: Info, input: RollBackModelDeploymentInput
    ) -> RollBackModelDeploymentPayload | None:
        """Begins a rollout to a revision that was active before, in the place of a live one."""
        payload = RollBackModelDeploymentPayload()
        with mending(payload):
            to = input.to_revision_id
            said = RollBack(
                deployment_id=own_id("ModelDeployment", input.deployment_id, "deployment_id"),
                to_revision_id=to and own_id("ModelRevision", to, "to_revision_id"),
                note=input.note or "",
                expected_etag=input.expected_etag,
                idempotency_key=input.idempotency_key,
            )
            rollouts = info.context.services.rollouts
            _show(payload, await rollouts.roll_back(info.context.caller, said))
        return payload

    @versions.field
    async def pause_rollout(
        self, info: Info, input: PauseRolloutInput
    ) -> PauseRolloutPayload | None:
        """Keeps the live rollout where it is; replicas that end are replaced, no more."""
        payload = PauseRolloutPayload()
        await _decide(info, input, payload, info.context.services.rollouts.pause)
        return payload

    @versions.field
    async def resume_rollout(
        self, info: Info, input: ResumeRolloutInput
    ) -> ResumeRolloutPayload | None:
        """Lets a paused rollout go on; at a canary's step that waits, to the next one."""
        payload = ResumeRolloutPayload()
        await _decide(info, input, payload, info.context.services.rollouts.resume)
        return payload

    @versions.field
    async def abort_rollout(
        self, info: Info, input: AbortRolloutInput
    ) -> AbortRolloutPayload | None:
        """Ends the live rollout, and goes back to the active revision."""
        payload = AbortRolloutPayload()
        await _decide(info, input, payload, info.context.services.rollouts.abort)
        return payload

    @versions.field
    async def promote_rollout(
        self, info: Info, input: PromoteRolloutInput
    ) -> PromoteRolloutPayload | None:
        """The go-ahead: a blue-green rollout switches, a canary skips the rest of its steps."""
        payload = PromoteRolloutPayload()
        await _decide(info, input, payload, info.context.services.rollouts.promote)
        return payload


class _Said(Protocol):
    deployment_id: strawberry.ID
    note: str | None
    expected_etag: str | None


_Payload: TypeAlias = (
    ActivateModelRevisionPayload
    | RollBackModelDeploymentPayload
    | PauseRolloutPayload
    | ResumeRolloutPayload
    | AbortRolloutPayload
    | PromoteRolloutPayload
)


async def _decide(info: Info, said: _Said, payload: _Payload, decide: Decide) -> None:
    with mending(payload):
        own = own_id("ModelDeployment", said.deployment_id, "deployment_id")
        caller, note = info.context.caller, said.note or ""
        _show(payload, await decide(caller, own, note, said.expected_etag))


def _show(payload: _Payload, outcome: Outcome) -> None:
    payload.deployment = ModelDeployment.of(outcome.deployment)
    payload.rollout = None if outcome.rollout is None else Rollout.of(outcome.rollout)
    payload.changed = outcome.changed
