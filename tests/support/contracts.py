"""Small contracts of plain SDL, and doctored copies of the real one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from resolvers import root
from schema.contract.comparing import replacement
from schema.contract.gate import RULES
from schema.contract.past import pasts, stored
from schema.contract.terms import Code, Contract, Violation
from schema.versions import NEXT, Declaration

HERE = Path(__file__).parents[2]
MARKS = """
directive @added(version: String!) on ARGUMENT_DEFINITION | ENUM | ENUM_VALUE | FIELD_DEFINITION | INPUT_FIELD_DEFINITION | INPUT_OBJECT | INTERFACE | OBJECT | SCALAR | UNION
directive @deprecatedSince(version: String!, removal: String) on ARGUMENT_DEFINITION | ENUM_VALUE | FIELD_DEFINITION | INPUT_FIELD_DEFINITION
"""  # noqa: E501


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


OLD = deprecating("old: Int", "0.2.0")


def declared(sdl: str) -> Mapping[str, Declaration]:
    """As the marks of the SDL say it; directives are of 0.1.0."""
    [told] = pasts([("0.1.0", sdl)])
    return {
        name: Declaration(
            added=told.added[name],
            deprecated=told.deprecated.get(name),
            removal=told.removal.get(name),
            use=replacement(getattr(element, "deprecation_reason", None)),
        )
        for name, element in told.elements.items()
    }


def a_contract(
    code: str,
    *released: str,
    versions: Sequence[str] = ("0.1.0", "0.2.0", "0.3.0", "0.4.0"),
    joined: Mapping[str, str] | None = None,
    coming: str = NEXT,
    views: Mapping[str, str] | None = None,
    declarations: Mapping[str, Declaration] | None = None,
) -> Contract:
    """Of the code's SDL and what was released, oldest first; views are as they should be."""
    sdls = [(version, MARKS + sdl) for version, sdl in zip(versions, released, strict=False)]
    said = {**declared(MARKS + code), **(declarations or {})}
    said |= {key: Declaration(added=version) for key, version in (joined or {}).items()}
    shown = {version: MARKS + sdl for version, sdl in (views or {}).items()}
    return Contract.of(
        Code(
            printed=MARKS + code,
            declarations=said,
            views={**dict(sdls), **shown},
            unviewable={},
        ),
        committed=MARKS + code,
        releases=pasts(sdls),
        coming=coming,
    )


@cache
def the_contract() -> Contract:
    """The real one, as it is in the sources."""
    releases = pasts(stored())
    code = root.code(each.version for each in releases)
    return Contract.of(code, committed=(HERE / "schema.graphql").read_text(), releases=releases)


def doctored(
    old: str = "",
    new: str = "",
    *,
    after: str = "",
    declarations: Mapping[str, Declaration] | None = None,
) -> Contract:
    """The real one with another print: the first `old` behind `after` is `new`."""
    whole = the_contract()
    start = whole.code.printed.index(after)
    assert old in whole.code.printed[start:]
    text = whole.code.printed[:start] + whole.code.printed[start:].replace(old, new, 1)
    said = {**whole.code.declarations, **(declarations or {})}
    code = replace(whole.code, printed=text, declarations=said)
    return Contract.of(code, committed=text, releases=whole.releases)


def broken(rule: str, contract: Contract) -> list[Violation]:
    return list(RULES[rule](contract))
