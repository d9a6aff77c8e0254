from collections.abc import Mapping
from typing import Any

from infra.k8s.manifests import names
from infra.k8s.manifests.containers import served
from infra.k8s.manifests.names import Group


def service(group: Group, workload: Mapping[str, Any]) -> dict[str, Any]:
    """For whoever in the cluster wants the group itself; the gateway connects to pods. `workload` is the
    Deployment as the API server gave it."""
    ports = [
        {"name": name, "port": said.port, "targetPort": said.port, "protocol": "TCP"}
        for name, _, said in served(group.revision.definition)
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {**names.metadata(group), "ownerReferences": names.owned_by(workload)},
        "spec": {"type": "ClusterIP", "selector": names.selector(group.id), "ports": ports},
    }
