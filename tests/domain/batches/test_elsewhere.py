"""Other gateways' reports are read while somebody asks, and relied on while they are fresh."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from domain.batches.targets.elsewhere import EVERY, LASTS, Elsewhere
from domain.deployments.ports import GatewayReport
from domain.errors import StorageUnavailable
from domain.gateway.ports import NothingSleeps
from domain.signal import Signal
from tests.support.clock import TestClock
from tests.support.timer import TestTimer
from tests.support.yard import Lines


@dataclass
class Said:
    """Implements `Gateways`: two reports, one of them one's own."""

    looks: int = 0
    is_cut: bool = False
    in_flight: Counter[str] = field(default_factory=lambda: Counter(a=3))

    async def living(self, now: datetime) -> Sequence[GatewayReport]:
        self.looks += 1
        if self.is_cut:
            raise StorageUnavailable(where="the database", problem="the line is cut")
        own = {"position": 1, "held": {"d": 2}, "arrived": {}, "seen_at": now}
        batch = {"a": 1}
        return [
            GatewayReport(gateway=name, in_flight=self.in_flight, batch=batch, **own)  # type: ignore[arg-type]  # fields of several types
            for name in ("me", "other")
        ]

    async def report(self, report: GatewayReport) -> None:
        pytest.fail("whoever reads reports makes none")

    async def leave(self, gateway: str) -> None:
        pytest.fail("whoever reads reports does not leave")


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def timer() -> TestTimer:
    return TestTimer(TestClock())


@pytest.fixture
async def elsewhere(said: Said, timer: TestTimer) -> AsyncIterator[Elsewhere]:
    elsewhere = Elsewhere(
        gateways=said,
        own="me",
        sleepers=NothingSleeps(),
        clock=timer.clock,
        timer=timer,
        signal=Signal(),
        logger=Lines(),
    )
    async with elsewhere.running():
        await timer.pass_(0)
        yield elsewhere


async def test_ones_own_report_is_not_counted(elsewhere: Elsewhere) -> None:
    await elsewhere.fresh()
    assert (elsewhere.in_flight("a"), elsewhere.online("a"), elsewhere.held("d")) == (3, 2, 2)
    assert (elsewhere.in_flight("b"), elsewhere.online("b"), elsewhere.held("e")) == (0, 0, 0)


async def test_nobody_asks_and_nothing_is_read(
    elsewhere: Elsewhere, said: Said, timer: TestTimer
) -> None:
    await timer.pass_(60)
    assert said.looks == 0
    elsewhere.ask()
    await timer.pass_(60)
    assert said.looks == 1


async def test_each_half_second_is_read_while_somebody_waits(
    elsewhere: Elsewhere, said: Said, timer: TestTimer
) -> None:
    with elsewhere.asking():
        await timer.pass_(EVERY * 20)
    assert said.looks == pytest.approx(20, abs=2)
    looks = said.looks
    await timer.pass_(60)
    assert said.looks <= looks + 1


async def test_whoever_waits_hears_of_changes_and_of_nothing_else(
    elsewhere: Elsewhere, said: Said, timer: TestTimer
) -> None:
    with elsewhere.asking():
        await timer.pass_(EVERY)
        count = elsewhere.signal.count
        await timer.pass_(EVERY * 4)
        assert elsewhere.signal.count == count
        said.in_flight["a"] += 1
        said.in_flight = Counter(said.in_flight)
        await timer.pass_(EVERY)
        assert elsewhere.signal.count == count + 1


async def test_what_is_old_is_not_relied_on(
    elsewhere: Elsewhere, said: Said, timer: TestTimer
) -> None:
    await elsewhere.fresh()
    said.is_cut = True
    with elsewhere.asking():
        await timer.pass_(LASTS - 1)
        assert _is_known(elsewhere)
        await timer.pass_(1)
        assert not _is_known(elsewhere)
        with pytest.raises(StorageUnavailable):
            await elsewhere.fresh()
        said.is_cut = False
        count = elsewhere.signal.count
        await timer.pass_(EVERY)
        assert _is_known(elsewhere)
        assert elsewhere.signal.count == count + 1


def _is_known(elsewhere: Elsewhere) -> bool:
    return elsewhere.is_known
