from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict, TypeVar

from domain import checks, idempotency
from domain.access.access import Caller, Role
from domain.clock import Clock
from domain.definitions import kubernetes
from domain.definitions.kubernetes import KubernetesUse
from domain.definitions.variants import Variant
from domain.errors import InvalidValue, NotFound, TemplateFrozen, TransitionRefused
from domain.ids import NewId
from domain.templates import spec
from domain.templates.facts import TemplateCreated, TemplateDeleted, TemplateUpdated
from domain.templates.template import TRANSITIONS, BatchUse, Template, TemplateStatus
from domain.work import Reads, StartWork

T = TypeVar("T")
DESCRIPTION_LIMIT = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTemplate:
    """The next version of `name`, whatever was there before."""

    name: str
    variant: Variant
    spec: Mapping[str, Any]
    allowed_overrides: tuple[str, ...] = ()
    description: str = ""
    status: TemplateStatus = TemplateStatus.DRAFT
    batch: BatchUse = field(default_factory=BatchUse)
    kubernetes: KubernetesUse = field(default_factory=KubernetesUse)


class TemplatePatch(TypedDict, total=False):
    status: TemplateStatus | None
    description: str | None
    variant: Variant | None
    spec: Mapping[str, Any] | None
    allowed_overrides: tuple[str, ...] | None
    batch: BatchUse | None
    kubernetes: KubernetesUse | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Templates:
    start_work: StartWork
    reads: Reads
    clock: Clock
    new_id: NewId

    async def create(self, caller: Caller, new: NewTemplate, key: str | None = None) -> Template:
        project_id = caller.project_id
        caller.require_selected(Role.EDITOR)
        repeat = idempotency.repeat(project_id, "createDeploymentTemplate", key, new)
        if first := await repeat.answered(self.reads, self.clock()):
            return await self._first(first)
        checks.name(new.name, ("name",))
        checks.text(new.description, ("description",), DESCRIPTION_LIMIT)
        checked = spec.checked(new.spec)
        spec.check_pointers(new.allowed_overrides)
        spec.check_batch_use(new.batch)
        kubernetes.check(new.kubernetes)
        now = self.clock()
        template_id = self.new_id()
        async with self.start_work(caller.actor, caller.cause) as work:
            twin = await repeat.claim(work, template_id, now)
            if twin is None:
                await work.projects.lock(project_id)
                version = 1 + await work.latest_template_version(project_id, new.name)
                template = Template(
                    id=template_id,
                    project_id=project_id,
                    name=new.name,
                    version=version,
                    status=new.status,
                    variant=new.variant,
                    spec=checked,
                    allowed_overrides=new.allowed_overrides,
                    description=new.description,
                    batch=new.batch,
                    kubernetes=new.kubernetes,
                    created_at=now,
                    created_by=caller.actor,
                    updated_at=now,
                )
                await work.templates.add(template)
                fact = TemplateCreated(template_id=template_id, name=new.name, version=version)
                work.record(project_id, fact)
        return template if twin is None else await self._first(twin)

    async def update(self, caller: Caller, id: str, patch: TemplatePatch) -> Template:
        """A draft may change in all but its name; later only status and description do."""
        changes = _changes(patch)
        async with self.start_work(caller.actor, caller.cause) as work:
            template = caller.owned(await work.templates.lock(id), Role.EDITOR, _missing(id))
            changed = replace(template, **changes)
            if changed == template:
                return template
            _check_move(template, changed)
            changed = replace(changed, updated_at=self.clock())
            await work.templates.put(changed)
            fact = TemplateUpdated(
                template_id=id,
                name=template.name,
                version=template.version,
                status=changed.status.value,
            )
            work.record(template.project_id, fact)
        return changed

    async def delete(self, caller: Caller, id: str) -> Template:
        """Deletes one version; revisions that were made from it stay whole."""
        async with self.start_work(caller.actor, caller.cause) as work:
            template = caller.owned(await work.templates.lock(id), Role.EDITOR, _missing(id))
            await work.templates.remove(id)
            fact = TemplateDeleted(template_id=id, name=template.name, version=template.version)
            work.record(template.project_id, fact)
        return template

    async def _first(self, id: str) -> Template:
        found = await self.reads.templates.by_ids([id])
        if id not in found:
            raise _missing(id)
        return found[id]


def _changes(patch: TemplatePatch) -> dict[str, Any]:
    """The fields that the patch sets; null empties a field that can be empty."""
    changes: dict[str, Any] = {}
    if "status" in patch:
        changes["status"] = _needed(patch["status"], "status")
    if "variant" in patch:
        changes["variant"] = _needed(patch["variant"], "runtime_variant")
    if "description" in patch:
        description = patch["description"] or ""
        changes["description"] = checks.text(description, ("description",), DESCRIPTION_LIMIT)
    if "spec" in patch:
        changes["spec"] = spec.checked(patch["spec"] or {})
    if "allowed_overrides" in patch:
        changes["allowed_overrides"] = patch["allowed_overrides"] or ()
        spec.check_pointers(changes["allowed_overrides"])
    if "batch" in patch:
        changes["batch"] = patch["batch"] or BatchUse()
        spec.check_batch_use(changes["batch"])
    if "kubernetes" in patch:
        changes["kubernetes"] = patch["kubernetes"] or KubernetesUse()
        kubernetes.check(changes["kubernetes"])
    return changes


def _needed(value: T | None, name: str) -> T:
    if value is None:
        raise InvalidValue(path=(name,), problem="A template is never without this.")
    return value


def _check_move(before: Template, after: Template) -> None:
    content = replace(
        after, status=before.status, description=before.description, updated_at=before.updated_at
    )
    if before.status is not TemplateStatus.DRAFT and content != before:
        raise TemplateFrozen(name=before.name, version=before.version, path=("template_id",))
    if after.status is not before.status and after.status not in TRANSITIONS[before.status]:
        raise TransitionRefused(
            kind="template",
            source=before.status.value,
            target=after.status.value,
            path=("status",),
        )


def _missing(id: str) -> NotFound:
    return NotFound(kind="deployment template", id=id, path=("template_id",))
