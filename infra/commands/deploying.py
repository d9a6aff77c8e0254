"""What `modelyard deploy` does, one step after the other; each is done only where it is not yet so."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import unquote

from infra.client import documents
from infra.client.errors import ChangeRefused
from infra.client.server import Server
from infra.commands import ends, waiting
from infra.commands.options import seek
from infra.output import say, say_json, tell

NAME_LIMIT = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploying:
    """`folder`, `revision`, `deployment` and `activation` are parts of the mutations' inputs, with
    what the user said and nothing else."""

    server: Server
    name: str
    uri: str | None
    folder: Mapping[str, Any]
    revision: Mapping[str, Any]
    deployment: Mapping[str, Any]
    activation: Mapping[str, Any]
    force: bool
    wait: bool
    as_json: bool

    def run(self) -> None:
        said = dict(self.revision)
        if self.uri is not None:
            said["modelFolder"] = {"folderId": self._folder(self.uri), **self.folder}
        found, created = self._deployment()
        said["deploymentId"] = found["id"]
        twin = None if self.force else self._twin(found, said)
        if twin is None:
            revision = self.server.change(documents.ADD, said)["revision"]
            for warning in revision["warnings"]:
                tell(f"{warning['code']}: {warning['message']} (at {warning['pointer']})")
        if not created:
            found = self._updated(found)
        if twin is not None:
            self._stays(found, twin)
            return
        wanted = {"revisionId": revision["id"], **self.activation}
        done = self.server.change(documents.ACTIVATE, wanted)
        self._end(done["deployment"], done["rollout"], revision, changed=True)

    def _folder(self, uri: str) -> str:
        """The registered folder's id; it is registered under its own name, or the next that is free."""
        known = self.server.ask(documents.FOLDERS, uri=uri)["modelFolders"]["nodes"]
        if known:
            return str(known[0]["id"])
        for attempt in count(1):
            name = folder_name(uri, self.name, attempt)
            try:
                made = self.server.change(documents.CREATE_FOLDER, {"name": name, "uri": uri})
            except ChangeRefused as refused:
                if {error["code"] for error in refused.errors} != {"NAME_TAKEN"}:
                    raise
            else:
                tell(f"Registered the model folder {name} ({made['folder']['uri']}).")
                return str(made["folder"]["id"])
        raise AssertionError

    def _deployment(self) -> tuple[dict[str, Any], bool]:
        """The deployment of the name, and whether it was made just now."""
        found = seek(self.server, self.name)
        if found is not None:
            return found, False
        made = self.server.change(documents.CREATE, {"name": self.name, **self.deployment})
        tell(f"Created the deployment {self.name}.")
        return made["deployment"], True

    def _updated(self, found: dict[str, Any]) -> dict[str, Any]:
        """With the replicas and the strategy that the user said, for the rollout to go by."""
        if not self.deployment:
            return found
        said = {"deploymentId": found["id"], **self.deployment}
        return dict(self.server.change(documents.UPDATE, said)["deployment"])

    def _twin(self, found: Mapping[str, Any], said: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The revision that runs, or is on its way, if the new one would be the same."""
        live = found["rollout"]
        runs = live["revision"] if live else found["activeRevision"]
        if runs is None:
            return None
        (preview,) = self.server.ask(documents.PREVIEW, input=said).values()
        return runs if preview["digest"] == runs["digest"] else None

    def _stays(self, found: dict[str, Any], twin: Mapping[str, Any]) -> None:
        live = found["rollout"]
        doing = "is rolling out" if live else "runs"
        tell(
            f"{self.name} {doing} this already, as revision {twin['number']}. (--force adds it anew.)"
        )
        self._end(found, live, twin, changed=False)

    def _end(
        self, found: dict[str, Any], live: Any, revision: Mapping[str, Any], *, changed: bool
    ) -> None:
        document = {
            "changed": changed,
            "deployment": found,
            "revision": revision,
            "rollout": live,
        }
        if self.wait:
            ended = waiting.of_rollout(self.server, found, live).outcome()
            what = f"revision {revision['number']} of {self.name}"
            ends.conclude(ended, what, document, as_json=self.as_json)
        elif self.as_json:
            say_json(document)
        elif changed:
            say(
                f"{self.name} goes to revision {revision['number']}; "
                f"`modelyard rollout status {self.name}` shows how."
            )


def folder_name(uri: str, otherwise: str, attempt: int) -> str:
    """What a folder is registered as: its own name, with a number from the second attempt on."""
    own = unquote(uri.rstrip("/").rpartition("/")[2]).lower()
    plain = re.sub(r"[^a-z0-9]+", "-", own).strip("-") or otherwise
    number = "" if attempt == 1 else f"-{attempt}"
    return plain[: NAME_LIMIT - len(number)].strip("-") + number
