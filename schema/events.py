"""Events as lists and filters have them; `event_types` has the types themselves."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import strawberry
from strawberry.utils.str_converters import to_camel_case

from domain import events
from schema import versions
from schema.event_kinds import Event
from schema.event_types import TYPES
from schema.relay import PageEnds, global_id


class EventType(StrEnum):
    """The facts of the domain; a test compares the two."""

    PROJECT_CREATED = "ProjectCreated"
    KEY_CREATED = "KeyCreated"
    KEY_REVOKED = "KeyRevoked"
    SECRET_CREATED = "SecretCreated"
    SECRET_DELETED = "SecretDeleted"
    WEBHOOK_CREATED = "WebhookCreated"
    WEBHOOK_DELETED = "WebhookDeleted"
    WEBHOOK_GIVEN_UP = "WebhookGivenUp"
    FOLDER_CREATED = "FolderCreated"
    FOLDER_UPDATED = "FolderUpdated"
    FOLDER_DELETED = "FolderDeleted"
    TEMPLATE_CREATED = "TemplateCreated"
    TEMPLATE_UPDATED = "TemplateUpdated"
    TEMPLATE_DELETED = "TemplateDeleted"
    DEPLOYMENT_CREATED = "DeploymentCreated"
    DEPLOYMENT_UPDATED = "DeploymentUpdated"
    DEPLOYMENT_DELETED = "DeploymentDeleted"
    DEPLOYMENT_STATUS_CHANGED = "DeploymentStatusChanged"
    DEPLOYMENT_SCALED = "DeploymentScaled"
    AUTOSCALING_RULE_CREATED = "AutoscalingRuleCreated"
    AUTOSCALING_RULE_UPDATED = "AutoscalingRuleUpdated"
    AUTOSCALING_RULE_DELETED = "AutoscalingRuleDeleted"
    REVISION_ADDED = "RevisionAdded"
    REVISION_ACTIVATED = "RevisionActivated"
    ROLLED_BACK = "RolledBack"
    ROLLOUT_STARTED = "RolloutStarted"
    ROLLOUT_ADVANCED = "RolloutAdvanced"
    ROLLOUT_PAUSED = "RolloutPaused"
    ROLLOUT_RESUMED = "RolloutResumed"
    ROLLOUT_PROMOTED = "RolloutPromoted"
    ROLLOUT_SUCCEEDED = "RolloutSucceeded"
    ROLLOUT_FAILED = "RolloutFailed"
    ROLLOUT_ABORTED = "RolloutAborted"
    ROLLOUT_REPLACED = "RolloutReplaced"
    REPLICA_STARTED = "ReplicaStarted"
    REPLICA_PROGRESSED = "ReplicaProgressed"
    REPLICA_BECAME_HEALTHY = "ReplicaBecameHealthy"
    REPLICA_BECAME_UNHEALTHY = "ReplicaBecameUnhealthy"
    REPLICA_DRAINING = "ReplicaDraining"
    REPLICA_STOPPING = "ReplicaStopping"
    REPLICA_EXITED = "ReplicaExited"
    FILE_CREATED = "FileCreated"
    FILE_DELETED = "FileDeleted"
    BATCH_JOB_CREATED = "BatchJobCreated"
    BATCH_JOB_STATUS_CHANGED = "BatchJobStatusChanged"
    BATCH_JOB_PLACED = "BatchJobPlaced"
    BATCH_JOB_PROGRESSED = "BatchJobProgressed"
    BATCH_JOB_PAUSED = "BatchJobPaused"
    BATCH_JOB_RESUMED = "BatchJobResumed"
    BATCH_PROFILE_CREATED = "BatchProfileCreated"
    BATCH_PROFILE_UPDATED = "BatchProfileUpdated"
    BATCH_PROFILE_DELETED = "BatchProfileDeleted"
    EXTERNAL_ENDPOINT_CREATED = "ExternalEndpointCreated"
    EXTERNAL_ENDPOINT_UPDATED = "ExternalEndpointUpdated"
    EXTERNAL_ENDPOINT_DELETED = "ExternalEndpointDeleted"


SINCE_0_2_0 = ("BATCH_", "EXTERNAL_ENDPOINT_", "FILE_", "REPLICA_PROGRESSED", "WEBHOOK_")
versions.enum(
    EventType,
    added="0.1.0",
    description="The types of events, for filters.",
    values={
        each.name: versions.value(added="0.2.0")
        for each in EventType
        if each.name.startswith(SINCE_0_2_0)
    },
)


@versions.input(added="0.1.0")
class EventFilter:
    """All that is said must hold."""

    types: list[EventType] | None = versions.field(
        description="These types alone; every type unless said."
    )
    subject_id: strawberry.ID | None = versions.field(
        description="The id of what the events are about; all that happens to a deployment's "
        "revisions, rollouts and replicas is its own."
    )
    every_project: bool | None = versions.field(
        description="Also other projects' events and the server's own; for server admins alone."
    )


@versions.type(added="0.1.0")
class EventEdge:
    """An event, and its place in the log."""

    cursor: str
    node: Event


@versions.type(added="0.1.0")
class EventConnection:
    """A part of the log, oldest first."""

    edges: list[EventEdge]
    nodes: list[Event] = versions.field(description="The edges' nodes.")
    page_info: PageEnds


_NODES = {
    "project_id": "Project",
    "secret_id": "Secret",
    "webhook_id": "Webhook",
    "folder_id": "ModelFolder",
    "template_id": "DeploymentTemplate",
    "deployment_id": "ModelDeployment",
    "revision_id": "ModelRevision",
    "rollout_id": "Rollout",
    "replica_id": "ModelReplica",
    "rule_id": "AutoscalingRule",
    "file_id": "File",
    "batch_job_id": "BatchJob",
    "retry_of": "BatchJob",
    "input_file_id": "File",
    "placed_deployment_id": "ModelDeployment",
    "placed_endpoint_id": "ExternalEndpoint",
    "batch_profile_id": "BatchProfile",
    "external_endpoint_id": "ExternalEndpoint",
}


CHANGING = {"DeploymentUpdated": "ModelDeployment", "AutoscalingRuleUpdated": "AutoscalingRule"}
"""Whose fields `changed` names, by the event's type."""


def shown(event: events.Event, sees: Callable[[str], bool]) -> Event:
    """`sees`: whether a coordinate is one that the client's version has."""
    said: dict[str, Any] = {}
    for name in event.fact.__dataclass_fields__:
        value = getattr(event.fact, name)
        if name in _NODES:
            said[f"own_{name}"] = value
            value = None if value is None else global_id(_NODES[name], value)
        said[name] = value
    kind = type(event.fact).__name__
    if kind in CHANGING:
        names = map(to_camel_case, said["changed"])
        said["changed"] = [each for each in names if sees(f"{CHANGING[kind]}.{each}")]
    cursor = event.cursor.encode()
    return TYPES[kind](cursor=cursor, at=event.at, actor=event.actor, cause=event.cause, **said)
