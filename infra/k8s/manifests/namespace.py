from typing import Any

from domain.access.access import Project
from infra.k8s.manifests import names
from infra.k8s.settings import KubernetesSettings


def namespace(settings: KubernetesSettings, project: Project) -> dict[str, Any]:
    """Of one project, where each has its own."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": names.namespace_name(settings, project),
            "labels": {**names.ours(settings.installation), names.PROJECT: project.id},
        },
    }
