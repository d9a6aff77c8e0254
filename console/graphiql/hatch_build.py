"""No wheel without the pages: what they load is built, and in no repository."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = Path("infra", "http", "pages", "assets", "manifest.json")


class BuiltPages(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """An editable install takes them from the folder, whenever they come to be there."""
        if version != "editable" and not (Path(self.root) / BUILT).exists():
            raise SystemExit(
                "The wheel needs the built pages, and there are none: run `make pages` first."
            )
