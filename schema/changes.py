"""The contract, for tools: its releases, what each changed, and what is declared of an element."""

import json
from collections.abc import Iterable, Iterator
from datetime import date

import strawberry
from graphql import (
    GraphQLArgument,
    GraphQLDirective,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLScalarType,
    GraphQLSchema,
)
from strawberry.utils.str_converters import to_camel_case

from schema import versions
from schema.contract import changes
from schema.contract.comparing import ChangeKind, Criticality
from schema.contract.elements import Element, ElementKind, kind
from schema.versions import Declaration
from schema.versions.index import BACKREF
from schema.versions.releases import Release

versions.enum(
    ChangeKind,
    added="0.3.0",
    name="SchemaChangeKind",
    description="What became of an element of the schema.",
    values={
        "ADDED": versions.value("It is there as of the version."),
        "DEPRECATED": versions.value("It is still there, and will go."),
        "REMOVED": versions.value("It is gone; what belonged to it has rows of its own."),
        "CHANGED": versions.value("Its type, default, members or use are another."),
    },
)
versions.enum(
    Criticality,
    added="0.3.0",
    name="SchemaChangeCriticality",
    description="What a change may do to a client that asks for no version.",
    values={
        "BREAKING": versions.value("Documents that used it are refused, or answered otherwise."),
        "DANGEROUS": versions.value(
            "Documents stay valid; a client may get what it does not know, e.g. a new enum value."
        ),
        "SAFE": versions.value("Nothing."),
    },
)
versions.enum(
    ElementKind,
    added="0.3.0",
    name="SchemaElementKind",
    description="What an element of the schema is.",
)


@versions.type(added="0.3.0")
class ApiVersion:
    """A release of the API; X-Api-Version selects it."""

    version: str
    released_at: date
    supported_until: date | None = versions.field(
        description="The last day on which it is served; null as long as no end is set."
    )

    @classmethod
    def of(cls, value: Release) -> "ApiVersion":
        return cls(
            version=value.version,
            released_at=value.released_at,
            supported_until=value.supported_until,
        )


@versions.type(added="0.3.0")
class SchemaChange:
    """One change of one element of the schema."""

    coordinate: str = versions.field(
        description="The element's schema coordinate, e.g. ModelDeployment.replicas(filter:)."
    )
    kind: ChangeKind
    version: str = versions.field(description="The release that brought it, or is going to.")
    criticality: Criticality
    description: str = versions.field(description="What changed, for people.")
    replacement: str | None = versions.field(
        description="The coordinate to use instead of what is deprecated or gone."
    )

    @classmethod
    def of(cls, value: changes.Change) -> "SchemaChange":
        return cls(
            coordinate=value.coordinate,
            kind=value.kind,
            version=value.version,
            criticality=value.criticality,
            description=value.description,
            replacement=value.replacement,
        )


@versions.type(added="0.3.0")
class AppliedDirectiveArgument:
    """An argument of a directive in the SDL."""

    name: str
    value: str = versions.field(description="As GraphQL writes it: text in quotation marks.")


@versions.type(added="0.3.0")
class AppliedDirective:
    """A directive that the SDL has on an element; introspection does not show it."""

    name: str
    arguments: list[AppliedDirectiveArgument]

    @classmethod
    def of(cls, name: str, arguments: Iterable[tuple[str, object]]) -> "AppliedDirective":
        return cls(
            name=name,
            arguments=[
                AppliedDirectiveArgument(name=each, value=json.dumps(value, ensure_ascii=False))
                for each, value in arguments
            ],
        )


@versions.type(added="0.3.0")
class SchemaDeprecation:
    """That an element will go."""

    since: str = versions.field(description="The version that deprecated it.")
    reason: str = versions.field(description="As introspection has it.")
    replacement: str | None = versions.field(description="The coordinate to use instead.")
    removal: str | None = versions.field(description="The first version that may lack it.")


@versions.type(added="0.3.0")
class SchemaElement:
    """A type, field, argument, enum value, input field or directive, and what is declared of it."""

    coordinate: str
    kind: ElementKind
    description: str | None
    type: str | None = versions.field(
        description="The type of a field or an argument, as the SDL writes it."
    )
    added: str = versions.field(
        description="The version that it came with; its own or inherited from what it belongs to."
    )
    before: str | None = versions.field(
        description="What versions before it see in its place: another value of the enum, another type."
    )
    deprecation: SchemaDeprecation | None
    applied_directives: list[AppliedDirective] = versions.field(
        description="Those in the SDL, where what is inherited is not repeated."
    )

    @classmethod
    def of(
        cls, coordinate: str, element: Element, said: Declaration, seen: GraphQLSchema
    ) -> "SchemaElement":
        """`element` is the one of the schema that the request sees."""
        reason = getattr(element, "deprecation_reason", None)
        return cls(
            coordinate=coordinate,
            kind=kind(coordinate, element),
            description=element.description,
            type=_type(element),
            added=said.added,
            before=said.before,
            deprecation=_deprecation(said, reason) if reason is not None else None,
            applied_directives=[AppliedDirective.of(*each) for each in _applied(element, seen)],
        )


def _type(element: Element) -> str | None:
    if isinstance(element, GraphQLField | GraphQLArgument | GraphQLInputField):
        return str(element.type)
    return None


def _deprecation(said: Declaration, reason: str) -> SchemaDeprecation:
    assert said.deprecated is not None
    return SchemaDeprecation(
        since=said.deprecated, reason=reason, replacement=said.use, removal=said.removal
    )


def _applied(
    element: Element, seen: GraphQLSchema
) -> Iterator[tuple[str, list[tuple[str, object]]]]:
    """(Name, arguments): the schema's own directives, then GraphQL's."""
    definition = element.extensions.get(BACKREF)
    own = {_class(each): each for each in seen.directives}
    for each in getattr(definition, "directives", None) or ():
        if (directive := own.get(type(each))) is not None:
            yield directive.name, [*_given(each, directive)]
    if (reason := getattr(element, "deprecation_reason", None)) is not None:
        yield "deprecated", [("reason", reason)]
    if isinstance(element, GraphQLScalarType) and element.specified_by_url:
        yield "specifiedBy", [("url", element.specified_by_url)]
    if isinstance(element, GraphQLInputObjectType) and element.is_one_of:
        yield "oneOf", []


def _class(directive: GraphQLDirective) -> type | None:
    definition = directive.extensions.get(BACKREF)
    return None if definition is None else definition.origin


def _given(applied: object, directive: GraphQLDirective) -> Iterator[tuple[str, object]]:
    for each in directive.extensions[BACKREF].fields:
        name = each.graphql_name or to_camel_case(each.python_name)
        value = getattr(applied, each.python_name)
        if name in directive.args and value is not strawberry.UNSET:
            yield name, value
