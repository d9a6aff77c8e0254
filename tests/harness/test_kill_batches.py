"""Batch jobs lose nothing and do nothing twice, whoever is killed or stopped, and whenever.

MODELYARD_TEST_SEED says which moments, MODELYARD_TEST_SOAK for how many minutes in all it goes on with
new ones (`make soak`); without it each setup tells its story once.
"""

import logging
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from itertools import count
from pathlib import Path
from random import Random
from time import monotonic

import pytest

from tests.support.fleet import Fleet
from tests.support.kill_story import LEASE, Story
from tests.support.kill_watch import watching
from tests.support.marking import marking_engine
from tests.support.postgres import Databases

LOGGER = logging.getLogger(__name__)
SEED = int(os.environ.get("MODELYARD_TEST_SEED", "7"))
SOAK = float(os.environ.get("MODELYARD_TEST_SOAK", "0"))
SETUPS = 3
PHASES = {
    "upload",
    "validating",
    "running",
    "committing",
    "finalizing",
    "teardown",
    "cancelling",
    "expiring",
    "provisioning",
    "cancelling a dedicated one",
}
LEAST_BLOWS = 16  # in each of three setups: more than thirty in all


async def story(place: Path, database: str | None, workers: int, seed: int) -> Story:
    """`database` is PostgreSQL's URL; None is SQLite."""
    place.mkdir()
    env = {"MODELYARD_BATCH_LEASE": str(LEASE)}
    if database is not None:
        env["MODELYARD_DATABASE_URL"] = database
    fleet = Fleet(place, env, workers)
    file = fleet.storage / "modelyard.db"
    watched = watching(database or f"sqlite+aiosqlite:///{file}")
    async with marking_engine() as engine, fleet.running(), watched as watch:
        told = Story(fleet, engine, watch, Random(seed))
        try:
            await told.tell()
        except BaseException as error:
            blows = "\n".join(map(str, fleet.blows))
            jobs = "\n".join([await told.described(job) for job in told.jobs])
            seeded = f"MODELYARD_TEST_SEED={seed}"
            error.add_note(f"{seeded}; the blows:\n{blows}\nthe jobs:\n{jobs}\n{fleet.logs()}")
            raise
    return told


@pytest.fixture(params=["sqlite", "postgres"])
def new_database(
    request: pytest.FixtureRequest,
) -> Callable[[], AbstractContextManager[str | None]]:
    if request.param == "sqlite":
        return nullcontext
    databases: Databases = request.getfixturevalue("databases")
    template: str = request.getfixturevalue("postgres_template")
    return lambda: databases.cloned(template)


@pytest.mark.parametrize(
    ("new_database", "workers"),
    [("sqlite", 0), ("postgres", 0), ("postgres", 2)],
    indirect=["new_database"],
)
async def test_nothing_is_lost_or_doubled_or_left_whoever_dies(
    new_database: Callable[[], AbstractContextManager[str | None]], workers: int, tmp_path: Path
) -> None:
    until = monotonic() + 60 * SOAK / SETUPS
    for seed in count(SEED):
        with new_database() as database:
            told = await story(tmp_path / str(seed), database, workers, seed)
        LOGGER.info("seed %d: %s", seed, told.counts())
        assert told.hits == PHASES
        assert len(told.fleet.blows) >= LEAST_BLOWS
        if monotonic() >= until:
            break
