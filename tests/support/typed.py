"""Manifests held against the typed models of the cluster's own client."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from kubernetes import client

KINDS = {
    "Deployment": "V1Deployment",
    "Service": "V1Service",
    "Secret": "V1Secret",
    "Namespace": "V1Namespace",
    "Job": "V1Job",
    "ConfigMap": "V1ConfigMap",
    "ServiceAccount": "V1ServiceAccount",
    "Role": "V1Role",
    "RoleBinding": "V1RoleBinding",
    "ClusterRole": "V1ClusterRole",
    "ClusterRoleBinding": "V1ClusterRoleBinding",
    "NetworkPolicy": "V1NetworkPolicy",
    "PodDisruptionBudget": "V1PodDisruptionBudget",
}
NAMELESS = ("NetworkPolicy",)  # whose ports have no names
NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def check(manifest: Mapping[str, Any]) -> None:
    """That the models know each field, with its type, and take each value; names and labels fit."""
    typed = _api().deserialize(json.dumps(manifest), KINDS[manifest["kind"]], "application/json")
    written = _api().sanitize_for_serialization(typed)  # theirs
    assert written == manifest
    metadata = manifest["metadata"]
    assert NAME.fullmatch(metadata["name"])
    for labels in every(manifest, "labels", "matchLabels", "nodeSelector"):
        assert all(LABEL.fullmatch(value) for value in labels.values())
    if manifest["kind"] in NAMELESS:
        return
    for ports in every(manifest, "ports", "containers", "initContainers", "volumes"):
        assert len({each["name"] for each in ports}) == len(ports)
        assert all(NAME.fullmatch(each["name"]) for each in ports)


@cache
def _api() -> client.ApiClient:
    """It speaks to nobody; to be made takes it longer than all else."""
    return client.ApiClient(client.Configuration(host="http://localhost:9"))


def every(tree: Any, *names: str) -> list[Any]:
    """The values under these keys, wherever they stand."""
    if isinstance(tree, list):
        return [found for each in tree for found in every(each, *names)]
    if not isinstance(tree, dict):
        return []
    here = [value for key, value in tree.items() if key in names]
    return here + [found for value in tree.values() for found in every(value, *names)]
