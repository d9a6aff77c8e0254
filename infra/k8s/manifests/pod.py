"""A pod's spec from a revision; what kind of workload makes such pods says how they are restarted."""

import json
from math import ceil
from typing import Any

from domain.definitions.kubernetes import KubernetesUse, Toleration
from domain.deployments.reason import Reason
from infra.k8s.manifests import security
from infra.k8s.manifests.containers import PAUSE, containers
from infra.k8s.manifests.names import Group
from infra.k8s.manifests.refusal import CantStart
from infra.k8s.manifests.volumes import mounted
from infra.k8s.settings import KubernetesSettings

LARGEST = 1_250_000  # bytes: etcd takes 1.5 MiB, and who manages which field is written there too


def spec(group: Group, settings: KubernetesSettings) -> dict[str, Any]:
    """Raises CantStart."""
    revision = group.revision
    there = mounted(revision, group.name, settings)
    made: dict[str, Any] = {
        **_scheduled(revision.kubernetes),
        "automountServiceAccountToken": False,
        "containers": containers(revision, there, group.name, settings),
        "enableServiceLinks": False,  # VLLM_PORT=tcp://…, of a Service called vllm, ends vLLM
        "securityContext": security.of_pod(revision.kubernetes, settings),
        "terminationGracePeriodSeconds": grace(settings),
    }
    if there.init:
        made["initContainers"] = [dict(each) for each in there.init]
    if there.volumes:
        made["volumes"] = [dict(each) for each in there.volumes]
    size = len(json.dumps(made, ensure_ascii=False).encode())
    if size > LARGEST:
        says = (
            f"Its pods' description has {size} bytes, and a cluster keeps none over {LARGEST}: put long "
            "commands and files into the image or the model folder."
        )
        raise CantStart(Reason.START_FAILED, says)
    return made


def grace(settings: KubernetesSettings) -> int:
    """Seconds for a pod whose end we did not ask for: to drain, and then to end by itself."""
    return ceil((settings.drain_timeout + settings.stop_grace).total_seconds()) + PAUSE


def _scheduled(use: KubernetesUse) -> dict[str, Any]:
    said: dict[str, Any] = {
        "nodeSelector": {label.key: label.value for label in use.node_selector},
        "tolerations": [_toleration(each) for each in use.tolerations],
        "runtimeClassName": use.runtime_class,
        "serviceAccountName": use.service_account,
        "imagePullSecrets": [{"name": name} for name in use.image_pull_secrets],
        "priorityClassName": use.priority_class,
    }
    return {key: value for key, value in said.items() if value}


def _toleration(use: Toleration) -> dict[str, Any]:
    said: dict[str, Any] = {
        "key": use.key or None,
        "operator": use.operator.value,
        "value": use.value or None,
        "effect": None if use.effect is None else use.effect.value,
        "tolerationSeconds": use.toleration_seconds,
    }
    return {key: value for key, value in said.items() if value is not None}
