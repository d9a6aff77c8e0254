"""Layers and what they resolve to, for tests of the definitions."""

from typing import Any

import pytest

from domain.definitions.definition import document
from domain.definitions.layers import Layer, LayerKind
from domain.definitions.merge import Origin, Resolved, resolve
from domain.errors import DefinitionError, Refused


def variant(**tree: Any) -> Layer:
    return Layer(kind=LayerKind.VARIANT, tree=tree)


def template(**tree: Any) -> Layer:
    return Layer(kind=LayerKind.TEMPLATE, tree=tree)


def folder(**tree: Any) -> Layer:
    return Layer(kind=LayerKind.FOLDER, tree=tree)


def request(**tree: Any) -> Layer:
    return Layer(kind=LayerKind.REQUEST, tree=tree)


def one_model(**service: Any) -> dict[str, Any]:
    """A tree of one model that says nothing but its service."""
    return {"models": [{"service": service}]}


def a_model(name: str = "m", **service: Any) -> dict[str, Any]:
    """A complete model."""
    return {"name": name, "model_path": "/models", "service": {"port": 8000, **service}}


def generated(command: Any = "gen") -> Layer:
    """The worked cases' G: what the variant vllm makes, with a short command."""
    check = {"path": "/health", "interval": 10, "max_retries": 10, "initial_delay": 300}
    return variant(models=[a_model("vllm-model", start_command=command, health_check=check)])


def service_of(resolved: Resolved, index: int = 0) -> dict[str, Any]:
    service = document(resolved.definition)["models"][index]["service"]
    assert isinstance(service, dict)
    return service


def origins(resolved: Resolved) -> dict[str, Origin]:
    return {origin.pointer: origin for origin in resolved.provenance}


def errors_of(*layers: Layer, needs_command: bool = False) -> list[DefinitionError]:
    with pytest.raises(Refused) as refused:
        resolve(layers, needs_command=needs_command)
    found = [error for error in refused.value.errors if isinstance(error, DefinitionError)]
    assert len(found) == len(refused.value.errors)
    return found


def the_error(*layers: Layer, needs_command: bool = False) -> DefinitionError:
    (error,) = errors_of(*layers, needs_command=needs_command)
    return error
