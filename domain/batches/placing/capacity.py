"""What there is to run a batch on, as far as it may matter to it."""

from dataclasses import dataclass

from domain.batches.batch import Wish
from domain.batches.external_endpoint import ExternalEndpoint
from domain.deployments.deployment import Deployment, DeploymentStatus, Revision
from domain.errors import UserError
from domain.gateway.naming import Wanted, parse
from domain.gateway.route import GONE
from domain.listing import Compare, Listing, Op
from domain.templates.template import Template, TemplateStatus
from domain.work import Reads

LONGEST_NAME = 256  # characters of what can be a name of anything here


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A deployment. `models` are the names of what the revision meant serves: the one that was named by
    number, else the one that is active, or is to be; none where there is none.
    `is_serving`: something is active, or is to be."""

    id: str
    name: str
    last_revision: int
    is_serving: bool
    models: tuple[str, ...]

    def has_revision(self, number: int | None) -> bool:
        return number is None or number <= self.last_revision

    def has_model(self, model: str | None) -> bool:
        return model is None or model in self.models

    def knows(self, wanted: Wanted) -> bool:
        return self.has_revision(wanted.revision) and self.has_model(wanted.model)

    def serves(self, wanted: Wanted) -> bool:
        """Whether what a line's `model` says can be had of it without being asked for otherwise."""
        return self.is_serving and self.knows(wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """`deployment` is the one that the wish names, else the one that the lines' model does; likewise
    `templates`, all versions of a name, newest first. `endpoint` is the external endpoint that the wish
    names, `listing` are those that list the model, by name. `no_jobs`: why no Kubernetes Job can be had
    here."""

    deployment: Served | None = None
    endpoint: ExternalEndpoint | None = None
    listing: tuple[ExternalEndpoint, ...] = ()
    templates: tuple[Template, ...] = ()
    no_jobs: UserError | None = None

    def template(self, version: int | None) -> Template | None:
        """None means the newest active one."""
        return next((each for each in self.templates if _is_meant(each, version)), None)


async def load(
    reads: Reads, project_id: str, wish: Wish, model: str | None, no_jobs: UserError | None
) -> Capacity:
    """`model` is None where nobody has read the lines yet: then only what the wish names is looked up."""
    model = model if model is not None and _is_name(model) else None
    template = wish.template.name if wish.template is not None else model
    return Capacity(
        deployment=await _deployment(reads, project_id, wish.deployment or model),
        endpoint=await _endpoint(reads, project_id, wish.endpoint),
        listing=tuple(await reads.external_endpoints.serving(project_id, model)) if model else (),
        templates=await _templates(reads, project_id, template),
        no_jobs=no_jobs,
    )


def _is_meant(template: Template, version: int | None) -> bool:
    if version is None:
        return template.status is TemplateStatus.ACTIVE
    return template.version == version


def _is_name(text: str) -> bool:
    """Whether databases can be asked for it."""
    is_text = "\x00" not in text and not any("\ud800" <= c <= "\udfff" for c in text)
    return is_text and 0 < len(text) <= LONGEST_NAME


async def _deployment(reads: Reads, project_id: str, written: str | None) -> Served | None:
    wanted = parse(written) if written is not None else None
    if wanted is None:
        return None
    named = Compare("name", Op.EQ, wanted.deployment)
    listing = Listing(first=1, within={"project_id": project_id}, where=named)
    found = (await reads.deployments.page(listing)).items
    if not found or found[0].is_dedicated or found[0].status in GONE:
        return None
    return await _served(reads, found[0], wanted.revision)


async def _served(reads: Reads, deployment: Deployment, number: int | None) -> Served:
    revision = await _revision(reads, deployment, number)
    models = revision.definition.models if revision is not None else ()
    return Served(
        id=deployment.id,
        name=deployment.name,
        last_revision=deployment.last_revision,
        is_serving=deployment.status is not DeploymentStatus.PENDING,
        models=tuple(model.name for model in models if model.service is not None),
    )


async def _revision(reads: Reads, deployment: Deployment, number: int | None) -> Revision | None:
    if number is not None:
        within, where = {"deployment_id": deployment.id}, Compare("number", Op.EQ, number)
        found = await reads.revisions.page(Listing(first=1, within=within, where=where))
        return next(iter(found.items), None)
    live = (await reads.rollouts.live([deployment.id])).get(deployment.id)
    meant = deployment.active_revision_id or (live.revision_id if live is not None else None)
    return (await reads.revisions.by_ids([meant])).get(meant) if meant is not None else None


async def _endpoint(reads: Reads, project_id: str, name: str | None) -> ExternalEndpoint | None:
    if name is None or not _is_name(name):
        return None
    return await reads.external_endpoints.named(project_id, name)


async def _templates(reads: Reads, project_id: str, name: str | None) -> tuple[Template, ...]:
    if name is None or not _is_name(name):
        return ()
    return tuple(await reads.templates.versions(project_id, name))
