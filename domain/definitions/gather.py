"""From what was read to layers, and from what they resolve to, to a whole resolution. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from domain.definitions import kubernetes, notices, overrides
from domain.definitions.definition import document
from domain.definitions.digest import canonical, digest
from domain.definitions.folder_file import DefinitionFile
from domain.definitions.kubernetes import KubernetesUse
from domain.definitions.layers import Layer, LayerKind, Tree, WrittenLayer
from domain.definitions.merge import Resolved
from domain.definitions.request import MOUNT_PATH, RevisionRequest, request_layer
from domain.definitions.resolution import Resolution
from domain.definitions.variants import Variant
from domain.definitions.variants.engine import Context
from domain.definitions.variants.registry import generate
from domain.deployments.deployment import EnvironmentValue, FolderUse, TemplateUse
from domain.errors import DefinitionError
from domain.folders.folder import Folder
from domain.templates.template import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    request: RevisionRequest
    variant: Variant
    template: Template | None
    folder: Folder | None
    file: DefinitionFile | None
    names: tuple[str, ...]  # of files that were looked for

    @property
    def mount_path(self) -> str:
        choice = self.request.model_folder
        return choice.mount_path if choice else MOUNT_PATH


@dataclass(frozen=True, slots=True, kw_only=True)
class GatheredLayer:
    """A layer and where it comes from; without a layer it was looked for and said nothing."""

    kind: LayerKind
    source: str
    layer: Layer | None
    file: DefinitionFile | None = None

    def written(self) -> WrittenLayer:
        """Only of a layer that was checked: what is no JSON has no canonical text."""
        if self.file is not None:
            return self.file.written()
        if self.layer is None:
            return WrittenLayer(kind=self.kind, source=self.source, text=None, sha256=None)
        text = canonical(self.layer.tree)
        sha = sha256(text.encode()).hexdigest()
        return WrittenLayer(kind=self.kind, source=self.source, text=text, sha256=sha)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The layers, lowest first, and what was wrong already with how they were given."""

    every: tuple[GatheredLayer, ...]
    errors: tuple[DefinitionError, ...]

    @property
    def layers(self) -> tuple[Layer, ...]:
        return tuple(one.layer for one in self.every if one.layer is not None)


def layers(given: Given) -> Gathered:
    asked = request_layer(**_said(given.request))
    higher = [*_template(given), *_file(given)]
    if asked.layer.tree:
        higher.append(_gathered("request", asked.layer))
    trees = [one.layer.tree for one in higher if one.layer and one.file is None]
    lowest = generate(given.variant, _context(given.mount_path, trees))
    variant = Layer(kind=LayerKind.VARIANT, tree=lowest)
    return Gathered(
        every=(_gathered(given.variant.value, variant), *higher),
        errors=(*_refused_overrides(given), *asked.errors),
    )


def resolution(project_id: str, given: Given, gathered: Gathered, resolved: Resolved) -> Resolution:
    folder, template = given.folder, given.template
    file = given.file.name if given.file else None
    environment = {name: dict(value) for name, value in resolved.environment.items()}
    running: dict[str, Any] = {
        "variant": given.variant.value,
        "image": resolved.image,
        "mount_path": given.mount_path,
        "folder": folder.uri if folder else None,
        "definition": document(resolved.definition),
        "environment": environment,
        "resources": dict(resolved.resources),
    }
    use = template.kubernetes if template else KubernetesUse()
    if scheduling := kubernetes.said(use):
        running["kubernetes"] = scheduling
    return Resolution(
        project_id=project_id,
        digest=digest(running),
        variant=given.variant,
        image=resolved.image,
        mount_path=given.mount_path,
        folder=_folder_use(folder, given.mount_path, file) if folder else None,
        template=_template_use(template) if template else None,
        definition=resolved.definition,
        environment={name: EnvironmentValue(**value) for name, value in environment.items()},
        resources=resolved.resources,
        kubernetes=use,
        provenance=resolved.provenance,
        layers=tuple(one.written() for one in gathered.every),
        notices=notices.notices(resolved.definition, resolved.resources, given.mount_path),
    )


def _said(request: RevisionRequest) -> Tree:
    """Null for the whole definition clears nothing: it says nothing of any field."""
    return {k: v for k, v in request.draft.items() if k != "model_definition" or v is not None}


def _refused_overrides(given: Given) -> tuple[DefinitionError, ...]:
    template, choice = given.template, given.request.template
    if template is None or choice is None:
        return ()
    return overrides.refused(template.spec, choice.overrides, template.allowed_overrides)


def _template(given: Given) -> Iterator[GatheredLayer]:
    template, choice = given.template, given.request.template
    if template is None or choice is None:
        return
    name = f"{template.name}@{template.version}"
    yield _gathered(name, Layer(kind=LayerKind.TEMPLATE, tree=template.spec))
    if choice.overrides:
        layer = Layer(kind=LayerKind.TEMPLATE, tree=choice.overrides)
        yield _gathered(f"{name} overrides", layer)


def _file(given: Given) -> Iterator[GatheredLayer]:
    kind, file = LayerKind.FOLDER, given.file
    if file is not None:
        yield GatheredLayer(kind=kind, source=file.name, layer=file.layer(), file=file)
    elif given.names:
        yield GatheredLayer(kind=kind, source=", ".join(given.names), layer=None)


def _gathered(source: str, layer: Layer) -> GatheredLayer:
    return GatheredLayer(kind=layer.kind, source=source, layer=layer)


def _context(mount_path: str, trees: Sequence[Tree]) -> Context:
    """What the lowest layer may look at: the higher layers' image, environment and resources.

    The layers are not checked yet: what is of a wrong type says nothing here.
    """
    image = next((tree["image"] for tree in reversed(trees) if "image" in tree), None)
    environment: Mapping[str, Any] = {}
    resources: Mapping[str, Any] = {}
    for tree in trees:
        environment = _over(environment, tree.get("environment", {}))
        resources = _over(resources, tree.get("resources", {}))
    return Context(
        mount_path=mount_path,
        image=image if isinstance(image, str) else None,
        environment=environment,
        resources=resources,
    )


def _over(lower: Mapping[str, Any], said: Any) -> Mapping[str, Any]:
    if said is None:
        return {}
    return {**lower, **said} if isinstance(said, Mapping) else lower


def _folder_use(folder: Folder, mount_path: str, file: str | None) -> FolderUse:
    return FolderUse(
        folder_id=folder.id, name=folder.name, uri=folder.uri, mount_path=mount_path, file=file
    )


def _template_use(template: Template) -> TemplateUse:
    return TemplateUse(template_id=template.id, name=template.name, version=template.version)
