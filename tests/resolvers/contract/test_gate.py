"""Each rule of the gate, broken on purpose: on small schemas, and on doctored copies of the real one."""

from dataclasses import replace

import pytest

from resolvers.root import build_schema, printed
from schema.contract.gate import violations
from schema.contract.terms import Code, Contract, Violation
from schema.versions import NEXT, Declaration, Unviewable
from tests.support.contracts import MARKS, a_contract, broken, doctored, the_contract

FIRST = """
type Query @added(version: "0.1.0") { toy(size: Int = 1, name: String!): Toy  old: Int  shape: Shape }
interface Thing @added(version: "0.1.0") { id: ID! }
type Toy implements Thing @added(version: "0.1.0") { id: ID!  colour: Colour!  made(input: ToyInput): Int }
type Ball implements Thing @added(version: "0.1.0") { id: ID! }
union Shape @added(version: "0.1.0") = Toy | Ball
enum Colour @added(version: "0.1.0") { RED BLUE }
input ToyInput @added(version: "0.1.0") { name: String!  size: Int = 1 }
scalar Weight @added(version: "0.1.0")
"""


def changed(*pairs: tuple[str, str]) -> str:
    text = FIRST
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def deprecating(
    element: str, version: str, use: str = "Query.toy", more: str = ""
) -> tuple[str, str]:
    reason = f'@deprecated(reason: "Since {version}. Use {use}.")'
    return element, f'{element} {reason} @deprecatedSince(version: "{version}"{more})'


def said(found: list[Violation]) -> list[str]:
    return [str(each) for each in found]


def test_what_was_released_and_is_so_still_is_fine() -> None:
    assert violations(a_contract(FIRST, FIRST)) == ()
    assert violations(a_contract(FIRST)) == ()


# (i) the committed file


def with_file(text: str) -> Contract:
    return replace(a_contract(FIRST, FIRST), committed=text)


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("old: Int", "", "(i) Query.old: The code has it, schema.graphql lacks it."),
        (
            "old: Int",
            "old: Int new: Int",
            "(i) Query.new: schema.graphql has it, the code lacks it.",
        ),
        (
            "old: Int",
            "old: Int!",
            "(i) Query.old: schema.graphql says `old: Int!`, the code `old: Int`.",
        ),
        (
            "type Ball implements Thing",
            "type Ball",
            "(i) Ball: schema.graphql says `type Ball @added",
        ),
        (
            "scalar Weight",
            "scalar  Weight",
            "(i) Weight: schema.graphql is written otherwise from line ",
        ),
        ("scalar Weight", "scalar @@", "(i) ToyInput: schema.graphql is no SDL, in line "),
    ],
)
def test_a_file_that_is_not_what_the_code_prints_is_told_by_coordinate(
    old: str, new: str, wanted: str
) -> None:
    [found] = said(broken("i", with_file((MARKS + FIRST).replace(old, new, 1))))
    assert found.startswith(wanted)
    assert found.endswith("Print it again: modelyard schema print > schema.graphql")


# (ii) what is new comes next


def test_what_the_last_release_lacks_is_declared_next() -> None:
    new = ("old: Int", 'old: Int new(much: Int): Int @added(version: "0.1.0")')
    assert said(broken("ii", a_contract(changed(new), FIRST))) == [
        "(ii) Query.new: It is declared 0.1.0, and 0.1.0 lacks it. Declare it added=versions.NEXT."
    ]
    fine = new[0], new[1].replace("0.1.0", NEXT)
    assert broken("ii", a_contract(changed(fine), FIRST)) == []
    released = new[0], new[1].replace("0.1.0", "0.2.0")
    assert broken("ii", a_contract(changed(released), FIRST, coming="0.2.0")) == []


def test_a_new_directive_is_dated_by_the_index_alone() -> None:
    code = FIRST + "directive @loud(much: Int) on FIELD"
    [found] = broken("ii", a_contract(code, FIRST))
    assert found.coordinate == "@loud"
    dated = {name: Declaration(added=NEXT) for name in ("@loud", "@loud(much:)")}
    assert broken("ii", a_contract(code, FIRST, declarations=dated)) == []


