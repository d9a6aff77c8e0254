"""A small schema whose lists are as long as its queries say, random queries for it, and their answers.

asked = draw(queries())                 # asked.text, asked.variables
answer(asked)                           # its data, executed by graphql-core with lists of full length
"""

from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLResolveInfo,
    build_schema,
    execute_sync,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
    parse,
    validate,
)
from hypothesis import strategies as st

from resolvers.sizes import Sizes

SCHEMA = build_schema("""
interface Node { id: ID! }
union Any = Thing | Part
type Thing implements Node {
  id: ID! name: String parts(first: Int! = 2): PartConnection! siblings: [Thing!]! few(first: Int): [Part!]!
  tags: [String!]! logs(tail: Int! = 3): [String!]! kin: Any
}
type Part implements Node { id: ID! thing: Thing any: [Any!]! }
type PageInfo { hasNextPage: Boolean! }
type ThingEdge { cursor: String! node: Thing! }
type ThingConnection { edges: [ThingEdge!]! nodes: [Thing!]! pageInfo: PageInfo! totalCount: Int! }
type PartEdge { cursor: String! node: Part! }
type PartConnection { edges: [PartEdge!]! nodes: [Part!]! pageInfo: PageInfo! totalCount: Int! }
type Query {
  name: String node: Node any: Any things(first: Int! = 3): ThingConnection! all: [Thing!]!
  byIds(ids: [ID!]!): [Node]!
}
""")
SIZES = Sizes(
    SCHEMA,
    assumed={"Query.all": 4, "Thing.siblings": 2, "Part.any": 3, "Thing.few": 2},
    said={"Thing.logs": ("tail", 5), "Query.byIds": ("ids", 4)},
)
POSSIBLE = {"Node": ["Thing", "Part"], "Any": ["Thing", "Part"]}
NUMBERS = st.one_of(st.none(), st.integers(-1, 4), st.just(2.0))


@dataclass
class Asked:
    text: str = ""
    variables: dict[str, Any] = field(default_factory=dict)


@dataclass
class _Writer:
    """Draws a document; every field has an alias of its own, so that none are in conflict."""

    draw: Any
    variables: dict[str, str] = field(default_factory=dict)  # name → type and default
    values: dict[str, Any] = field(default_factory=dict)
    fragments: dict[str, tuple[str, str]] = field(default_factory=dict)  # name → type, selection
    count: int = 0

    def selection(self, on: str, depth: int) -> str:
        wanted = self.draw(st.integers(1, 3))
        return "{" + " ".join(self._one(on, depth) for _ in range(wanted)) + "}"

    def _one(self, on: str, depth: int) -> str:
        way = self.draw(st.sampled_from(["field", "field", "field", "inline", "spread"]))
        if way == "field" or depth == 0:
            return self._field(on, depth)
        type_ = self.draw(st.sampled_from([on, *POSSIBLE.get(on, [])]))
        if way == "inline":
            return f"... on {type_}{self._condition()}{self.selection(type_, depth - 1)}"
        known = [name for name, (of, _) in self.fragments.items() if of == type_]
        if known and self.draw(st.booleans()):
            name = self.draw(st.sampled_from(known))
        else:
            selection = self.selection(type_, depth - 1)
            name = f"f{len(self.fragments)}"
            self.fragments[name] = type_, selection
        return f"...{name}{self._condition()}"

    def _field(self, on: str, depth: int) -> str:
        self.count += 1
        key = f"a{self.count}"
        definition = SCHEMA.get_type(on)
        own = getattr(definition, "fields", {})
        deep = [name for name, each in own.items() if is_composite_type(get_named_type(each.type))]
        plain = [name for name in own if name not in deep]
        names = [*plain, "__typename", *(deep * 3 if depth else [])]
        name = self.draw(st.sampled_from(names))
        if name == "__typename":
            return f"{key}:__typename{self._condition()}"
        said = f"{key}:{name}{self._arguments(own[name])}{self._condition()}"
        type_ = get_named_type(own[name].type)
        return said + (self.selection(type_.name, depth - 1) if name in deep else "")

    def _arguments(self, definition: Any) -> str:
        if "ids" in definition.args:
            return f"(ids:{self._ids()})"
        for name in definition.args:
            way = self.draw(st.sampled_from(["none", "literal", "variable"]))
            if way == "literal":
                return f"({name}:{self.draw(st.integers(0, 4))})"
            if way == "variable":
                return f"({name}:{self._variable('Int', NUMBERS, st.integers(0, 4))})"
        return ""

    def _ids(self) -> str:
        ids = st.lists(st.just("x"), max_size=5)
        if self.draw(st.booleans()):
            return str(self.draw(ids)).replace("'", '"')
        return self._variable("[ID!]!", ids, st.just('["x"]'))

    def _condition(self) -> str:
        if self.draw(st.integers(0, 3)):
            return ""
        name = self.draw(st.sampled_from(["skip", "include"]))
        if self.draw(st.booleans()):
            return f"@{name}(if:{str(self.draw(st.booleans())).lower()})"
        default = st.sampled_from(["true", "false"])
        return f"@{name}(if:{self._variable('Boolean!', st.booleans(), default)})"

    def _variable(self, type_: str, values: Any, defaults: Any) -> str:
        name = f"v{len(self.variables)}"
        has_default = self.draw(st.booleans())
        default = f" = {self.draw(defaults)}" if has_default else ""
        self.variables[name] = f"{type_}{default}"
        if not ((has_default or not type_.endswith("!")) and self.draw(st.booleans())):
            self.values[name] = self.draw(values)
        return f"${name}"

    def document(self) -> Asked:
        selection = self.selection("Query", 5)
        declared = ", ".join(f"${name}: {type_}" for name, type_ in self.variables.items())
        head = f"query q({declared})" if declared else "query q"
        fragments = "".join(f" fragment {n} on {t}{s}" for n, (t, s) in self.fragments.items())
        return Asked(head + selection + fragments, self.values)


