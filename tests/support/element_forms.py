"""One element in each of its forms: SDL, introspection, `schemaChanges`, and as of an older version.

Run as a module, it shows them: `python -m tests.support.element_forms [COORDINATE …]`.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from graphql import GraphQLEnumType, GraphQLSchema, graphql_sync

from resolvers.root import Schema, build_schema, printed
from schema.contract.elements import elements
from schema.contract.written import written
from schema.versions import order
from tests.support.contracts import the_contract

SHOWN = (
    "DeploymentTemplate.kubernetes",
    "StatusReason.NODE_REJECTED",
    "ModelDeployment.replicas(includeExited:)",
)
OLD = "0.1.0"
INTROSPECTION = """
query($type: String!) {
  __type(name: $type) {
    fields(includeDeprecated: true) {
      name description isDeprecated deprecationReason
      args(includeDeprecated: true) { name description isDeprecated deprecationReason }
    }
    enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
  }
}
"""


def forms(schema: Schema, coordinate: str) -> str:
    """`schema` is a sorted one."""
    return "\n".join(_forms(schema, coordinate)) + "\n"


def _forms(schema: Schema, coordinate: str) -> Iterator[str]:
    old = schema.as_of(OLD)
    yield f"# {coordinate}"
    yield f"## SDL\n{_sdl(the_contract().code.printed, coordinate)}"
    yield f"## Introspection\n{_json(_introspected(schema.core, coordinate))}"
    yield '## schemaChanges(since: "0.0.0")'
    for row in schema.history:
        if row.coordinate == coordinate:
            yield (
                f"{row.version} {row.kind.name} {row.criticality.name}: {row.description}"
                f"{f' [{row.replacement}]' if row.replacement else ''}"
            )
    yield f"## As of {OLD}: SDL\n{_sdl(printed(old), coordinate)}"
    yield f"## As of {OLD}: introspection\n{_json(_introspected(old.core, coordinate))}"
    yield from _instead(schema, coordinate)


def _instead(schema: Schema, coordinate: str) -> Iterator[str]:
    """Of an enum's value, what each release's view gives for it."""
    type_, _, name = coordinate.partition(".")
    whole = schema.core.type_map.get(type_)
    if not isinstance(whole, GraphQLEnumType):
        return
    added = order(schema.declarations[coordinate].added)
    for past in the_contract().releases:
        if order(past.version) >= added:
            break
        viewed = schema.as_of(past.version).core.type_map[type_]
        assert isinstance(viewed, GraphQLEnumType)
        yield f"## Given as of {past.version}\n{viewed.coerce_output_value(whole.values[name].value)}"


def _sdl(sdl: str, coordinate: str) -> str:
    return written(sdl).get(coordinate, "(none)")


def _introspected(schema: GraphQLSchema, coordinate: str) -> object:
    parts = coordinate.replace("(", ".").removesuffix(":)").split(".")
    asked = graphql_sync(schema, INTROSPECTION, variable_values={"type": parts[0]})
    assert asked.errors is None
    found: Any = asked.data and asked.data["__type"]
    for name in parts[1:]:
        found = _named(found, name)
    return {key: value for key, value in found.items() if key != "args"} if found else None


def _named(within: Mapping[str, Any] | None, name: str) -> Mapping[str, Any] | None:
    lists = [(within or {}).get(key) or () for key in ("fields", "enumValues", "args")]
    return next((each for found in lists for each in found if each["name"] == name), None)


def _json(value: object) -> str:
    return "(none)" if value is None else json.dumps(value, indent=2)


if __name__ == "__main__":
    built = build_schema(is_sorted=True)
    wanted = sys.argv[1:] or SHOWN
    unknown = set(wanted) - elements(built.core).keys()
    sys.stdout.write(
        f"There is no {', '.join(sorted(unknown))}.\n"
        if unknown
        else "\n".join(forms(built, each) for each in wanted)
    )
