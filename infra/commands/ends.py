"""What is said, and with which exit code, when a command is done or its wait is over."""

from collections.abc import Mapping
from typing import Any, NoReturn

import typer

from infra.commands import display
from infra.commands.outcome import Outcome, Seen
from infra.output import say, say_json, tell

FAILED = 1
LOG_LINES = 20  # of a failing replica that are shown
PROBLEMS = {
    Outcome.FAILED: "The rollout of {what} failed",
    Outcome.ABORTED: "The rollout of {what} was aborted",
    Outcome.REPLACED: "The rollout of {what} was replaced by another",
    Outcome.DELETED: "{what} was deleted meanwhile",
    Outcome.NOTHING_ACTIVE: "{what} has no active revision: nothing runs until one is activated",
}


def conclude(
    ended: tuple[Outcome, Seen],
    what: str,
    document: Mapping[str, Any],
    *,
    as_json: bool,
    wanted: Outcome = Outcome.READY,
) -> None:
    """Say how a wait ended, `what` it was for; raises typer.Exit where it ended in another way than
    `wanted`. `document` is what was known before."""
    outcome, seen = ended
    if as_json:
        say_json({**document, **_document(outcome, seen)})
    if outcome is wanted:
        if not as_json:
            say(_success(outcome, what, seen))
        return
    _problem(outcome, what, seen)


def _document(outcome: Outcome, seen: Seen) -> dict[str, Any]:
    said: dict[str, Any] = {"outcome": outcome.value, "deployment": seen.deployment}
    if outcome is not Outcome.READY:
        told = {"reason": seen.reason, "message": seen.message, "logTail": list(seen.log_tail)}
        said.update(told)
    return said


def _success(outcome: Outcome, what: str, seen: Seen) -> str:
    if outcome is Outcome.DELETED or seen.deployment is None:
        return f"{what} is gone."
    revision, healthy, wanted, _ = display.goal(seen.deployment)
    name = seen.deployment["name"]
    return f"{name} is ready: revision {revision}, {healthy} of {wanted} replicas healthy."


def _problem(outcome: Outcome, what: str, seen: Seen) -> NoReturn:
    reason = seen.reason or (seen.deployment and seen.deployment["statusReason"])
    message = seen.message or (seen.deployment and seen.deployment["statusMessage"])
    parts = [PROBLEMS[outcome].format(what=what)]
    if outcome in (Outcome.FAILED, Outcome.ABORTED):
        parts += [str(part) for part in (reason, message) if part]
    tell(f"modelyard: {' '.join(': '.join(parts).split())}")
    lines = seen.log_tail[-LOG_LINES:]
    if lines:
        tell("The last lines of the failing replica's log:")
        for line in lines:
            tell(f"  {line}")
    raise typer.Exit(FAILED)
