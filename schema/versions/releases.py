"""The releases of the API: what `schema/releases` keeps of each."""

import tomllib
from dataclasses import dataclass
from datetime import date
from importlib.resources import files


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """`supported_until` is the last day on which its view is served; None: no end is set yet."""

    version: str
    released_at: date
    supported_until: date | None = None

    def is_supported(self, today: date) -> bool:
        return self.supported_until is None or today <= self.supported_until


def releases() -> tuple[Release, ...]:
    """All of them, oldest first."""
    table = tomllib.loads((files("schema") / "releases" / "releases.toml").read_text("utf-8"))
    return tuple(Release(**row) for row in table["release"])


def sdl(version: str) -> str:
    """The schema as that release had it; raises FileNotFoundError where there was none."""
    return (files("schema") / "releases" / f"{version}.graphql").read_text("utf-8")
