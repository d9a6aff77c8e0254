"""From what was read to layers, and from what they resolve to, to a whole resolution. Pure."""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from domain.definitions import notices, overrides
from domain.definitions.definition import document
from domain.definitions.digest import canonical, digest
from domain.definitions.folder_file import DefinitionFile
from domain.definitions.layers import Layer, LayerKind, Tree, WrittenLayer
from domain.definitions.merge import Resolved
from domain.definitions.request import MOUNT_PATH, RevisionRequest, request_layer
from domain.definitions.resolution import Resolution
from domain.definitions.variants import Variant
from domain.definitions.variants.engine import Context
from domain.definitions.variants.registry import generate
from domain.deployments.deployment import EnvironmentValue, FolderUse, TemplateUse
from domain.errors import InvalidValue, Refused
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
class Gathered:
    """The layers, lowest first, and each as it was written."""

    layers: tuple[Layer, ...]
    written: tuple[WrittenLayer, ...]


def check_mount_path(request: RevisionRequest) -> None:
    path = request.model_folder.mount_path if request.model_folder else MOUNT_PATH
    normal = posixpath.normpath(path) == path and path.isprintable()
    if not path.startswith("/") or path.startswith("//") or path == "/" or not normal:
        raise InvalidValue(
            path=("model_folder", "mount_path"),
            problem=f"{path!r} is no mount path: use an absolute, normal path below the root.",
        )


def layers(given: Given) -> Gathered:
    """Raises Refused for overrides that are not allowed, and for a request at odds with itself."""
    higher = [*_template(given), *_file(given), *_request(given.request)]
    trees = [layer.tree for layer, _ in higher if layer]
    lowest = generate(given.variant, _context(given.mount_path, trees))
    variant = _generated(LayerKind.VARIANT, given.variant.value, lowest)
    every = [variant, *higher]
    return Gathered(
        layers=tuple(layer for layer, _ in every if layer),
        written=tuple(written for _, written in every),
    )


def resolution(project_id: str, given: Given, gathered: Gathered, resolved: Resolved) -> Resolution:
    folder, template = given.folder, given.template
    file = given.file.name if given.file else None
    environment = {name: dict(value) for name, value in resolved.environment.items()}
    running = {
        "variant": given.variant.value,
        "image": resolved.image,
        "mount_path": given.mount_path,
        "folder": folder.uri if folder else None,
        "definition": document(resolved.definition),
        "environment": environment,
        "resources": dict(resolved.resources),
    }
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
        provenance=resolved.provenance,
        layers=gathered.written,
        notices=notices.notices(resolved.definition, resolved.resources, given.mount_path),
    )


Part = tuple[Layer | None, WrittenLayer]


def _template(given: Given) -> list[Part]:
    template, choice = given.template, given.request.template
    if template is None or choice is None:
        return []
    allowed = template.allowed_overrides
    if refused := overrides.refused(template.spec, choice.overrides, allowed):
        raise Refused(errors=refused)
    name = f"{template.name}@{template.version}"
    parts: list[Part] = [_generated(LayerKind.TEMPLATE, name, template.spec)]
    if choice.overrides:
        parts.append(_generated(LayerKind.TEMPLATE, f"{name} overrides", choice.overrides))
    return parts


def _file(given: Given) -> list[Part]:
    if given.file is not None:
        return [(given.file.layer(), given.file.written())]
    if not given.names:
        return []
    names = ", ".join(given.names)
    nothing = WrittenLayer(kind=LayerKind.FOLDER, source=names, text=None, sha256=None)
    return [(None, nothing)]


def _request(request: RevisionRequest) -> list[Part]:
    said = {k: v for k, v in request.draft.items() if k != "model_definition" or v is not None}
    layer = request_layer(**said)
    return [_generated(LayerKind.REQUEST, "request", layer.tree)] if layer.tree else []


def _context(mount_path: str, trees: Sequence[Tree]) -> Context:
    """What the lowest layer may look at: the higher layers' image, environment and regiven."""
    image = next((tree["image"] for tree in reversed(trees) if "image" in tree), None)
    environment: dict[str, Any] = {}
    resources: dict[str, Any] = {}
    for tree in trees:
        environment |= tree.get("environment") or {}
        resources |= tree.get("resources") or {}
    return Context(mount_path=mount_path, image=image, environment=environment, resources=resources)


def _generated(kind: LayerKind, source: str, tree: Tree) -> tuple[Layer, WrittenLayer]:
    text = canonical(tree)
    sha = sha256(text.encode()).hexdigest()
    written = WrittenLayer(kind=kind, source=source, text=text, sha256=sha)
    return Layer(kind=kind, tree=tree), written


def _folder_use(folder: Folder, mount_path: str, file: str | None) -> FolderUse:
    return FolderUse(
        folder_id=folder.id, name=folder.name, uri=folder.uri, mount_path=mount_path, file=file
    )


def _template_use(template: Template) -> TemplateUse:
    return TemplateUse(template_id=template.id, name=template.name, version=template.version)