@pytest.mark.parametrize(
    ("old", "new", "key", "member", "other"),
    [
        (
            "Query @added",
            "Query implements Named @added",
            "Query implements Named",
            "Query",
            "Named",
        ),
        ("= Toy | Ball", "= Toy | Ball | Cube", "Cube in Shape", "Cube", "Shape"),
    ],
)
def test_a_member_that_joins_is_declared_to_join_next(
    old: str, new: str, key: str, member: str, other: str
) -> None:
    more = """
        interface Named @added(version: "0.1.0") { old: Int }
        type Cube implements Thing @added(version: "0.1.0") { id: ID! }
    """
    code = changed((old, new)) + more
    assert said(broken("ii", a_contract(code, FIRST + more))) == [
        f"(ii) {member}: “{key}” is declared 0.1.0, and 0.1.0 lacks it. "
        f'Declare {member} with joins={{"{other}": versions.NEXT}}.'
    ]
    assert broken("ii", a_contract(code, FIRST + more, joined={key: NEXT})) == []


# (iii) what is old stays dated


def test_what_was_released_stays_of_its_version() -> None:
    moved = changed(
        ('enum Colour @added(version: "0.1.0")', 'enum Colour @added(version: "0.2.0")')
    )
    assert said(broken("iii", a_contract(moved, FIRST, FIRST))) == [
        '(iii) Colour: It is declared 0.2.0; 0.2.0 has it since 0.1.0. Declare it added="0.1.0" again.'
    ]
    assert broken("ii", a_contract(moved, FIRST, FIRST)) == []


def test_a_directive_stays_of_the_release_that_had_it_first() -> None:
    loud = FIRST + "directive @loud on FIELD"
    dated = {"@loud": Declaration(added="0.2.0")}
    assert broken("iii", a_contract(loud, FIRST, loud, loud, declarations=dated)) == []
    [found] = broken("iii", a_contract(loud, FIRST, loud, loud))
    assert (found.coordinate, found.mend) == ("@loud", 'Declare it added="0.2.0" again.')


def test_a_membership_stays_of_the_release_that_had_it_first() -> None:
    early = changed(("= Toy | Ball", "= Toy"))
    key = "Ball in Shape"
    assert broken("iii", a_contract(FIRST, early, FIRST, joined={key: "0.2.0"})) == []
    assert said(broken("iii", a_contract(FIRST, early, FIRST, joined={key: NEXT}))) == [
        "(iii) Ball: “Ball in Shape” is declared NEXT; 0.2.0 has it since 0.2.0. "
        'Declare Ball with joins={"Shape": "0.2.0"} again.'
    ]


# (iv) what goes was announced

OLD = deprecating("old: Int", "0.2.0")
GONE = changed(("old: Int", ""))


def test_what_was_never_deprecated_may_not_go() -> None:
    assert said(broken("iv", a_contract(GONE, FIRST))) == [
        "(iv) Query.old: It is gone, and in 0.1.0 it was not deprecated. "
        "Bring it back, deprecated=versions.NEXT: 2 minor releases later it may go."
    ]


def test_what_is_deprecated_goes_two_minor_releases_later() -> None:
    told = changed(OLD)
    assert said(broken("iv", a_contract(GONE, FIRST, told))) == [
        "(iv) Query.old: It is gone, and in 0.2.0 it was deprecated since 0.2.0 only. "
        "Bring it back: 2 minor releases later it may go."
    ]
    assert broken("iv", a_contract(GONE, FIRST, told, told)) == []
    patches = ("0.1.0", "0.2.0", "0.2.1", "0.2.2")
    assert broken("iv", a_contract(GONE, FIRST, told, told, told, versions=patches)) != []
    assert broken("iv", a_contract(GONE, FIRST, told, told, coming="0.3.1")) != []
    assert broken("iv", a_contract(GONE, FIRST, told, told, coming="0.4.0")) == []
    assert broken("iv", a_contract(GONE, FIRST, told, told, coming="1.0.0")) == []


def test_what_names_its_removal_stays_until_then() -> None:
    told = changed(deprecating("old: Int", "0.2.0", more=', removal: "0.5.0"'))
    found = broken("iv", a_contract(GONE, FIRST, told, told, coming="0.4.0"))
    assert [each.mend for each in found] == ["Bring it back: 0.5.0 it may go."]
    assert broken("iv", a_contract(GONE, FIRST, told, told, told, coming="0.5.0")) == []


def test_a_deprecation_that_was_taken_back_counts_no_longer() -> None:
    told = changed(OLD)
    assert broken("iv", a_contract(FIRST, FIRST, told)) == []
    assert broken("iv", a_contract(GONE, FIRST, told, told, FIRST)) != []


