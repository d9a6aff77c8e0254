"""Batches lose nothing and do nothing twice, whichever of their pods are deleted, and whenever.

MODELYARD_TEST_SEED says which pods and which moments.
"""

import os
from random import Random
from typing import Any

import pytest

from infra.k8s import objects
from tests.support.dedicated_jobs import Visitor
from tests.support.kill_jobs import Job, check
from tests.support.kubernetes_jobs import OURS, Yard, a_job, has_done, is_final, template

pytestmark = pytest.mark.kubernetes

SEED = int(os.environ.get("MODELYARD_TEST_SEED", "7"))
LINES = 1_000
SERVERS = 3  # one after the other; each but the last is killed
BLOWS = 4  # at pods, while each of them lives


@pytest.mark.parametrize("target", ["DEDICATED", "KUBERNETES_JOB"])
async def test_no_line_is_lost_or_answered_twice_whichever_pods_are_deleted(
    yard: Yard, target: str
) -> None:
    chance = Random(SEED)
    job = a_job("slow", LINES, target=target, maxConcurrency=20)
    job.padding = 9_000  # three shards
    moments = sorted(chance.sample(range(20, LINES - 100), SERVERS * BLOWS))
    struck: list[str] = []
    try:
        for turn in range(SERVERS):
            is_last = turn == SERVERS - 1
            async with yard.served(until_killed=not is_last) as visitor:
                if not job.id:
                    await template(visitor.api, "slow", yard.image)
                    await job.create(visitor.api.http)
                for moment in moments[turn * BLOWS : (turn + 1) * BLOWS]:
                    await strike(yard, visitor, job, moment, chance, struck)
                if is_last:
                    await check_end(yard, visitor, job, target)
        assert sum(not each.startswith("none") for each in struck) >= SERVERS
    except BaseException as error:
        error.add_note(f"MODELYARD_TEST_SEED={SEED}; {struck}")
        raise


async def strike(
    yard: Yard, visitor: Visitor, job: Job, moment: int, chance: Random, struck: list[str]
) -> None:
    """One pod, once so many lines are answered; `struck` tells what was done to which."""
    done = await has_done(visitor, job, moment)
    pods = await yard.place.pods(OURS)
    if not pods:
        struck.append(f"none at {done}")
        return
    pod = chance.choice(sorted(pods, key=objects.name))
    if is_evicted := chance.random() < 0.5:
        await yard.place.cluster.evict(yard.place.namespace, objects.name(pod))
    else:
        await yard.place.kill(pod)
    struck.append(f"{objects.name(pod)} {'evicted' if is_evicted else 'killed'} at {done}")


async def check_end(yard: Yard, visitor: Visitor, job: Job, target: str) -> None:
    end = await is_final(visitor, job)
    check(job, end)
    told: Any = end.shown["modelyard"]
    assert (end.shown["status"], end.errors, told["target"]) == ("completed", [], target)
    assert {line["response"]["modelyard"]["revision"] for line in end.output} == {1}
    await yard.place.is_empty()
