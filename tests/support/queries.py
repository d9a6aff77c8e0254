"""Generated queries: aliases, fragments, merges, @skip and @include, literal and variable arguments."""

from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)
from hypothesis import strategies as st

DEEPEST = 3
SWITCHES = ["", "", "", "", " @include(if: $yes)", " @skip(if: $no)", " @include(if: true)"]
ARGUMENTS = {
    "kin": ["", "", "(first: 1)", "(first: $most)", "(flip: true, first: 3)", "(first: -1)"],
    "trees": ["", "(least: $most)"],
}
VARIABLES = {"yes": "Boolean!", "no": "Boolean!", "most": "Int!"}


@dataclass
class Writing:
    schema: GraphQLSchema
    draw: Any
    fragments: dict[str, str] = field(default_factory=dict)

    def pick(self, choices: list[Any]) -> Any:
        return self.draw(st.sampled_from(choices))

    def selection(self, type_: GraphQLNamedType, depth: int) -> str:
        parts = [self.part(type_, depth) for _ in range(self.draw(st.integers(1, 3)))]
        return "{ " + " ".join(parts) + " }"

    def part(self, type_: GraphQLNamedType, depth: int) -> str:
        kind = self.draw(st.integers(0, 9))
        if kind < 2 and depth < DEEPEST:
            on = self.pick(self.alike(type_))
            return f"... on {on.name}{self.pick(SWITCHES)} {self.selection(on, depth + 1)}"
        if kind == 2 and depth < DEEPEST:
            name, on = f"F{len(self.fragments)}", self.pick(self.alike(type_))
            self.fragments[name] = ""  # taken, while its own selection is written
            self.fragments[name] = f"fragment {name} on {on.name} {self.selection(on, depth + 1)}"
            return f"...{name}{self.pick(SWITCHES)}"
        return self.one_field(type_, depth)

    def one_field(self, type_: GraphQLNamedType, depth: int) -> str:
        found: dict[str, GraphQLField] = dict(getattr(type_, "fields", {}))
        names = [
            name
            for name, each in found.items()
            if name != "custom" and (depth < DEEPEST or is_leaf_type(get_named_type(each.type)))
        ]
        name = self.pick([*names, *names, "__typename"])
        arguments = self.pick(ARGUMENTS.get(name, [""]))
        alias = "".join(c for c in f"{name}_{arguments}" if c.isalnum() or c == "_")
        key = f"{alias}: " if arguments or self.draw(st.integers(0, 4)) == 0 else ""
        inner = ""
        if name != "__typename" and not is_leaf_type(get_named_type(found[name].type)):
            inner = " " + self.selection(get_named_type(found[name].type), depth + 1)
        return f"{key}{name}{arguments}{self.pick(SWITCHES)}{inner}"

    def alike(self, type_: GraphQLNamedType) -> list[GraphQLNamedType]:
        """Types that a fragment there may be on."""
        if is_abstract_type(type_):
            return [type_, *self.schema.get_possible_types(type_)]
        assert isinstance(type_, GraphQLObjectType)
        return [type_, *type_.interfaces]


def queries(schema: GraphQLSchema) -> st.SearchStrategy[str]:
    @st.composite
    def written(draw: st.DrawFn) -> str:
        writing = Writing(schema, draw)
        assert schema.query_type is not None
        body = writing.selection(schema.query_type, 0)
        whole = " ".join([body, *writing.fragments.values()])
        used = [f"${name}: {kind}" for name, kind in VARIABLES.items() if f"${name}" in whole]
        return f"query ({', '.join(used)}) {whole}" if used else whole

    return written()
