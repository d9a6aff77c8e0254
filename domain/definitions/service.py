"""Gathers the layers of a revision from where they lie, and resolves them."""

import posixpath
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256

from domain.definitions import findings, merge, notices, overrides, render
from domain.definitions.compare import Difference, compare, drift
from domain.definitions.definition import document
from domain.definitions.digest import canonical, digest
from domain.definitions.layers import ABSENT, Layer, LayerKind, Tree, WrittenLayer
from domain.definitions.ports import DefinitionParser
from domain.definitions.request import RevisionRequest, TemplateChoice, request_tree
from domain.definitions.resolution import Drift, DriftStatus, Resolution
from domain.definitions.variants import Variant
from domain.definitions.variants.registry import Context, generate
from domain.deployments.deployment import EnvironmentValue, FolderUse, Revision, TemplateUse
from domain.errors import (
    DefinitionError,
    FileTooLarge,
    InvalidValue,
    NotFound,
    OutsideFolder,
    Refused,
    StorageUnavailable,
    UserError,
)
from domain.folders.folder import Folder
from domain.folders.ports import FolderFiles
from domain.templates.template import Template, TemplateStatus
from domain.work import Reads

FILES = ("model-definition.yaml", "model-definition.yml", "model-definition.toml")
FILE_LIMIT = 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The layers, lowest first, and each as it was written; `file` is the definition file's name."""

    layers: tuple[Layer, ...]
    written: tuple[WrittenLayer, ...]
    file: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """`driver` is "process" or "kubernetes": what a revision must say depends on it."""

    reads: Reads
    files: FolderFiles
    parser: DefinitionParser
    driver: str
    enable_override: bool  # where the request doesn't say

    async def resolve(
        self, project_id: str, request: RevisionRequest, *, preview: bool
    ) -> Resolution:
        """Raises Refused with every error found; writes nothing."""
        template, folder = await self._sources(project_id, request, preview)
        variant = _variant(request, template)
        mount_path = _mount_path(request)
        try:
            gathered = await self._gather(request, variant, template, folder, mount_path)
            resolved = merge.resolve(gathered.layers)
        except Refused as refused:
            raise Refused(errors=findings.located(refused.errors, request)) from refused
        environment = {n: EnvironmentValue(**v) for n, v in resolved.environment.items()}
        running = {
            "variant": variant.value,
            "image": resolved.image,
            "mount_path": mount_path,
            "folder": folder.uri if folder else None,
            "definition": document(resolved.definition),
            "environment": {n: dict(v) for n, v in resolved.environment.items()},
            "resources": dict(resolved.resources),
        }
        resolution = Resolution(
            project_id=project_id,
            digest=digest(running),
            variant=variant,
            image=resolved.image,
            mount_path=mount_path,
            folder=_folder_use(folder, mount_path, gathered.file),
            template=_template_use(template),
            definition=resolved.definition,
            environment=environment,
            resources=resolved.resources,
            provenance=resolved.provenance,
            layers=gathered.written,
            notices=notices.notices(resolved.definition, resolved.resources, mount_path),
        )
        await self._check(resolution, request)
        return resolution

    def compare(self, before: Revision, after: Revision) -> tuple[Difference, ...]:
        """What differs in what runs, by JSON Pointer, with the layer that set each side."""
        return compare(before.provenance, after.provenance)

    async def drift(self, revision: Revision) -> Drift:
        """Whether and how the folder's definition file has changed since it was read."""
        then = next((w for w in revision.layers if w.kind is LayerKind.FOLDER), None)
        use = revision.folder
        if then is None or use is None:
            return Drift(status=DriftStatus.NOT_USED)
        if use.folder_id not in await self.reads.folders.by_ids([use.folder_id]):
            return Drift(status=DriftStatus.FOLDER_DELETED, sha256_then=then.sha256)
        try:
            found = await self._find(use.uri, (use.file,) if use.file else FILES)
        except (DefinitionError, StorageUnavailable) as error:
            return Drift(
                status=DriftStatus.UNREADABLE, sha256_then=then.sha256, problem=error.message
            )
        return self._drift(then, found)

    def _drift(self, then: WrittenLayer, found: tuple[str, bytes] | None) -> Drift:
        if found is None:
            gone = then.text is not None
            status = DriftStatus.FILE_DELETED if gone else DriftStatus.UNCHANGED
            return Drift(status=status, sha256_then=then.sha256)
        file, content = found
        now = sha256(content).hexdigest()
        if now == then.sha256:
            return Drift(status=DriftStatus.UNCHANGED, sha256_then=then.sha256, sha256_now=now)
        before = self.parser.parse(then.source, (then.text or "").encode()) if then.text else {}
        try:
            after = self.parser.parse(file, content)
        except DefinitionError as error:
            return Drift(
                status=DriftStatus.UNREADABLE,
                sha256_then=then.sha256,
                sha256_now=now,
                problem=error.message,
            )
        kind = LayerKind.FOLDER
        return Drift(
            status=DriftStatus.CHANGED,
            sha256_then=then.sha256,
            sha256_now=now,
            differences=drift(Layer(kind=kind, tree=before), Layer(kind=kind, tree=after)),
        )

    async def _sources(
        self, project_id: str, request: RevisionRequest, preview: bool
    ) -> tuple[Template | None, Folder | None]:
        errors: list[UserError] = []
        template, folder = None, None
        with _collecting(errors):
            if request.template:
                template = await self._template(project_id, request.template, preview)
        with _collecting(errors):
            if request.model_folder:
                folder_id = request.model_folder.folder_id
                folder = (await self.reads.folders.by_ids([folder_id])).get(folder_id)
                if folder is None or folder.project_id != project_id:
                    path = ("model_folder", "folder_id")
                    raise NotFound(kind="model folder", id=folder_id, path=path)
        if errors:
            raise Refused(errors=tuple(errors))
        return template, folder

    async def _template(self, project_id: str, choice: TemplateChoice, preview: bool) -> Template:
        versions = await self.reads.templates.versions(project_id, choice.name)
        if choice.version is None:
            found = next((t for t in versions if t.status is TemplateStatus.ACTIVE), None)
            if found is None:
                raise NotFound(
                    kind="active version of template", id=choice.name, path=("template", "name")
                )
            return found
        found = next((t for t in versions if t.version == choice.version), None)
        if found is None or (found.status is TemplateStatus.DRAFT and not preview):
            kind = f"version {choice.version} (a draft is for previews alone) of template"
            raise NotFound(kind=kind, id=choice.name, path=("template", "version"))
        return found

    async def _gather(
        self,
        request: RevisionRequest,
        variant: Variant,
        template: Template | None,
        folder: Folder | None,
        mount_path: str,
    ) -> Gathered:
        errors: list[UserError] = []
        layers: list[Layer] = []
        written: list[WrittenLayer] = []
        file = None
        if template and request.template:
            changes = request.template.overrides
            errors += overrides.refused(changes, template.allowed_overrides)
            for tree, suffix in ((template.spec, ""), (changes, " overrides")):
                if tree:
                    layers.append(Layer(kind=LayerKind.TEMPLATE, tree=tree))
                    source = f"{template.name}@{template.version}{suffix}"
                    written.append(_generated(LayerKind.TEMPLATE, source, tree))
        with _collecting(errors):
            if self._reads_file(request, variant):
                layer, record = await self._file(request, variant, folder)
                layers += [layer] if layer else []
                written.append(record)
                file = record.source if layer else None
        with _collecting(errors):
            draft = request.draft
            names = ("image", "startup_command", "environment", "resources")
            said = {name: draft.get(name, ABSENT) for name in names}
            models = draft.get("model_definition", {}).get("models", ABSENT)
            tree = request_tree(models=models, **said)
            layers.append(Layer(kind=LayerKind.REQUEST, tree=tree))
            if tree:
                written.append(_generated(LayerKind.REQUEST, "request", tree))
        if errors:
            raise Refused(errors=tuple(errors))
        lowest = generate(variant, _context(mount_path, layers))
        layers.insert(0, Layer(kind=LayerKind.VARIANT, tree=lowest))
        written.insert(0, _generated(LayerKind.VARIANT, variant.value, lowest))
        return Gathered(layers=tuple(layers), written=tuple(written), file=file)

    def _reads_file(self, request: RevisionRequest, variant: Variant) -> bool:
        if variant is Variant.CUSTOM:
            return True
        asked = request.enable_model_definition_override
        if self.enable_override if asked is None else asked:
            return request.model_folder is not None
        if request.model_folder and request.model_folder.definition_path is not None:
            raise DefinitionError(
                kind="DEFINITION_FILE_NOT_USED",
                layer=LayerKind.FOLDER.value,
                value=request.model_folder.definition_path,
                path=("model_folder", "definition_path"),
                problem="The definition file is not used, as enableModelDefinitionOverride is off: "
                "turn it on, or leave definitionPath out.",
            )
        return False

    async def _file(
        self, request: RevisionRequest, variant: Variant, folder: Folder | None
    ) -> tuple[Layer | None, WrittenLayer]:
        """The FOLDER layer, None where it says nothing, and the record of it."""
        named = request.model_folder.definition_path if request.model_folder else None
        wanted = (named,) if named is not None else FILES
        found = await self._find(folder.uri, wanted) if folder else None
        if found is None:
            if named is None and variant is not Variant.CUSTOM:
                missing = ", ".join(FILES)
                return None, WrittenLayer(
                    kind=LayerKind.FOLDER, source=missing, text=None, sha256=None
                )
            raise _not_found(folder, wanted)
        file, content = found
        tree = self.parser.parse(file, content)
        record = WrittenLayer(
            kind=LayerKind.FOLDER,
            source=file,
            text=content.decode(),
            sha256=sha256(content).hexdigest(),
        )
        return Layer(kind=LayerKind.FOLDER, tree=tree), record

    async def _find(self, uri: str, files: Sequence[str]) -> tuple[str, bytes] | None:
        for file in files:
            try:
                content = await self.files.read(uri, file, FILE_LIMIT)
            except FileTooLarge as error:
                raise _unreadable("DEFINITION_TOO_LARGE", file, error.message) from error
            except OutsideFolder as error:
                raise _unreadable("DEFINITION_UNREADABLE", file, error.message) from error
            except StorageUnavailable as error:
                refusal = _unreadable("DEFINITION_UNREADABLE", file, error.message)
                refusal.retryable = True
                raise refusal from error
            if content is not None:
                return file, content
        return None

    async def _check(self, resolution: Resolution, request: RevisionRequest) -> None:
        """What only the whole can tell: commands that render, an image where one is needed, secrets."""
        errors: list[UserError] = []
        with _collecting(errors):
            render.rendered(resolution.definition)
        errors += notices.needs_image(resolution.definition, resolution.image, self.driver)
        errors += await self._unknown_secrets(resolution)
        if errors:
            placed = findings.attributed(errors, resolution.provenance)
            raise Refused(errors=findings.located(placed, request))

    async def _unknown_secrets(self, resolution: Resolution) -> list[UserError]:
        named = {n: v.secret for n, v in resolution.environment.items() if v.secret is not None}
        on_cluster = self.driver == "kubernetes"
        ours = {s for s in named.values() if not (on_cluster and s.startswith("k8s:"))}
        known = await self.reads.secrets.named(resolution.project_id, ours) if ours else {}
        return [
            DefinitionError(
                kind="SECRET_NOT_FOUND",
                pointer=f"/environment/{name}",
                value=secret,
                problem=f"There is no secret named {secret!r} in the project.",
            )
            for name, secret in named.items()
            if secret in ours and secret not in known
        ]


