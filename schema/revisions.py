"""Model revisions, as inputs and as what was resolved from them."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, cast

import strawberry

from domain.definitions.definition import Definition, document
from domain.definitions.notices import notices
from domain.definitions.render import rendered
from domain.definitions.resolution import Resolution
from domain.deployments import deployment
from domain.deployments.deployment import EnvironmentValue, Revision, RevisionHead
from schema import relay, replicas, versions
from schema.context import Info
from schema.definitions import (
    DefinitionDifference,
    DefinitionLayer,
    DefinitionNotice,
    ModelDefinition,
    ValueOrigin,
)
from schema.enums import DriftStatus, Variant
from schema.errors import Payload
from schema.folders import ModelFolder
from schema.kubernetes import KubernetesUse
from schema.relay import DEFAULT_FIRST, After, Connection, First, Node, global_id
from schema.replicas import IncludeExited, ModelReplica, ModelReplicaFilter, ModelReplicaOrder
from schema.scalars import JSON, JSONPointer
from schema.templates import DeploymentTemplate

if TYPE_CHECKING:
    from schema.deployments import ModelDeployment


@versions.type(added="0.1.0")
class EnvironmentVariable:
    """Exactly one of value and secret is set; a secret's value is never shown."""

    name: str
    value: str | None
    secret: str | None = versions.field(description="A secret's name.")


@versions.type(added="0.1.0")
class ModelFolderUse:
    """A model folder as it was used."""

    name: str = versions.field(description="The folder's name at that time.")
    uri: str = versions.field(description="Where the files lay at that time.")
    mount_path: str = versions.field(description="Where replicas find the files.")
    definition_file: str | None = versions.field(
        description="The file that was read, null where none was."
    )
    folder_id: strawberry.Private[str]

    @versions.load
    async def folder(self, info: Info) -> ModelFolder | None:
        """The folder as it is now; null when it is gone."""
        found = await info.context.loads.folder(self.folder_id)
        return None if found is None else ModelFolder.of(found)

    @classmethod
    def of(cls, value: deployment.FolderUse) -> "ModelFolderUse":
        return cls(
            name=value.name,
            uri=value.uri,
            mount_path=value.mount_path,
            definition_file=value.file,
            folder_id=value.folder_id,
        )


@versions.type(added="0.1.0")
class DeploymentTemplateUse:
    """A template's version as it was used."""

    name: str = versions.field(description="The template's name.")
    version: int = versions.field(description="The template's version.")
    template_id: strawberry.Private[str]

    @versions.load
    async def template(self, info: Info) -> DeploymentTemplate | None:
        """The template as it is now; null when it is gone."""
        found = await info.context.loads.template(self.template_id)
        return None if found is None else DeploymentTemplate.of(found)

    @classmethod
    def of(cls, value: deployment.TemplateUse) -> "DeploymentTemplateUse":
        return cls(name=value.name, version=value.version, template_id=value.template_id)


@versions.type(added="0.1.0")
class FolderDrift:
    """Whether and how the folder's definition file has changed since the revision was added."""

    status: DriftStatus
    sha256_then: str | None = versions.field(
        name="sha256Then", description="Of the file as it was read, in hex."
    )
    sha256_now: str | None = versions.field(
        name="sha256Now", description="Of the file as it is now, in hex."
    )
    differences: list[DefinitionDifference]
    problem: str | None = versions.field(description="Why the file can't be read.")


