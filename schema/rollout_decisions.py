"""What users decide about rollouts: what they say, and what they are answered."""

import strawberry

from schema import versions
from schema.deployments import ModelDeployment
from schema.errors import Payload
from schema.rollouts import Rollout
from schema.scalars import Duration


@versions.input(added="0.1.0")
class ActivateModelRevisionInput:
    revision_id: strawberry.ID = versions.field(description="The revision that is to run.")
    progress_deadline: Duration | None = versions.field(
        description="How long it may take from one replica that becomes healthy to the next, PT1S to "
        "P30D; unless said, ten minutes or as long as the health check bears, if that is more."
    )
    note: str | None = versions.field(description="For people: why; the rollout shows it.")
    expected_etag: str | None = versions.field(
        description="Refuses when the deployment has another etag by now."
    )
    idempotency_key: str | None = versions.field(
        description="For repeats: within a day, the same key and input get the first answer."
    )


@versions.input(added="0.1.0")
class RollBackModelDeploymentInput:
    deployment_id: strawberry.ID = versions.field(description="The deployment to roll back.")
    to_revision_id: strawberry.ID | None = versions.field(
        description="Unless said: while a rollout is live the active revision, else the one that was "
        "active before it."
    )
    note: str | None = versions.field(description="For people: why; the rollout shows it.")
    expected_etag: str | None = versions.field(
        description="Refuses when the deployment has another etag by now."
    )
    idempotency_key: str | None = versions.field(
        description="For repeats: within a day, the same key and input get the first answer."
    )


@versions.input(added="0.1.0")
class PauseRolloutInput:
    deployment_id: strawberry.ID = versions.field(description="The deployment whose rollout it is.")
    note: str | None = versions.field(
        description="For people: why; becomes the rollout's statusMessage."
    )
    expected_etag: str | None = versions.field(
        description="Refuses when the deployment has another etag by now, e.g. for another rollout."
    )


@versions.input(added="0.1.0")
class ResumeRolloutInput:
    deployment_id: strawberry.ID = versions.field(description="The deployment whose rollout it is.")
    note: str | None = versions.field(
        description="For people: why; becomes the rollout's statusMessage."
    )
    expected_etag: str | None = versions.field(
        description="Refuses when the deployment has another etag by now, e.g. for another rollout."
    )


@versions.input(added="0.1.0")
class AbortRolloutInput:
    deployment_id: strawberry.ID = versions.field(description="The deployment whose rollout it is.")
    note: str | None = versions.field(
        description="For people: why; becomes the rollout's statusMessage."
    )
    expected_etag: str | None = versions.field(
        description="Refuses when the deployment has another etag by now, e.g. for another rollout."
    )


@versions.input(added="0.1.0")
class PromoteRolloutInput:
    deployment_id: strawberry.ID = versions.field(description="The deployment whose rollout it is.")
    note: str | None = versions.field(
        description="For people: why; becomes the rollout's statusMessage."
    )
    expected_etag: str | None = versions.field(
        description="Refuses when the deployment has another etag by now, e.g. for another rollout."
    )


@versions.type(added="0.1.0")
class ActivateModelRevisionPayload(Payload):
    deployment: ModelDeployment | None = versions.field(
        default=None, description="As it is now; null where there are user errors."
    )
    rollout: Rollout | None = versions.field(
        default=None,
        description="On its way to the revision; null where that is the active one already.",
    )
    changed: bool = versions.field(
        default=False, description="False where the revision was active or on its way already."
    )


@versions.type(added="0.1.0")
class RollBackModelDeploymentPayload(Payload):
    deployment: ModelDeployment | None = versions.field(
        default=None, description="As it is now; null where there are user errors."
    )
    rollout: Rollout | None = versions.field(
        default=None,
        description="On its way to the revision; null where that is the active one already.",
    )
    changed: bool = versions.field(
        default=False, description="False where the revision was active or on its way already."
    )


@versions.type(added="0.1.0")
class PauseRolloutPayload(Payload):
    deployment: ModelDeployment | None = versions.field(
        default=None, description="As it is now; null where there are user errors."
    )
    rollout: Rollout | None = versions.field(default=None, description="As it is now.")
    changed: bool = versions.field(default=False, description="False where it was paused already.")


@versions.type(added="0.1.0")
class ResumeRolloutPayload(Payload):
    deployment: ModelDeployment | None = versions.field(
        default=None, description="As it is now; null where there are user errors."
    )
    rollout: Rollout | None = versions.field(default=None, description="As it is now.")
    changed: bool = versions.field(default=False, description="False where it was not paused.")


@versions.type(added="0.1.0")
class AbortRolloutPayload(Payload):
    deployment: ModelDeployment | None = versions.field(
        default=None,
        description="On its way back to the active revision; null where there are user errors.",
    )
    rollout: Rollout | None = versions.field(default=None, description="As it ended.")
    changed: bool = versions.field(default=False, description="False where there are user errors.")


@versions.type(added="0.1.0")
class PromoteRolloutPayload(Payload):
    deployment: ModelDeployment | None = versions.field(
        default=None, description="As it is now; null where there are user errors."
    )
    rollout: Rollout | None = versions.field(default=None, description="As it is now.")
    changed: bool = versions.field(
        default=False, description="False where somebody gave the go-ahead already."
    )