@contextmanager
def _collecting(errors: list[UserError]) -> Iterator[None]:
    try:
        yield
    except UserError as error:
        errors.append(error)
    except Refused as refused:
        errors.extend(refused.errors)


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


def _mount_path(request: RevisionRequest) -> str:
    path = request.model_folder.mount_path if request.model_folder else "/models"
    if not path.startswith("/") or posixpath.normpath(path) != path or path in ("/", "//"):
        raise InvalidValue(
            path=("model_folder", "mount_path"),
            problem=f"{path!r} is no mount path: use an absolute, normal path below the root.",
        )
    return path


def _context(mount_path: str, layers: Sequence[Layer]) -> Context:
    """What the lowest layer may look at: the higher layers' image, environment and resources."""
    image = next((x.tree["image"] for x in reversed(layers) if "image" in x.tree), None)
    environment: dict[str, object] = {}
    resources: dict[str, object] = {}
    for layer in layers:
        environment |= layer.tree.get("environment") or {}
        resources |= layer.tree.get("resources") or {}
    return Context(mount_path=mount_path, image=image, environment=environment, resources=resources)


def _generated(kind: LayerKind, source: str, tree: Tree) -> WrittenLayer:
    text = canonical(tree)
    return WrittenLayer(
        kind=kind, source=source, text=text, sha256=sha256(text.encode()).hexdigest()
    )


def _folder_use(folder: Folder | None, mount_path: str, file: str | None) -> FolderUse | None:
    if folder is None:
        return None
    return FolderUse(
        folder_id=folder.id, name=folder.name, uri=folder.uri, mount_path=mount_path, file=file
    )


def _template_use(template: Template | None) -> TemplateUse | None:
    if template is None:
        return None
    return TemplateUse(template_id=template.id, name=template.name, version=template.version)


def _not_found(folder: Folder | None, files: Sequence[str]) -> DefinitionError:
    names = " or ".join(files)
    where = f"in model folder {folder.name!r}" if folder else "without a model folder"
    return DefinitionError(
        kind="DEFINITION_NOT_FOUND",
        layer=LayerKind.FOLDER.value,
        path=("model_folder",),
        problem=f"There is no {names} {where}.",
    )


def _unreadable(kind: str, file: str, problem: str) -> DefinitionError:
    return DefinitionError(
        kind=kind,
        layer=LayerKind.FOLDER.value,
        value=file,
        path=("model_folder", "definition_path"),
        problem=problem,
    )
