"""A schema's copy with what a version sees of it."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from copy import copy
from typing import Any

from graphql import (
    ConstValueNode,
    GraphQLAbstractType,
    GraphQLArgument,
    GraphQLDirective,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    is_introspection_type,
    is_specified_directive,
)

from schema.versions.index import BACKREF
from schema.versions.marks import DeprecatedSince
from schema.versions.sight import Sight


def mapped(schema: GraphQLSchema, sight: Sight) -> GraphQLSchema:
    """Resolvers, scalars and Strawberry's own definitions are shared with the whole schema.

    Each element that the sight has must be of a type that it has; raises KeyError.
    """
    return _Copy(schema, sight).schema()


class EnumView(GraphQLEnumType):
    """Takes its own values alone; a newer one is shown as the one that was there before it."""

    def __init__(
        self,
        whole: GraphQLEnumType,
        values: Mapping[str, GraphQLEnumValue],
        older: Mapping[str, str | None],
        extensions: dict[str, Any],
    ) -> None:
        said: Any = {**whole.to_kwargs(), "values": dict(values), "extensions": extensions}
        super().__init__(**said)
        self._whole = whole
        self._older = older
        if hasattr(whole, "wrapped_cls"):
            self.wrapped_cls = whole.wrapped_cls

    def coerce_output_value(self, output_value: Any) -> str:
        name = self._whole.coerce_output_value(output_value)
        return self._older.get(name) or name

    def coerce_input_value(self, input_value: str, hide_suggestions: bool = False) -> Any:
        super().coerce_input_value(input_value, hide_suggestions)
        return self._whole.coerce_input_value(input_value, hide_suggestions)

    def coerce_input_literal(
        self, value_node: ConstValueNode, hide_suggestions: bool = False
    ) -> Any:
        super().coerce_input_literal(value_node, hide_suggestions)
        return self._whole.coerce_input_literal(value_node, hide_suggestions)


class _Copy:
    def __init__(self, whole: GraphQLSchema, sight: Sight) -> None:
        self.whole = whole
        self.sight = sight
        self.unseen = tuple(_marks(whole, sight))
        self.types: dict[str, GraphQLNamedType] = {
            name: self._named(type_) for name, type_ in whole.type_map.items() if sight.has(name)
        }

    def schema(self) -> GraphQLSchema:
        whole = self.whole
        made = GraphQLSchema(
            query=self._root(whole.query_type),
            mutation=self._root(whole.mutation_type),
            subscription=self._root(whole.subscription_type),
            types=tuple(self.types.values()),
            directives=tuple(
                self._directive(each)
                for each in whole.directives
                if self.sight.has(f"@{each.name}")
            ),
            description=whole.description,
            extensions={
                key: whole.extensions[key] for key in (BACKREF,) if key in whole.extensions
            },
        )
        # What Strawberry keeps on a schema, e.g. itself.
        vars(made).update({key: vars(whole)[key] for key in vars(whole).keys() - vars(made).keys()})
        return made

    def _root(self, type_: GraphQLObjectType | None) -> Any:
        return None if type_ is None else self.types.get(type_.name)

    def _named(self, type_: GraphQLNamedType) -> GraphQLNamedType:
        if is_introspection_type(type_):
            return type_
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            return self._composite(type_)
        if isinstance(type_, GraphQLUnionType):
            return self._union(type_)
        if isinstance(type_, GraphQLEnumType):
            return self._enum(type_)
        if isinstance(type_, GraphQLInputObjectType):
            return self._input(type_)
        assert isinstance(type_, GraphQLScalarType)
        return self._scalar(type_)

    def _composite(
        self, type_: GraphQLObjectType | GraphQLInterfaceType
    ) -> GraphQLObjectType | GraphQLInterfaceType:
        said: Any = {
            **type_.to_kwargs(),
            "extensions": _without(self.unseen, type_.extensions),
            "interfaces": lambda: [
                self.types[each.name]
                for each in type_.interfaces
                if self.sight.has(each.name) and self.sight.has_member(type_.name, each)
            ],
            "fields": lambda: {
                name: self._field(f"{type_.name}.{name}", field)
                for name, field in type_.fields.items()
                if self.sight.has(f"{type_.name}.{name}")
            },
        }
        if isinstance(type_, GraphQLObjectType):
            return GraphQLObjectType(**said)
        return GraphQLInterfaceType(**{**said, "resolve_type": self._resolving(type_)})

    def _union(self, type_: GraphQLUnionType) -> GraphQLUnionType:
        said: Any = {
            **type_.to_kwargs(),
            "extensions": _without(self.unseen, type_.extensions),
            "resolve_type": self._resolving(type_),
            "types": lambda: [
                self.types[each.name]
                for each in type_.types
                if self.sight.has_member(each.name, type_)
            ],
        }
        return GraphQLUnionType(**said)

    def _resolving(self, type_: GraphQLAbstractType) -> Any:
        """Strawberry's resolvers compare types by identity: they are asked about the whole schema's."""
        if type_.resolve_type is None:
            return None
        return _resolving(type_, self.sight.members(type_, self.whole))

    def _enum(self, type_: GraphQLEnumType) -> GraphQLEnumType:
        values = {
            name: GraphQLEnumValue(**self._said(f"{type_.name}.{name}", value))
            for name, value in type_.values.items()
            if self.sight.has(f"{type_.name}.{name}")
        }
        extensions = _without(self.unseen, type_.extensions)
        if (values, extensions) == (type_.values, type_.extensions):
            return type_
        return EnumView(type_, values, self.sight.values(type_), extensions)

    def _scalar(self, type_: GraphQLScalarType) -> GraphQLScalarType:
        extensions = _without(self.unseen, type_.extensions)
        if extensions == type_.extensions:
            return type_
        said: Any = {**type_.to_kwargs(), "extensions": extensions}
        return GraphQLScalarType(**said)

    def _input(self, type_: GraphQLInputObjectType) -> GraphQLInputObjectType:
        said: Any = {
            **type_.to_kwargs(),
            "extensions": _without(self.unseen, type_.extensions),
            "fields": lambda: {
                name: GraphQLInputField(**self._said(f"{type_.name}.{name}", field))
                for name, field in type_.fields.items()
                if self.sight.has(f"{type_.name}.{name}")
            },
        }
        return GraphQLInputObjectType(**said)

    def _field(self, coordinate: str, field: GraphQLField) -> GraphQLField:
        said = self._said(coordinate, field)
        return GraphQLField(**{**said, "args": self._arguments(coordinate, field.args)})

    def _directive(self, directive: GraphQLDirective) -> GraphQLDirective:
        if is_specified_directive(directive):
            return directive
        said: Any = directive.to_kwargs()
        arguments = self._arguments(f"@{directive.name}", directive.args)
        return GraphQLDirective(**{**said, "args": arguments})

    def _arguments(
        self, above: str, arguments: Mapping[str, GraphQLArgument]
    ) -> dict[str, GraphQLArgument]:
        return {
            name: GraphQLArgument(**self._said(f"{above}({name}:)", argument))
            for name, argument in arguments.items()
            if self.sight.has(f"{above}({name}:)")
        }

    def _said(self, coordinate: str, element: Any) -> dict[str, Any]:
        """What makes the element again, of types of the copy, without a deprecation that is newer."""
        said = dict(element.to_kwargs())
        if "type_" in said:
            said["type_"] = self._type(said["type_"])
        unseen = self.unseen
        if self.sight.deprecates_later(coordinate):
            said["deprecation_reason"] = None
            unseen = (*unseen, DeprecatedSince)
        said["extensions"] = _without(unseen, element.extensions)
        return said

    def _type(self, type_: Any) -> Any:
        if isinstance(type_, GraphQLNonNull | GraphQLList):
            return type(type_)(self._type(type_.of_type))
        return self.types[type_.name]


def _marks(schema: GraphQLSchema, sight: Sight) -> Iterator[type]:
    """What marks elements with a directive that the sight lacks."""
    for directive in schema.directives:
        definition = directive.extensions.get(BACKREF)
        if definition is not None and not sight.has(f"@{directive.name}"):
            yield definition.origin


def _without(marks: tuple[type, ...], extensions: Mapping[str, Any]) -> dict[str, Any]:
    said = getattr(extensions.get(BACKREF), "directives", None) or ()
    kept = [each for each in said if not isinstance(each, marks)]
    if len(kept) == len(said):
        return dict(extensions)
    definition = copy(extensions[BACKREF])
    definition.directives = kept
    return {**extensions, BACKREF: definition}


def _resolving(
    whole: GraphQLAbstractType, older: Mapping[str, str | None]
) -> Callable[[Any, Any, GraphQLAbstractType], Any]:
    def shown(name: str | None) -> str | None:
        return name if name is None else older.get(name) or name

    async def shown_later(coming: Awaitable[str | None]) -> str | None:
        return shown(await coming)

    def resolve(value: Any, info: Any, _: GraphQLAbstractType) -> Any:
        resolver: Any = whole.resolve_type
        found = resolver(value, info, whole)
        return shown(found) if isinstance(found, str | None) else shown_later(found)

    return resolve
