"""What is rendered for a cluster: groups, settings, and what the cluster would make of it."""

import re
from typing import Any

from domain.definitions.definition import Definition, Model, Service
from domain.deployments.deployment import FolderUse, Revision
from infra.k8s.manifests.names import Group
from infra.k8s.manifests.workload import workload
from infra.k8s.settings import KubernetesSettings
from tests.support.builders import a_deployment, a_project, a_revision, fresh

GIVEN = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "w", "uid": "u-1"}}
"""A workload as the API server gave it, as far as its dependents need it."""
OWNER = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "name": "w",
    "uid": "u-1",
    "controller": False,
    "blockOwnerDeletion": True,
}


def kubernetes_settings(**said: Any) -> KubernetesSettings:
    return KubernetesSettings(**{"installation": "i" * 32, "version": (1, 20), **said})


def a_model(name: str = "m", **said: Any) -> Model:
    path = said.pop("model_path", "/models")
    service = {"port": 8000, "start_command": ("serve", "{port}"), "shell": "/bin/sh", **said}
    return Model(name=name, model_path=path, service=Service(**service))


def a_pods_revision(*models: Model, **said: Any) -> Revision:
    """With no folder and no resources, unless the test says so."""
    return a_revision(
        a_deployment(a_project(), name="llama"),
        **{
            "image": "localhost/python:3.11",
            "folder": None,
            "resources": {},
            "definition": Definition(models=models or (a_model(),)),
            **said,
        },
    )


def a_group(revision: Revision | None = None, **said: Any) -> Group:
    revision = revision or a_pods_revision()
    own = {"id": revision.deployment_id, "name": "llama", "project_id": revision.project_id}
    deployment = a_deployment(a_project(), **own)
    return Group(
        **{
            "namespace": "models",
            "installation": "i" * 32,
            "deployment": deployment,
            "revision": revision,
            "id": fresh(),
            **said,
        }
    )


def folder_at(uri: str) -> FolderUse:
    return FolderUse(folder_id="f", name="f", uri=uri, mount_path="/models", file=None)


def expanded(text: str, **variables: str) -> str:
    """What a kubelet makes of a text: byte by byte, as third_party/forked/golang/expansion reads."""
    made, at = bytearray(), 0
    written = text.encode()
    while at < len(written):
        rest = written[at + 1 :]
        if written[at : at + 1] != b"$" or not rest:
            made += written[at : at + 1]
            at += 1
        elif rest[:1] == b"$":
            made += b"$"
            at += 2
        elif (reference := re.match(rb"\(([^)]*)\)", rest)) is not None:
            name = reference[1].decode()
            made += variables.get(name, f"$({name})").encode()
            at += 1 + reference.end()
        else:  # the byte becomes a character of its own: what is beyond ASCII is broken
            made += b"$" + chr(rest[0]).encode()
            at += 2
    return made.decode(errors="replace")


def pod(*models: Model, settings: Any = None, **said: Any) -> dict[str, Any]:
    """Its spec, of a plain group but for what is said."""
    group = a_group(a_pods_revision(*models, **said))
    spec: dict[str, Any] = workload(group, settings or kubernetes_settings())["spec"]
    return dict(spec["template"]["spec"])
