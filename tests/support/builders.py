"""Values for tests: each has a fresh id, and everything that the test says."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from domain.access.access import ApiKey, Project
from domain.definitions.definition import Definition, HealthCheck, Model, Service
from domain.definitions.layers import LayerKind, WrittenLayer
from domain.definitions.merge import Origin, Shadowed
from domain.definitions.variants import Variant
from domain.deployments.deployment import (
    Deployment,
    DeploymentStatus,
    EnvironmentValue,
    FolderUse,
    Revision,
    TemplateUse,
)
from domain.deployments.strategy import Rolling
from domain.folders.folder import Folder
from domain.secrets.secret import Secret
from domain.templates.template import Template, TemplateStatus

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def fresh() -> str:
    return uuid4().hex


def a_project(**said: Any) -> Project:
    id_ = fresh()
    return Project(**{"id": id_, "name": f"project-{id_}", "created_at": NOON, **said})


def a_key(**said: Any) -> ApiKey:
    id_ = fresh()
    return ApiKey(
        **{
            "id": id_,
            "name": "ci",
            "prefix": "my_" + id_[:4],
            "digest": hashlib.sha256(id_.encode()).hexdigest(),
            "server_admin": False,
            "roles": {},
            "created_at": NOON,
            **said,
        }
    )


def a_secret(project: Project, **said: Any) -> Secret:
    own = {"id": fresh(), "project_id": project.id, "name": "token", "sealed": b"\x00\xffsealed"}
    return Secret(**{**own, "created_at": NOON, "created_by": "ada", **said})


def a_folder(project: Project, **said: Any) -> Folder:
    id_ = fresh()
    own = {"id": id_, "project_id": project.id, "name": f"folder-{id_}", "uri": "file:///models/a"}
    return Folder(**{**own, "created_at": NOON, "created_by": "ada", "updated_at": NOON, **said})


def a_template(project: Project, **said: Any) -> Template:
    return Template(
        **{
            "id": fresh(),
            "project_id": project.id,
            "name": "llama",
            "version": 1,
            "status": TemplateStatus.ACTIVE,
            "variant": Variant.VLLM,
            "spec": {"resources": {"memory": "8Gi", "cpu": "2"}, "image": None},
            "allowed_overrides": ("/models/*/service/port",),
            "description": "",
            "created_at": NOON,
            "created_by": "ada",
            "updated_at": NOON,
            **said,
        }
    )


def a_deployment(project: Project, **said: Any) -> Deployment:
    id_ = fresh()
    return Deployment(
        **{
            "id": id_,
            "project_id": project.id,
            "name": f"d-{id_}",
            "tags": (),
            "desired_replicas": 1,
            "strategy": Rolling(),
            "status": DeploymentStatus.PENDING,
            "status_since": NOON,
            "active_revision_id": None,
            "last_revision": 0,
            "generation": 1,
            "created_at": NOON,
            "created_by": "ada",
            "updated_at": NOON,
            **said,
        }
    )


def a_stopped_deployment(project: Project, **said: Any) -> Deployment:
    return a_deployment(project, **{"status": DeploymentStatus.STOPPED, "deleted_at": NOON, **said})


def a_revision(deployment: Deployment, **said: Any) -> Revision:
    return Revision(
        **{
            "id": fresh(),
            "project_id": deployment.project_id,
            "deployment_id": deployment.id,
            "number": 1,
            "digest": "d" * 64,
            "variant": Variant.VLLM,
            "image": "vllm/vllm-openai:v0.9",
            "mount_path": "/models",
            "folder": FolderUse(
                folder_id="f1", name="llama", uri="file:///m", mount_path="/models", file=None
            ),
            "template": TemplateUse(template_id="t1", name="llama", version=3),
            "definition": a_definition(),
            "environment": {},
            "resources": {"nvidia.com/gpu": "1", "cpu": "4"},
            "provenance": (
                Origin(
                    pointer="/models/0/service/port",
                    value=9000,
                    layer=LayerKind.REQUEST,
                    shadowed=(Shadowed(layer=LayerKind.VARIANT, value=8000),),
                ),
            ),
            "layers": (
                WrittenLayer(kind=LayerKind.VARIANT, source="vllm", text="{}", sha256="0" * 64),
                WrittenLayer(kind=LayerKind.FOLDER, source="folder", text=None, sha256=None),
            ),
            "note": "",
            "created_at": NOON,
            "created_by": "ada",
            **said,
        }
    )


def a_definition() -> Definition:
    service = Service(
        start_command=("vllm", "serve", "{model_path}"),
        port=9000,
        health_check=HealthCheck(initial_delay=300),
    )
    return Definition(models=(Model(name="m", model_path="/models", service=service),))


def secrets_of(**names: str) -> Mapping[str, EnvironmentValue]:
    return {variable: EnvironmentValue(secret=name) for variable, name in names.items()}
