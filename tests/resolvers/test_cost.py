"""What an operation may cost, before it runs: never less than what its answer has."""

import time
from collections.abc import Sequence
from typing import Any

import pytest
from graphql import execute_sync, get_introspection_query, is_leaf_type, parse
from hypothesis import given, settings

from resolvers.cost import MOST_SHOWN
from resolvers.estimates import INTROSPECTIONS, estimates, introspection_limit
from resolvers.limits import Limits
from resolvers.root import build_schema
from resolvers.sizes import ASSUMED, SAID, Sizes
from tests.support.answering import SIZES, Asked, answer, fields_of, queries
from tests.support.toy import Toy

REAL = Sizes(build_schema().core)
OPTIONS = {
    "specified_by_url": True,
    "directive_is_repeatable": True,
    "schema_description": True,
    "input_value_deprecation": True,
}


def cost(text: str, sizes: Sizes = SIZES, **variables: Any) -> int:
    (estimate,) = estimates(parse(text), sizes).values()
    return estimate.cost(variables).fields


@settings(max_examples=200, deadline=None)
@given(queries())
def test_no_answer_has_more_fields_than_were_estimated(asked: Asked) -> None:
    assert fields_of(answer(asked)) <= cost(asked.text, **asked.variables)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{name}", 1),
        ("{name a: name}", 2),
        ("{things {nodes {id}}}", 1 + 3 + 1 + 3),
        ("{things(first: 5) {nodes {id name}}}", 1 + 5 + 1 + 10),
        ("{things(first: 5) {nodes {id} edges {cursor node {id}}}}", 1 + 5 + 1 + 5 + 1 + 15),
        ("{things(first: 5) {totalCount}}", 1 + 5 + 1),
        ("{things(first: 5) {nodes {parts(first: 7) {nodes {id}}}}}", 7 + 5 * (1 + 7 + 1 + 7)),
        ("{all {id siblings {id}}}", 1 + 4 * (1 + 1 + 2)),
        ("{all {tags}}", 1 + 4),
        ("{all {logs(tail: 4)}}", 1 + 4 * (1 + 4)),
        ('{byIds(ids: ["a", "b"]) {id}}', 1 + 2),
        ("{node {id ... on Thing {name tags} ... on Part {thing {id}}}}", 1 + 1 + 2),
        ("{any {... on Thing {name} ... on Thing {tags} ... on Part {id}}}", 1 + 2),
        ("{node {... on Node {... on Thing {name} ... on Part {id}}}}", 1 + 1),
        ("{name @skip(if: true) all @include(if: false) {id} node {id}}", 2),
        ("{...f ...f} fragment f on Query {name}", 2),
        ("{things(first: 4) {...f}} fragment f on ThingConnection {nodes {id}}", 1 + 4 + 1 + 4),
    ],
)
def test_each_field_counts_as_often_as_it_may_come_and_a_page_its_rows(
    text: str, expected: int
) -> None:
    assert cost(text) == expected


def test_a_variable_that_is_null_has_no_default() -> None:
    text = "query($n: Int = 0) {all {few(first: $n) {id}}}"
    assert (cost(text), cost(text, n=1), cost(text, n=None)) == (1 + 4, 1 + 4 * 2, 1 + 4 * 11)


SIZED = "query($n: Int%s) {things(first: $n) {nodes {id}}}"


@pytest.mark.parametrize(
    ("text", "variables", "rows"),
    [
        (SIZED % "", {"n": 7}, 7),
        (SIZED % "", {"n": 7.0}, 7),
        (SIZED % "", {}, 3),
        (SIZED % "", {"n": None}, 3),
        (SIZED % " = 9", {}, 9),
        (SIZED % " = 9", {"n": 2}, 2),
        (SIZED % " = 9", {"n": -2}, 0),
        (SIZED % "", {"n": 2**31 - 1}, 100),
        (SIZED % "", {"n": 10**30}, 100),
        (SIZED % "", {"n": float("inf")}, 100),
        (SIZED % "", {"n": True}, 3),
        ("{things(first: 2147483647) {nodes {id}}}", {}, 100),
    ],
)
def test_a_page_is_as_long_as_its_variable_says_and_no_longer_than_pages_are(
    text: str, variables: dict[str, Any], rows: int
) -> None:
    assert cost(text, **variables) == 2 + 2 * rows


def test_what_a_variable_leaves_out_counts_nothing() -> None:
    text = "query($all: Boolean = true) {name all @include(if: $all) {id} ...f @skip(if: $all)} "
    text += "fragment f on Query {any {__typename}}"
    assert cost(text, all=True) == cost(text) == 1 + 5
    assert cost(text, all=False) == 1 + 2


def test_one_list_of_ids_given_as_one_id_has_one_row() -> None:
    text = "query($ids: [ID!]!) {byIds(ids: $ids) {id}}"
    assert cost(text, ids="x") == 2
    assert cost(text, ids=["x"] * 3) == 4
    assert cost(text, ids=["x"] * 10_000) == 5