@st.composite
def queries(draw: Any) -> Asked:
    return _Writer(draw).document()


def answer(asked: Asked) -> Any:
    """None where the request is wrong."""
    document = parse(asked.text)
    assert validate(SCHEMA, document) == []
    return execute_sync(
        SCHEMA,
        document,
        root_value={},
        variable_values=asked.variables,
        field_resolver=_resolve,
        type_resolver=_kind,
    ).data


def _resolve(source: Any, info: GraphQLResolveInfo[Any], **said: Any) -> Any:
    type_ = get_nullable_type(info.return_type)
    own = get_named_type(type_)
    coordinate = f"{info.parent_type.name}.{info.field_name}"
    if is_list_type(type_):
        return [_value(own, place) for place in range(_length(coordinate, source, said))]
    return _value(own, 0, _page(said))


def _page(said: dict[str, Any]) -> int:
    return int(max(0, said.get("first", 0)))


def _length(coordinate: str, source: Any, said: dict[str, Any]) -> int:
    if "page" in (source or {}) and coordinate.split(".")[0].endswith("Connection"):
        return int(source["page"])
    if coordinate in SIZES.said:
        argument, most = SIZES.said[coordinate]
        found = said[argument]
        wanted: int = found if isinstance(found, int) else len(found)
        return 0 if wanted > most else max(0, wanted)  # a field that refuses more
    if said.get("first") is not None:
        return int(max(0, said["first"]))
    return int(SIZES.assumed.get(coordinate, 2))


def _value(own: Any, place: int, page: int = 0) -> Any:
    if is_composite_type(own):
        return {"page": page, "kind": place}
    return 1 if own.name == "Int" else (True if own.name == "Boolean" else "x")


def _kind(value: Any, info: GraphQLResolveInfo[Any], abstract: Any) -> str:
    return ("Thing", "Part")[value["kind"] % 2]


def fields_of(data: Any) -> int:
    """How many fields an answer has."""
    if isinstance(data, dict):
        return sum(1 + fields_of(value) for value in data.values())
    return sum(map(fields_of, data)) if isinstance(data, list) else 0
