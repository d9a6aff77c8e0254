"""What a client may say of a new batch, and what each of it has to be."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain import checks
from domain.batches.admission import durations
from domain.batches.admission.durations import DAY, HOUR, within
from domain.batches.batch import ENDPOINTS, Retry, Wish
from domain.errors import InvalidValue, Key, MissingRequiredParameter, Path

METADATA_PAIRS, METADATA_KEY, METADATA_VALUE = 16, 64, 512
OUTPUT_KEPT_AT_LEAST, OUTPUT_KEPT_AT_MOST = HOUR, 30 * DAY
LONGEST_KEEP_ALIVE = DAY
LONGEST_REQUEST = DAY
LONGEST_WAIT = HOUR
MOST_PRIORITY = 10
MOST_REPLICAS = 1_000
MOST_CONCURRENCY = 100_000
MOST_ATTEMPTS = 100
REFERENCE_LIMIT = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBatch:
    """`completion_window` as it was written; `output_expires_after` in seconds."""

    input_file_id: str
    endpoint: str
    completion_window: str = "24h"
    metadata: Mapping[str, str] = field(default_factory=dict)
    output_expires_after: float | None = None
    wish: Wish = field(default_factory=Wish)


def retry(
    attempts: int | None = None, first: float | None = None, longest: float | None = None
) -> Retry:
    """What is not said is the default; a longest wait that nobody said is no shorter than the first."""
    plain = Retry()
    first = plain.first if first is None else first
    return Retry(
        attempts=plain.attempts if attempts is None else attempts,
        first=first,
        longest=max(plain.longest, first) if longest is None else longest,
    )


def check(new: NewBatch) -> None:
    """Whatever can be known without looking anything up; raises InvalidValue,
    MissingRequiredParameter, with the path as createBatchJob's input has it."""
    if new.endpoint not in ENDPOINTS:
        problem = f"{new.endpoint[:80]!r} is not one of {', '.join(ENDPOINTS)}."
        raise InvalidValue(path=("endpoint",), problem=problem)
    durations.window(new.completion_window, ("completion_window",))
    _check_metadata(new.metadata)
    if new.output_expires_after is not None:
        path = ("output_expires_after",)
        within(new.output_expires_after, path, OUTPUT_KEPT_AT_LEAST, OUTPUT_KEPT_AT_MOST)
    _check_wish(new.wish)


def check_priority(value: int | None) -> None:
    _check_between(value, ("priority",), 1, MOST_PRIORITY)


def check_concurrency(value: int | None) -> None:
    _check_between(value, ("max_concurrency",), 1, MOST_CONCURRENCY)


def check_request_timeout(value: float | None) -> None:
    if value is not None:
        if value <= 0:
            raise InvalidValue(path=("request_timeout",), problem="It has to be more than 0.")
        within(value, ("request_timeout",), 0, LONGEST_REQUEST)


def check_retry(retry: Retry | None) -> None:
    if retry is None:
        return
    _check_between(retry.attempts, ("retry", "attempts"), 1, MOST_ATTEMPTS)
    within(retry.first, ("retry", "first"), 0, LONGEST_WAIT)
    within(retry.longest, ("retry", "longest"), retry.first, LONGEST_WAIT)


def _check_metadata(metadata: Mapping[str, str]) -> None:
    if len(metadata) > METADATA_PAIRS:
        problem = f"{len(metadata)} pairs; at most {METADATA_PAIRS} fit."
        raise InvalidValue(path=("metadata",), problem=problem)
    for key, value in metadata.items():
        path: Path = ("metadata", Key(key[:METADATA_KEY]))
        checks.text(key, path, METADATA_KEY)
        checks.text(value, path, METADATA_VALUE)


def _check_wish(wish: Wish) -> None:
    _check_reference(wish.deployment, ("deployment",))
    _check_reference(wish.endpoint, ("external_endpoint",))
    _check_reference(wish.profile, ("profile",))
    if wish.template is not None:
        _check_reference(wish.template.name, ("template", "name"))
        _check_between(wish.template.version, ("template", "version"), 1, 2**31 - 1)
    check_priority(wish.priority)
    _check_between(wish.replicas, ("replicas",), 1, MOST_REPLICAS)
    check_concurrency(wish.max_concurrency)
    check_request_timeout(wish.request_timeout)
    check_retry(wish.retry)
    if wish.keep_alive is not None:
        within(wish.keep_alive, ("keep_alive",), 0, LONGEST_KEEP_ALIVE)


def _check_reference(name: str | None, path: Path) -> None:
    if name is None:
        return
    if not name:
        raise MissingRequiredParameter(path=path, name=str(path[-1]))
    checks.text(name, path, REFERENCE_LIMIT)


def _check_between(value: int | None, path: Path, least: int, most: int) -> None:
    if value is not None:
        within(value, path, least, most)
