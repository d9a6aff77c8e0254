"""What the schema's pages show, read off the schema as of a version and off its declarations."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from graphql import (
    GraphQLArgument,
    GraphQLDirective,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    Undefined,
    ast_from_value,
    get_named_type,
    is_introspection_type,
    is_specified_directive,
    is_specified_scalar_type,
    print_ast,
)

from infra.http.pages.reference import Argument, Described, Kind, Lifetime, Member, Reference
from schema import versions
from schema.versions import Declaration

KINDS = (
    (GraphQLObjectType, Kind.OBJECT),
    (GraphQLInterfaceType, Kind.INTERFACE),
    (GraphQLUnionType, Kind.UNION),
    (GraphQLInputObjectType, Kind.INPUT),
    (GraphQLEnumType, Kind.ENUM),  # Strawberry's are of a class of their own
)


@dataclass(frozen=True, slots=True)
class Known:
    """What is said of elements, as of a version."""

    declarations: Mapping[str, Declaration]
    version: str

    def description(self, coordinate: str, written: str | None) -> str:
        """Without the version, which is shown beside it."""
        added = self.declarations[coordinate].added
        return (written or "").removesuffix(f"Added in {added}.").strip()

    def lifetime(self, coordinate: str) -> Lifetime:
        said = self.declarations[coordinate]
        if said.deprecated and versions.order(said.deprecated) > versions.order(self.version):
            return Lifetime(added=said.added, before=said.before)
        return Lifetime(
            added=said.added,
            before=said.before,
            deprecated=said.deprecated,
            reason=said.reason,
            removal=said.removal,
        )


def read(schema: GraphQLSchema, declarations: Mapping[str, Declaration], version: str) -> Reference:
    """`schema` is the one as of the version."""
    known = Known(declarations, version)
    types = {
        name: type_
        for name, type_ in sorted(schema.type_map.items())
        if not is_introspection_type(type_) and not is_specified_scalar_type(type_)
    }
    used = _used(types.values())
    return Reference(
        version=version,
        roots={
            kind: root.name
            for kind, root in (
                ("query", schema.query_type),
                ("mutation", schema.mutation_type),
                ("subscription", schema.subscription_type),
            )
            if root is not None
        },
        types={
            name: _type(type_, schema, known, used.get(name, ())) for name, type_ in types.items()
        },
        directives={
            each.name: _directive(each, known)
            for each in sorted(schema.directives, key=lambda each: each.name)
            if not is_specified_directive(each)
        },
    )


def _type(
    type_: GraphQLNamedType, schema: GraphQLSchema, known: Known, used: Sequence[str]
) -> Described:
    interfaces: Iterable[GraphQLNamedType] = ()
    types: Iterable[GraphQLNamedType] = ()
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
        interfaces = type_.interfaces
    if isinstance(type_, GraphQLUnionType | GraphQLInterfaceType):
        types = schema.get_possible_types(type_)
    return Described(
        name=type_.name,
        kind=next((kind for of, kind in KINDS if isinstance(type_, of)), Kind.SCALAR),
        description=known.description(type_.name, type_.description),
        lifetime=known.lifetime(type_.name),
        members=_members(type_, known),
        interfaces=sorted(each.name for each in interfaces),
        types=sorted(each.name for each in types),
        used=used,
    )


def _directive(directive: GraphQLDirective, known: Known) -> Described:
    coordinate = f"@{directive.name}"
    return Described(
        name=directive.name,
        kind=Kind.DIRECTIVE,
        description=known.description(coordinate, directive.description),
        lifetime=known.lifetime(coordinate),
        arguments=_arguments(directive.args, coordinate, known),
        locations=[each.name for each in directive.locations],
    )


def _members(type_: GraphQLNamedType, known: Known) -> Sequence[Member]:
    if isinstance(type_, GraphQLEnumType):
        return [
            _member(type_.name, name, None, value.description, known)
            for name, value in type_.values.items()
        ]
    if isinstance(type_, GraphQLInputObjectType):
        return [
            _member(type_.name, name, str(field.type), field.description, known, _default(field))
            for name, field in type_.fields.items()
        ]
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
        return [
            _member(
                type_.name,
                name,
                str(field.type),
                field.description,
                known,
                arguments=_arguments(field.args, f"{type_.name}.{name}", known),
            )
            for name, field in type_.fields.items()
        ]
    return ()


def _member(
    above: str,
    name: str,
    type_: str | None,
    description: str | None,
    known: Known,
    default: str | None = None,
    arguments: Sequence[Argument] = (),
) -> Member:
    coordinate = f"{above}.{name}"
    return Member(
        name=name,
        type=type_,
        default=default,
        description=known.description(coordinate, description),
        lifetime=known.lifetime(coordinate),
        arguments=arguments,
    )


def _arguments(
    arguments: Mapping[str, GraphQLArgument], above: str, known: Known
) -> Sequence[Argument]:
    return [
        Argument(
            name=name,
            type=str(argument.type),
            default=_default(argument),
            description=known.description(f"{above}({name}:)", argument.description),
            lifetime=known.lifetime(f"{above}({name}:)"),
        )
        for name, argument in arguments.items()
    ]


def _default(element: GraphQLArgument | GraphQLInputField) -> str | None:
    """As the SDL writes it."""
    if element.default_value is Undefined:
        return None
    written = ast_from_value(element.default_value, element.type)
    return print_ast(written) if written is not None else None


def _used(types: Iterable[GraphQLNamedType]) -> Mapping[str, Sequence[str]]:
    """The coordinates that have each type."""
    used: dict[str, list[str]] = defaultdict(list)
    for type_ in types:
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in type_.fields.items():
                coordinate = f"{type_.name}.{name}"
                used[get_named_type(field.type).name].append(coordinate)
                for taken, argument in field.args.items():
                    used[get_named_type(argument.type).name].append(f"{coordinate}({taken}:)")
        elif isinstance(type_, GraphQLInputObjectType):
            for name, input_field in type_.fields.items():
                used[get_named_type(input_field.type).name].append(f"{type_.name}.{name}")
    return used
