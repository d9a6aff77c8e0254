"""What a template may say."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from domain.batches.batch import ENDPOINTS
from domain.definitions import drafts, overrides
from domain.definitions.layers import Layer, LayerKind
from domain.definitions.pointers import steps
from domain.errors import InvalidValue, Key, Refused
from domain.templates.template import BatchUse

ROOTS = ("image", "models", "environment", "resources")
STARTS = [[root] for root in ROOTS]
POINTERS_LIMIT = 256
REPLICAS_LIMIT = 1_000
READY_LIMIT = 86_400.0  # seconds


def checked(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The spec, which is kept as its author wrote it; raises Refused with every error found."""
    draft = drafts.read(Layer(kind=LayerKind.TEMPLATE, tree=spec))
    if draft.errors:
        raise Refused(
            errors=tuple(
                replace(error, path=("spec", *map(Key, steps(error.pointer))))
                for error in draft.errors
            )
        )
    return spec


def check_pointers(pointers: Sequence[str]) -> None:
    """Each is a JSON Pointer into a spec; `*` stands for any list index or key."""
    if len(pointers) > POINTERS_LIMIT:
        problem = f"More than {POINTERS_LIMIT} pointers."
        raise InvalidValue(path=("allowed_overrides",), problem=problem)
    for place, pointer in enumerate(pointers):
        if overrides.pointer_problem(pointer) or pointer.split("/")[1:2] not in STARTS:
            raise InvalidValue(
                path=("allowed_overrides", place),
                problem=f"{pointer!r} points nowhere in a spec: use a JSON Pointer that begins with "
                + " or ".join(f"/{root}" for root in ROOTS)
                + ".",
            )


def check_batch_use(use: BatchUse) -> None:
    for place, endpoint in enumerate(use.endpoints):
        if endpoint not in ENDPOINTS:
            raise InvalidValue(
                path=("batch", "supported_endpoints", place),
                problem=f"{endpoint[:80]!r} is not one of {', '.join(ENDPOINTS)}.",
            )
    if len(set(use.endpoints)) < len(use.endpoints):
        path = ("batch", "supported_endpoints")
        raise InvalidValue(path=path, problem="An endpoint is named twice.")
    if not 1 <= use.replicas <= REPLICAS_LIMIT:
        problem = f"{use.replicas} is not between 1 and {REPLICAS_LIMIT}."
        raise InvalidValue(path=("batch", "replicas"), problem=problem)
    if not 1 <= use.ready_timeout <= READY_LIMIT:
        problem = f"{use.ready_timeout:g} s is not between 1 s and {READY_LIMIT:g} s."
        raise InvalidValue(path=("batch", "ready_timeout"), problem=problem)
