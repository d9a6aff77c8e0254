"""What a database says when it can't, in the domain's words."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    StatementError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from domain.errors import InvalidValue, ModelyardError, StorageUnavailable

WORTH_ANOTHER_TRY = frozenset({"40001", "40P01", "55P03", "57014"})
"""SQLSTATEs: serialization, deadlock, lock not available, cancelled."""
OUTAGES = frozenset({"08", "53", "57", "58"})
"""Classes of them: connections, a full disk and what else it lacks, an operator's doing, its system."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise StorageUnavailable and InvalidValue for a driver's errors; broken rules stay as they
    are."""
    try:
        yield
    except DBAPIError as error:
        raise _meaning(error) from error
    except StatementError as error:
        raise _cause(error) from error
    except (PoolTimeout, OSError) as error:
        raise unavailable(error) from error


def unavailable(error: Exception) -> StorageUnavailable:
    problem = str(getattr(error, "orig", None) or error) or type(error).__name__
    return StorageUnavailable(where="the database", problem=problem.splitlines()[0])


def violates(error: IntegrityError, unique: UniqueConstraint | Index) -> bool:
    """PostgreSQL names the constraint, SQLite the columns."""
    broken = getattr(error.orig.__cause__, "constraint_name", None) if error.orig else None
    if broken is not None:
        return bool(broken == unique.name)
    columns = ", ".join(str(column) for column in unique.columns)
    return str(error.orig) == f"UNIQUE constraint failed: {columns}"


def _meaning(error: DBAPIError) -> Exception:
    if isinstance(error, IntegrityError):
        return error
    if isinstance(error, DataError):
        return InvalidValue(problem="A value does not fit its field.")
    return unavailable(error) if _is_outage(error) else error


def _is_outage(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    if state is None:  # SQLite, or a connection that broke
        away = isinstance(error, OperationalError | InterfaceError)
        ours = str(error.orig).startswith(("no such ", "near "))
        return error.connection_invalidated or (away and not ours)
    return state in WORTH_ANOTHER_TRY or state[:2] in OUTAGES


def _cause(error: StatementError) -> Exception:
    match error.orig:
        case ModelyardError() as refusal:
            return refusal
        case OverflowError() | TypeError() | ValueError():
            return InvalidValue(problem="A value does not fit its field.")
        case _:
            return error
