"""Every error that Modelyard raises on purpose.

    ModelyardError
    ├── UserError                 the caller can mend it; shown with code, message and path
    │   ├── NotFound  NameTaken  InvalidValue  Forbidden  EtagMismatch  IdempotencyKeyReused
    │   ├── TemplateFrozen  TransitionRefused  FolderRefused  FileTooLarge  OutsideFolder
    │   ├── NoRollout  FixedPort  PromotionRefused  BeingDeleted  MetricTaken  FileInUse
    │   ├── UnknownParameter  MissingRequiredParameter  InvalidType   a batch's options
    │   ├── BatchNotCancellable  BatchNotPausable  BatchNotRetryable  NothingToRetry  InputFileGone
    │   ├── QuotaExceeded  InUse  MadeForBatch  NoKubernetes  ResultsDeleted
    │   └── DefinitionError       one finding of a resolution: its kind is its code
    ├── Refused                   several user errors at once
    ├── Unauthenticated           no key, or one that is unknown or revoked
    ├── CursorExpired  CursorUnknown  CursorInvalid
    ├── SealBroken                a secret that this server's key does not open
    ├── StorageFull               a disk or a quota
    ├── ObjectMissing             what should be in a store is not there
    ├── Unreachable  Interrupted  RequestTimeout  ResponseTooLarge   an engine and one request
    ├── PortsExhausted            the process driver's range of ports is used up
    ├── HostRefused               the process driver of another host has this database
    └── StorageUnavailable        a store did not answer; worth another try

An error's docstring is its message, filled with the error's own fields.
"""

from dataclasses import dataclass, field, fields
from inspect import getdoc


class Key(str):
    """An entry of a path that is data, not the name of a field."""

    __slots__ = ()


Path = tuple[str | int, ...]
"""Where in the input: fields' names in snake_case, list indexes, and keys."""


@dataclass(eq=False, kw_only=True)
class ModelyardError(Exception):
    """Modelyard could not do this."""

    @property
    def code(self) -> str:
        """SCREAMING_SNAKE_CASE, made from the class name."""
        name = type(self).__name__
        return "".join("_" + c if c.isupper() and i else c for i, c in enumerate(name)).upper()

    @property
    def message(self) -> str:
        template = (getdoc(self) or "").replace("\n", " ")
        return template.format(**{f.name: getattr(self, f.name) for f in fields(self)})

    def __str__(self) -> str:
        return self.message


@dataclass(eq=False, kw_only=True)
class UserError(ModelyardError):
    """The request can't be done as it stands."""

    path: Path = ()


@dataclass(eq=False, kw_only=True)
class NotFound(UserError):
    """There is no {kind} {id!r} here."""

    kind: str
    id: str


@dataclass(eq=False, kw_only=True)
class NameTaken(UserError):
    """There is a {kind} named {name!r} already."""

    kind: str
    name: str
    path: Path = ("name",)


@dataclass(eq=False, kw_only=True)
class InvalidValue(UserError):
    """{problem}"""

    problem: str
    limit: int | None = None  # with what was `found`, where a number is beyond it
    found: int | None = None


@dataclass(eq=False, kw_only=True)
class Forbidden(UserError):
    """This needs the role {role}."""

    role: str


@dataclass(eq=False, kw_only=True)
class EtagMismatch(UserError):
    """The deployment has changed: its etag is {current!r} now. Read it again, then repeat."""

    current: str


@dataclass(eq=False, kw_only=True)
class IdempotencyKeyReused(UserError):
    """The idempotency key {key!r} came before with another input. Use a new key."""

    key: str


@dataclass(eq=False, kw_only=True)
class TemplateFrozen(UserError):
    """Version {version} of template {name!r} is no longer a draft: create a new version instead."""

    name: str
    version: int


@dataclass(eq=False, kw_only=True)
class TransitionRefused(UserError):
    """A {kind} that is {source} can't become {target}."""

    kind: str
    source: str
    target: str


@dataclass(eq=False, kw_only=True)
class NoRollout(UserError):
    """{problem}"""

    problem: str


@dataclass(eq=False, kw_only=True)
class FixedPort(UserError):
    """Revision {number} has a fixed port: its command names neither {{port}} nor $PORT. On one machine
    it can have one replica, not {wanted}."""

    number: int
    wanted: int


@dataclass(eq=False, kw_only=True)
class PromotionRefused(UserError):
    """A rolling rollout takes nobody's go-ahead: it succeeds once its replicas serve."""


@dataclass(eq=False, kw_only=True)
class BeingDeleted(UserError):
    """The deployment is being deleted: nothing about it can be decided any more."""


@dataclass(eq=False, kw_only=True)
class MadeForBatch(UserError):
    """The deployment was made for batches and is {use}."""

    use: str


@dataclass(eq=False, kw_only=True)
class NoKubernetes(UserError):
    """This server's driver has no Kubernetes to run a job on. Ask for DEDICATED instead."""


@dataclass(eq=False, kw_only=True)
class MetricTaken(UserError):
    """The deployment has an autoscaling rule on {metric} already: update or delete that one."""

    path: Path = ("metric",)
    metric: str


@dataclass(eq=False, kw_only=True)
class FolderRefused(UserError):
    """The folder {uri!r} can't be registered: {problem}."""

    path: Path = ("uri",)
    uri: str
    problem: str