def test_a_type_goes_with_the_last_that_leads_to_it() -> None:
    told = changed(deprecating("made(input: ToyInput): Int", "0.2.0"))
    gone = changed(("made(input: ToyInput): Int", ""))
    without = gone.replace("input ToyInput", "input Other")
    alone = gone[: gone.index("input ToyInput")] + gone[gone.index("scalar") :]
    assert broken("iv", a_contract(alone, FIRST, told, told)) == []
    left = changed(("made(input: ToyInput): Int", "made: Int"))
    left = left[: left.index("input ToyInput")] + left[left.index("scalar") :]
    found = broken("iv", a_contract(left, FIRST, FIRST))
    assert [each.coordinate for each in found] == ["Toy.made(input:)", "ToyInput"]
    assert found[1].mend == (
        "Bring it back, and deprecate what leads to it: 2 minor releases later both may go."
    )
    assert [each.coordinate for each in broken("iv", a_contract(without, FIRST, FIRST))] == [
        "Toy.made",
        "ToyInput",
    ]


def test_a_mark_of_the_schema_is_nothing_that_clients_miss() -> None:
    marked = FIRST + "directive @mine on OBJECT  directive @theirs on FIELD"
    found = broken("iv", a_contract(FIRST, marked))
    assert [each.coordinate for each in found] == ["@theirs"]


def test_a_deprecation_names_what_to_use_instead() -> None:
    def found(use: str) -> list[str]:
        return said(broken("iv", a_contract(changed(deprecating("old: Int", NEXT, use)), FIRST)))

    assert found("Query.toy") == []
    assert found("Query.gone") == [
        "(iv) Query.old: It is deprecated for Query.gone, which is not there. "
        "Name a coordinate with use=."
    ]
    silent = {"Query.old": Declaration(added="0.1.0", deprecated=NEXT)}
    assert said(broken("iv", a_contract(FIRST, FIRST, declarations=silent))) == [
        "(iv) Query.old: It is deprecated, and does not say what replaces it. "
        "Name a coordinate with use=."
    ]


def test_a_deprecation_does_not_lead_to_another() -> None:
    code = changed(
        deprecating("old: Int", NEXT, "Query.shape"), deprecating("shape: Shape", NEXT, "Query.toy")
    )
    assert said(broken("iv", a_contract(code, FIRST))) == [
        "(iv) Query.old: It is deprecated for Query.shape, which is deprecated itself. "
        "Name Query.toy with use=."
    ]


def test_a_new_deprecation_is_of_the_version_that_comes() -> None:
    code = changed(OLD)
    assert said(broken("iv", a_contract(code, FIRST, FIRST))) == [
        "(iv) Query.old: It is declared deprecated 0.2.0; 0.2.0 does not deprecate it. "
        "Declare it deprecated=versions.NEXT."
    ]
    again = changed(deprecating("old: Int", NEXT))
    assert said(broken("iv", a_contract(again, FIRST, code))) == [
        "(iv) Query.old: It is declared deprecated NEXT; 0.2.0 deprecates it since 0.2.0. "
        'Declare it deprecated="0.2.0".'
    ]


@pytest.mark.parametrize("required", ["name: String!): Toy", "name: String!  size: Int = 1 }"])
def test_nothing_required_is_deprecated(required: str) -> None:
    element = "name: String!"
    code = changed((required, required.replace(*deprecating(element, NEXT))))
    [found] = broken("iv", a_contract(code, FIRST))
    assert found.problem == "It is deprecated, and required: nobody can leave it out."
    assert found.mend == "Make it optional."


def test_a_removal_is_promised_for_two_minor_releases_later() -> None:
    def found(removal: str) -> list[str]:
        told = deprecating("old: Int", "0.2.0", more=f', removal: "{removal}"')
        return said(broken("iv", a_contract(changed(told), FIRST, coming="0.2.0")))

    assert found("0.4.0") == found("1.0.0") == []
    assert found("0.3.0") == [
        "(iv) Query.old: It is deprecated 0.2.0, and 0.3.0 may remove it already. "
        "Say a removal that is 2 minor releases later, or none."
    ]


# (v) nothing breaks

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


