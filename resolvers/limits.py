"""How large a document may be. What is larger is refused before it is validated or executed.

A few hundred bytes can ask for exponentially much (fragments that spread each other twice), or make
validation compare every field with every other; so the size is taken first, in one linear walk.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    SelectionSetNode,
    TokenKind,
    parse,
    validate,
)
from graphql.validation import MaxIntrospectionDepthRule
from graphql.validation.rules.max_introspection_depth_rule import MAX_LIST_DEPTH
from graphql.validation.validate import ValidationAbortedError

from domain.errors import ModelyardError
from resolvers.cost import MOST_SHOWN, Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The standard introspection query of clients has depth 15 and about 350 tokens."""

    tokens: int = 5_000
    depth: int = 20
    aliases: int = 100
    root_fields: int = 50
    fields: int = 500
    fragments: int = 50
    operations: int = 20
    digits: int = 400
    cost: int = 50_000


@dataclass(eq=False, kw_only=True)
class LimitExceeded(ModelyardError):
    """The document has {shown} {what}; at most {limit} are served."""

    what: str
    found: int  # no less than this, where it is not counted to its end
    limit: int
    shown: str = ""

    def __post_init__(self) -> None:
        self.shown = self.shown or str(self.found)

    @property
    def code(self) -> str:
        return CODES[self.what]


@dataclass(eq=False, kw_only=True)
class TooCostly(ModelyardError):
    """The operation costs {cost}; at most {limit} is served. Ask for fewer fields or shorter pages."""

    cost: int
    limit: int

    @property
    def code(self) -> str:
        return "QUERY_TOO_COSTLY"


CODES = {
    "tokens": "TOO_MANY_TOKENS",
    "levels": "TOO_DEEP",
    "aliases": "TOO_MANY_ALIASES",
    "root fields": "TOO_MANY_ROOT_FIELDS",
    "fields": "TOO_MANY_FIELDS",
    "fragments": "TOO_MANY_FRAGMENTS",
    "operations": "TOO_MANY_OPERATIONS",
    "digits in a number": "TOO_MANY_DIGITS",
    "levels of introspection": "INTROSPECTION_TOO_DEEP",
    "fields of introspection": "INTROSPECTION_TOO_LARGE",
}


@dataclass(slots=True)
class Size:
    """What a selection asks for with its fragments laid out; `root_fields` are those at its top."""

    depth: int = 0
    aliases: int = 0
    root_fields: int = 0
    fields: int = 0
    spreads: list[tuple[str, int]] = field(default_factory=list)  # name, depth where it stands

    def add(self, fragment: "Size", depth: int) -> None:
        self.depth = max(self.depth, depth + fragment.depth)
        self.aliases += fragment.aliases
        self.fields += fragment.fields
        if depth == 0:
            self.root_fields += fragment.root_fields


def read(query: str, limits: Limits) -> DocumentNode:
    """The document; raises LimitExceeded, or GraphQLSyntaxError for what is no document."""
    try:
        return parse(query, max_lexical_tokens=limits.tokens, max_comments=limits.tokens)
    except GraphQLSyntaxError as error:
        if "Document contains more than" in error.message:
            raise _beyond("tokens", limits.tokens) from error
        if "nested too deeply" in error.message:
            raise _beyond("levels", limits.depth) from error
        raise


def check(document: DocumentNode, schema: GraphQLSchema, limits: Limits) -> list[LimitExceeded]:
    """Every limit that the document's largest operation or fragment exceeds.

    Raises CycleError for fragments that spread themselves: such a document has no size.
    """
    found = [*_crowds(document, limits), *_long_numbers(document, limits)]
    found = found or [*_exceeded(document, limits)]
    errors = [] if found else validate(schema, document, [MaxIntrospectionDepthRule])
    if any(isinstance(error, ValidationAbortedError) for error in errors):
        found.append(_beyond("levels", limits.depth))  # of fragments, too deep to be walked
    elif errors:
        found.append(_beyond("levels of introspection", MAX_LIST_DEPTH - 1))
    return found


