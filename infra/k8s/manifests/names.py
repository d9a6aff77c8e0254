"""What our objects are called, and the labels by which they are found again."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from domain.access.access import Project
from domain.deployments.deployment import Deployment, Revision
from infra.k8s.settings import KubernetesSettings

MANAGER = "modelyard"  # of fields, and of objects
MANAGED_BY = "app.kubernetes.io/managed-by"
INSTALLATION = "modelyard.io/installation"
PROJECT = "modelyard.io/project"
DEPLOYMENT = "modelyard.io/deployment"
DEPLOYMENT_ID = "modelyard.io/deployment-id"
REVISION = "modelyard.io/revision"
GROUP = "modelyard.io/group"
REPLICA = "modelyard.io/replica"  # of a pod that is bound to a replica's row
BATCH = "modelyard.io/batch"  # of all that a batch's Job has: no replica's
TOKEN_SINCE = (
    "modelyard.io/token-since"  # of a batch's Job: when its Secret was written, s since 1970
)
MADE = "modelyard.io/made"  # of a workload whose Secret and Service are there
ENDPOINTS = "modelyard.io/endpoints"
"""Annotation of a pod: [{"model", "port"}] in the definition's order. Whoever finds the pod needs nothing
else to send it requests."""
DIGEST = "modelyard.io/digest"
REVISION_ID = "modelyard.io/revision-id"
QUEUE = "kueue.x-k8s.io/queue-name"

LONGEST = 63  # characters of a label's value, and of most names
LONGEST_STEM = 40
HASHED = 8
OWN_SECRET = re.compile(r"m-[a-z0-9][-a-z0-9]*-[0-9]+-[0-9a-f]{8}(-token)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A replica group as its objects name it; all of them lie in one namespace."""

    namespace: str
    installation: str
    deployment: Deployment
    revision: Revision
    id: str

    @property
    def name(self) -> str:
        return workload_name(self.deployment.name, self.revision.number, self.id)


def workload_name(deployment: str, number: int, group_id: str) -> str:
    """Of the workload, the Service and the Secret: a DNS label that begins with a letter."""
    tail = f"-{number}-{group_id[:HASHED]}".lower()
    room = min(LONGEST_STEM, LONGEST - len("m-") - len(tail))
    return f"m-{deployment[:room].rstrip('-')}{tail}"


def is_own_secret(name: str) -> bool:
    """Whether it is called as the Secrets of groups and of Jobs are."""
    return OWN_SECRET.fullmatch(name) is not None


def namespace_name(settings: KubernetesSettings, project: Project) -> str:
    if not settings.namespace_per_project:
        return settings.namespace
    name = f"{settings.namespace}-{project.name}"
    if len(name) <= LONGEST:
        return name
    tail = sha256(name.encode()).hexdigest()[:HASHED]
    return f"{name[: LONGEST - HASHED - 1].rstrip('-')}-{tail}"


def ours(installation: str) -> Mapping[str, str]:
    """The labels of all that an installation made."""
    return {MANAGED_BY: MANAGER, INSTALLATION: installation}


def labels(group: Group) -> dict[str, str]:
    deployment = group.deployment
    return {
        **ours(group.installation),
        PROJECT: deployment.project_id,
        DEPLOYMENT: deployment.name,
        DEPLOYMENT_ID: deployment.id,
        REVISION: str(group.revision.number),
        GROUP: group.id,
    }


def selector(group_id: str) -> dict[str, str]:
    return {GROUP: group_id}


def annotations(revision: Revision) -> dict[str, str]:
    return {DIGEST: revision.digest, REVISION_ID: revision.id}


def endpoints(revision: Revision) -> dict[str, str]:
    said = [
        {"model": model.name, "port": model.service.port}
        for model in revision.definition.models
        if model.service is not None
    ]
    return {ENDPOINTS: json.dumps(said)}


def queued(revision: Revision) -> dict[str, str]:
    """Kueue's label of a workload that waits for its turn."""
    queue = revision.kubernetes.queue
    return {} if queue is None else {QUEUE: queue}


def metadata(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "namespace": group.namespace,
        "labels": labels(group),
        "annotations": annotations(group.revision),
    }


def owned_by(workload: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The owner reference to an object as the API server gave it."""
    return [
        {
            "apiVersion": workload["apiVersion"],
            "kind": workload["kind"],
            "name": workload["metadata"]["name"],
            "uid": workload["metadata"]["uid"],
            "controller": False,
            "blockOwnerDeletion": True,
        }
    ]
