"""What differs between two schemas, by coordinate; graphql-core agrees on what is risky."""

from collections import Counter
from itertools import pairwise

import pytest
from graphql import GraphQLSchema, build_schema
from graphql.utilities import find_schema_changes
from graphql.utilities.find_schema_changes import (
    BreakingChangeType,
    DangerousChangeType,
)

from schema.contract.comparing import ChangeKind, Criticality, Difference, compare
from schema.contract.elements import tops
from tests.support.contracts import the_contract

BEFORE = """
directive @quick(ms: Int = 1) repeatable on FIELD | QUERY
type Query { toy(size: Int = 1, name: String!): Toy  old: Int  shape: Shape  list: [Int] }
interface Thing { id: ID! }
interface Named { id: ID! }
type Toy implements Thing { id: ID!  colour: Colour!  made(input: ToyInput): Int }
type Ball implements Thing { id: ID! }
union Shape = Toy | Ball
enum Colour { RED BLUE }
input ToyInput { name: String!  size: Int = 1 }
scalar Weight
"""
PAIRS = [
    ("old: Int", "", "Query.old REMOVED BREAKING The field is gone."),
    ("old: Int", "old: Int new: Int", "Query.new ADDED SAFE The field is new."),
    ("old: Int", "old: Int!", "Query.old CHANGED SAFE The type Int became Int!."),
    ("list: [Int]", "list: [Int!]", "Query.list CHANGED SAFE The type [Int] became [Int!]."),
    ("list: [Int]", "list: Int", "Query.list CHANGED BREAKING The type [Int] became Int."),
    (
        "colour: Colour!",
        "colour: Colour",
        "Toy.colour CHANGED BREAKING The type Colour! became Colour.",
    ),
    ("size: Int = 1, ", "", "Query.toy(size:) REMOVED BREAKING The argument is gone."),
    (
        "size: Int = 1, ",
        "size: Int = 1, more: Int, ",
        "Query.toy(more:) ADDED DANGEROUS The argument is new.",
    ),
    (
        "size: Int = 1, ",
        "size: Int = 1, more: Int!, ",
        "Query.toy(more:) ADDED BREAKING The argument is new, and required.",
    ),
    (
        "size: Int = 1, ",
        "size: Int = 2, ",
        "Query.toy(size:) CHANGED DANGEROUS The default 1 became 2.",
    ),
    ("size: Int = 1, ", "size: Int, ", "Query.toy(size:) CHANGED DANGEROUS The default 1 is gone."),
    (
        "name: String!): Toy",
        "name: String): Toy",
        "Query.toy(name:) CHANGED SAFE The type String! became String.",
    ),
    (
        "input: ToyInput)",
        "input: ToyInput!)",
        "Toy.made(input:) CHANGED BREAKING The type ToyInput became ToyInput!.",
    ),
    (
        "input: ToyInput)",
        'input: ToyInput = {name: "a"})',
        'Toy.made(input:) CHANGED SAFE The default { name: "a" } came.',
    ),
    ("RED BLUE", "RED", "Colour.BLUE REMOVED BREAKING The enum value is gone."),
    ("RED BLUE", "RED BLUE GREEN", "Colour.GREEN ADDED DANGEROUS The enum value is new."),
    ("= Toy | Ball", "= Toy", "Shape CHANGED BREAKING Ball left the union."),
    ("= Toy |", "= Query | Toy |", "Shape CHANGED DANGEROUS Query joined the union."),
    (
        "Ball implements Thing",
        "Ball",
        "Ball CHANGED BREAKING It implements Thing no longer.",
    ),
    (
        "Ball implements Thing",
        "Ball implements Thing & Named",
        "Ball CHANGED DANGEROUS It implements Named now.",
    ),
    (
        "{ name: String!",
        "{ more: Int  name: String!",
        "ToyInput.more ADDED DANGEROUS The input field is new.",
    ),
    (
        "{ name: String!",
        "{ more: Int!  name: String!",
        "ToyInput.more ADDED BREAKING The input field is new, and required.",
    ),
    ("  size: Int = 1 }", " }", "ToyInput.size REMOVED BREAKING The input field is gone."),
    (
        "  size: Int = 1 }",
        "  size: Int = 3 }",
        "ToyInput.size CHANGED DANGEROUS The default 1 became 3.",
    ),
    ("scalar Weight", "enum Weight { A }", "Weight CHANGED BREAKING The scalar became an enum."),
    ("scalar Weight", "scalar Weight scalar Long", "Long ADDED SAFE The scalar is new."),
    (" repeatable", "", "@quick CHANGED BREAKING It may no longer be repeated."),
    ("FIELD | QUERY", "FIELD", "@quick CHANGED BREAKING It may no longer stand at QUERY."),
    ("FIELD | QUERY", "FIELD | QUERY | MUTATION", "@quick CHANGED SAFE It may stand at MUTATION."),
    ("(ms: Int = 1)", "", "@quick(ms:) REMOVED BREAKING The directive argument is gone."),
    (
        "(ms: Int = 1)",
        "(ms: Int = 1, by: Int)",
        "@quick(by:) ADDED SAFE The directive argument is new.",
    ),
    (
        "(ms: Int = 1)",
        "(ms: Int = 1, by: Int!)",
        "@quick(by:) ADDED BREAKING The directive argument is new, and required.",
    ),
    (
        "scalar Weight",
        'scalar Weight @specifiedBy(url: "https://a.example")',
        "Weight CHANGED DANGEROUS It is specified by https://a.example now.",
    ),
    (
        "old: Int",
        'old: Int @deprecated(reason: "Since 0.3.0. Use Query.toy.")',
        "Query.old DEPRECATED SAFE It is deprecated. Since 0.3.0. Use Query.toy.",
    ),
]
OURS_ALONE = ("specified by", "deprecated", "became an enum")


