"""What of a schema can be reached from its operations."""

from collections.abc import Collection, Iterator

from graphql import (
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
)


def reached(schema: GraphQLSchema, without: Collection[str] = ()) -> frozenset[str]:
    """The names of all types that operations lead to, were it not for those coordinates."""
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    waiting: list[GraphQLNamedType] = [each for each in roots if each is not None]
    waiting += [
        get_named_type(argument.type)
        for directive in schema.directives
        for argument in directive.args.values()
    ]
    found: set[str] = set()
    while waiting:
        type_ = waiting.pop()
        if type_.name not in found and type_.name not in without:
            found.add(type_.name)
            waiting += _next(schema, type_, without)
    return frozenset(found)


def _next(
    schema: GraphQLSchema, type_: GraphQLNamedType, without: Collection[str]
) -> Iterator[GraphQLNamedType]:
    if isinstance(type_, GraphQLUnionType):
        yield from type_.types
    elif isinstance(type_, GraphQLInputObjectType):
        for name, given in type_.fields.items():
            if f"{type_.name}.{name}" not in without:
                yield get_named_type(given.type)
    elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
        yield from type_.interfaces
        yield from _of_fields(type_, without)
    if isinstance(type_, GraphQLInterfaceType):
        implementing = schema.get_implementations(type_)
        yield from (*implementing.objects, *implementing.interfaces)


def _of_fields(
    type_: GraphQLObjectType | GraphQLInterfaceType, without: Collection[str]
) -> Iterator[GraphQLNamedType]:
    for name, field in type_.fields.items():
        coordinate = f"{type_.name}.{name}"
        if coordinate not in without:
            yield get_named_type(field.type)
            for called, argument in field.args.items():
                if f"{coordinate}({called}:)" not in without:
                    yield get_named_type(argument.type)
