"""Errors on their way out: user errors into payloads, all others into coded top-level errors.

Only what is raised on purpose is shown; anything else is masked, with a reference that the log has.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import structlog
from graphql import FieldNode, GraphQLError, GraphQLFormattedError, GraphQLSyntaxError
from strawberry.exceptions import StrawberryInputCoercionError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from domain.errors import (
    CursorExpired,
    EtagMismatch,
    Forbidden,
    InvalidValue,
    ModelyardError,
    Refused,
    StorageUnavailable,
    UserError,
)
from schema.errors import Payload, argument_path, user_error

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
INTERNAL = "INTERNAL"

log = structlog.stdlib.get_logger(__name__)


@contextmanager
def mending(payload: Payload) -> Iterator[None]:
    """User errors that the block raises become the payload's; what is forbidden stays raised."""
    try:
        yield
    except Forbidden:
        raise
    except UserError as error:
        payload.user_errors.append(user_error(error))
    except Refused as refused:
        payload.user_errors.extend(map(user_error, refused.errors))


def formatted(errors: Iterable[GraphQLError] | None) -> list[GraphQLFormattedError]:
    """The errors of an execution result as they go to the client: each with `extensions.code`."""
    return [_formatted(error) for error in errors or ()]


def coded(error: ModelyardError) -> GraphQLFormattedError:
    """An error that no field raised, e.g. Unauthenticated before the operation began."""
    return {"message": error.message, "extensions": {"code": error.code, **_extras(error)}}


def _formatted(error: GraphQLError) -> GraphQLFormattedError:
    shown: GraphQLFormattedError = {"message": error.message}
    if error.locations:
        shown["locations"] = [location.formatted for location in error.locations]
    if error.path is not None:
        shown["path"] = error.path
    cause = error.original_error
    if isinstance(cause, ModelyardError):
        shown |= coded(cause)
    elif isinstance(error, GraphQLSyntaxError):
        shown["extensions"] = {"code": PARSE_FAILED}
    elif cause is None or (isinstance(cause, _ABOUT_THE_DOCUMENT) and not _of_a_value(error)):
        shown["message"] = _without_values(error.message)
        shown["extensions"] = {**(error.extensions or {}), "code": VALIDATION_FAILED}
    else:
        shown |= _masked(error, cause)
    return shown


def _of_a_value(error: GraphQLError) -> bool:
    """Whether a field's value was not what its type promises: nothing that the caller wrote is wrong."""
    cause = error.original_error
    if error.path is None or not isinstance(cause, GraphQLError):
        return False
    return all(isinstance(node, FieldNode) for node in cause.nodes or ())


_ABOUT_THE_DOCUMENT = (
    GraphQLError,
    StrawberryInputCoercionError,
    CannotGetOperationTypeError,
    InvalidOperationTypeError,
)


_ECHOED = re.compile(
    r",? found: .*|(?<=cannot represent )([\w -]*value): .*", re.DOTALL | re.IGNORECASE
)


def _without_values(message: str) -> str:
    """What is wrong and where, but not what was sent: that may be a secret, and clients log errors."""
    kept = _ECHOED.sub(lambda echo: echo[1] or "", message)
    return kept if kept == message or kept.endswith("?") else f"{kept.rstrip('.')}."


def _masked(error: GraphQLError, cause: Exception) -> GraphQLFormattedError:
    reference = uuid4().hex[:12]
    log.error("operation failed", reference=reference, path=error.path, exc_info=cause)
    return {
        "message": f"Something went wrong here. The server's log tells more under {reference}.",
        "extensions": {"code": INTERNAL, "reference": reference},
    }


def _extras(error: ModelyardError) -> dict[str, Any]:
    match error:
        case CursorExpired():
            return {"oldestCursor": error.oldest}
        case StorageUnavailable():
            return {"retryable": True}
        case EtagMismatch():
            return {"current": error.current}
        case Forbidden():
            return {"role": error.role}
        case InvalidValue(path=path, limit=int() as limit, found=found):
            return {"argument": argument_path(path), "limit": limit, "found": found}
        case UserError(path=path) if path:
            return {"argument": argument_path(path)}
        case _:
            return {}
