"""Under which terms a new batch runs, and whether its profile lets it in."""

from dataclasses import replace

from domain.batches.admission import durations
from domain.batches.admission.options import NewBatch
from domain.batches.batch import Terms
from domain.batches.input.requests import Limits
from domain.batches.profile import BatchProfile, Scheduling
from domain.errors import InvalidValue, QuotaExceeded

OWN = Terms()


def decide(new: NewBatch, profile: BatchProfile | None) -> Terms:
    """The wish over the profile over the defaults; raises InvalidValue for more than the profile
    allows. Check the options first."""
    wish = new.wish
    rules = Scheduling() if profile is None else profile.scheduling
    if profile is not None:
        _check_most(new, profile)
    return Terms(
        priority=wish.priority or rules.priority or OWN.priority,
        max_concurrency=wish.max_concurrency or rules.max_concurrency,
        request_timeout=wish.request_timeout or rules.request_timeout or OWN.request_timeout,
        retry=wish.retry or rules.retry or OWN.retry,
        replicas=wish.replicas,
        keep_alive=wish.keep_alive or OWN.keep_alive,
    )


def check_size(size: int, limit: int, profile: BatchProfile | None) -> None:
    """`size` and `limit` (the server's) in bytes; raises InvalidValue."""
    path = ("input_file_id",)
    if size > limit:
        problem = f"The file has {size} bytes; a batch's input may have {limit}."
        raise InvalidValue(path=path, problem=problem)
    most = None if profile is None else profile.quotas.max_bytes
    if profile is not None and most is not None and size > most:
        problem = f"The file has {size} bytes; the batch profile {profile.name!r} allows {most}."
        raise InvalidValue(path=path, problem=problem)


def limits(own: Limits, profile: BatchProfile | None) -> Limits:
    """What validation allows: the server's limits, and the profile's where they are lower."""
    most = None if profile is None else profile.quotas.max_requests
    return own if most is None else replace(own, requests=min(own.requests, most))


def check_active(active: int, profile: BatchProfile) -> None:
    """`active` is how many there are without the new one; raises QuotaExceeded."""
    most = profile.quotas.max_active
    if most is not None and active >= most:
        raise QuotaExceeded(profile=profile.name, limit=most)


def _check_most(new: NewBatch, profile: BatchProfile) -> None:
    rules = profile.scheduling
    window = durations.window(new.completion_window, ("completion_window",))
    if rules.max_window is not None and window > rules.max_window:
        raise InvalidValue(
            path=("completion_window",),
            problem=f"{new.completion_window!r} is longer than the batch profile {profile.name!r} "
            f"allows: {durations.written(rules.max_window)} at most.",
        )
    wanted, most = new.wish.max_concurrency, rules.max_concurrency
    if wanted is not None and most is not None and wanted > most:
        raise InvalidValue(
            path=("max_concurrency",),
            problem=f"{wanted} is more than the batch profile {profile.name!r} allows: {most}.",
        )
