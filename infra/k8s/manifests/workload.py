from typing import Any

from infra.k8s.manifests import names, pod
from infra.k8s.manifests.names import Group
from infra.k8s.settings import KubernetesSettings


def workload(group: Group, settings: KubernetesSettings) -> dict[str, Any]:
    """The Deployment of a group, which makes no pod yet: its scale is what changes, nothing else ever.

    Raises CantStart.
    """
    metadata = names.metadata(group)
    metadata["labels"] |= names.queued(group.revision)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": 0,
            "revisionHistoryLimit": 0,
            "selector": {"matchLabels": names.selector(group.id)},
            "template": {
                "metadata": {
                    "labels": names.labels(group),
                    "annotations": {
                        **names.annotations(group.revision),
                        **names.endpoints(group.revision),
                    },
                },
                "spec": {**pod.spec(group, settings), "restartPolicy": "Always"},
            },
        },
    }