def check_cost(cost: Cost, limits: Limits, introspection: int) -> list[LimitExceeded | TooCostly]:
    """`introspection` is the limit of what is asked of the schema itself."""
    found: list[LimitExceeded | TooCostly] = []
    if cost.fields > limits.cost:
        found.append(TooCostly(cost=cost.fields, limit=limits.cost))
    if cost.introspection > introspection:
        what = "fields of introspection"
        found.append(LimitExceeded(what=what, found=cost.introspection, limit=introspection))
    return found


def _beyond(what: str, limit: int) -> LimitExceeded:
    """Of what is not counted to its end."""
    return LimitExceeded(what=what, found=limit + 1, limit=limit, shown=f"more than {limit}")


def _crowds(document: DocumentNode, limits: Limits) -> Iterator[LimitExceeded]:
    """Validation compares fragments with each other, and walks them once for each operation."""
    for what, limit, kind in (
        ("fragments", limits.fragments, FragmentDefinitionNode),
        ("operations", limits.operations, OperationDefinitionNode),
    ):
        found = sum(isinstance(definition, kind) for definition in document.definitions)
        if found > limit:
            yield LimitExceeded(what=what, found=found, limit=limit)


def _long_numbers(document: DocumentNode, limits: Limits) -> Iterator[LimitExceeded]:
    """Python reads none of more than 4,300 digits."""
    token = document.loc.start_token if document.loc else None
    longest = 0
    while token:
        if token.kind in (TokenKind.INT, TokenKind.FLOAT):
            longest = max(longest, len(token.value or ""))
        token = token.next
    if longest > limits.digits:
        yield LimitExceeded(what="digits in a number", found=longest, limit=limits.digits)


def _exceeded(document: DocumentNode, limits: Limits) -> Iterator[LimitExceeded]:
    """A fragment counts by itself, too: validation compares the fields of those that nobody spreads."""
    operations, fragments = _sizes(document)
    sizes = [*operations, *fragments]
    for what, limit, found in (
        ("levels", limits.depth, [size.depth for size in sizes]),
        ("aliases", limits.aliases, [size.aliases for size in sizes]),
        ("root fields", limits.root_fields, [size.root_fields for size in operations]),
        ("fields", limits.fields, [size.fields for size in sizes]),
    ):
        if (most := max(found, default=0)) > limit:
            yield LimitExceeded(what=what, found=min(most, MOST_SHOWN), limit=limit)


def _sizes(document: DocumentNode) -> tuple[Collection[Size], Collection[Size]]:
    """Of each operation and of each fragment; raises CycleError for fragments that spread themselves."""
    fragments: dict[str, Size] = {}
    operations: list[Size] = []
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            fragments[definition.name.value] = _own(definition.selection_set)
        elif isinstance(definition, OperationDefinitionNode):
            operations.append(_own(definition.selection_set))
    uses = {name: [used for used, _ in size.spreads] for name, size in fragments.items()}
    for name in TopologicalSorter(uses).static_order():
        if name in fragments:
            _lay_out(fragments[name], fragments)
    for operation in operations:
        _lay_out(operation, fragments)
    return operations, fragments.values()


def _lay_out(size: Size, fragments: Mapping[str, Size]) -> None:
    for name, depth in size.spreads:
        if name in fragments:
            size.add(fragments[name], depth)


def _own(selections: SelectionSetNode) -> Size:
    """A selection's size without what its fragments add."""
    size = Size()
    todo = [(selections, 0)]
    while todo:
        level, depth = todo.pop()
        for selection in level.selections:
            if isinstance(selection, FragmentSpreadNode):
                size.spreads.append((selection.name.value, depth))
                continue
            inner = depth
            if isinstance(selection, FieldNode):
                inner = depth + 1
                size.depth = max(size.depth, inner)
                size.fields += 1
                size.aliases += selection.alias is not None
                size.root_fields += depth == 0
            nested = getattr(selection, "selection_set", None)
            if nested is not None:
                todo.append((nested, inner))
    return size
