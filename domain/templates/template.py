from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.definitions.kubernetes import KubernetesUse
from domain.definitions.variants import Variant


class TemplateStatus(StrEnum):
    DRAFT = "draft"  # may change; previews only. Its author moves it on
    ACTIVE = "active"  # what a name without a version means. An editor deprecates it
    DEPRECATED = "deprecated"  # by explicit version only. An editor may activate it again


TRANSITIONS: Mapping[TemplateStatus, frozenset[TemplateStatus]] = {
    TemplateStatus.DRAFT: frozenset({TemplateStatus.ACTIVE, TemplateStatus.DEPRECATED}),
    TemplateStatus.ACTIVE: frozenset({TemplateStatus.DEPRECATED}),
    TemplateStatus.DEPRECATED: frozenset({TemplateStatus.ACTIVE}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchUse:
    """How batches may use it: for these endpoints' paths (none named: all), with so many replicas where a
    batch says nothing else; `ready_timeout` is in seconds."""

    endpoints: tuple[str, ...] = ()
    replicas: int = 1
    ready_timeout: float = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One version of a named layer.

    `spec` is a draft: {image, models, environment, resources}, snake_case. `allowed_overrides` are
    JSON Pointers into it, `*` for a list index; each allows its subtree.
    """

    id: str
    project_id: str
    name: str
    version: int
    status: TemplateStatus
    variant: Variant
    spec: Mapping[str, Any]
    allowed_overrides: tuple[str, ...]
    description: str
    batch: BatchUse = field(default_factory=BatchUse)
    kubernetes: KubernetesUse = field(default_factory=KubernetesUse)
    created_at: datetime
    created_by: str
    updated_at: datetime
