"""How long the lists of an answer may be, for the estimate of what a document costs.

A page is as long as `first` says. What no argument bounds is as long as the table says, or as DEFAULT:
what such lists usually hold at most.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeGuard

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    is_abstract_type,
)

from schema.relay import MOST_FIRST
from schema.replicas import MOST_TAIL

DEFAULT = 10
PAGE_ARGUMENT = "first"
ASSUMED = {
    "BatchJob.errors": 20,
    "BatchJob.metadata": 16,
    "FolderDrift.differences": 50,
    "ModelRevision.environment": 20,
    "ModelRevision.layers": 5,
    "ModelRevision.provenance": 50,
    "ModelRevisionComparison.differences": 50,
    "PreviewBatchJobPayload.errors": 20,
    "PreviewModelRevisionPayload.environment": 20,
    "PreviewModelRevisionPayload.layers": 5,
    "PreviewModelRevisionPayload.provenance": 50,
    "Query.schemaChanges": 3_000,
    "Secret.usedBy": 100,  # one token may serve every deployment of a project
    "ValueOrigin.shadowed": 4,
    "Webhook.recentDeliveries": 20,
}
SAID = {
    "ModelReplica.logs": ("tail", MOST_TAIL),
    "Query.nodes": ("ids", MOST_FIRST),
}
"""The argument that says how long the list is, and the most that it may say: beyond that the field is
refused, and its list is not there at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """Of a list: what its argument says (a number, or a list as long), no more than `most`; without an
    argument `otherwise`."""

    argument: str | None = None
    most: float | None = None
    otherwise: float = DEFAULT


@dataclass(frozen=True)
class Sizes:
    """Of one schema's lists."""

    schema: GraphQLSchema
    assumed: Mapping[str, float] = field(default_factory=lambda: ASSUMED)
    said: Mapping[str, tuple[str, int]] = field(default_factory=lambda: SAID)

    def length(
        self, coordinate: str, definition: GraphQLField, *, is_page: bool, of_whole: bool = False
    ) -> Length | None:
        """None where nothing is said of it. `of_whole`: in introspection, of all types alike."""
        if coordinate in self.whole:
            lengths = self.whole if of_whole else self.widest
            return Length(otherwise=lengths[coordinate])
        if coordinate in self.said:
            argument, most = self.said[coordinate]
            return Length(argument=argument, most=most)
        if PAGE_ARGUMENT in definition.args:
            return Length(argument=PAGE_ARGUMENT, most=MOST_FIRST if is_page else None)
        if coordinate in self.assumed:
            return Length(otherwise=self.assumed[coordinate])
        return None

    @cached_property
    def whole(self) -> Mapping[str, float]:
        """The lists of introspection on an average: right for the whole schema's types."""
        return {name: sum(lengths) / max(1, len(lengths)) for name, lengths in self._all.items()}

    @cached_property
    def widest(self) -> Mapping[str, float]:
        """The lists of introspection where they are longest: for types that a query picks."""
        return {name: max(lengths, default=0) for name, lengths in self._all.items()}

    @cached_property
    def _all(self) -> Mapping[str, list[int]]:
        types = list(self.schema.type_map.values())
        fields = [list(each.fields.values()) if _has_fields(each) else [] for each in types]
        directives = self.schema.directives
        return {
            "__Schema.types": [len(types)],
            "__Schema.directives": [len(directives)],
            "__Directive.args": [len(each.args) for each in directives],
            "__Field.args": [len(each.args) for own in fields for each in own],
            "__Type.fields": [len(each) for each in fields],
            "__Type.inputFields": [
                len(each.fields) if isinstance(each, GraphQLInputObjectType) else 0
                for each in types
            ],
            "__Type.enumValues": [
                len(each.values) if isinstance(each, GraphQLEnumType) else 0 for each in types
            ],
            "__Type.interfaces": [
                len(each.interfaces) if _has_fields(each) else 0 for each in types
            ],
            "__Type.possibleTypes": [
                len(self.schema.get_possible_types(each)) if is_abstract_type(each) else 0
                for each in types
            ],
        }


def _has_fields(type_: GraphQLNamedType) -> TypeGuard[GraphQLObjectType | GraphQLInterfaceType]:
    return isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
