"""Model revisions."""

from typing import Any, cast

import strawberry

from domain.definitions.request import MOUNT_PATH, FolderChoice, RevisionRequest, TemplateChoice
from resolvers import lists
from resolvers.context import Info
from resolvers.errors import mending
from resolvers.inputs import draft, json_object, own_id, own_id_or_none
from schema import versions
from schema.definitions import DefinitionDifference
from schema.relay import DEFAULT_FIRST, After, Connection, First
from schema.revision_inputs import (
    ORDER_KINDS,
    AddModelRevisionInput,
    DeploymentTemplateChoiceInput,
    ModelFolderChoiceInput,
    ModelRevisionFilter,
    ModelRevisionOrder,
)
from schema.revisions import (
    AddModelRevisionPayload,
    ModelRevision,
    ModelRevisionComparison,
    PreviewModelRevisionPayload,
)

DRAFT = ("image", "model_definition", "startup_command", "environment", "resources")


@versions.type(added="0.1.0")
class RevisionQueries:
    @versions.field
    async def model_revision(self, info: Info, id: strawberry.ID) -> ModelRevision | None:
        """A revision by its id; null for an id of nothing that the caller sees."""
        own = own_id_or_none("ModelRevision", id)
        found = await info.context.loads.revision(own) if own else None
        return None if found is None else ModelRevision.of(found)

    @versions.field
    async def model_revisions(
        self,
        info: Info,
        first: First = DEFAULT_FIRST,
        after: After = None,
        filter: ModelRevisionFilter | None = None,
        order_by: ModelRevisionOrder | None = None,
    ) -> Connection[ModelRevision]:
        """The revisions of all the project's deployments, oldest first unless ordered."""
        return await lists.in_project(
            info.context,
            info.context.services.reads.revisions,
            ModelRevision.of,
            ORDER_KINDS,
            first=first,
            after=after,
            filter=filter,
            order_by=order_by,
        )

    @versions.field
    async def preview_model_revision(
        self, info: Info, input: AddModelRevisionInput
    ) -> PreviewModelRevisionPayload:
        """All that addModelRevision does but the writing; templates may be drafts."""
        payload = PreviewModelRevisionPayload()
        with mending(payload):
            deployments = info.context.services.deployments
            payload.show(await deployments.preview_revision(info.context.caller, request(input)))
        return payload

    @versions.field
    async def compare_model_revisions(
        self, info: Info, a: strawberry.ID, b: strawberry.ID
    ) -> ModelRevisionComparison | None:
        """What differs in what runs; null where one of the two is not there."""
        left, right = own_id_or_none("ModelRevision", a), own_id_or_none("ModelRevision", b)
        before = await info.context.loads.revision(left) if left else None
        after = await info.context.loads.revision(right) if right else None
        if before is None or after is None:
            return None
        differences = info.context.services.definitions.compare(before, after)
        return ModelRevisionComparison(
            a=ModelRevision.of(before),
            b=ModelRevision.of(after),
            differences=cast("list[DefinitionDifference]", differences),
        )


@versions.type(added="0.1.0")
class RevisionMutations:
    @versions.field
    async def add_model_revision(
        self, info: Info, input: AddModelRevisionInput
    ) -> AddModelRevisionPayload | None:
        """Resolves a definition once, and stores it whole as the deployment's next revision."""
        payload = AddModelRevisionPayload()
        with mending(payload):
            deployments = info.context.services.deployments
            added = await deployments.add_revision(info.context.caller, request(input))
            payload.revision = ModelRevision.of(added)
        return payload


def request(said: AddModelRevisionInput) -> RevisionRequest:
    """Raises NotFound for ids of other types."""
    tree: dict[str, Any] = draft(said)
    if tree.get("resources") is not None:
        json_object(tree["resources"], "resources")
    return RevisionRequest(
        deployment_id=own_id("ModelDeployment", said.deployment_id, "deployment_id"),
        runtime_variant=said.runtime_variant,
        model_folder=_folder(said.model_folder),
        template=_template(said.template),
        draft={name: tree[name] for name in DRAFT if name in tree},
        enable_model_definition_override=said.enable_model_definition_override,
        activate=bool(said.activate),
        note=said.note or "",
        idempotency_key=said.idempotency_key,
        expected_etag=said.expected_etag,
    )


def _folder(said: ModelFolderChoiceInput | None) -> FolderChoice | None:
    if said is None:
        return None
    return FolderChoice(
        folder_id=own_id("ModelFolder", said.folder_id, "model_folder", "folder_id"),
        mount_path=MOUNT_PATH if said.mount_path is None else said.mount_path,
        definition_path=said.definition_path,
    )


def _template(said: DeploymentTemplateChoiceInput | None) -> TemplateChoice | None:
    if said is None:
        return None
    path = ("template", "overrides")
    overrides = {} if said.overrides is None else json_object(said.overrides, *path)
    return TemplateChoice(name=said.name, version=said.version, overrides=overrides)
