"""What an SDL writes of each element by itself, without what belongs to it."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields, replace
from itertools import takewhile
from typing import Any

from graphql import DirectiveDefinitionNode, Node, TypeDefinitionNode, parse, print_ast

_BELONGING = ("fields", "values", "arguments")
_MOVING = ("deprecated", "deprecatedSince")
_UNRELEASED = re.compile(
    r'(@added\(version: "|@deprecatedSince\((?:removal: "[^"]*", )?version: "|Added in |Since )'
    r'NEXT(?=[".])'
)
_DEFINITION = re.compile(r"(?:directive @|(?:type|interface|union|enum|input|scalar) )\w+")


def written(sdl: str) -> Mapping[str, str]:
    """By coordinate. Raises GraphQLSyntaxError."""
    return {name: print_ast(_alone(node)) for name, node in _definitions(sdl)}


def lasting(sdl: str, gone: Collection[str] = ()) -> Mapping[str, str]:
    """The same but for what may change later: descriptions, deprecations, and the members `gone`."""
    return {name: print_ast(_lasting(_alone(node), gone)) for name, node in _definitions(sdl)}


def as_of_release(sdl: str, version: str) -> str:
    """What is NEXT in it is of that version. Lines may be broken otherwise than in a print."""
    return _UNRELEASED.sub(lambda found: f"{found[1]}{version}", sdl)


def around(sdl: str, line: int) -> str:
    """The type or the directive that a line, counted from 1, is of: the last one that began before."""
    above = sdl.splitlines()[:line]
    found = [match for each in above if (match := _DEFINITION.match(each))]
    return found[-1][0].split()[-1] if found else "Query"


def first_difference(one: str, other: str) -> int:
    """The line, counted from 1, from which on two texts differ."""
    pairs = zip(one.splitlines(), other.splitlines(), strict=False)
    same = takewhile(lambda pair: pair[0] == pair[1], pairs)
    return 1 + sum(1 for _ in same)


def _definitions(sdl: str) -> Iterator[tuple[str, Node]]:
    for node in parse(sdl, no_location=True).definitions:
        if isinstance(node, DirectiveDefinitionNode):
            yield from _with_members(f"@{node.name.value}", node)
        elif isinstance(node, TypeDefinitionNode):
            yield from _with_members(node.name.value, node)


def _with_members(name: str, node: Node) -> Iterator[tuple[str, Node]]:
    yield name, node
    if isinstance(node, DirectiveDefinitionNode):
        for argument in _parts(node, "arguments"):
            yield f"{name}({argument.name.value}:)", argument
    for member in (*_parts(node, "fields"), *_parts(node, "values")):
        own = f"{name}.{member.name.value}"
        yield own, member
        for argument in _parts(member, "arguments"):
            yield f"{own}({argument.name.value}:)", argument


def _parts(node: Node, name: str) -> tuple[Any, ...]:
    return getattr(node, name, None) or ()


def _alone(node: Any) -> Any:
    present = {each.name for each in fields(node)}
    return replace(node, **{name: () for name in _BELONGING if name in present})


def _lasting(node: Any, gone: Collection[str]) -> Any:
    present = {each.name for each in fields(node)}
    kept: dict[str, object] = {"description": None}
    if "directives" in present:
        kept["directives"] = tuple(
            each for each in _parts(node, "directives") if each.name.value not in _MOVING
        )
    for name in ("types", "interfaces"):
        if name in present:
            kept[name] = tuple(each for each in _parts(node, name) if each.name.value not in gone)
    return replace(node, **kept)