@versions.type(added="0.1.0")
class ModelRevision(Node):
    """What was resolved when the revision was added: nothing of it changes, or is read again."""

    number: int = versions.field(description="Counts from 1 within the deployment, without gaps.")
    digest: str = versions.field(description="SHA-256 of the canonical JSON of all that runs.")
    note: str = versions.field(description="For people: why this revision.")
    runtime_variant: Variant = versions.field(description="What the definition started from.")
    image: str | None = versions.field(
        description="The container image; null where no layer names one."
    )
    mount_path: str = versions.field(description="Where replicas find the model's files.")
    created_at: datetime
    created_by: str = versions.field(description="Who added it, e.g. key:ci.")
    held: strawberry.Private[RevisionHead]

    @versions.load
    async def definition(self, info: Info) -> ModelDefinition:
        """The resolved definition, typed; its commands as stored, with placeholders."""
        return cast("ModelDefinition", (await self._whole(info)).definition)

    @versions.load
    async def provenance(self, info: Info) -> list[ValueOrigin]:
        """Where each value came from, and what it hid."""
        return cast("list[ValueOrigin]", (await self._whole(info)).provenance)

    @versions.load
    async def layers(self, info: Info) -> list[DefinitionLayer]:
        """What each layer said, lowest first."""
        return cast("list[DefinitionLayer]", (await self._whole(info)).layers)

    @versions.load
    async def definition_document(self, info: Info) -> JSON:
        """The definition in the file's own spelling, its commands rendered with its own values."""
        return shown_document((await self._whole(info)).definition)

    @versions.field
    def model_folder(self) -> ModelFolderUse | None:
        return shown_folder(self.held.folder)

    @versions.field
    def template(self) -> DeploymentTemplateUse | None:
        return shown_template(self.held.template)

    @versions.load
    async def environment(self, info: Info) -> list[EnvironmentVariable]:
        return shown_environment((await self._whole(info)).environment)

    @versions.load
    async def resources(self, info: Info) -> JSON:
        """Quantities, by resource."""
        return JSON((await self._whole(info)).resources)

    @versions.method(added="0.2.0", loads=True)
    async def kubernetes(self, info: Info) -> KubernetesUse:
        """How its pods are scheduled, as its template said."""
        return KubernetesUse.of((await self._whole(info)).kubernetes)

    @versions.load
    async def warnings(self, info: Info) -> list[DefinitionNotice]:
        """What is no error but worth knowing."""
        whole = await self._whole(info)
        found = notices(whole.definition, whole.resources, whole.mount_path)
        return cast("list[DefinitionNotice]", found)

    @versions.load
    async def explain(
        self,
        info: Info,
        pointer: Annotated[JSONPointer, versions.argument("E.g. /models/0/service/port.")],
    ) -> ValueOrigin | None:
        """The origin of one value; null where there is none at the pointer."""
        origins = (await self._whole(info)).provenance
        found = next((o for o in origins if o.pointer == pointer), None)
        return cast("ValueOrigin | None", found)

    @versions.field
    async def folder_drift(self, info: Info) -> FolderDrift:
        """Reads the model folder's file."""
        whole = await self._whole(info)
        return cast("FolderDrift", await info.context.loads.drift(whole))

    @versions.load
    async def deployment(
        self, info: Info
    ) -> Annotated["ModelDeployment", strawberry.lazy("schema.deployments")] | None:
        from schema.deployments import ModelDeployment

        found = await info.context.loads.deployment(self.held.deployment_id)
        return None if found is None else ModelDeployment.of(found)

    @versions.load
    async def replicas(
        self,
        info: Info,
        first: First = DEFAULT_FIRST,
        after: After = None,
        filter: ModelReplicaFilter | None = None,
        order_by: ModelReplicaOrder | None = None,
        include_exited: IncludeExited = False,
    ) -> Connection[ModelReplica]:
        """Those of it that have not exited, oldest first unless ordered."""
        listing = replicas.listing(first, after, filter, order_by, include_exited=include_exited)
        loads = info.context.loads
        return relay.connection(
            await loads.revision_replicas(self.held.id, listing),
            listing.order,
            ModelReplica.of,
            partial(loads.revision_replica_count, self.held.id, listing),
            after,
        )

    async def _whole(self, info: Info) -> Revision:
        """With its documents: of a list, all its revisions' are read together."""
        if isinstance(self.held, Revision):
            return self.held
        found = await info.context.loads.revision(self.held.id)
        assert found is not None, "revisions are never deleted"
        return found

    @classmethod
    def of(cls, value: RevisionHead) -> "ModelRevision":
        return cls(
            id=global_id("ModelRevision", value.id),
            number=value.number,
            digest=value.digest,
            note=value.note,
            runtime_variant=value.variant,
            image=value.image,
            mount_path=value.mount_path,
            created_at=value.created_at,
            created_by=value.created_by,
            held=value,
        )


def shown_document(definition: Definition) -> JSON:
    return JSON(document(rendered(definition)))


def shown_folder(value: deployment.FolderUse | None) -> ModelFolderUse | None:
    return None if value is None else ModelFolderUse.of(value)


def shown_template(value: deployment.TemplateUse | None) -> DeploymentTemplateUse | None:
    return None if value is None else DeploymentTemplateUse.of(value)


def shown_environment(environment: Mapping[str, EnvironmentValue]) -> list[EnvironmentVariable]:
    return [
        EnvironmentVariable(name=name, value=entry.value, secret=entry.secret)
        for name, entry in environment.items()
    ]


@versions.type(added="0.1.0")
class AddModelRevisionPayload(Payload):
    revision: ModelRevision | None = versions.field(
        default=None, description="The new revision; null where there are user errors."
    )


@versions.type(added="0.1.0")
class PreviewModelRevisionPayload(Payload):
    """What a revision would be; all null where there are user errors."""

    digest: str | None = versions.field(
        default=None, description="What the revision would have; equal digests run alike."
    )
    runtime_variant: Variant | None = None
    image: str | None = None
    mount_path: str | None = None
    model_folder: ModelFolderUse | None = None
    template: DeploymentTemplateUse | None = None
    definition: ModelDefinition | None = versions.field(
        default=None, description="The resolved definition, typed."
    )
    definition_document: JSON | None = versions.field(
        default=None,
        description="The resolved definition in the file's own spelling, with defaults filled in.",
    )
    environment: list[EnvironmentVariable] | None = None
    resources: JSON | None = None
    kubernetes: KubernetesUse | None = versions.field(
        default=None, added="0.2.0", description="How its pods would be scheduled."
    )
    provenance: list[ValueOrigin] | None = versions.field(
        default=None, description="Where each value would come from, and what it hid."
    )
    layers: list[DefinitionLayer] | None = versions.field(
        default=None, description="What each layer says, lowest first."
    )
    warnings: list[DefinitionNotice] | None = versions.field(
        default=None, description="What is no error, but may not be meant."
    )

    def show(self, value: Resolution) -> None:
        self.digest = value.digest
        self.runtime_variant = value.variant
        self.image = value.image
        self.mount_path = value.mount_path
        self.model_folder = shown_folder(value.folder)
        self.template = shown_template(value.template)
        self.definition = cast("ModelDefinition", value.definition)
        self.definition_document = shown_document(value.definition)
        self.environment = shown_environment(value.environment)
        self.resources = JSON(value.resources)
        self.kubernetes = KubernetesUse.of(value.kubernetes)
        self.provenance = cast("list[ValueOrigin]", value.provenance)
        self.layers = cast("list[DefinitionLayer]", value.layers)
        self.warnings = cast("list[DefinitionNotice]", value.notices)


@versions.type(added="0.1.0")
class ModelRevisionComparison:
    """What differs between two revisions, by pointer."""

    a: ModelRevision
    b: ModelRevision
    differences: list[DefinitionDifference] = versions.field(
        description="Every pointer at which the two differ, with value and layer of both sides."
    )
