"""What the schema's pages show: the schema as of one version, as values.

Coordinates are GraphQL's: `ModelDeployment.etag`, `Mutation.addModelRevision(input:)`, `@added`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Protocol


class Kind(Enum):
    OBJECT = "type"
    INTERFACE = "interface"
    UNION = "union"
    INPUT = "input"
    ENUM = "enum"
    SCALAR = "scalar"
    DIRECTIVE = "directive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """`reason` says what replaces it, and `removal` is the version that may remove it; `before` is the enum
    value that older versions see in this one's place."""

    added: str
    deprecated: str | None = None
    reason: str | None = None
    removal: str | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """`type` and `default` are written as in the SDL."""

    name: str
    type: str
    default: str | None
    description: str
    lifetime: Lifetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A field, an input field, or an enum value, which has no type."""

    name: str
    type: str | None
    default: str | None
    description: str
    lifetime: Lifetime
    arguments: Sequence[Argument] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A type or a directive. `types` are a union's members, or what implements an interface; `used` the
    coordinates of what has this type."""

    name: str
    kind: Kind
    description: str
    lifetime: Lifetime
    members: Sequence[Member] = ()
    arguments: Sequence[Argument] = ()
    interfaces: Sequence[str] = ()
    types: Sequence[str] = ()
    used: Sequence[str] = ()
    locations: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """`roots` are the types of the operations: query, mutation, subscription."""

    version: str
    roots: Mapping[str, str]
    types: Mapping[str, Described]
    directives: Mapping[str, Described] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`kind` is ADDED, DEPRECATED, REMOVED or CHANGED, `criticality` BREAKING, DANGEROUS or SAFE."""

    coordinate: str
    kind: str
    version: str
    criticality: str
    description: str
    replacement: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A version that may be asked for; `released_at` is None for what no release has yet."""

    version: str
    released_at: date | None = None
    supported_until: date | None = None


class References(Protocol):
    """The schema as each of its versions; a version that is not served raises KeyError."""

    def served(self) -> Sequence[Served]:
        """The newest first."""

    def reference(self, version: str) -> Reference: ...

    def sdl(self, version: str) -> str: ...

    def changes(self, version: str) -> Sequence[Change]:
        """What that version changed, by coordinate."""
