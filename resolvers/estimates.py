"""Makes of an operation the sums that `resolvers.cost` takes: one for each selection.

A fragment's selection is compiled once for the operation, however often it is spread; so is the time
that it takes linear in the document.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Any

from graphql import (
    BooleanValueNode,
    DocumentNode,
    FieldNode,
    FloatValueNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    Undefined,
    ValueNode,
    VariableNode,
    get_introspection_query,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_introspection_type,
    is_list_type,
    is_object_type,
    parse,
)

from resolvers.cost import Condition, Count, Estimate, Shape, Term
from resolvers.sizes import Length, Sizes

WHOLE = frozenset({"__Schema.types", "__Schema.directives"})
INTROSPECTIONS = 3  # of the whole schema, as clients do it
INTROSPECTIVE = frozenset({"__schema", "__type", "schemaChanges", "schemaElement"})
"""The fields of Query that tell of the schema itself."""


def estimates(document: DocumentNode, sizes: Sizes) -> Mapping[str | None, Estimate]:
    """By the operations' names, of a document that is valid."""
    fragments = {
        each.name.value: each
        for each in document.definitions
        if isinstance(each, FragmentDefinitionNode)
    }
    return {
        each.name.value if each.name else None: _Compiler(sizes, fragments, each).estimate()
        for each in document.definitions
        if isinstance(each, OperationDefinitionNode)
    }


