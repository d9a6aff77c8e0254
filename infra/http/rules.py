"""What may be asked here, whichever transport it comes by."""

from collections.abc import Callable
from dataclasses import dataclass, field

from domain.access.access import Caller
from infra.http.persisted import Documents, Kept
from infra.http.ports import Operation, Operations
from infra.http.refusals import RequestRefused
from infra.http.requests import Said
from infra.http.subscribers import Subscribers

OPERATIONS_OF_SOCKET = 100
OPERATIONS_OF_REQUEST = 1
INIT_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """`of_socket` and `of_request` are how many operations one may have, the socket's at once;
    `init_seconds` are a socket's until it says who it is."""

    documents: Documents = field(default_factory=Kept)
    subscribers: Subscribers = field(default_factory=Subscribers)
    may_introspect: Callable[[Caller], bool] = lambda _: True
    of_socket: int = OPERATIONS_OF_SOCKET
    of_request: int = OPERATIONS_OF_REQUEST
    init_seconds: float = INIT_SECONDS

    def find(self, operations: Operations, said: Said, caller: Caller, version: str) -> Operation:
        """What is to be executed; raises RequestRefused."""
        text = self.documents.text(said, caller.principal.key_id)
        operation = operations.find(text, said.operation_name, version, said.variables)
        if operation.introspects and not self.may_introspect(caller):
            raise RequestRefused(
                kind="INTROSPECTION_FORBIDDEN",
                status=403,
                problem="This server does not show you its schema.",
            )
        return operation


def check_total(costs: int, limit: int) -> None:
    """Of a request's operations together; raises RequestRefused."""
    if costs > limit:
        raise RequestRefused(
            kind="QUERY_TOO_COSTLY",
            status=400,
            problem=f"The request's operations cost {costs}; at most {limit} is served.",
            headers=price(costs, limit),
            extensions={"cost": costs, "limit": limit},
        )


def price(cost: int | None, limit: int) -> dict[str, str]:
    """As headers."""
    shown = {} if cost is None else {"X-Query-Cost": str(cost)}
    return {**shown, "X-Query-Cost-Limit": str(limit)}
