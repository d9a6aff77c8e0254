"""What a resolution gives: everything of a revision but its number; and what drifted since."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.definitions.compare import Difference
from domain.definitions.definition import Definition
from domain.definitions.kubernetes import KubernetesUse
from domain.definitions.layers import WrittenLayer
from domain.definitions.merge import Origin
from domain.definitions.notices import Notice
from domain.definitions.variants import Variant
from domain.deployments.deployment import EnvironmentValue, FolderUse, Revision, TemplateUse


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    project_id: str
    digest: str
    variant: Variant
    image: str | None
    mount_path: str
    folder: FolderUse | None
    template: TemplateUse | None
    definition: Definition  # commands with their placeholders
    environment: Mapping[str, EnvironmentValue]
    resources: Mapping[str, str]
    kubernetes: KubernetesUse
    provenance: tuple[Origin, ...]
    layers: tuple[WrittenLayer, ...]
    notices: tuple[Notice, ...]

    def revision(
        self,
        *,
        id: str,
        deployment_id: str,
        number: int,
        note: str,
        created_at: datetime,
        created_by: str,
    ) -> Revision:
        return Revision(
            id=id,
            project_id=self.project_id,
            deployment_id=deployment_id,
            number=number,
            digest=self.digest,
            variant=self.variant,
            image=self.image,
            mount_path=self.mount_path,
            folder=self.folder,
            template=self.template,
            definition=self.definition,
            environment=self.environment,
            resources=self.resources,
            kubernetes=self.kubernetes,
            provenance=self.provenance,
            layers=self.layers,
            note=note,
            created_at=created_at,
            created_by=created_by,
        )


class DriftStatus(StrEnum):
    NOT_USED = "not_used"  # the revision has no layer from a folder
    UNCHANGED = "unchanged"
    CHANGED = "changed"
    FILE_DELETED = "file_deleted"
    FOLDER_DELETED = "folder_deleted"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """`sha256_then` and `sha256_now` are of the file, None where there was or is none."""

    status: DriftStatus
    sha256_then: str | None = None
    sha256_now: str | None = None
    differences: tuple[Difference, ...] = ()
    problem: str | None = None
