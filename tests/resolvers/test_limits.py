import time

import pytest
from graphql import get_introspection_query

from resolvers.limits import Limits
from resolvers.operations import ERRORS, Operations
from resolvers.views import Views
from tests.support.toy import SCHEMA, Toy

NESTED = "{" + "child{" * 100 + "name" + "}" * 100 + "}"
BOMB = "{...f0}" + "".join(
    f"fragment f{i} on Query{{child{{name}} ...f{i + 1} ...f{i + 1}}}" for i in range(40)
)
BOMB += "fragment f40 on Query{name}"
NEST = "{...f0}" + "".join(
    f"fragment f{i} on Query{'{...' * 10}{{...f{i + 1}}}{'}' * 10}" for i in range(45)
)
NEST += "fragment f45 on Query{name}"
UNSPREAD = "fragment f on Query{" + "child{name} " * 400 + "}"
SPREADS = " ".join(f"...f{i}" for i in range(45))
HOSTILE = {
    "TOO_DEEP": [NESTED, "{" + "child{" * 9_000, "{echo(text:" + "[" * 2_000, NEST],
    "TOO_MANY_ALIASES": ["{" + " ".join(f"a{i}:name" for i in range(1_000)) + "}"],
    "TOO_MANY_FIELDS": [BOMB, "{child{" + "name " * 1_000 + "}}", "{name}" + UNSPREAD],
    "TOO_MANY_ROOT_FIELDS": ["mutation{" + "touch " * 51 + "}", "{...f ...f}fragment f on Query{"
        + "name " * 26 + "}"],
    "TOO_MANY_TOKENS": ["{" + " name" * 100_000 + "}", "#\n" * 500_000 + "{name}"],
    "TOO_MANY_FRAGMENTS": ["{...f0}" + "".join(
        f"fragment f{i} on Query{{...f{i + 1}}}" for i in range(600))],
    "TOO_MANY_DIGITS": ["{children(first: " + "9" * 5_000 + ") {name}}"],
    "TOO_MANY_OPERATIONS": [" ".join(f"query a{i}{{name}}" for i in range(900))],
    "INTROSPECTION_TOO_DEEP": ["{__schema{types" + "{fields{type" * 4 + "{name}" + "}}" * 4 + "}}"],
    "GRAPHQL_VALIDATION_FAILED": [
        "{...a}fragment a on Query{...b}fragment b on Query{...a}",
        "{...a}fragment a on Query{child{...a}}",
        "type Query{a:Int}",
        "{nope}",
    ],
    "GRAPHQL_PARSE_FAILED": ["", "{", "\x00", "}{", '{echo(text:"\\ud800")}'],
}  # fmt: skip
QUADRATIC = [
    "{child{" + SPREADS + "}}" + "".join(
        f"fragment f{i} on Node{{{'child{name} ' * 5}}}" for i in range(45)),
    "{child{" + "child{child{child{child{child{name}}}}} " * 80 + "}}",
    "{child{" + "name " * 490 + "}}",
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "document"), [(code, text) for code, texts in HOSTILE.items() for text in texts]
)
def test_a_hostile_document_is_refused_with_its_code(code: str, document: str) -> None:
    found = Toy().operations().find(document, None)
    assert code in [error["extensions"]["code"] for error in found.errors]
    assert found.type is None


def least_spent(document: str) -> float:
    """In seconds of this process, of three times: a collection of all garbage may fall into one."""

    def spent() -> float:
        operations = Toy().operations()
        began = time.process_time()
        operations.find(document, None)
        return time.process_time() - began

    return min(spent() for _ in range(3))


@pytest.mark.parametrize("document", [*(text for texts in HOSTILE.values() for text in texts)])
def test_a_hostile_document_costs_little(document: str) -> None:
    assert least_spent(document) < 1


@pytest.mark.parametrize("document", QUADRATIC)
def test_comparing_fields_that_may_overlap_is_bounded(document: str) -> None:
    assert least_spent(document) < 2


def test_a_document_tells_few_of_many_errors() -> None:
    wrong = "{children(" + " ".join(f"a{i}: {i}" for i in range(1_000)) + ") {name}}"
    assert len(Toy().operations().find(wrong, None).errors) == ERRORS + 1


@pytest.mark.parametrize("number", ["1" * 400, "1." + "0" * 398])
def test_a_number_of_exactly_so_many_digits_is_read(number: str) -> None:
    def codes(number: str) -> list[str]:
        found = Toy().operations().find(f"{{children(first: {number}) {{name}}}}", None)
        return [error["extensions"]["code"] for error in found.errors]

    assert codes(number) == ["GRAPHQL_VALIDATION_FAILED"]
    assert codes(f"{number}0") == ["TOO_MANY_DIGITS"]


def test_a_limit_is_named_in_its_error() -> None:
    (error,) = Toy().operations(Limits(depth=3)).find("{child{child{child{name}}}}", None).errors
    assert error["message"] == "The document has 4 levels; at most 3 are served."
    assert error["extensions"] == {"code": "TOO_DEEP", "limit": 3, "found": 4}


def test_a_document_of_exactly_the_limit_is_served() -> None:
    limits = Limits(depth=2, aliases=2, root_fields=2, fields=3)
    assert not Toy().operations(limits).find("{a:child{b:name} name}", None).errors


def test_a_fragments_size_counts_wherever_it_is_spread() -> None:
    document = "{child{...f} ...on Query{child{...f}}} fragment f on Node{a:name b:name}"
    assert not Toy().operations(Limits(aliases=4, fields=6, depth=2)).find(document, None).errors
    assert (
        len(Toy().operations(Limits(aliases=3, fields=5, depth=1)).find(document, None).errors) == 3
    )


def test_the_introspection_of_clients_is_served() -> None:
    query = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, input_value_deprecation=True
    )
    assert not Toy().operations().find(query, None).errors


@pytest.mark.parametrize(
    "query", ["{nam}", "{child {nam}}", "{echo(txt: 1)}", "{... on Quer {name}}"]
)
def test_where_the_schema_is_hidden_errors_do_not_tell_of_it(query: str) -> None:
    views = Views(SCHEMA._schema)
    shown = Operations(views, Limits()).find(query, None).errors
    hidden = Operations(views, Limits(), hides=True).find(query, None).errors
    assert "Did you mean" in str(shown)
    assert hidden
    assert "Did you mean" not in str(hidden)
