"""What can become of a call to a cluster.

ModelyardError
├── ClusterUnavailable    nobody can tell whether it was done; worth another try
├── ClusterUnknown        the configuration does not lead to a cluster
├── Conflict              somebody else has it, or changed it meanwhile
├── Gone                  it is not there (any more)
├── Expired               a version that the cluster no longer remembers: list anew
├── FieldsDropped         it was done, but for some fields
└── Refused               the cluster will not, however often it is asked
    └── NotAllowed        for us alone: its roles don't grant it
"""

from dataclasses import dataclass, field

from domain.errors import ModelyardError


@dataclass(eq=False, kw_only=True)
class ClusterUnavailable(ModelyardError):
    """The cluster at {where} did not answer ({problem}). Try again."""

    where: str
    problem: str
    retry_after: float | None = None  # seconds, where the cluster said so


@dataclass(eq=False, kw_only=True)
class ClusterUnknown(ModelyardError):
    """The configuration does not lead to a cluster: {problem}."""

    problem: str


@dataclass(eq=False, kw_only=True)
class Conflict(ModelyardError):
    """{what} is somebody else's, or was changed meanwhile: {problem}"""

    what: str
    problem: str
    others: tuple[str, ...] = ()  # field managers that have what we wanted
    fields: tuple[str, ...] = ()  # as the API writes them: .spec.replicas


@dataclass(eq=False, kw_only=True)
class Gone(ModelyardError):
    """{what} is not there."""

    what: str


@dataclass(eq=False, kw_only=True)
class Expired(ModelyardError):
    """The cluster no longer remembers that version: {problem}"""

    problem: str


@dataclass(eq=False, kw_only=True)
class FieldsDropped(ModelyardError):
    """The cluster took {what} without some fields that it is too old for, or that something in it sets
    otherwise: {fields}."""

    what: str
    pointers: tuple[str, ...]  # JSON pointers into what was sent
    fields: str = field(init=False)

    def __post_init__(self) -> None:
        self.fields = ", ".join(self.pointers)


@dataclass(eq=False, kw_only=True)
class Refused(ModelyardError):
    """The cluster refuses {what}: {problem}"""

    what: str
    problem: str
    status: int = 0


@dataclass(eq=False, kw_only=True)
class NotAllowed(Refused):
    """Modelyard is not allowed to {verb} {resource} in {place}: {problem}"""

    verb: str
    resource: str
    place: str
