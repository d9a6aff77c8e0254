"""Deployment templates, and the runtime variants that they and revisions start from."""

from typing import Any, cast

import strawberry

from domain.definitions.kubernetes import KubernetesUse, NodeLabel, Toleration
from domain.definitions.variants.registry import VARIANTS
from domain.templates.service import NewTemplate, TemplatePatch
from domain.templates.template import BatchUse, TemplateStatus
from resolvers import lists
from resolvers.context import Info
from resolvers.errors import mending
from resolvers.inputs import json_object, own_id, own_id_or_none, patch
from schema import versions
from schema.definitions import RuntimeVariantProfile
from schema.kubernetes import KubernetesUseInput
from schema.relay import DEFAULT_FIRST, After, Connection, First
from schema.templates import (
    ORDER_KINDS,
    CreateDeploymentTemplateInput,
    CreateDeploymentTemplatePayload,
    DeleteDeploymentTemplateInput,
    DeleteDeploymentTemplatePayload,
    DeploymentTemplate,
    DeploymentTemplateFilter,
    DeploymentTemplateOrder,
    TemplateBatchUseInput,
    UpdateDeploymentTemplateInput,
    UpdateDeploymentTemplatePayload,
)


@versions.type(added="0.1.0")
class TemplateQueries:
    @versions.field
    async def deployment_template(self, info: Info, id: strawberry.ID) -> DeploymentTemplate | None:
        """One version of a template by its id; null for an id of nothing that the caller sees."""
        own = own_id_or_none("DeploymentTemplate", id)
        found = await info.context.loads.template(own) if own else None
        return None if found is None else DeploymentTemplate.of(found)

    @versions.field
    async def deployment_templates(
        self,
        info: Info,
        first: First = DEFAULT_FIRST,
        after: After = None,
        filter: DeploymentTemplateFilter | None = None,
        order_by: DeploymentTemplateOrder | None = None,
    ) -> Connection[DeploymentTemplate]:
        """The project's templates, every version, oldest first unless ordered."""
        return await lists.in_project(
            info.context,
            info.context.services.reads.templates,
            DeploymentTemplate.of,
            ORDER_KINDS,
            first=first,
            after=after,
            filter=filter,
            order_by=order_by,
        )

    @versions.field
    def runtime_variants(self) -> list[RuntimeVariantProfile]:
        """What each runtime variant generates."""
        return cast("list[RuntimeVariantProfile]", list(VARIANTS.values()))


@versions.type(added="0.1.0")
class TemplateMutations:
    @versions.field
    async def create_deployment_template(
        self, info: Info, input: CreateDeploymentTemplateInput
    ) -> CreateDeploymentTemplatePayload | None:
        """Stores the next version of the template of that name."""
        payload = CreateDeploymentTemplatePayload()
        with mending(payload):
            new = NewTemplate(
                name=input.name,
                variant=input.runtime_variant,
                spec=json_object(input.spec, "spec"),
                allowed_overrides=tuple(input.allowed_overrides or ()),
                description=input.description or "",
                status=input.status or TemplateStatus.DRAFT,
                batch=_batch_use(input.batch),
                kubernetes=_kubernetes_use(input.kubernetes),
            )
            templates = info.context.services.templates
            created = await templates.create(info.context.caller, new, input.idempotency_key)
            payload.template = DeploymentTemplate.of(created)
        return payload

    @versions.field
    async def update_deployment_template(
        self, info: Info, input: UpdateDeploymentTemplateInput
    ) -> UpdateDeploymentTemplatePayload | None:
        """Changes a draft, or the status and description of a version that is none any more."""
        payload = UpdateDeploymentTemplatePayload()
        with mending(payload):
            own = own_id("DeploymentTemplate", input.template_id, "template_id")
            said = patch(input, without=("template_id",))
            if "runtime_variant" in said:
                said["variant"] = said.pop("runtime_variant")
            if said.get("spec") is not None:
                json_object(said["spec"], "spec")
            if said.get("batch") is not None:
                said["batch"] = _batch_use(said["batch"])
            if said.get("kubernetes") is not None:
                said["kubernetes"] = _kubernetes_use(said["kubernetes"])
            templates = info.context.services.templates
            changed = await templates.update(info.context.caller, own, cast("TemplatePatch", said))
            payload.template = DeploymentTemplate.of(changed)
        return payload

    @versions.field
    async def delete_deployment_template(
        self, info: Info, input: DeleteDeploymentTemplateInput
    ) -> DeleteDeploymentTemplatePayload | None:
        """Deletes one version; revisions that were made from it stay whole."""
        payload = DeleteDeploymentTemplatePayload()
        with mending(payload):
            own = own_id("DeploymentTemplate", input.template_id, "template_id")
            templates = info.context.services.templates
            deleted = await templates.delete(info.context.caller, own)
            payload.template = DeploymentTemplate.of(deleted)
        return payload


def _batch_use(said: TemplateBatchUseInput | None) -> BatchUse:
    if said is None:
        return BatchUse()
    use: dict[str, Any] = patch(said)
    if "supported_endpoints" in use:
        use["endpoints"] = use.pop("supported_endpoints")
    return BatchUse(**use)


def _kubernetes_use(said: KubernetesUseInput | None) -> KubernetesUse:
    if said is None:
        return KubernetesUse()
    use = patch(said, without=("node_selector", "tolerations"))
    labels = [NodeLabel(**patch(each)) for each in said.node_selector or ()]
    tolerations = [Toleration(**patch(each)) for each in said.tolerations or ()]
    return KubernetesUse(node_selector=tuple(labels), tolerations=tuple(tolerations), **use)
