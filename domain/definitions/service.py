"""Gathers the layers of a revision from where they lie, and resolves them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from domain.definitions import gather, merge, notices, overrides, places, sources
from domain.definitions.compare import Difference, compare_revisions
from domain.definitions.drift import drift
from domain.definitions.environment import cluster_secret, of_the_cluster
from domain.definitions.findings import MOST_TOLD
from domain.definitions.folder_file import DefinitionFile, DefinitionFiles
from domain.definitions.gather import Given
from domain.definitions.notices import DriverKind
from domain.definitions.request import (
    RevisionRequest,
    TemplateChoice,
    check_definition_path,
    check_mount_path,
)
from domain.definitions.resolution import Drift, Resolution
from domain.definitions.variants import Variant
from domain.definitions.variants.registry import VARIANTS
from domain.deployments.deployment import Revision
from domain.errors import DefinitionError, InvalidValue, NotFound, Refused, UserError
from domain.folders.folder import Folder
from domain.templates.template import Template, TemplateStatus
from domain.work import Reads


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    reads: Reads
    files: DefinitionFiles
    driver: DriverKind
    enable_override: bool  # where the request doesn't say

    async def resolve(
        self, project_id: str, request: RevisionRequest, *, preview: bool
    ) -> Resolution:
        """Raises Refused with every error found; writes nothing."""
        try:
            given = await self._given(project_id, request, preview)
            return await self._resolved(project_id, given)
        except (UserError, Refused) as refusal:
            found = refusal.errors if isinstance(refusal, Refused) else (refusal,)
            raise Refused(errors=places.located(_told(found), request)) from refusal

    async def _resolved(self, project_id: str, given: Given) -> Resolution:
        gathered = gather.layers(given)
        errors: list[UserError] = list(gathered.errors)
        with collecting(errors):
            resolved = merge.resolve(
                gathered.layers, needs_command=VARIANTS[given.variant].needs_command
            )
            resolution = gather.resolution(project_id, given, gathered, resolved)
            await self._check(resolution)
        if errors:
            raise Refused(errors=tuple(errors))
        return resolution

    def compare(self, before: Revision, after: Revision) -> tuple[Difference, ...]:
        """By JSON Pointer, with the layer that set each side."""
        return compare_revisions(before, after)

    async def drift(self, revision: Revision) -> Drift:
        """Whether and how the folder's definition file has changed since it was read."""
        wanted = [revision.folder.folder_id] if revision.folder else []
        exists = bool(wanted and await self.reads.folders.by_ids(wanted))
        return await drift(revision, self.files, folder_exists=exists)

    async def _given(self, project_id: str, request: RevisionRequest, preview: bool) -> Given:
        """All that the layers are made of; what is named and not there is refused here."""
        errors: list[UserError] = []
        template, folder, variant = None, None, request.runtime_variant
        with collecting(errors):
            template = await self._template(project_id, request.template, preview)
            variant = _variant(request, template)
        with collecting(errors):
            folder = await self._folder(project_id, request)
        with collecting(errors):
            check_mount_path(request)
        with collecting(errors):
            check_definition_path(request)
        if errors or variant is None:
            raise Refused(errors=tuple(errors))
        names = self._names(request, variant)
        return Given(
            request=request,
            variant=variant,
            template=template,
            folder=folder,
            file=await self._file(request, variant, folder, names),
            names=names,
        )

    async def _template(
        self, project_id: str, choice: TemplateChoice | None, preview: bool
    ) -> Template | None:
        if choice is None:
            return None
        versions = await self.reads.templates.versions(project_id, choice.name)
        if choice.version is None:
            found = next((t for t in versions if t.status is TemplateStatus.ACTIVE), None)
            if found is None:
                kind = "active version of a template named"
                raise NotFound(kind=kind, id=choice.name, path=("template", "name"))
            return found
        found = next((t for t in versions if t.version == choice.version), None)
        path = ("template", "version")
        if found is None:
            name = f"{choice.name}@{choice.version}"
            raise NotFound(kind="version of a template", id=name, path=path)
        if found.status is TemplateStatus.DRAFT and not preview:
            problem = (
                f"Version {choice.version} of template {choice.name!r} is a draft, which previews "
                "alone may name. Activate it first."
            )
            raise InvalidValue(path=path, problem=problem)
        return found

    async def _folder(self, project_id: str, request: RevisionRequest) -> Folder | None:
        if request.model_folder is None:
            return None
        folder_id = request.model_folder.folder_id
        folder = (await self.reads.folders.by_ids([folder_id])).get(folder_id)
        if folder is None or folder.project_id != project_id:
            path = ("model_folder", "folder_id")
            raise NotFound(kind="model folder", id=folder_id, path=path)
        return folder

    def _names(self, request: RevisionRequest, variant: Variant) -> tuple[str, ...]:
        asked = request.enable_model_definition_override
        override = self.enable_override if asked is None else asked
        path = request.model_folder.definition_path if request.model_folder else None
        return sources.candidates(variant, path, override=override)

    async def _file(
        self,
        request: RevisionRequest,
        variant: Variant,
        folder: Folder | None,
        names: Sequence[str],
    ) -> DefinitionFile | None:
        found = await self.files.find(folder.uri, names) if folder else None
        if found is None and names:
            path = request.model_folder.definition_path if request.model_folder else None
            sources.absent(variant, path)
        return found

    async def _check(self, resolution: Resolution) -> None:
        """What only the whole can tell: whether it can run here, and knows its secrets."""
        errors: list[UserError] = []
        errors += notices.needs_image(resolution.definition, resolution.image, self.driver)
        errors += await self._unknown_secrets(resolution)
        if errors:
            raise Refused(errors=places.attributed(errors, resolution.provenance))

    async def _unknown_secrets(self, resolution: Resolution) -> list[UserError]:
        """A secret of the cluster's own (k8s:name/key) is the cluster's to know."""
        errors: list[UserError] = []
        named = {n: v.secret for n, v in resolution.environment.items() if v.secret is not None}
        if self.driver == "kubernetes":
            for name, secret in named.items():
                if of_the_cluster(secret) and cluster_secret(secret) is None:
                    says = f"{secret!r} names no Secret of the cluster: write k8s:<name>/<key>."
                    errors.append(_unknown_secret(name, secret, says))
            named = {n: s for n, s in named.items() if not of_the_cluster(s)}
        if not named:
            return errors
        known = await self.reads.secrets.named(resolution.project_id, set(named.values()))
        return errors + [
            _unknown_secret(name, secret, f"There is no secret named {secret!r} in the project.")
            for name, secret in named.items()
            if secret not in known
        ]


@contextmanager
def collecting(errors: list[UserError]) -> Iterator[None]:
    """What the block refuses goes to `errors`, and the block ends."""
    try:
        yield
    except UserError as error:
        errors.append(error)
    except Refused as refused:
        errors.extend(refused.errors)


def _told(errors: Sequence[UserError]) -> tuple[UserError, ...]:
    """The first of them, and how many more there are."""
    more = len(errors) - MOST_TOLD
    if more <= 0:
        return tuple(errors)
    counted = DefinitionError(kind="MORE_ERRORS", problem=f"{more} more errors are not shown.")
    return (*errors[:MOST_TOLD], counted)


def _unknown_secret(name: str, secret: str, says: str) -> DefinitionError:
    return DefinitionError(
        kind="SECRET_NOT_FOUND", pointer=f"/environment/{name}", value=secret, problem=says
    )


def _variant(request: RevisionRequest, template: Template | None) -> Variant:
    if template is not None:
        return overrides.agreed_variant(template.variant, request.runtime_variant)
    if request.runtime_variant is None:
        raise DefinitionError(
            kind="REQUIRED_MISSING",
            path=("runtime_variant",),
            problem="Name a runtime variant, or a template that has one.",
        )
    return request.runtime_variant
