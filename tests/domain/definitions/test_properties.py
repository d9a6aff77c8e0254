"""What holds of every merge, whatever the layers say."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.definitions.definition import document, of
from domain.definitions.layers import Layer, LayerKind
from domain.definitions.merge import Resolved, overlay, resolve, targets
from domain.definitions.pointers import steps
from domain.errors import Refused
from tests.support.definitions import a_model

KINDS = (LayerKind.TEMPLATE, LayerKind.FOLDER, LayerKind.REQUEST)
BASE = Layer(
    kind=LayerKind.VARIANT,
    tree={"models": [a_model("a", health_check={"initial_delay": 300}), a_model("b")]},
)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with any of the fields, each with a value of its own or null."""
    return st.fixed_dictionaries({}, optional={k: st.none() | v for k, v in fields.items()})


texts = st.text("ab/~ é", min_size=1, max_size=3)
commands = texts.map(lambda text: "run " + text) | st.lists(texts, min_size=1, max_size=3)
checks = some(
    path=texts.map(lambda text: "/" + text),
    interval=st.integers(1, 9) | st.floats(0.5, 9),
    max_retries=st.integers(0, 5),
    enable=st.booleans(),
)
actions = st.lists(st.fixed_dictionaries({"action": st.sampled_from(["log", "mkdir"])}), max_size=2)
services = some(
    port=st.integers(1, 9),
    shell=texts,
    start_command=commands,
    health_check=checks,
    pre_start_actions=actions,
)
metadata = some(
    author=texts,
    version=st.integers(0, 9) | texts,
    framework=st.lists(texts, max_size=2),
    min_resource=st.dictionaries(texts, st.none() | st.integers(0, 9), max_size=2),
)
entry = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from("abc"),
        "model_path": texts,
        "service": st.none() | services,
        "metadata": st.none() | metadata,
    },
)
trees = st.fixed_dictionaries(
    {},
    optional={
        "models": st.lists(entry, max_size=3),
        "environment": st.dictionaries(
            st.sampled_from("AB"), st.none() | st.builds(lambda v: {"value": v}, texts)
        ),
        "resources": st.dictionaries(
            st.sampled_from(["cpu", "nvidia.com/gpu"]), st.none() | st.sampled_from(["1", "2"])
        ),
        "image": st.none() | texts,
    },
)


def file_like(tree: dict[str, Any], kind: LayerKind) -> Layer:
    if kind is LayerKind.FOLDER:
        tree = {key: value for key, value in tree.items() if key == "models"}
    return Layer(kind=kind, tree=tree)


layer_stacks = st.lists(trees, min_size=3, max_size=3).map(
    lambda drawn: [BASE, *map(file_like, drawn, KINDS)]
)


def told(layers: list[Layer]) -> Resolved | list[str]:
    """The result; or the codes of the errors."""
    try:
        return resolve(layers)
    except Refused as refused:
        return [error.code for error in refused.errors]


@given(layer_stacks, st.integers(0, 4))
def test_an_empty_layer_changes_nothing(layers: list[Layer], position: int) -> None:
    empty = Layer(kind=LayerKind.TEMPLATE, tree={})
    assert told([*layers[:position], empty, *layers[position:]]) == told(layers)


@given(layer_stacks)
def test_laying_the_same_layer_twice_is_laying_it_once(layers: list[Layer]) -> None:
    once = told(layers)
    if isinstance(once, Resolved):
        assert told([*layers, layers[-1]]) == once


@given(trees, trees)
def test_overlaying_a_tree_twice_is_overlaying_it_once(
    lower: dict[str, Any], upper: dict[str, Any]
) -> None:
    layer = Layer(kind=LayerKind.REQUEST, tree=upper)
    under = overlay({}, Layer(kind=LayerKind.TEMPLATE, tree=lower))
    places = list(targets(under.get("models") or [], upper.get("models") or []))
    if len(set(places)) == len(places):  # else it is SAME_TARGET
        once = overlay(under, layer)
        names = [model.get("name") for model in once.get("models") or ()]
        if len(set(names)) == len(names):  # else it is DUPLICATE_NAME, or lacks a name
            assert overlay(once, layer) == once


@given(layer_stacks)
def test_the_highest_layer_that_says_a_thing_wins(layers: list[Layer]) -> None:
    result = told(layers)
    if not isinstance(result, Resolved):
        return
    said = [layer.tree["image"] for layer in layers if "image" in layer.tree]
    assert result.image == (said[-1] if said else None)
    order = list(LayerKind)
    for origin in result.provenance:
        if origin.layer is not LayerKind.DEFAULT:
            hidden = [order.index(shadowed.layer) for shadowed in origin.shadowed]
            assert all(order.index(origin.layer) > lower for lower in hidden)
            assert hidden == sorted(hidden, reverse=True)
        elif origin.shadowed:
            assert origin.shadowed[0].value is None


@given(layer_stacks)
def test_the_result_rebuilt_from_provenance_is_the_result(layers: list[Layer]) -> None:
    result = told(layers)
    if not isinstance(result, Resolved):
        return
    built: dict[str, Any] = {}
    for origin in result.provenance:
        *above, last = steps(origin.pointer)
        place = built
        for step in above:
            place = place.setdefault(step, {})
        place[last] = origin.value
    models = [built["models"][str(index)] for index in range(len(built["models"]))]
    assert of({"models": models}) == result.definition
    assert document(result.definition) == {"models": models}
    assert built["environment"] == result.environment
    assert built["resources"] == result.resources
    assert built["image"] == result.image


@given(layer_stacks)
def test_each_value_is_the_one_that_its_layer_wrote(layers: list[Layer]) -> None:
    """Checked where no models are moved: with one model in each layer, index 0 is index 0."""
    single = [
        Layer(kind=layer.kind, tree={**layer.tree, "models": (layer.tree.get("models") or [])[:1]})
        for layer in layers
    ]
    for layer in single:
        for model in layer.tree["models"]:
            model.pop("name", None) if layer.kind is not LayerKind.VARIANT else None
    result = told(single)
    if not isinstance(result, Resolved):
        return
    by_kind = {layer.kind: layer.tree for layer in single}
    for origin in result.provenance:
        if origin.layer is LayerKind.DEFAULT or origin.value in ([], {}):
            continue
        node: Any = by_kind[origin.layer]
        for step in steps(origin.pointer):
            node = node[int(step)] if isinstance(node, list) else node[step]
        if "pre_start_actions" not in origin.pointer:
            assert node == origin.value
