"""What runs, for tests: rollouts, groups and replicas, each with a fresh id and all that the test says."""

from dataclasses import dataclass
from typing import Any

from domain.deployments.deployment import Deployment, Revision
from domain.deployments.replica import Endpoint, Replica, ReplicaGroup, ReplicaStatus
from domain.deployments.rollout import Rollout, RolloutKind, RolloutStatus
from domain.deployments.strategy import Rolling
from domain.work import StartWork
from tests.support.builders import NOON, a_deployment, a_project, a_revision, fresh


def a_rollout(revision: Revision, **said: Any) -> Rollout:
    own = {
        "id": fresh(),
        "kind": RolloutKind.ACTIVATION,
        "from_revision_id": None,
        "strategy": Rolling(),
        "status": RolloutStatus.RUNNING,
        "status_since": NOON,
        "progress_deadline": 600.0,
        "progressed_at": NOON,
        "created_at": NOON,
        "created_by": "ada",
    }
    return Rollout(**{**_of(revision), **own, **said})


def an_ended_rollout(revision: Revision, **said: Any) -> Rollout:
    ended = {"status": RolloutStatus.SUCCEEDED, "finished_at": NOON}
    return a_rollout(revision, **{**ended, **said})


def a_group(revision: Revision, **said: Any) -> ReplicaGroup:
    return ReplicaGroup(**{**_of(revision), "id": fresh(), "created_at": NOON, **said})


def a_replica(group: ReplicaGroup, **said: Any) -> Replica:
    own = {
        "id": fresh(),
        "project_id": group.project_id,
        "deployment_id": group.deployment_id,
        "group_id": group.id,
        "revision_id": group.revision_id,
        "revision_number": group.revision_number,
        "status": ReplicaStatus.STARTING,
        "status_since": NOON,
        "created_at": NOON,
    }
    return Replica(**{**own, **said})


def an_exited_replica(group: ReplicaGroup, **said: Any) -> Replica:
    return a_replica(group, **{"status": ReplicaStatus.EXITED, "exited_at": NOON, **said})


def an_endpoint(port: int = 20_000, **said: Any) -> Endpoint:
    return Endpoint(**{"model": "m", "host": "127.0.0.1", "port": port, **said})


@dataclass(frozen=True, slots=True)
class Kept:
    """A deployment as it is in a store, with one revision and that one's group."""

    deployment: Deployment
    revision: Revision
    group: ReplicaGroup


async def keep_deployment(start_work: StartWork, **said: Any) -> Kept:
    project = a_project()
    deployment = a_deployment(project, **said)
    revision = a_revision(deployment)
    group = a_group(revision)
    async with start_work("ada", "request:1") as work:
        await work.projects.add(project)
        await work.deployments.add(deployment)
        await work.revisions.add(revision)
        await work.groups.add(group)
    return Kept(deployment, revision, group)


async def keep_replica(start_work: StartWork, replica: Replica) -> Replica:
    async with start_work("ada", "request:1") as work:
        await work.replicas.add(replica)
    return replica


def _of(revision: Revision) -> dict[str, Any]:
    return {
        "project_id": revision.project_id,
        "deployment_id": revision.deployment_id,
        "revision_id": revision.id,
        "revision_number": revision.number,
    }
