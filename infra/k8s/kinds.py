"""What we speak of with a cluster, and under which path of its API each is found."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeAlias
from urllib.parse import quote

Object: TypeAlias = Mapping[str, Any]
"""An object of the cluster, or a manifest: JSON as the API has it."""


class Kind(Enum):
    """Members are named as the API's kinds are; (API version, plural, whether it lies in a namespace)."""

    CONFIG_MAP = "ConfigMap", "v1", "configmaps", True
    EVENT = "Event", "v1", "events", True
    NAMESPACE = "Namespace", "v1", "namespaces", False
    NODE = "Node", "v1", "nodes", False
    PERSISTENT_VOLUME_CLAIM = "PersistentVolumeClaim", "v1", "persistentvolumeclaims", True
    POD = "Pod", "v1", "pods", True
    RESOURCE_QUOTA = "ResourceQuota", "v1", "resourcequotas", True
    SECRET = "Secret", "v1", "secrets", True
    SERVICE = "Service", "v1", "services", True
    SERVICE_ACCOUNT = "ServiceAccount", "v1", "serviceaccounts", True
    DEPLOYMENT = "Deployment", "apps/v1", "deployments", True
    REPLICA_SET = "ReplicaSet", "apps/v1", "replicasets", True
    JOB = "Job", "batch/v1", "jobs", True
    CLUSTER_ROLE = "ClusterRole", "rbac.authorization.k8s.io/v1", "clusterroles", False
    CLUSTER_ROLE_BINDING = (
        "ClusterRoleBinding",
        "rbac.authorization.k8s.io/v1",
        "clusterrolebindings",
        False,
    )
    ROLE = "Role", "rbac.authorization.k8s.io/v1", "roles", True
    ROLE_BINDING = "RoleBinding", "rbac.authorization.k8s.io/v1", "rolebindings", True
    NETWORK_POLICY = "NetworkPolicy", "networking.k8s.io/v1", "networkpolicies", True
    POD_DISRUPTION_BUDGET = "PodDisruptionBudget", "policy/v1", "poddisruptionbudgets", True

    def __init__(self, kind: str, version: str, plural: str, namespaced: bool) -> None:
        self.kind = kind
        self.version = version
        self.plural = plural
        self.namespaced = namespaced

    @classmethod
    def of(cls, manifest: Object) -> "Kind":
        """Raises KeyError for what is none of these."""
        return KINDS[manifest["apiVersion"], manifest["kind"]]

    def path(self, namespace: str | None = None, name: str = "", part: str = "") -> str:
        """Of all in a namespace (None: in all), of one object, or of a part of it, as `scale`."""
        root = "/apis/" if "/" in self.version else "/api/"
        steps = [root.strip("/"), self.version]
        if self.namespaced and namespace is not None:
            steps += ["namespaces", quoted(namespace)]
        steps += [self.plural, quoted(name), part]
        return "/" + "/".join(step for step in steps if step)

    def called(self, namespace: str | None, name: str) -> str:
        """As in a message: Pod shop/web-1."""
        place = f"{namespace}/" if self.namespaced and namespace else ""
        return f"{self.kind} {place}{name}"


KINDS: Mapping[tuple[str, str], Kind] = {(kind.version, kind.kind): kind for kind in Kind}


def quoted(name: str) -> str:
    """For a path, in which `..` would be a step up."""
    if name in (".", ".."):
        raise ValueError(name)
    return quote(name, safe="")
