"""User errors as payloads show them, one type for each kind that carries more than a message."""

from dataclasses import replace
from typing import Any, cast

from strawberry.utils.str_converters import to_camel_case

from domain import errors
from schema import versions
from schema.enums import LayerKind
from schema.relay import shown_id
from schema.scalars import JSON, JSONPointer


@versions.interface(added="0.1.0")
class UserError:
    """Something that the caller can mend."""

    code: str = versions.field(description="What kind of error it is, e.g. NOT_FOUND.")
    message: str = versions.field(description="For people: what is wrong, and what would be right.")
    path: list[str] = versions.field(
        description="The place in the arguments, e.g. input, modelDefinition, models, 0, name."
    )


@versions.type(added="0.1.0")
class InputError(UserError):
    """A value of the input that can't be, or not now."""


@versions.type(added="0.1.0")
class NotFound(UserError):
    """The input names something that is not there, or not for this caller."""

    kind: str = versions.field(description="Of what there is none, e.g. model revision.")
    id: str = versions.field(
        description="As the input has it: an id, or the name of what has none."
    )


@versions.type(added="0.1.0")
class NameTaken(UserError):
    """Another of its kind has the name."""

    name: str


@versions.type(added="0.1.0")
class EtagMismatch(UserError):
    """The deployment has changed since the etag that the input expects was read."""

    current: str = versions.field(description="The etag of the deployment as it is now.")


@versions.type(added="0.1.0")
class IdempotencyKeyReused(UserError):
    """The key came before, within a day, with another input."""

    key: str


@versions.type(added="0.1.0")
class DefinitionError(UserError):
    """One finding of a resolution; several come together."""

    layer: LayerKind | None = versions.field(description="The layer whose author can mend it.")
    pointer: JSONPointer = versions.field(description="The place, in the file's spelling.")
    value: JSON | None = versions.field(description="What stands there.")
    suggestion: str | None = versions.field(description="What was probably meant.")
    retryable: bool = versions.field(description="Whether the same input may pass later.")


@versions.type(added="0.1.0")
class Payload:
    """What a mutation answers: the node as it is now, or what is to mend."""

    user_errors: list[UserError] = versions.field(
        default_factory=list, description="Empty where all is done; otherwise nothing is."
    )


USER_ERRORS: tuple[type[UserError], ...] = (
    InputError,
    NotFound,
    NameTaken,
    EtagMismatch,
    IdempotencyKeyReused,
    DefinitionError,
)
"""All of them: an interface alone brings no types into the schema."""


def user_error(error: errors.UserError) -> UserError:
    if isinstance(error, errors.NotFound):
        error = replace(error, id=shown_id(error.kind, error.id))
    said: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "path": input_path(error.path),
    }
    match error:
        case errors.NotFound():
            return NotFound(**said, kind=error.kind, id=error.id)
        case errors.NameTaken():
            return NameTaken(**said, name=error.name)
        case errors.EtagMismatch():
            return EtagMismatch(**said, current=error.current)
        case errors.IdempotencyKeyReused():
            return IdempotencyKeyReused(**said, key=error.key)
        case errors.DefinitionError():
            return DefinitionError(
                **said,
                layer=None if error.layer is None else LayerKind(error.layer),
                pointer=JSONPointer(error.pointer),
                value=cast("JSON | None", error.value),
                suggestion=error.suggestion,
                retryable=error.retryable,
            )
        case _:
            return InputError(**said)


def input_path(path: errors.Path) -> list[str]:
    """The domain's path in the API's spelling, from the mutation's one argument down."""
    return ["input", *argument_path(path)]


def argument_path(path: errors.Path) -> list[str]:
    """The domain's path in the API's spelling, from an argument of its own down, e.g. first."""
    return [_spelled(part) for part in path]


def _spelled(part: str | int) -> str:
    return str(part) if isinstance(part, int | errors.Key) else to_camel_case(part)
