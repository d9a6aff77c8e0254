"""What the domain needs of the outside to read definitions."""

from collections.abc import Mapping
from typing import Any, Protocol


class DefinitionParser(Protocol):
    def parse(self, file: str, content: bytes) -> Mapping[str, Any]:
        """The mapping that a definition file holds, in its own spelling; its name says the format.

        Scalars whose type the field decides come as `reading.Written`; see there. An empty file is
        an empty mapping. Raises DefinitionError: DEFINITION_UNREADABLE, DEFINITION_TOO_LARGE,
        DEFINITION_SYNTAX, DEFINITION_TAG_REFUSED, DEFINITION_DUPLICATE_KEY,
        DEFINITION_NOT_A_MAPPING.
        """
