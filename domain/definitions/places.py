"""Where in the request a finding belongs: JSON Pointers of layers become paths of the input."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from domain.definitions.layers import LayerKind
from domain.definitions.merge import Origin
from domain.definitions.request import RevisionRequest
from domain.errors import DefinitionError, Key, Path, UserError

COMMAND = "start_command"
OPEN = ("args", "min_resource")  # below these every name is data


def located(errors: Iterable[UserError], request: RevisionRequest) -> tuple[UserError, ...]:
    """The same errors, those of what the request says with their path in it."""
    return tuple(_located(error, request) for error in errors)


def attributed(errors: Iterable[UserError], provenance: Sequence[Origin]) -> tuple[UserError, ...]:
    """The same errors, those that know no layer with the one that set the value they are about."""
    layers = {origin.pointer: origin.layer for origin in provenance}
    return tuple(_attributed(error, layers) for error in errors)


def _attributed(error: UserError, layers: dict[str, LayerKind]) -> UserError:
    if not isinstance(error, DefinitionError) or error.layer is not None:
        return error
    pointer = error.pointer
    while pointer and pointer not in layers:
        pointer = pointer.rpartition("/")[0]
    return replace(error, layer=layers[pointer].value) if pointer else error


def _located(error: UserError, request: RevisionRequest) -> UserError:
    if not isinstance(error, DefinitionError) or error.path:
        return error
    names = [n.replace("~1", "/").replace("~0", "~") for n in error.pointer.split("/")[1:]]
    match error.layer:
        case LayerKind.REQUEST if names:
            return replace(error, path=_request_path(names, request))
        case LayerKind.TEMPLATE if request.template and request.template.overrides and names:
            return replace(error, path=("template", "overrides", *map(Key, names)))
        case LayerKind.TEMPLATE:
            return replace(error, path=("template",))
        case LayerKind.FOLDER:
            return replace(error, path=_folder_path(request))
        case _:
            return error


def _folder_path(request: RevisionRequest) -> Path:
    if request.model_folder and request.model_folder.definition_path is not None:
        return ("model_folder", "definition_path")
    return ("model_folder",)


def _request_path(names: list[str], request: RevisionRequest) -> Path:
    draft = request.draft
    match names:
        case ["models", "0", "service", "start_command", *rest] if "startup_command" in draft:
            return ("startup_command", *map(int, rest))
        case ["models", *rest]:
            return ("model_definition", "models", *_fields(rest))
        case ["environment", index, *rest] if index.isdecimal():  # no variable's name is
            return ("environment", int(index), *rest)
        case ["environment", name, *rest]:
            entries = draft.get("environment") or ()
            places = [i for i, entry in enumerate(entries) if entry.get("name") == name]
            if not places and name.isdecimal():  # a finding about an entry that has no name
                places = [int(name)]
            return ("environment", *places[-1:], *rest)
        case ["resources", *rest]:
            return ("resources", *map(Key, rest))
        case _:
            return tuple(names)


def _fields(names: list[str]) -> Path:
    """Names of fields and list indexes; below an open value, keys."""
    path: list[str | int] = []
    for name in names:
        below_open = any(isinstance(entry, str) and entry in OPEN for entry in path)
        path.append(Key(name) if below_open else int(name) if name.isdecimal() else name)
    return tuple(path)
