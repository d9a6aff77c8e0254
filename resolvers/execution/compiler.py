"""Compiles a selection to Python: one function for each set of fields, of plain expressions.

For `{ id tags edges { node { id } } }` it writes, in essence,

    def set_2(o, w):
        if type(o) not in seen_3: admit_4(o); seen_3.add(type(o))
        return {'id': (v if type(v := o.id) is str else surprise()),
                'tags': [leaf_1(x) for x in items(o.tags)],
                'edges': [set_1(x, w) for x in items(o.edges)]}

All names in the text are the compiler's own, Python names of fields, and response keys, which the
grammar of GraphQL keeps to letters, digits and underscores.
"""

from collections.abc import Iterable
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    TypeNameMetaFieldDef,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetailsList, collect_subfields

from resolvers.execution import fields
from resolvers.execution.fields import Refused
from resolvers.execution.leaves import AS_IT_IS, leaf, surprise
from resolvers.execution.plans import Load, Plan

MOST_SETS = 500
DIRECTIVES = {"skip", "include"}


def compiled(
    execution: Executor[Any], return_type: GraphQLOutputType, details: FieldDetailsList
) -> Plan | None:
    """None where something in the selection is more than plain fields and loads."""
    if execution.schema.extensions[fields.BACKREF].exception_handlers:
        return None
    try:
        return _Compiler(execution).plan(return_type, details)
    except (Refused, GraphQLError, RecursionError):
        return None


class _Compiler:
    def __init__(self, execution: Executor[Any]) -> None:
        self.execution = execution
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"surprise": surprise, "items": _items}
        self.loads: list[list[dict[str, Any]]] = []
        self.sets = 0

    def plan(self, return_type: GraphQLOutputType, details: FieldDetailsList) -> Plan:
        root = self._function(return_type, details)
        exec("\n".join(self.lines), self.names)  # noqa: S102  the text is our own, see above
        for load in (load for group in self.loads for load in group):
            load["complete"] = self.names[load["complete"]]
        loads = tuple(tuple(Load(**load) for load in group) for group in self.loads)
        return Plan(complete=self.names[root], loads=loads)

    def _function(self, type_: GraphQLOutputType, details: FieldDetailsList) -> str:
        """The name of a function that completes a value of the type."""
        name = self._named("done", None)
        self.lines.append(f"def {name}(o, w): return {self._value(type_, details, 'o')}")
        return name

    def _value(self, type_: GraphQLOutputType, details: FieldDetailsList, of: str) -> str:
        """An expression that completes `of`, and evaluates it once."""
        if is_non_null_type(type_):
            return self._present(type_.of_type, details, of)
        if of.isidentifier():
            return f"(None if {of} is None else {self._present(type_, details, of)})"
        return f"(None if (v := {of}) is None else {self._present(type_, details, 'v')})"

    def _present(self, type_: Any, details: FieldDetailsList, of: str) -> str:
        once = of if of.isidentifier() else f"v := {of}"
        again = of if of.isidentifier() else "v"
        if is_list_type(type_):
            item = self._named("x", None)
            return f"[{self._value(type_.of_type, details, item)} for {item} in items({of})]"
        if is_leaf_type(type_):
            if type_.name in AS_IT_IS:
                kind = AS_IT_IS[type_.name].__name__
                return f"({again} if type({once}) is {kind} else surprise())"
            return f"{self._named('leaf', leaf(type_))}({of})"
        if is_object_type(type_):
            return f"{self._set(type_, details)}({of}, w)"
        if is_abstract_type(type_):
            return f"{self._kinds(type_, details)}[type({once})]({again}, w)"
        raise Refused()

    def _kinds(self, type_: Any, details: FieldDetailsList) -> str:
        """The name of a table: a value's class → the function for its object type."""
        if getattr(type_.extensions.get(fields.BACKREF), "resolve_type", None) is not None:
            raise Refused()
        kinds = {}
        for possible in self.execution.schema.get_possible_types(type_):
            definition = fields.definition_of(possible)
            if definition.concrete_of is None:
                kinds[definition.origin] = self._set(possible, details)
        table = self._named("kinds", None)
        entries = ", ".join(f"{self._named('kind', kind)}: {name}" for kind, name in kinds.items())
        self.lines.append(f"{table} = {{{entries}}}")
        return table

    def _set(self, type_: GraphQLObjectType, details: FieldDetailsList) -> str:
        """The name of a function that completes an object of the type."""
        self.sets += 1
        if self.sets > MOST_SETS:
            raise Refused()
        answers: dict[str, str] = {}
        loads: list[dict[str, Any]] = []
        for key, selected in self._collected(type_, details).items():
            definition = self._definition(type_, selected)
            answers[key] = self._field(type_, definition, key, selected, loads)
        name = self._named("set", None)
        admit, seen = self._named("admit", fields.admits(type_)), self._named("seen", set())
        self.lines.append(f"def {name}(o, w):")
        self.lines.append(f"    if type(o) not in {seen}: {admit}(o); {seen}.add(type(o))")
        answer = ", ".join(f"{key!r}: {value}" for key, value in answers.items())
        if not loads:
            self.lines.append(f"    return {{{answer}}}")
            return name
        self.lines.append(f"    d = {{{answer}}}")
        self.lines.append(f"    w[{len(self.loads)}].append((o, d))")
        self.lines.append("    return d")
        self.loads.append(loads)
        return name

    def _field(
        self,
        type_: GraphQLObjectType,
        definition: GraphQLField,
        key: str,
        selected: FieldDetailsList,
        loads: list[dict[str, Any]],
    ) -> str:
        """The expression of a field of `o`; of one that loads, its place in the answer."""
        if definition is TypeNameMetaFieldDef:
            return repr(type_.name)
        field = fields.field_of(definition)
        if fields.is_attribute(field):
            return self._value(definition.type, selected, f"o.{field.python_name}")
        resolver = field.base_resolver
        if resolver is not None and fields.is_method(field):
            method = self._named("method", resolver.wrapped_func)
            return self._value(definition.type, selected, f"{method}(o)")
        if not fields.is_load(field):
            raise Refused()
        loads.append(
            {
                "key": key,
                "parent_type": type_,
                "definition": definition,
                "field": field,
                "details": selected,
                "complete": self._function(definition.type, selected),
            }
        )
        return "None"

    def _collected(
        self, type_: GraphQLObjectType, details: FieldDetailsList
    ) -> dict[str, FieldDetailsList]:
        execution = self.execution
        return collect_subfields(
            execution.schema,
            execution.fragments,
            execution.variable_values,
            execution.operation,
            type_,
            details,
            execution.hide_suggestions,
        ).grouped_field_set

    def _definition(self, type_: GraphQLObjectType, selected: FieldDetailsList) -> GraphQLField:
        for node, defer, of_fragment in selected:
            if defer is not None or of_fragment is not None:
                raise Refused()
            if any(directive.name.value not in DIRECTIVES for directive in node.directives or ()):
                raise Refused()
        found = self.execution.schema.get_field(type_, selected[0].node.name.value)
        if found is None:
            raise Refused()
        return found

    def _named(self, kind: str, value: Any) -> str:
        name = f"{kind}_{len(self.names)}"
        self.names[name] = value
        return name


def _items(value: Any) -> Iterable[Any]:
    return value if type(value) is list or type(value) is tuple else surprise()