def test_fragments_that_multiply_are_summed_once_each() -> None:
    bomb = "{...f0}" + "".join(
        f"fragment f{i} on Query {{all {{id}} ...f{i + 1} ...f{i + 1}}}" for i in range(45)
    )
    began = time.process_time()
    assert cost(bomb + "fragment f45 on Query {name}") == MOST_SHOWN
    assert time.process_time() - began < 0.5


def test_the_time_is_linear_in_the_document() -> None:
    def seconds(fields: int) -> float:
        text = "query($n: Int) {" + "things(first: $n) {nodes {id parts {nodes {id}}}} " * fields
        document = parse(text + "}")
        began = time.process_time()
        (estimate,) = estimates(document, SIZES).values()
        estimate.cost({"n": 3})
        return time.process_time() - began

    seconds(100)
    small = min(seconds(250) for _ in range(5))
    large = min(seconds(2_000) for _ in range(3))
    assert large < 8 * 4 * small


def test_nested_pages_are_refused_and_say_what_they_would_cost() -> None:
    page = "modelDeployments(first: 100) {nodes {revisions(first: %d) {nodes {id}}}}"
    assert cost("{" + page % 100 + "}", REAL) == 1 + 100 + 1 + 100 * (1 + 100 + 1 + 100)
    found = Toy().operations(Limits(cost=8)).find("{children(first: 8) {name}}", None)
    (error,) = found.errors
    assert error["extensions"] == {"code": "QUERY_TOO_COSTLY", "cost": 9, "limit": 8}
    assert (found.cost, found.type) == (9, None)


def test_an_operation_of_exactly_the_limit_is_served() -> None:
    operations = Toy().operations(Limits(cost=8))
    query = "query($n: Int! = 50) {children(first: $n) {name}}"
    assert operations.find(query, None, variables={"n": 7}).errors == ()
    assert operations.find(query, None, variables={"n": 8}).errors != ()
    assert operations.find(query, None).errors != ()


def test_the_introspection_of_clients_has_a_limit_of_its_own_which_it_never_meets() -> None:
    standard = get_introspection_query(**OPTIONS)
    (estimate,) = estimates(parse(standard), REAL).values()
    found = estimate.cost(None)
    assert found.fields == 1
    assert found.introspection * INTROSPECTIONS == introspection_limit(REAL)


def test_what_introspects_more_than_clients_do_is_refused() -> None:
    operations = Toy().operations()

    def told(times: int) -> Sequence[Any]:
        lists = " ".join(f"a{i}: types {{fields {{name args {{name}}}}}}" for i in range(times))
        return operations.find(f"{{__schema {{{lists}}}}}", None).errors

    most = max(times for times in range(1, 96) if not told(times))
    (error,) = told(most + 1)
    said = error["extensions"]
    assert said["code"] == "INTROSPECTION_TOO_LARGE"
    assert said["found"] > said["limit"]


@pytest.mark.parametrize(
    "text",
    [
        "{__schema {types {fields {type {ofType {fields {name}}}}}}}",
        "{__schema {types {possibleTypes {fields {name}}}}}",
        "{__schema {types {interfaces {possibleTypes {name}}}}}",
        "{__schema {types {possibleTypes {interfaces {name}}}}}",
        "{__schema {types {fields {args {name type {enumValues {name}}}}} directives {args {name}}}}",
        '{__type(name: "Mutation") {fields {name args {name type {ofType {inputFields {name}}}}}}}',
        get_introspection_query(**OPTIONS),
    ],
)
def test_introspection_answers_no_more_than_was_estimated(text: str) -> None:
    (estimate,) = estimates(parse(text), REAL).values()
    data = execute_sync(REAL.schema, parse(text)).data
    assert fields_of(data) <= 1 + estimate.cost(None).introspection


def test_what_asks_for_the_schema_is_known_wherever_it_stands() -> None:
    operations = Toy().operations()
    asked = [
        "{__schema {queryType {name}}}",
        '{name ...f} fragment f on Query {... on Query {__type(name: "Node") {name}}}',
        '{__type(name: "Node") @skip(if: true) {name}}',
    ]
    assert [operations.find(each, None).introspects for each in asked] == [True] * 3
    assert not operations.find("{__typename child {__typename}}", None).introspects


def test_a_secret_may_serve_as_many_deployments_as_a_page_has() -> None:
    assert cost("{secrets(first: 2) {nodes {usedBy {id}}}}", REAL) == 1 + 2 + 1 + 2 * (1 + 100)


def test_every_size_is_of_a_list_that_there_is() -> None:
    for coordinate in [*ASSUMED, *SAID]:
        type_, _, name = coordinate.partition(".")
        definition = REAL.schema.get_type(type_).fields[name]  # type: ignore[union-attr]
        shown = str(definition.type)
        assert shown.startswith("["), coordinate
        assert coordinate not in SAID or SAID[coordinate][0] in definition.args


def test_no_list_holds_lists_of_objects() -> None:
    """The estimate has one length a field."""
    for type_ in REAL.schema.type_map.values():
        for name, definition in getattr(type_, "fields", {}).items():
            if str(definition.type).startswith("[["):
                inner = str(definition.type).strip("[]!")
                assert is_leaf_type(REAL.schema.get_type(inner)), name