@dataclass(eq=False, kw_only=True)
class FileTooLarge(UserError):
    """{file!r} is larger than {limit} bytes."""

    file: str
    limit: int


@dataclass(eq=False, kw_only=True)
class FileInUse(UserError):
    """A batch that has not ended needs the file {name!r}: cancel the batch, or wait for its end."""

    name: str


@dataclass(eq=False, kw_only=True)
class OutsideFolder(UserError):
    """{file!r} does not lie in the model folder."""

    file: str


@dataclass(eq=False, kw_only=True)
class ResultsDeleted(UserError):
    """The result files of batch {id!r} were deleted, or their time was up."""

    id: str


@dataclass(eq=False, kw_only=True)
class UnknownParameter(UserError):
    """There is no parameter {name!r} here.{hint}"""

    name: str
    hint: str = ""


@dataclass(eq=False, kw_only=True)
class MissingRequiredParameter(UserError):
    """{name!r} has to be given."""

    name: str


@dataclass(eq=False, kw_only=True)
class InvalidType(UserError):
    """This has to be {wanted}."""

    wanted: str


@dataclass(eq=False, kw_only=True)
class BatchNotCancellable(UserError):
    """The batch is {status}: only one that is validating or in progress can be cancelled."""

    status: str


@dataclass(eq=False, kw_only=True)
class BatchNotPausable(UserError):
    """The batch is {status}: only one that is validating or in progress can be paused and resumed."""

    status: str


@dataclass(eq=False, kw_only=True)
class BatchNotRetryable(UserError):
    """The batch is {status}: only one that is completed, expired or cancelled can be retried."""

    status: str


@dataclass(eq=False, kw_only=True)
class NothingToRetry(UserError):
    """Every line of the batch has a result."""


@dataclass(eq=False, kw_only=True)
class InputFileGone(UserError):
    """The batch's input file {id!r} is gone, so its lines can't be read again."""

    id: str


@dataclass(eq=False, kw_only=True)
class QuotaExceeded(UserError):
    """The batch profile {profile!r} allows {limit} active batches, and as many there are. Try again when
    one has ended."""

    profile: str
    limit: int


@dataclass(eq=False, kw_only=True)
class InUse(UserError):
    """The {kind} {name!r} is used by a batch that has not ended."""

    kind: str
    name: str


@dataclass(eq=False, kw_only=True)
class DefinitionError(UserError):
    """{problem}"""

    problem: str
    kind: str
    layer: str | None = None
    pointer: str = ""
    value: object = None
    suggestion: str | None = None
    retryable: bool = False

    @property
    def code(self) -> str:
        return self.kind


@dataclass(eq=False, kw_only=True)
class Refused(ModelyardError):
    """The request was refused; see the single errors."""

    errors: tuple[UserError, ...] = field(default=())

    @property
    def message(self) -> str:
        return "\n".join(f"{e.code}: {e.message}" for e in self.errors)


@dataclass(eq=False, kw_only=True)
class Unauthenticated(ModelyardError):
    """Send a valid API key as 'Authorization: Bearer <key>'."""


@dataclass(eq=False, kw_only=True)
class CursorExpired(ModelyardError):
    """Events behind this cursor are no longer kept. The oldest that still resumes is {oldest!r}."""

    oldest: str


@dataclass(eq=False, kw_only=True)
class CursorUnknown(ModelyardError):
    """This cursor is not of this event log (or lies beyond its end). Read eventCursor and start there."""


@dataclass(eq=False, kw_only=True)
class CursorInvalid(ModelyardError):
    """This cursor is not of this list in this order. Take one of its edges', or start without."""


@dataclass(eq=False, kw_only=True)
class StorageUnavailable(ModelyardError):
    """The storage at {where} did not answer ({problem}). Try again."""

    where: str
    problem: str


@dataclass(eq=False, kw_only=True)
class SealBroken(ModelyardError):
    """A secret can't be opened: {problem}."""

    problem: str


@dataclass(eq=False, kw_only=True)
class PortsExhausted(ModelyardError):
    """All ports of {first}–{last} are in use. Widen MODELYARD_REPLICA_PORTS or stop replicas."""

    first: int
    last: int


@dataclass(eq=False, kw_only=True)
class HostRefused(ModelyardError):
    """Replicas of this database run on host {other}; the process driver is for one host, and this one is
    {host}. Serve from {other}, or stop its servers and their replicas first. If it is the same machine
    under another name, set MODELYARD_HOST_NAME to {other}."""

    other: str
    host: str


@dataclass(eq=False, kw_only=True)
class StorageFull(ModelyardError):
    """The storage at {where} is full ({problem}). Free some space."""

    where: str
    problem: str


@dataclass(eq=False, kw_only=True)
class ObjectMissing(ModelyardError):
    """The object {key!r} is not in the store."""

    key: str


@dataclass(eq=False, kw_only=True)
class Unreachable(ModelyardError):
    """{where} could not be reached: {problem}."""

    where: str
    problem: str


@dataclass(eq=False, kw_only=True)
class Interrupted(ModelyardError):
    """The connection to {where} broke down over the request: {problem}."""

    where: str
    problem: str


@dataclass(eq=False, kw_only=True)
class RequestTimeout(ModelyardError):
    """No answer within {seconds:g} s."""

    seconds: float


@dataclass(eq=False, kw_only=True)
class ResponseTooLarge(ModelyardError):
    """The answer has more than {limit} bytes."""

    limit: int