class Prices:
    """What estimates of documents for one schema need."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.sizes = Sizes(schema)
        self.introspection = introspection_limit(self.sizes)


def introspection_limit(sizes: Sizes) -> int:
    """What asks for the whole schema, a few times over."""
    query = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    )
    (estimate,) = estimates(parse(query), sizes).values()
    return INTROSPECTIONS * estimate.cost(None).introspection


@dataclass
class _Compiler:
    """Of one operation. `whole` is whether a selection is of what `__schema` lists: of all of it alike."""

    sizes: Sizes
    fragments: Mapping[str, FragmentDefinitionNode]
    node: OperationDefinitionNode
    selections: list[Sequence[Term]] = field(default_factory=list)
    places: dict[tuple[str, bool], int] = field(default_factory=dict)  # of the fragments
    introspects: bool = False

    def estimate(self) -> Estimate:
        for name in self._used():
            fragment = self.fragments[name]
            on = self._type(fragment.type_condition.name.value)
            for whole in (False, True) if is_introspection_type(on) else (False,):
                place = self._selection(fragment.selection_set, on, whole=whole)
                self.places[name, whole] = place
        root = self.sizes.schema.get_root_type(self.node.operation)
        assert root is not None
        self._selection(self.node.selection_set, root, whole=False)
        return Estimate(self.selections, self.introspects)

    def _used(self) -> Iterable[str]:
        """The fragments that the operation spreads, each behind those that it spreads itself."""
        uses: dict[str, list[str]] = {}
        todo = _spread(self.node.selection_set)
        while todo:
            name = todo.pop()
            if name not in uses:
                uses[name] = _spread(self.fragments[name].selection_set)
                todo += uses[name]
        return TopologicalSorter(uses).static_order()

    def _selection(self, node: SelectionSetNode, on: GraphQLCompositeType, *, whole: bool) -> int:
        """Its number."""
        terms = [
            self._field(each, on, whole=whole)
            if isinstance(each, FieldNode)
            else self._fragment(each, on, whole=whole)
            for each in node.selections
        ]
        self.selections.append(terms)
        return len(self.selections) - 1

    def _fragment(self, node: Any, on: GraphQLCompositeType, *, whole: bool) -> Term:
        if isinstance(node, FragmentSpreadNode):
            name = node.name.value
            inner = self._type(self.fragments[name].type_condition.name.value)
            below = self.places[name, whole]
        else:
            assert isinstance(node, InlineFragmentNode)
            inner = self._type(node.type_condition.name.value) if node.type_condition else on
            below = self._selection(node.selection_set, inner, whole=whole)
        return Term(
            shape=Shape.FRAGMENT,
            below=below,
            kind=inner.name if inner is not on and is_object_type(inner) else None,
            conditions=tuple(self._conditions(node)),
        )

    def _field(self, node: FieldNode, on: GraphQLCompositeType, *, whole: bool) -> Term:
        name = node.name.value
        definition = self.sizes.schema.get_field(on, name)
        assert definition is not None
        self.introspects |= name in INTROSPECTIVE
        named = get_named_type(definition.type)
        shape = _shape(definition, on, named)
        coordinate = f"{on.name}.{name}"
        below = None
        if node.selection_set is not None and is_composite_type(named):
            all_alike = coordinate in WHOLE or (whole and named.name != "__Type")
            below = self._selection(node.selection_set, named, whole=all_alike)
        length = self.sizes.length(
            coordinate, definition, is_page=shape is Shape.PAGE, of_whole=whole
        )
        if shape is Shape.LIST and below is None and length is None:
            shape = Shape.FIELD  # a row's own values, read with it
        count = None
        if shape in (Shape.LIST, Shape.PAGE):
            count = self._count(node, definition, length or Length())
        conditions = tuple(self._conditions(node))
        return Term(shape=shape, below=below, count=count, conditions=conditions)

    def _type(self, name: str) -> GraphQLCompositeType:
        found = self.sizes.schema.get_type(name)
        assert is_composite_type(found)
        return found

    def _count(self, node: FieldNode, definition: GraphQLField, length: Length) -> Count:
        if length.argument is None:
            return Count(otherwise=length.otherwise, most=length.most)
        usual = _usual(definition, length)
        said = next(
            (a.value for a in node.arguments or () if a.name.value == length.argument), None
        )
        if not isinstance(said, VariableNode):
            return Count(otherwise=_literal(said, usual), most=length.most)
        variable = said.name.value
        absent = _literal(self._defaults.get(variable), usual)
        return Count(variable=variable, absent=absent, otherwise=usual, most=length.most)

    def _conditions(self, node: Any) -> Iterable[Condition]:
        for directive in node.directives or ():
            if directive.name.value not in ("skip", "include"):
                continue
            wanted = directive.name.value == "include"
            value = directive.arguments[0].value
            if isinstance(value, BooleanValueNode):
                yield Condition(value.value, wanted, None)
            elif isinstance(value, VariableNode):
                default = self._defaults.get(value.name.value)
                known = default.value if isinstance(default, BooleanValueNode) else None
                yield Condition(value.name.value, wanted, known)

    @cached_property
    def _defaults(self) -> Mapping[str, ValueNode]:
        return {
            each.variable.name.value: each.default_value
            for each in self.node.variable_definitions or ()
            if each.default_value is not None
        }


def _shape(definition: GraphQLField, on: GraphQLNamedType, named: GraphQLNamedType) -> Shape:
    if is_introspection_type(named) and not is_introspection_type(on):
        return Shape.INTROSPECTION
    if is_list_type(get_nullable_type(definition.type)):
        return Shape.ROWS if _is_page(on) and is_composite_type(named) else Shape.LIST
    return Shape.PAGE if _is_page(named) else Shape.FIELD


def _is_page(type_: GraphQLNamedType) -> bool:
    return is_object_type(type_) and type_.name.endswith("Connection")


def _usual(definition: GraphQLField, length: Length) -> float:
    """What the argument is where the document says nothing."""
    argument = definition.args[length.argument or ""]
    default = argument.default_value
    if default is Undefined and argument.default is not None:
        default = argument.default.value
        if argument.default.literal is not None:
            return _literal(argument.default.literal, length.otherwise)
    return default if isinstance(default, int) else length.otherwise


def _literal(said: ValueNode | None, usual: float) -> float:
    match said:
        case None | NullValueNode():
            return usual
        case IntValueNode() | FloatValueNode():
            return float(said.value)
        case ListValueNode():
            return len(said.values)
        case _:
            return 1


def _spread(selections: SelectionSetNode) -> list[str]:
    """The names of the fragments that are spread in it."""
    found: list[str] = []
    todo = [selections]
    while todo:
        for each in todo.pop().selections:
            if isinstance(each, FragmentSpreadNode):
                found.append(each.name.value)
            elif (nested := getattr(each, "selection_set", None)) is not None:
                todo.append(nested)
    return found
