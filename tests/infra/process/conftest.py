from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.replicas import Bench, World, a_world, running


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as made:
        yield made


@pytest.fixture
async def bench(world: World) -> AsyncIterator[Bench]:
    async with running(world) as made:
        yield made
