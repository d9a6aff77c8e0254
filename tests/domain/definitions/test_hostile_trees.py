"""Whatever a layer holds, the answer is a result or typed errors that JSON can carry."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from domain.definitions.layers import Layer, LayerKind
from domain.definitions.merge import resolve
from domain.definitions.reading import Written
from domain.errors import DefinitionError, Refused, UserError
from tests.support.definitions import generated

NAMES = (
    *("models", "name", "model_path", "model-path", "service", "metadata", "info", "port", "shell"),
    *("start_command", "health_check", "pre_start_actions", "action", "args", "min_resource"),
    *("version", "framework", "image", "environment", "resources", "cpu", "memory", "value"),
    *("secret", "A", "x-a", "path", "interval", "prt"),
)
KEYS = st.sampled_from(NAMES) | st.text(st.characters(), max_size=3) | st.just("\ud800")
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.text("0123456789.e-+xinfa~", max_size=5).map(Written)
    | st.binary(max_size=2)
)
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.integers(), inner, max_size=4)
    ),
    max_leaves=20,
)


def shaped(inner: Any) -> st.SearchStrategy[Any]:
    """Trees that look like definitions as far as the services, so that the walk gets deep."""
    model = st.dictionaries(KEYS, inner) | st.fixed_dictionaries(
        {"service": st.dictionaries(KEYS, inner)}
    )
    return st.fixed_dictionaries({"models": st.lists(model, max_size=3)})


@example({"models": [{"service": {"start_command": [[Written("")]]}}]}, LayerKind.FOLDER)
@given(trees | shaped(trees), st.sampled_from([LayerKind.FOLDER, LayerKind.REQUEST]))
def test_any_tree_resolves_or_is_refused(tree: Any, kind: LayerKind) -> None:
    errors: tuple[UserError, ...] = ()
    try:
        resolved = resolve([generated(), Layer(kind=kind, tree=tree)])
        told: Any = [origin.value for origin in resolved.provenance]
    except Refused as refused:
        errors = refused.errors
        told = [(e.message, e.pointer, e.value) for e in errors if isinstance(e, DefinitionError)]
    assert told
    assert all(isinstance(error, DefinitionError) for error in errors)
    assert all(len(error.message) < 1000 for error in errors)
    json.dumps(told, allow_nan=False, ensure_ascii=False).encode()
