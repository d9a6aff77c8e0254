"""Waiting for a deployment, fed by the subscription to its events."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import typer

from infra import output
from infra.client import documents
from infra.client.errors import RequestFailed
from infra.client.following import Line
from infra.client.server import Server
from infra.commands.outcome import ENDINGS, Outcome, Seen, ready
from infra.commands.progress import Show, awaited, shown

LOST_CURSORS = ("CURSOR_EXPIRED", "CURSOR_UNKNOWN")
INTERRUPTED = 130
Ending = Callable[[Seen], Outcome | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """For `name` to come to its `ending`; `goes_on` tells what Ctrl-C leaves as it is."""

    server: Server
    name: str
    deployment_id: str
    rollout_id: str | None = None
    ending: Ending
    goes_on: str

    def outcome(self) -> tuple[Outcome, Seen]:
        """Raises typer.Exit where the user has had enough, Unreachable where the server is gone."""
        try:
            with shown(self.name) as show:
                return self._watched(show)
        except KeyboardInterrupt as enough:
            output.tell(f"No longer waiting. {self.goes_on}")
            raise typer.Exit(INTERRUPTED) from enough

    def _watched(self, show: Show) -> tuple[Outcome, Seen]:
        """Where events end, or their log is another by now, the deployment is read anew."""
        told: str | None = None
        while True:
            try:
                for seen in self._states(show):
                    if seen.deployment is not None:
                        show.state(seen.deployment)
                        hint = awaited(seen.deployment)
                        if hint and hint != told:
                            show.tell(hint)
                        told = hint
                    if ending := self.ending(seen):
                        return ending, seen
            except RequestFailed as failed:
                if failed.kind not in LOST_CURSORS:
                    raise
                show.tell("The event log is another now; reading the deployment anew.")

    def _states(self, show: Show) -> Iterator[Seen]:
        """The present first, then what each event leaves."""
        seen, cursor = self._present()
        yield seen
        line = Line(server=self.server, tell=show.tell)
        wanted = {"deploymentId": self.deployment_id}
        with closing(line.events(documents.PROGRESS, wanted, cursor)) as events:
            for event in events:
                show.event(event)
                seen = after(seen, event)
                yield seen

    def _present(self) -> tuple[Seen, str]:
        rollout_id = self.rollout_id
        if rollout_id is None:
            said = self.server.ask(documents.STATE, deploymentId=self.deployment_id)
            return Seen(deployment=said["modelDeployment"]), said["eventCursor"]
        said = self.server.ask(
            documents.ROLLOUT_STATE, deploymentId=self.deployment_id, rolloutId=rollout_id
        )
        return present(said["modelDeployment"], said["rollout"]), said["eventCursor"]


def present(deployment: Mapping[str, Any] | None, rollout: Mapping[str, Any] | None) -> Seen:
    if rollout is None:
        return Seen(deployment=deployment)
    groups = deployment["replicaGroups"] if deployment else []
    failing = [g for g in groups if g["revision"]["id"] == rollout["revision"]["id"]]
    return Seen(
        deployment=deployment,
        rollout_id=rollout["id"],
        rollout_status=rollout["status"],
        reason=rollout["statusReason"],
        message=rollout["statusMessage"],
        log_tail=tuple(line for found in failing for line in found["logTail"]),
    )


def after(seen: Seen, event: Mapping[str, Any]) -> Seen:
    """What is seen once the event has come."""
    seen = replace(seen, deployment=event["deployment"])
    if seen.rollout_id is None or event.get("rolloutId") != seen.rollout_id:
        return seen
    return replace(
        seen,
        rollout_status=ENDINGS.get(event["__typename"], seen.rollout_status),
        reason=event.get("reason"),
        message=event.get("message") or "",
        log_tail=tuple(event.get("logTail") or ()),
    )


def of_rollout(
    server: Server, deployment: Mapping[str, Any], live: Mapping[str, Any] | None
) -> Wait:
    """Until the rollout is over and its revision serves; without one until the deployment is ready."""
    name = deployment["name"]
    what = f"the rollout of revision {live['revision']['number']} to {name}" if live else name
    return Wait(
        server=server,
        name=name,
        deployment_id=deployment["id"],
        rollout_id=live["id"] if live else None,
        ending=ready,
        goes_on=f"{what[0].upper()}{what[1:]} goes on: `modelyard rollout status {name}` shows it, "
        f"`modelyard rollout abort {name}` ends it.",
    )
