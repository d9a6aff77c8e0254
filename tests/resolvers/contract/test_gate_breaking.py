"""Rule (v), broken on purpose: what there was goes on to mean what it meant."""

import pytest

from tests.support.contracts import FIRST, a_contract, broken, changed

BREAKS = "That breaks clients."
SILENT = "That changes what clients get without a word."


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        (
            "colour: Colour!",
            "colour: Colour",
            f"Toy.colour: The type Colour! became Colour. {BREAKS}",
        ),
        ("old: Int", "old: String", f"Query.old: The type Int became String. {BREAKS}"),
        ("old: Int", "old: [Int]", f"Query.old: The type Int became [Int]. {BREAKS}"),
        (
            "made(input: ToyInput)",
            "made(input: ToyInput!)",
            f"Toy.made(input:): The type ToyInput became ToyInput!. {BREAKS}",
        ),
        (
            "made(input: ToyInput)",
            "made(input: ToyInput, more: Int!)",
            f"Toy.made(more:): The argument is new, and required. {BREAKS}",
        ),
        (
            'input ToyInput @added(version: "0.1.0") { ',
            'input ToyInput @added(version: "0.1.0") { more: Int! ',
            f"ToyInput.more: The input field is new, and required. {BREAKS}",
        ),
        (
            "toy(size: Int = 1",
            "toy(size: Int = 2",
            f"Query.toy(size:): The default 1 became 2. {SILENT}",
        ),
        (
            "toy(size: Int = 1",
            "toy(size: Int",
            f"Query.toy(size:): The default 1 is gone. {SILENT}",
        ),
        (
            "name: String!  size: Int = 1",
            "name: String!  size: Int = 2",
            f"ToyInput.size: The default 1 became 2. {SILENT}",
        ),
        ("= Toy | Ball", "= Toy", f"Shape: Ball left the union. {BREAKS}"),
        (
            "type Ball implements Thing",
            "type Ball",
            f"Ball: It implements Thing no longer. {BREAKS}",
        ),
        ("scalar Weight @", "enum Weight @", None),
        (
            'scalar Weight @added(version: "0.1.0")',
            'scalar Weight @added(version: "0.1.0") @specifiedBy(url: "https://a.example")',
            f"Weight: It is specified by https://a.example now. {SILENT}",
        ),
        (
            'input ToyInput @added(version: "0.1.0") { name: String!',
            'input ToyInput @oneOf @added(version: "0.1.0") { name: String',
            f"ToyInput: Exactly one field must be given. {BREAKS}",
        ),
    ],
)
def test_what_changes_for_clients_is_caught(old: str, new: str, wanted: str | None) -> None:
    code = changed((old, new))
    if wanted is None:
        code = code.replace(
            'enum Weight @added(version: "0.1.0")', 'enum Weight @added(version: "0.1.0") { A }'
        )
        wanted = f"Weight: The scalar became an enum. {BREAKS}"
    [found] = broken("v", a_contract(code, FIRST))
    assert f"{found.coordinate}: {found.problem}" == wanted
    assert found.mend


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("old: Int", "old: Int!"),
        ("name: String!): Toy", "name: String): Toy"),
        ("made(input: ToyInput)", 'made(input: ToyInput = {name: "a"})'),
        ("made(input: ToyInput)", "made(input: ToyInput, more: Int)"),
        ("{ RED BLUE }", "{ RED BLUE GREEN }"),
        ("type Query @", "type Query implements Thing @"),
    ],
)
def test_what_only_widens_is_fine(old: str, new: str) -> None:
    code = changed((old, new))
    if "implements Thing" in new:
        code = code.replace("{ toy(", "{ id: ID! toy(")
    assert broken("v", a_contract(code, FIRST)) == []


def test_what_goes_is_no_matter_of_this_rule() -> None:
    code = changed(("= Toy | Ball", "= Toy"))
    code = "\n".join(line for line in code.splitlines() if "type Ball" not in line)
    assert broken("v", a_contract(code.replace("BLUE", ""), FIRST)) == []
    assert [
        each.coordinate for each in broken("iv", a_contract(code.replace("BLUE", ""), FIRST))
    ] == [
        "Ball",
        "Colour.BLUE",
    ]
