"""What events have in common, by what they are about.

An event's own fields show the past. The nodes it names show the present, and are null when gone. A field
that several types have is of one type in all of them, so that one selection fits all: `reason` and
what is an autoscaling rule's are nullable.
"""

from datetime import datetime

import strawberry

from schema import versions
from schema.access import Project
from schema.autoscaling import AutoscalingRule
from schema.context import Info
from schema.deployments import ModelDeployment
from schema.enums import Metric
from schema.folders import ModelFolder
from schema.replicas import ModelReplica
from schema.revisions import ModelRevision
from schema.rollouts import Rollout
from schema.secrets import Secret
from schema.templates import DeploymentTemplate


@versions.interface(added="0.1.0", withheld=True)
class Event:
    """A committed fact."""

    cursor: str = versions.field(description="What `after` takes to go on behind this event.")
    at: datetime = versions.field(description="When it was committed.")
    actor: str = versions.field(description="Who did it, e.g. key:ci.")
    cause: str = versions.field(
        description="What led to it: request:<id>, event:<position> or sweep."
    )


@versions.interface(added="0.1.0")
class ProjectEvent(Event):
    """A fact about a project."""

    project_id: strawberry.ID
    own_project_id: strawberry.Private[str]

    @versions.load
    async def project(self, info: Info) -> Project | None:
        found = await info.context.loads.project(self.own_project_id)
        return None if found is None else Project.of(found)


@versions.interface(added="0.1.0")
class SecretEvent(Event):
    """A fact about a secret."""

    secret_id: strawberry.ID
    own_secret_id: strawberry.Private[str]

    @versions.load
    async def secret(self, info: Info) -> Secret | None:
        found = await info.context.loads.secret(self.own_secret_id)
        return None if found is None else Secret.of(found)


@versions.interface(added="0.1.0")
class FolderEvent(Event):
    """A fact about a model folder."""

    folder_id: strawberry.ID
    own_folder_id: strawberry.Private[str]

    @versions.load
    async def folder(self, info: Info) -> ModelFolder | None:
        """As it is now; null when it is gone."""
        found = await info.context.loads.folder(self.own_folder_id)
        return None if found is None else ModelFolder.of(found)


@versions.interface(added="0.1.0")
class TemplateEvent(Event):
    """A fact about a deployment template."""

    template_id: strawberry.ID
    own_template_id: strawberry.Private[str]

    @versions.load
    async def template(self, info: Info) -> DeploymentTemplate | None:
        """As it is now; null when it is gone."""
        found = await info.context.loads.template(self.own_template_id)
        return None if found is None else DeploymentTemplate.of(found)


@versions.interface(added="0.1.0")
class DeploymentEvent(Event):
    """A fact about a model deployment."""

    deployment_id: strawberry.ID
    own_deployment_id: strawberry.Private[str]

    @versions.load
    async def deployment(self, info: Info) -> ModelDeployment | None:
        """As it is now, also when it was deleted."""
        found = await info.context.loads.deployment(self.own_deployment_id)
        return None if found is None else ModelDeployment.of(found)


@versions.interface(added="0.1.0")
class RevisionEvent(DeploymentEvent):
    """A fact about a model revision."""

    revision_id: strawberry.ID
    number: int = versions.field(name="revisionNumber", description="The revision's number.")
    own_revision_id: strawberry.Private[str]

    @versions.load
    async def revision(self, info: Info) -> ModelRevision | None:
        """The revision that it is about."""
        found = await info.context.loads.revision_head(self.own_revision_id)
        return None if found is None else ModelRevision.of(found)


@versions.interface(added="0.1.0")
class RolloutEvent(DeploymentEvent):
    """A fact about a rollout."""

    rollout_id: strawberry.ID
    number: int = versions.field(name="revisionNumber", description="Its revision's number.")
    own_rollout_id: strawberry.Private[str]

    @versions.load
    async def rollout(self, info: Info) -> Rollout | None:
        """As it is now."""
        found = await info.context.loads.rollout(self.own_rollout_id)
        return None if found is None else Rollout.of(found)


@versions.interface(added="0.1.0")
class ReplicaEvent(DeploymentEvent):
    """A fact about a replica."""

    replica_id: strawberry.ID
    number: int = versions.field(name="revisionNumber", description="Its revision's number.")
    own_replica_id: strawberry.Private[str]

    @versions.load
    async def replica(self, info: Info) -> ModelReplica | None:
        """As it is now; null once it is forgotten, which the oldest exited ones are."""
        found = await info.context.loads.replica(self.own_replica_id)
        return None if found is None else ModelReplica.of(found)


@versions.interface(added="0.1.0")
class AutoscalingRuleEvent(DeploymentEvent):
    """A fact about an autoscaling rule of a deployment."""

    rule_id: strawberry.ID | None
    metric: Metric | None
    own_rule_id: strawberry.Private[str]

    @versions.load
    async def rule(self, info: Info) -> AutoscalingRule | None:
        """As it is now; null when it is gone."""
        found = await info.context.loads.rule(self.own_rule_id)
        return None if found is None else AutoscalingRule.of(found)
