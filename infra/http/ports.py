"""What the transports need of whoever executes GraphQL."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, Protocol

from domain.access.access import Caller

Payload = Mapping[str, Any]
NewContext = Callable[[Caller, str], object]
"""The context of one operation, never shared between two, as of a version of the API."""


class Operation(Protocol):
    """One operation of a document. With `errors` it may not be executed."""

    @property
    def errors(self) -> Sequence[Mapping[str, Any]]: ...

    @property
    def is_subscription(self) -> bool: ...

    @property
    def kind(self) -> str:
        """query, mutation, subscription or invalid."""

    @property
    def cost(self) -> int | None:
        """What it may cost at most; None of what is no operation."""

    @property
    def introspects(self) -> bool:
        """Whether it asks for the schema itself."""

    async def execute(self, variables: Mapping[str, Any] | None, context: object) -> Payload:
        """Without `data` where nothing was executed."""

    def stream(
        self, variables: Mapping[str, Any] | None, context: object
    ) -> AsyncGenerator[Payload, None]:
        """All payloads, of operations of every kind; errors are payloads, too."""


class Operations(Protocol):
    @property
    def cost_limit(self) -> int: ...

    def find(
        self, query: str, name: str | None, version: str, variables: Mapping[str, Any] | None
    ) -> Operation:
        """As of a version of the API that there is."""
