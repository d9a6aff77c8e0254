from collections import defaultdict
from dataclasses import fields
from typing import Any, get_args

import pytest
import strawberry
from graphql import (
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
)

from domain import events as facts
from domain.definitions import definition
from domain.deployments import strategy
from resolvers.root import Schema, print_schema
from schema import versions
from schema.enums import PreStartActionName, StrategyKind
from schema.event_types import TYPES
from schema.events import EventType

SAID_AS = {  # a fact's field, for clients
    "number": "revision_number",
    "strategy": "strategy_kind",
    "kind": "rollout_kind",
    "status": "template_status",
    "retry_of": "retry_of_id",
    "BatchJobPlaced.target": "batch_target",
}
PARTS: dict[str, type[definition.Part]] = {
    "ModelDefinition": definition.Definition,
    "Model": definition.Model,
    "ModelService": definition.Service,
    "HealthCheck": definition.HealthCheck,
    "ModelMetadata": definition.Metadata,
    "PreStartAction": definition.PreStartAction,
}


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def said_as(fact: type, name: str) -> str:
    return camel(SAID_AS.get(f"{fact.__name__}.{name}") or SAID_AS.get(name, name))


def coordinates(schema: GraphQLSchema) -> set[str]:
    """Every element that a client can see, found without the index."""
    found = set()
    for name, type_ in schema.type_map.items():
        if name.startswith("__") or name in {"Int", "Float", "String", "Boolean", "ID"}:
            continue
        found.add(name)
        for member in getattr(type_, "fields", None) or getattr(type_, "values", None) or ():
            found.add(f"{name}.{member}")
            field = type_.fields[member] if hasattr(type_, "fields") else None
            for argument in getattr(field, "args", ()):
                found.add(f"{name}.{member}({argument}:)")
    for directive in schema.directives:
        if directive.name in {"added", "deprecatedSince"}:
            found.add(f"@{directive.name}")
            found |= {f"@{directive.name}({argument}:)" for argument in directive.args}
    return found


def test_the_printed_schema_is_valid_and_has_no_null_defaults() -> None:
    printed = print_schema()
    built = build_schema(printed)
    assert built.query_type is not None
    assert "= null" not in printed
    assert printed.count("\ndirective @added") + printed.startswith("directive @added") == 1


def test_every_coordinate_has_a_version(schema: Schema) -> None:
    found = coordinates(schema.core)
    assert set(schema.declarations) == found
    for coordinate in (
        "Node.id",
        "PageInfo.endCursor",
        "ModelDeploymentConnection",
        "ModelDeploymentEdge.cursor",
        "RuntimeVariant.HUGGINGFACE_TGI",
        "Mutation.addModelRevision(input:)",
        "ModelDeployment.revisions(first:)",
        "Command",
        "DeploymentStrategy",
        "@added(version:)",
        "DeploymentStrategyInput.blueGreen",
        "BatchJobConnection",
        "Subscription.batchJobProgress(batchJobId:)",
    ):
        assert coordinate in found


def test_every_description_ends_in_the_version(schema: Schema) -> None:
    def ends_well(element: Any, coordinate: str) -> bool:
        added = schema.declarations[coordinate].added
        return bool((element.description or "").endswith(f"Added in {added}."))

    for name, type_ in schema.core.type_map.items():
        if name in schema.declarations:
            assert ends_well(type_, name), name
            for own, field in (getattr(type_, "fields", None) or {}).items():
                assert ends_well(field, f"{name}.{own}")
                for called, argument in getattr(field, "args", {}).items():
                    assert ends_well(argument, f"{name}.{own}({called}:)")


def test_an_element_without_a_version_is_an_error_at_build_time() -> None:
    @strawberry.type
    class Query:
        size: int

    with pytest.raises(versions.Undeclared, match=r"Query, Query\.size"):
        versions.index(Schema.__mro__[1](query=Query)._schema)


def test_a_definitions_fields_are_the_domains(schema: Schema) -> None:
    for name, part in PARTS.items():
        wanted = {camel(field) for field in part.model_fields}
        shown, taken = schema.core.type_map[name], schema.core.type_map[f"{name}Input"]
        assert isinstance(shown, GraphQLObjectType)
        assert isinstance(taken, GraphQLInputObjectType)
        assert set(shown.fields) == wanted
        assert set(taken.fields) == wanted
    assert {a.value for a in PreStartActionName} == set(get_args(definition.ActionName))


def test_a_strategys_kinds_are_the_domains() -> None:
    assert {each.value for each in StrategyKind} == {
        field.default
        for kind in get_args(strategy.Strategy)
        for field in fields(kind)
        if field.name == "kind"
    }


def test_every_fact_is_an_event_type_with_its_own_fields(schema: Schema) -> None:
    assert set(TYPES) == set(facts.FACTS) == {each.value for each in EventType}
    for name, fact in facts.FACTS.items():
        type_ = schema.core.type_map[name]
        assert isinstance(type_, GraphQLObjectType)
        assert {said_as(fact, f.name) for f in fields(fact)} <= set(type_.fields)
        assert "Event" in {each.name for each in type_.interfaces}


def test_an_input_type_is_named_after_its_mutation(schema: Schema) -> None:
    mutation = schema.core.mutation_type
    assert mutation is not None
    for name, field in mutation.fields.items():
        assert str(field.args["input"].type) == f"{name[0].upper()}{name[1:]}Input!"
        assert str(field.type) == f"{name[0].upper()}{name[1:]}Payload"
        payload = schema.core.type_map[str(field.type)]
        assert isinstance(payload, GraphQLObjectType)
        assert str(payload.fields["userErrors"].type) == "[UserError!]!"


def test_a_field_that_several_events_have_is_of_one_type_in_all() -> None:
    """Otherwise a client that selects it of two types has to rename it: GraphQL refuses the document."""
    built = build_schema(print_schema())
    event = built.type_map["Event"]
    assert isinstance(event, GraphQLInterfaceType)
    kinds: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for each in built.get_possible_types(event):
        for name, field in each.fields.items():
            kinds[name][str(field.type)].append(each.name)
    assert len(kinds) > 30
    assert {name: dict(found) for name, found in kinds.items() if len(found) > 1} == {}