# (vi) the past is as it was


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        (
            "old: Int",
            "old: Int late: Int",
            "(vi) Query.late: 0.1.0 lacks it, and the code's view of 0.1.0 has it. "
            "Declare it added in the release that it came with.",
        ),
        (
            "old: Int",
            "",
            "(vi) Query.old: 0.1.0 has it, and the code's view of 0.1.0 lacks it. "
            'Declare it added="0.1.0".',
        ),
        (
            "old: Int",
            "old: Int!",
            "(vi) Query.old: 0.1.0 has `old: Int`, the code's view of it `old: Int!`. "
            "Leave it as it was, and add a new one beside it.",
        ),
        (
            "= Toy | Ball",
            "= Toy",
            '(vi) Shape: 0.1.0 has `union Shape @added(version: "0.1.0") = Toy | Ball`, '
            'the code\'s view of it `union Shape @added(version: "0.1.0") = Toy`. '
            "Leave it as it was, and add a new one beside it.",
        ),
    ],
)
def test_a_view_that_is_not_the_release_is_told_by_coordinate(
    old: str, new: str, wanted: str
) -> None:
    view = {"0.1.0": changed((old, new))}
    assert said(broken("vi", a_contract(FIRST, FIRST, views=view))) == [wanted]


def test_removals_deprecations_and_descriptions_are_no_other_past() -> None:
    past = changed(("old: Int", '"Long." old: Int'), ("{ RED BLUE }", "{ RED BLUE GREEN }"))
    past = past.replace("= Toy | Ball", "= Toy | Ball | Cube")
    past += 'type Cube implements Thing @added(version: "0.1.0") { id: ID! }'
    view = {"0.1.0": changed(OLD)}
    assert broken("vi", a_contract(FIRST, past, views=view)) == []


def test_a_release_without_a_view_is_told_by_what_hinders_it() -> None:
    whole = a_contract(FIRST, FIRST)
    code = Code(
        printed=whole.code.printed,
        declarations=whole.code.declarations,
        views={},
        unviewable={
            "0.1.0": ["Toy.colour: its type Colour is newer. Declare it as added in 0.1.0."]
        },
    )
    assert said(broken("vi", replace(whole, code=code))) == [
        "(vi) Toy.colour: its type Colour is newer. Declare it as added in 0.1.0."
    ]


# each once more, on the real schema


def test_the_real_file_must_be_the_real_print() -> None:
    whole = the_contract()
    other = replace(
        whole, committed=whole.committed.replace("  etag: String!\n", "  etag: ID!\n", 1)
    )
    [found] = broken("i", other)
    assert found.coordinate.endswith(".etag")


def test_the_real_schema_takes_nothing_new_without_next() -> None:
    late = {"Project.surprise": Declaration(added="0.2.0")}
    contract = doctored(
        "  createdAt:", "  surprise: Int\n  createdAt:", after="\ntype Project ", declarations=late
    )
    assert [each.coordinate for each in broken("ii", contract)] == ["Project.surprise"]


def test_the_real_schema_keeps_its_versions() -> None:
    moved = {"Project.name": Declaration(added="0.2.0")}
    assert [each.coordinate for each in broken("iii", doctored(declarations=moved))] == [
        "Project.name"
    ]


def test_the_real_schema_loses_nothing_unannounced() -> None:
    contract = doctored("serverAdmin:", "other:", after="\ntype Viewer ")
    assert [each.coordinate for each in broken("iv", contract)] == ["Viewer.serverAdmin"]


def test_the_real_schema_narrows_nothing() -> None:
    contract = doctored("serverAdmin: Boolean!", "serverAdmin: Boolean", after="\ntype Viewer ")
    assert [each.coordinate for each in broken("v", contract)] == ["Viewer.serverAdmin"]


def test_the_real_past_is_not_rewritten() -> None:
    schema = build_schema(is_sorted=True)
    evicted = replace(schema.declarations["StatusReason.EVICTED"], added="0.1.0")
    schema.declarations = {**schema.declarations, "StatusReason.EVICTED": evicted}
    whole = the_contract()
    code = replace(whole.code, views={**whole.code.views, "0.1.0": printed(schema.as_of("0.1.0"))})
    assert [each.coordinate for each in broken("vi", replace(whole, code=code))] == [
        "StatusReason.EVICTED"
    ]
    schema.declarations = {
        **schema.declarations,
        "Duration": replace(schema.declarations["Duration"], added="0.2.0"),
    }
    with pytest.raises(Unviewable, match="Duration"):
        schema.as_of("0.1.0")
