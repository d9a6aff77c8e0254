"""How a definition file is refused: the domain's error, of the layer FOLDER."""

from domain.definitions.layers import LayerKind
from domain.errors import DefinitionError

DEEPEST = 64  # levels of nesting
MOST_VALUES = 20_000  # scalars, lists and mappings, each alias counted with all that it stands for


def refusal(kind: str, says: str, *, line: int | None = None, column: int = 1) -> DefinitionError:
    """`line` and `column` count from 1."""
    at = f"line {line}, column {column}: " if line is not None else ""
    return DefinitionError(kind=kind, layer=LayerKind.FOLDER, problem=f"{at}{says}.")


def too_deep(line: int | None = None, column: int = 1) -> DefinitionError:
    says = f"this is nested deeper than {DEEPEST} levels"
    return refusal("DEFINITION_UNREADABLE", says, line=line, column=column)


def too_much(line: int | None = None, column: int = 1) -> DefinitionError:
    says = f"this has more than {MOST_VALUES} values (or 1 MiB of text), aliases counted in full"
    return refusal("DEFINITION_UNREADABLE", says, line=line, column=column)