def shown(each: Difference) -> str:
    return f"{each.coordinate} {each.kind.name} {each.criticality.name} {each.description}"


def built(old: str = "", new: str = "") -> GraphQLSchema:
    assert old in BEFORE
    return build_schema(BEFORE.replace(old, new, 1))


@pytest.mark.parametrize(("old", "new", "wanted"), PAIRS)
def test_a_difference_is_told_by_coordinate_and_risk(old: str, new: str, wanted: str) -> None:
    expected = [] if "value is new" in wanted and "Weight" in wanted else [wanted]
    told = [shown(each) for each in compare(built(), built(old, new))]
    assert [each for each in told if not each.startswith("Weight.A ")] == expected


@pytest.mark.parametrize(("old", "new", "wanted"), PAIRS)
def test_graphql_core_sees_the_same_risks(old: str, new: str, wanted: str) -> None:
    if not any(word in wanted for word in OURS_ALONE):
        assert ours(built(), built(old, new)) == theirs(built(), built(old, new))
        assert ours(built(old, new), built()) == theirs(built(old, new), built())


def test_graphql_core_sees_the_same_risks_between_releases() -> None:
    past = [each.schema for each in the_contract().releases] + [the_contract().schema]
    for before, after in pairwise(past):
        assert ours(before, after) == theirs(before, after)
        assert ours(after, before) == theirs(after, before)


def ours(before: GraphQLSchema, after: GraphQLSchema) -> Counter[str]:
    """Of what is gone only the tops, as graphql-core has it."""
    found = compare(before, after)
    gone = {each.coordinate for each in found if each.kind is ChangeKind.REMOVED}
    missed = gone - set(tops(gone))
    return Counter(
        each.criticality.name
        for each in found
        if each.criticality is not Criticality.SAFE and each.coordinate not in missed
    )


def theirs(before: GraphQLSchema, after: GraphQLSchema) -> Counter[str]:
    found = Counter[str]()
    for each in find_schema_changes(before, after):
        if isinstance(each.type, BreakingChangeType) and "Standard scalar" not in each.description:
            found["BREAKING"] += 1
        if isinstance(each.type, DangerousChangeType):
            found["DANGEROUS"] += 1
    return found


def test_a_deprecation_may_be_taken_back_or_worded_anew() -> None:
    old = ("old: Int", 'old: Int @deprecated(reason: "Since 0.3.0. Use Query.toy.")')
    other = ("old: Int", 'old: Int @deprecated(reason: "Since 0.3.0. Use Query.list.")')
    assert [shown(each) for each in compare(built(*old), built())] == [
        "Query.old CHANGED SAFE It is no longer deprecated."
    ]
    assert [shown(each) for each in compare(built(*old), built(*other))] == [
        "Query.old CHANGED SAFE Its deprecation reads: Since 0.3.0. Use Query.list."
    ]
    [reworded] = compare(built(*old), built(*other))
    assert reworded.replacement == "Query.list"


def test_what_was_deprecated_and_goes_names_what_to_use() -> None:
    old = ("old: Int", 'old: Int @deprecated(reason: "Since 0.3.0. Use Query.toy.")')
    [found] = compare(built(*old), built("old: Int", ""))
    assert found.replacement == "Query.toy"


def test_what_belongs_to_a_new_type_has_rows_of_its_own() -> None:
    found = compare(built(), build_schema(BEFORE + "type Box { size(in: Int!): Int! }"))
    assert [(each.coordinate, each.criticality.name) for each in found] == [
        ("Box", "SAFE"),
        ("Box.size", "SAFE"),
        ("Box.size(in:)", "SAFE"),
    ]
