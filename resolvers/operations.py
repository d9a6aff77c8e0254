"""From a query's text to its answer: parse, check and validate once, then execute.

Transports know nothing of GraphQL's execution, and this knows nothing of transports: what comes in
is text and values, what goes out is the payload that goes over the wire.
"""

from collections import OrderedDict
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from dataclasses import dataclass, field
from graphlib import CycleError
from inspect import isawaitable
from typing import Any, Protocol, TypeGuard, cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLFormattedError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    execute,
    specified_rules,
    subscribe,
    validate,
)
from graphql.validation import NoFragmentCyclesRule
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from resolvers import limits
from resolvers.cost import Estimate
from resolvers.errors import coded, formatted
from resolvers.estimates import Prices, estimates
from resolvers.execution.plans import CHARACTERS_KEPT, LONGEST
from resolvers.limits import LimitExceeded, Limits, TooCostly
from resolvers.views import View, Views

Payload = Mapping[str, Any]
KEPT = 256  # documents
ERRORS = 20  # of a document, at most: each may show much of it, and take its time
NO_OPERATION = "OPERATION_NOT_FOUND"
RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
CURSOR_FIELD = "eventCursor"
IS_AWAITABLE = cast("Callable[[Any], TypeGuard[Awaitable[Any]]]", optimized_is_awaitable)


