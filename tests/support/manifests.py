"""The manifests of examples/kubernetes, as they are and as a test installs them.

for each in written("server", "one-namespace"): ...
moved(each, {"modelyard": "t-1", "modelyard-models": "t-2"})     # into other namespaces
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from infra.k8s.kinds import Object

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "kubernetes"
VARIANTS = ("one-namespace", "namespace-per-project")
FOLDERS = ("server", *VARIANTS)
NAMESPACE = "MODELYARD_KUBERNETES_NAMESPACE"


def written(*folders: str) -> list[dict[str, Any]]:
    """All that the folders' kustomizations name, in their order."""
    return [
        each
        for folder in folders
        for name in kustomization(folder)["resources"]
        for each in read(EXAMPLES / folder / name)
    ]


def kustomization(folder: str) -> Mapping[str, Any]:
    (found,) = read(EXAMPLES / folder / "kustomization.yaml")
    return found


def read(file: Path) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(file.read_text()) if each is not None]


def moved(manifest: Object, places: Mapping[str, str]) -> dict[str, Any]:
    """As kustomize's namespace would, for each of several."""
    metadata = dict(manifest["metadata"])
    found = {**manifest, "metadata": metadata}
    if "namespace" in metadata:
        metadata["namespace"] = places[metadata["namespace"]]
    if "subjects" in manifest:
        found["subjects"] = [
            {**each, "namespace": places[each["namespace"]]} for each in manifest["subjects"]
        ]
    if NAMESPACE in manifest.get("data", {}):
        found["data"] = {**manifest["data"], NAMESPACE: places[manifest["data"][NAMESPACE]]}
    return found
