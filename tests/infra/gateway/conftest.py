from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.server import ToyApp, serving


@pytest.fixture
async def app() -> AsyncIterator[ToyApp]:
    async with serving(ToyApp()) as app:
        yield app


@pytest.fixture
async def client(app: ToyApp) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{app.url}/v1", timeout=30) as client:
        yield client
