"""Model definition files, YAML and TOML, as neutral trees."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.definitions.folder_file import LIMIT
from infra.files.refusals import refusal


@dataclass(frozen=True, slots=True)
class DefinitionFileParser:
    """Implements domain.definitions.ports.DefinitionParser."""

    def parse(self, file: str, content: bytes) -> Mapping[str, Any]:
        from infra.files import toml, yaml  # not before there is a file

        if len(content) > LIMIT:
            raise refusal("DEFINITION_TOO_LARGE", f"{file} is larger than {LIMIT} bytes")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            at = f"byte {error.start} does not belong to UTF-8"
            raise refusal("DEFINITION_UNREADABLE", f"{file} is no text: {at}") from error
        tree = toml.parse(text) if file.endswith(".toml") else yaml.parse(text)
        if not isinstance(tree, Mapping):
            kind = "a list" if isinstance(tree, list) else "a single value"
            raise refusal("DEFINITION_NOT_A_MAPPING", f"{file} holds {kind}, not a mapping")
        return tree
