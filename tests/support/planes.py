"""A control plane in a process of its own, to be killed: python -m tests.support.planes (a job as JSON).

It starts one replica, tells of it in a file once it is as wanted, and goes on until it is ended.
"""

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from domain.deployments.ports import Sight
from domain.deployments.replica import Replica
from tests.support.replicas import Bench, World, a_service, engine, running, written

ROOT = Path(__file__).parents[2]


@dataclass
class Plane:
    """`replica_id` of the one that it started, its port, and what it wrote down of its placement."""

    process: "subprocess.Popen[bytes]"
    replica_id: str
    port: int
    placement: dict[str, Any] | None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


async def a_plane(world: World, row: Replica, knobs: list[str], wanted: Sight) -> Plane:
    """Started on the world's data dir, for a replica whose row is there."""
    told = world.data_dir / f"told-{row.id}"
    job = {
        "data_dir": str(world.data_dir),
        "model": str(world.model),
        "installation": world.installation,
        "replica_id": row.id,
        "knobs": knobs,
        "wanted": wanted.value,
        "told": str(told),
    }
    command = [sys.executable, "-m", "tests.support.planes", json.dumps(job)]
    process = await asyncio.to_thread(
        subprocess.Popen, command, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    said = json.loads(await written(told))
    port = said["port"]
    world.ports.reserved[row.id, "m"] = port
    return Plane(process, row.id, port, said["placement"])


async def main(job: dict[str, Any]) -> None:
    world = World(
        data_dir=Path(job["data_dir"]),
        model=Path(job["model"]),
        installation=job["installation"],
    )
    async with running(world) as bench:
        await serve(bench, job)


async def serve(bench: Bench, job: dict[str, Any]) -> None:
    made = bench.row({"m": a_service(engine(*job["knobs"]))})
    row = replace(made, id=job["replica_id"])
    await bench.driver.start(row, bench.revision_of(row))
    observed = await bench.until(row, Sight(job["wanted"]))
    told = Path(job["told"])
    said = {"port": bench.world.ports.reserved[row.id, "m"], "placement": observed.placement}
    draft = told.with_suffix(".new")
    draft.write_text(json.dumps(said))
    draft.rename(told)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
