"""What pods may not do, whatever their image would."""

from typing import Any

from domain.definitions.kubernetes import KubernetesUse
from infra.k8s.settings import KubernetesSettings


def of_pod(use: KubernetesUse, settings: KubernetesSettings) -> dict[str, Any]:
    said: dict[str, Any] = {"seccompProfile": {"type": "RuntimeDefault"}}
    asked = settings.run_as_non_root if use.run_as_non_root is None else use.run_as_non_root
    if asked:
        said["runAsNonRoot"] = True
    if use.run_as_user is not None:
        said["runAsUser"] = use.run_as_user
    return said


def of_container() -> dict[str, Any]:
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
