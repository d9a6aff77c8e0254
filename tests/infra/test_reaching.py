"""How a process reaches replicas."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.reaching import is_through_proxy, opened
from infra.settings import Settings
from tests.support.server import ROOT

PODS = {"driver": "kubernetes"}
ELSEWHERE = {"kubernetes_context": "other"}


def settings(**said: Any) -> Settings:
    return Settings(**said)


@pytest.fixture
def account(tmp_path: Path) -> Path:
    """Of a pod."""
    (tmp_path / "token").write_text("t")
    return tmp_path


def test_who_is_in_the_cluster_reaches_its_pods(account: Path) -> None:
    assert not is_through_proxy(settings(**PODS), account)


def test_who_is_outside_or_in_another_cluster_asks_the_api_server(
    account: Path, tmp_path: Path
) -> None:
    assert is_through_proxy(settings(**PODS), tmp_path / "nothing")
    assert is_through_proxy(settings(**PODS, **ELSEWHERE), account)


@pytest.mark.parametrize(("routing", "is_proxied"), [("pod", False), ("proxy", True)])
@pytest.mark.parametrize("where", ["inside", "outside"])
def test_what_is_said_is_done_wherever_it_is(
    account: Path, routing: str, where: str, *, is_proxied: bool
) -> None:
    place = account if where == "inside" else account / "nothing"
    assert is_through_proxy(settings(**PODS, kubernetes_routing=routing), place) is is_proxied


async def test_processes_are_asked_at_their_own_addresses(tmp_path: Path) -> None:
    async with opened(settings(kubernetes_routing="proxy"), tmp_path) as proxy:
        assert proxy is None


def test_nothing_of_the_cluster_is_loaded_before_a_request() -> None:
    script = (
        "import asyncio, sys\n"
        "from infra.reaching import opened\n"
        "from infra.settings import Settings\n"
        "async def main():\n"
        "    async with opened(Settings(driver='kubernetes', kubernetes_routing='proxy')) as proxy:\n"
        "        assert proxy is not None\n"
        "    assert 'kubernetes' not in sys.modules and 'aiohttp' not in sys.modules\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
