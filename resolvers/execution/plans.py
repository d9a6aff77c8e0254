"""Plans: how to complete what a root field resolved to, and where plans are kept."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from graphql import (
    DirectiveNode,
    GraphQLField,
    GraphQLObjectType,
    Node,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution.collect_fields import FieldDetailsList
from strawberry.types.field import StrawberryField

Waiting: TypeAlias = list[list[tuple[Any, dict[str, Any]]]]
"""By the place of their loads in the plan: parents, and their answers that lack what they load."""
Complete: TypeAlias = Callable[[Any, Waiting], Any]

LONGEST = 16 * 1_024  # characters of a document that may come again: longer ones are not kept
CHARACTERS_KEPT = 512 * 1_024  # of documents: a parsed one takes up to 200 bytes for each
SWITCHED_KEPT = (
    4  # plans of one place: each variable of @skip or @include doubles what there may be
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A field below the root that loads; all parents' loads of it are read together."""

    key: str
    parent_type: GraphQLObjectType
    definition: GraphQLField
    field: StrawberryField
    details: FieldDetailsList
    complete: Complete


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    complete: Complete
    loads: tuple[tuple[Load, ...], ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """One place in a parsed document. Its nodes, and with them the whole of it, stay alive with it, and
    so their ids stay theirs."""

    details: FieldDetailsList
    characters: int
    switches: tuple[str, ...]
    plans: dict[Hashable, Plan | None] = field(default_factory=dict)


class Plans:
    """Plans by place in the document, and by the variables that decide what is selected there.

    A selection is compiled when it comes a second time: many documents come only once. Documents
    are told apart by identity: whoever parses keeps them, one for each version of the API.
    """

    def __init__(self, kept: int, characters: int = CHARACTERS_KEPT) -> None:
        self._most_places = kept
        self._most_characters = characters
        self._characters = 0
        self._known: OrderedDict[Hashable, _Known] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def find(
        self,
        details: FieldDetailsList,
        document: Callable[[], Iterable[Node]],
        variables: Mapping[str, Any],
        compiled: Callable[[], Plan | None],
    ) -> Plan | None:
        """None where there is no plan: not yet, or never."""
        place = tuple(id(field.node) for field in details)
        known = self._known.get(place)
        if known is None:
            self._meet(place, details, document)
            return None
        self._known.move_to_end(place)
        switched = tuple(variables.get(name) for name in known.switches)
        if switched not in known.plans and len(known.plans) < SWITCHED_KEPT:
            known.plans[switched] = compiled()
        return known.plans.get(switched)

    def _meet(
        self, place: Hashable, details: FieldDetailsList, document: Callable[[], Iterable[Node]]
    ) -> None:
        characters = _characters(details)
        if characters > LONGEST:
            return
        self._known[place] = _Known(details, characters, _switches(document()))
        self._characters += characters
        while len(self._known) > self._most_places or self._characters > self._most_characters:
            _, forgotten = self._known.popitem(last=False)
            self._characters -= forgotten.characters


def _characters(details: FieldDetailsList) -> int:
    """Of the document that it stands in."""
    location = details[0].node.loc
    return len(location.source.body) if location else 0


def _switches(document: Iterable[Node]) -> tuple[str, ...]:
    """The variables of @skip and @include."""
    found = _Switches()
    for node in document:
        visit(node, found)
    return tuple(sorted(found.names))


class _Switches(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.names.add(argument.value.name.value)
