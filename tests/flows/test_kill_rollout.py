"""The server killed at seeded moments of rollouts: every replica that it left is found again, once.

MODELYARD_TEST_KILLS says how often, MODELYARD_TEST_SEED which moments.
"""

import asyncio
import json
import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
import psutil
import pytest

from infra.process.processes import MARK
from tests.support.api import Api, a_client
from tests.support.load import stands
from tests.support.server import Running, running

KILLS = int(os.environ.get("MODELYARD_TEST_KILLS", "4"))
SEED = int(os.environ.get("MODELYARD_TEST_SEED", "7"))
ENGINE = Path(__file__).parents[1] / "support/engines/engine.py"
LATEST = 1.5  # seconds after a user's wish
DESIRED = 3
LOOKS = 300


@dataclass
class Harness:
    """A deployment whose user goes on wishing, over all of the server's lives."""

    random: Random
    place: Path
    deployment: str = ""
    revisions: list[str] = field(default_factory=list)

    async def live(self, server: Running) -> None:
        """A wish, and the end of the server while it is being fulfilled."""
        async with a_client(server.url) as api:
            moment = self.random.uniform(0, LATEST)
            asyncio.get_running_loop().call_later(
                moment, server.process.send_signal, signal.SIGKILL
            )
            with suppress(httpx.TransportError):
                await self._wish(api)
            assert await asyncio.to_thread(server.process.wait, 60.0) == -signal.SIGKILL

    async def _wish(self, api: Api) -> None:
        match self.random.choice(["activate", "activate", "scale", "back"]):
            case "activate":
                await self.activate(api)
            case "scale":
                said = {"deploymentId": self.deployment, "desiredReplicas": self._some()}
                await api.change("scaleModelDeployment", said)
            case _:
                wanted = self.random.choice(self.revisions)
                await api.change("activateModelRevision", {"revisionId": wanted})

    def _some(self) -> int:
        return self.random.randint(1, 2 * DESIRED)

    async def activate(self, api: Api) -> None:
        knobs = self.random.choice([[], ["ignore=TERM"], ["title=yes"], ["clean=yes"]])
        command = ["python", str(ENGINE), "{port}", *knobs]
        check = {"interval": 0.2, "maxRetries": 3, "maxWaitTime": 5, "initialDelay": 60}
        service = {
            "startCommand": command,
            "healthCheck": check,
            "preStartActions": self._actions(),
        }
        revision = await api.revision(
            self.deployment, modelDefinition={"models": [{"service": service}]}
        )
        self.revisions.append(revision["id"])
        await api.change("activateModelRevision", {"revisionId": revision["id"]})

    def _actions(self) -> list[Any]:
        command = {"command": f"sleep {self.random.choice([0, 0.3])}"}
        return [{"action": "RUN_COMMAND", "args": command}]

    async def check(self) -> None:
        """That processes, rows and ports say the same, once what leaves is gone."""
        processes, rows, ports = self._seen()
        for _ in range(LOOKS):
            if processes == rows:
                break
            await asyncio.sleep(0.1)
            processes, rows, ports = self._seen()
        assert processes == rows
        assert ports == Counter(rows.keys())

    def _seen(self) -> tuple[dict[str, list[int]], dict[str, list[int]], "Counter[str]"]:
        """By replica: its processes, those that its row names, and how many ports it has."""
        with sqlite3.connect(self.place / "modelyard.db") as connection:
            installation = connection.execute("SELECT name FROM installation").fetchone()[0]
            rows = dict(
                connection.execute(
                    "SELECT id, placement FROM replicas WHERE status <> 'exited'"
                ).fetchall()
            )
            ports = Counter(
                replica
                for (replica,) in connection.execute(
                    "SELECT replica_id FROM place_ports JOIN replicas ON replicas.id = replica_id"
                    " WHERE status <> 'exited'"
                )
            )
        pids = {
            replica: [each["pid"] for each in json.loads(placement)["processes"]]
            for replica, placement in rows.items()
            if placement
        }
        return sessions(installation, pids), pids, ports


def sessions(installation: str, known: dict[str, list[int]]) -> dict[str, list[int]]:
    """The leaders of the sessions that replicas have, by the mark or, without one, by their pid."""
    owners = {pid: replica for replica, pids in known.items() for pid in pids}
    found: dict[str, list[int]] = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            owner, _, replica = process.environ().get(MARK, "").partition(":")
            if owner != installation:
                replica = owners.get(process.pid, "")
            if replica and os.getsid(process.pid) == process.pid:
                found.setdefault(replica, []).append(process.pid)
    return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    with running(tmp_path / "data", "--stop-replicas", env={"MODELYARD_STOP_GRACE": "1s"}):
        pass


async def test_a_server_killed_amid_rollouts_leaves_no_orphan_and_loses_no_replica(
    place: Path,
) -> None:
    harness = Harness(Random(SEED), place)
    env = {"MODELYARD_STOP_GRACE": "1s", "MODELYARD_DRAIN_TIMEOUT": "5s"}
    for kill in range(KILLS + 1):
        with running(place, env=env) as server:
            async with a_client(server.url) as api:
                if kill == 0:
                    harness.deployment = await api.deployment("a")
                    said = {"deploymentId": harness.deployment, "desiredReplicas": DESIRED}
                    await api.change("scaleModelDeployment", said)
                    await harness.activate(api)
                    await stands(api, harness.deployment, "READY")
                elif kill % 2 == 0 or kill == KILLS:
                    await stands(api, harness.deployment, "READY")
                    await harness.check()
            if kill < KILLS:
                await harness.live(server)
