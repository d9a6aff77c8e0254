"""Batch jobs lose nothing and do nothing twice, whoever is killed or stopped, and whenever.

MODELYARD_TEST_SEED says which moments, MODELYARD_TEST_SOAK for how many minutes each setup goes on with
new ones (`make soak`); without it each tells its story once.
"""

import os
from pathlib import Path
from random import Random
from time import monotonic

import pytest

from tests.support.fleet import Fleet
from tests.support.kill_story import LEASE, Story, watching
from tests.support.marking import marking_engine

SEED = int(os.environ.get("MODELYARD_TEST_SEED", "7"))
SOAK = float(os.environ.get("MODELYARD_TEST_SOAK", "0"))
PHASES = {
    "upload",
    "validating",
    "running",
    "finalizing",
    "teardown",
    "cancelling",
    "expiring",
    "provisioning",
}
LEAST_BLOWS = 14  # in each of three setups: more than thirty in all


async def story(
    place: Path, env: dict[str, str], url: str | None, workers: int, seed: int
) -> Story:
    place.mkdir()
    fleet = Fleet(place, {**env, "MODELYARD_BATCH_LEASE": str(LEASE)}, workers)
    database = url or f"sqlite+aiosqlite:///{fleet.data_dir / 'modelyard.db'}"
    async with marking_engine() as engine, fleet.running(), watching(database) as watch:
        told = Story(fleet, engine, watch, Random(seed))
        try:
            await told.tell()
        except BaseException as error:
            blows = "\n".join(map(str, fleet.blows))
            error.add_note(f"MODELYARD_TEST_SEED={seed}; the blows:\n{blows}\n{fleet.logs()}")
            raise
    return told


@pytest.mark.parametrize(("kind", "workers"), [("sqlite", 0), ("postgres", 0), ("postgres", 2)])
async def test_nothing_is_lost_or_doubled_or_left_whoever_dies(
    kind: str, workers: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    until, seed = monotonic() + 60 * SOAK, SEED
    hits: set[str] = set()
    blows = 0
    while True:
        url = request.getfixturevalue("postgres_url") if kind == "postgres" else None
        env = {} if url is None else {"MODELYARD_DATABASE_URL": url}
        told = await story(tmp_path / str(seed), env, url, workers, seed)
        hits |= told.hits
        blows += len(told.fleet.blows)
        seed += 1
        if monotonic() >= until:
            break
    assert hits == PHASES
    assert blows >= LEAST_BLOWS
