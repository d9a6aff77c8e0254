from base64 import b64encode
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.k8s.likeness import dropped
from infra.k8s.quantities import amount

names = st.text(st.sampled_from("abc/~-"), min_size=1, max_size=4)
texts = st.text("a1.", max_size=3)
leaves = st.one_of(texts, st.integers(0, 9), st.booleans())
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=8,
)
manifests = st.dictionaries(names, trees, max_size=4)


def at(tree: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        tree = tree[int(name)] if isinstance(tree, list) else tree[name]
    return tree


def a_pod(**container: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "model", "image": "x", **container}]}}


@given(manifests)
def test_what_came_back_as_it_was_sent_lacks_nothing(sent: dict[str, Any]) -> None:
    assert dropped(sent, sent) == ()


@given(manifests, manifests)
def test_what_is_added_to_a_map_is_fine(sent: dict[str, Any], more: dict[str, Any]) -> None:
    assert dropped(sent, {**more, **sent}) == ()


@given(manifests, st.data())
def test_a_field_that_is_lacking_is_pointed_at(sent: dict[str, Any], data: st.DataObject) -> None:
    name = data.draw(names)
    value = data.draw(st.integers(1, 9) | st.text("ab", min_size=1, max_size=3))
    got = {k: v for k, v in sent.items() if k != name}
    (pointer,) = dropped({**got, name: value}, got)
    assert at({**got, name: value}, pointer) == value


@given(manifests, st.data())
def test_a_value_that_is_another_is_pointed_at(sent: dict[str, Any], data: st.DataObject) -> None:
    name = data.draw(names)
    (pointer,) = dropped({**sent, name: "this"}, {**sent, name: "that"})
    assert at({**sent, name: "this"}, pointer) == "this"


@given(st.integers(0, 10**12))
def test_a_quantity_is_the_same_in_every_form(milli: int) -> None:
    forms = [f"{milli}m", f"{milli * 1000}u", f"{milli}e-3", f"{milli}000000n"]
    forms += [str(milli // 1000)] if milli % 1000 == 0 else []
    for sent in forms:
        for got in forms:
            resources = {"limits": {"cpu": sent}}, {"limits": {"cpu": got}}
            assert dropped(a_pod(resources=resources[0]), a_pod(resources=resources[1])) == ()


@given(st.integers(0, 10**9), st.integers(1, 10**9))
def test_another_amount_is_another_quantity(milli: int, more: int) -> None:
    sent, got = ({"limits": {"cpu": f"{each}m"}} for each in (milli, milli + more))
    assert dropped(a_pod(resources=sent), a_pod(resources=got)) == (
        "/spec/containers/0/resources/limits/cpu",
    )


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("1000m", 1),
        ("0.5", Fraction(1, 2)),
        (0.5, Fraction(1, 2)),
        (2, 2),
        ("1.5Gi", 1610612736),
        ("1536Mi", 1610612736),
        ("2e3", 2000),
        ("1E", 10**18),
        ("1Ei", 2**60),
        (".5", Fraction(1, 2)),
        ("0.1n", Fraction(1, 10**9)),
        ("-1", -1),
        ("", None),
        ("much", None),
        ("1 Gi", None),
        (True, None),
        (None, None),
    ],
)
def test_quantities_are_read_as_the_api_reads_them(quantity: Any, expected: Any) -> None:
    assert amount(quantity) == expected


def test_text_that_looks_like_a_quantity_is_text() -> None:
    sent, got = ({"metadata": {"labels": {"size": size}}} for size in ("1000m", "1"))
    assert dropped(sent, got) == ("/metadata/labels/size",)


@pytest.mark.parametrize("name", ["containers", "initContainers", "volumes", "env"])
def test_entries_that_have_a_name_may_come_in_any_order(name: str) -> None:
    one, two, more = ({"name": each, "value": each} for each in "abc")
    assert dropped({name: [one, two]}, {name: [more, two, one]}) == ()
    assert dropped({name: [one, two]}, {name: [two]}) == (f"/{name}/0",)
    assert dropped({name: [one, two]}, {name: [two, {"name": "a"}]}) == (f"/{name}/0/value",)


def test_ports_are_known_by_number_and_protocol() -> None:
    tcp, udp = {"containerPort": 53}, {"containerPort": 53, "protocol": "UDP"}
    got = [udp, {**tcp, "protocol": "TCP"}]
    assert dropped({"ports": [tcp, udp]}, {"ports": got}) == ()
    assert dropped({"ports": [{"port": 80, "name": "x"}]}, {"ports": [{"port": 80}]}) == (
        "/ports/0/name",
    )


def test_a_list_without_keys_is_what_it_was_or_is_not() -> None:
    assert dropped({"args": ["a", "b"]}, {"args": ["b", "a"]}) == ("/args/0", "/args/1")
    assert dropped({"args": ["a"]}, {"args": ["a", "b"]}) == ("/args",)


def test_a_number_and_its_text_are_the_same_where_the_api_takes_both() -> None:
    assert dropped({"targetPort": 80}, {"targetPort": "80"}) == ()
    assert dropped({"value": 80}, {"value": "80"}) == ("/value",)


@pytest.mark.parametrize("nothing", [None, "", {}, []])
def test_what_is_empty_may_be_left_out(nothing: Any) -> None:
    assert dropped({"spec": {"a": nothing}}, {"spec": {}}) == ()


def test_a_zero_may_be_left_out_where_it_means_as_much_as_nothing() -> None:
    assert dropped({"readOnly": False, "minReadySeconds": 0}, {}) == ()
    sent = {"allowPrivilegeEscalation": False, "terminationGracePeriodSeconds": 0}
    assert dropped(sent, {}) == ("/allowPrivilegeEscalation", "/terminationGracePeriodSeconds")
    assert dropped({"enabled": True}, {"enabled": 1}) == ("/enabled",)


def test_a_secrets_text_comes_back_encoded() -> None:
    sent = {"kind": "Secret", "stringData": {"key": "värde"}}
    encoded = b64encode("värde".encode()).decode()
    assert dropped(sent, {"kind": "Secret", "data": {"key": encoded}}) == ()
    assert dropped(sent, {"kind": "Secret", "data": {"key": "b3RoZXI="}}) == ("/data/key",)
    assert dropped(sent, {"kind": "Secret"}) == ("/data",)