@dataclass(frozen=True, slots=True)
class Checked:
    """A document that was parsed and validated: either it has errors or it may be executed."""

    document: DocumentNode | None
    errors: Sequence[GraphQLFormattedError]
    estimates: Mapping[str | None, Estimate] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of a checked document. With `errors` it may not be executed; `cost` is None of what
    is no operation."""

    view: View
    document: DocumentNode | None
    name: str | None
    type: OperationType | None
    shows_cursor: bool = False
    cost: int | None = None
    introspects: bool = False
    hides: bool = False
    errors: Sequence[GraphQLFormattedError] = ()

    @property
    def is_subscription(self) -> bool:
        return self.type is OperationType.SUBSCRIPTION

    @property
    def kind(self) -> str:
        return "invalid" if self.type is None else self.type.value

    async def execute(self, variables: Mapping[str, Any] | None, context: object) -> Payload:
        """The payload of a query or a mutation; without `data` where nothing was executed.

        The log's head is read before any state: what is written between the two is told behind the
        cursor, rather than nowhere. Fields alone are read in no certain order.
        """
        if self.shows_cursor:
            await cast("NotesCursor", context).note_cursor()
        result = execute(
            self.view.schema,
            cast("DocumentNode", self.document),
            variable_values=dict(variables or {}),
            operation_name=self.name,
            context_value=context,
            is_awaitable=IS_AWAITABLE,
            executor_class=self.view.executor,
            hide_suggestions=self.hides,
            operation_extensions=None,
        )
        return _payload(await result if isawaitable(result) else result)

    async def stream(
        self, variables: Mapping[str, Any] | None, context: object
    ) -> AsyncGenerator[Payload, None]:
        """The payloads of any operation: a subscription's as they come, else the one.

        Errors are payloads, too: the last one.
        """
        if not self.is_subscription:
            yield await self.execute(variables, context)
            return
        source = subscribe(
            self.view.schema,
            cast("DocumentNode", self.document),
            variable_values=dict(variables or {}),
            operation_name=self.name,
            context_value=context,
            executor_class=self.view.executor,
            hide_suggestions=self.hides,
            operation_extensions=None,
        )
        events = await source if isawaitable(source) else source
        if isinstance(events, ExecutionResult):
            yield _payload(events)
            return
        async with aclosing(_followed(events)) as payloads:
            async for payload in payloads:
                yield payload


class NotesCursor(Protocol):
    async def note_cursor(self) -> None:
        """Keep the log's head for the operation's `eventCursor`."""


class Operations:
    """Checked documents by version and text, the least recently used forgotten first."""

    def __init__(self, views: Views, limits: Limits, *, hides: bool = False) -> None:
        """`hides`: errors don't suggest names of the schema."""
        self._views = views
        self._limits = limits
        self._hides = hides
        self._prices: dict[str, Prices] = {}
        self._kept: OrderedDict[tuple[str, str], Checked] = OrderedDict()
        self._characters = 0  # of what is kept

    @property
    def cost_limit(self) -> int:
        return self._limits.cost

    def find(
        self,
        query: str,
        name: str | None,
        version: str | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> Operation:
        """The operation of that name (None: the only one), with the errors that its text has as of
        the version (None: the newest), of which there has to be a view, or that it would cost too much
        with these variables."""
        view = self._views.at(version)
        checked = self._checked(query, view)
        if checked.document is None:
            return _refused(view, checked.errors)
        operations = [
            definition
            for definition in checked.document.definitions
            if isinstance(definition, OperationDefinitionNode)
        ]
        named = [each for each in operations if name is None or _name(each) == name]
        if len(named) != 1:
            return _refused(view, [_unclear(name, [_name(each) for each in operations])])
        estimate = checked.estimates[_name(named[0])]
        cost = estimate.cost(variables)
        most = self._priced(view).introspection
        if exceeded := limits.check_cost(cost, self._limits, most):
            return _refused(view, [_limit(error) for error in exceeded], cost.fields)
        return Operation(
            view=view,
            document=checked.document,
            name=_name(named[0]),
            type=named[0].operation,
            shows_cursor=CURSOR_FIELD in query,
            cost=cost.fields,
            introspects=estimate.introspects,
            hides=self._hides,
        )

    def _checked(self, query: str, view: View) -> Checked:
        place = view.version, query
        found = self._kept.get(place)
        if found is not None:
            self._kept.move_to_end(place)
            return found
        checked = self._check(query, view)
        if len(query) <= LONGEST:
            self._kept[place] = checked
            self._characters += len(query)
            while len(self._kept) > KEPT or self._characters > CHARACTERS_KEPT:
                (_, forgotten), _ = self._kept.popitem(last=False)
                self._characters -= len(forgotten)
        return checked

    def _check(self, query: str, view: View) -> Checked:
        schema = view.schema
        try:
            document = limits.read(query, self._limits)
        except LimitExceeded as error:
            return Checked(None, [_limit(error)])
        except GraphQLSyntaxError as error:
            return Checked(None, formatted([error]))
        try:
            exceeded = limits.check(document, schema, self._limits)
        except CycleError:
            return Checked(None, formatted(validate(schema, document, [NoFragmentCyclesRule])))
        if exceeded:
            return Checked(None, [_limit(error) for error in exceeded])
        errors = validate(schema, document, RULES, ERRORS, self._hides)
        if errors:
            return Checked(None, formatted(errors))
        return Checked(document, (), estimates(document, self._priced(view).sizes))

    def _priced(self, view: View) -> Prices:
        if view.version not in self._prices:
            self._prices[view.version] = Prices(view.schema)
        return self._prices[view.version]


def _refused(
    view: View, errors: Sequence[GraphQLFormattedError], cost: int | None = None
) -> Operation:
    return Operation(view=view, document=None, name=None, type=None, cost=cost, errors=errors)


async def _followed(events: AsyncIterator[ExecutionResult]) -> AsyncGenerator[Payload, None]:
    """Each event's payload; a source that fails ends with its error."""
    try:
        async with aclosing(cast("AsyncGenerator[ExecutionResult, None]", events)) as results:
            async for result in results:
                yield _payload(result)
    except Exception as error:  # noqa: BLE001 - the stream's outermost edge; `formatted` logs it
        failed = GraphQLError(str(error), original_error=error)
        yield {"data": None, "errors": formatted([failed])}


def _payload(result: ExecutionResult) -> Payload:
    if not result.errors:
        return {"data": result.data}
    errors = formatted(result.errors)
    if result.data is None and not any(error.path for error in result.errors):
        return {"errors": errors}
    return {"data": result.data, "errors": errors}


def _name(operation: OperationDefinitionNode) -> str | None:
    return operation.name.value if operation.name else None


def _unclear(name: str | None, present: Sequence[str | None]) -> GraphQLFormattedError:
    shown = ", ".join(str(each) for each in present[:20]) or "none"
    message = (
        f"The document has several operations: name one in operationName ({shown})."
        if name is None and present
        else f"The document has no operation {name or ''!r}; it has {shown}."
    )
    return {"message": message, "extensions": {"code": NO_OPERATION}}


def _limit(error: LimitExceeded | TooCostly) -> GraphQLFormattedError:
    shown = coded(error)
    found = {"cost": error.cost} if isinstance(error, TooCostly) else {"found": error.found}
    return {**shown, "extensions": {**shown["extensions"], "limit": error.limit, **found}}
