"""What gateways report, on the fake and on each database."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from domain.deployments.ports import GATEWAY_LIVES, GatewayReport
from tests.conftest import AnyStore
from tests.support.builders import NOON


def a_report(**said: Any) -> GatewayReport:
    counts = {"in_flight": {"r1": 2}, "held": {}, "arrived": {"d1": 9, "d2": 1}}
    return GatewayReport(**{"gateway": "g", "position": 5, "seen_at": NOON, **counts, **said})


async def test_the_last_report_of_each_is_kept(store: AnyStore) -> None:
    assert await store.gateways.living(NOON) == []
    other, first = a_report(gateway="h", position=2**40), a_report()
    second = replace(first, position=6, in_flight={}, held={"d1": 1}, arrived={"d1": 10})
    for report in (other, first, second):
        await store.gateways.report(report)
    assert await store.gateways.living(NOON) == [second, other]


async def test_a_gateway_that_stopped_reporting_is_gone(store: AnyStore) -> None:
    quiet, lively = a_report(), a_report(gateway="h", seen_at=NOON + timedelta(seconds=1))
    await store.gateways.report(quiet)
    await store.gateways.report(lively)
    assert await store.gateways.living(NOON + GATEWAY_LIVES) == [quiet, lively]
    later = NOON + GATEWAY_LIVES + timedelta(milliseconds=1)
    assert await store.gateways.living(later) == [lively]
    assert await store.gateways.sweep(later) == 1
    assert await store.gateways.sweep(later) == 0
    assert await store.gateways.living(NOON) == [lively]
    await store.gateways.report(replace(quiet, seen_at=later))
    assert len(await store.gateways.living(later)) == 2


async def test_a_gateway_that_leaves_is_gone_at_once(store: AnyStore) -> None:
    await store.gateways.report(a_report())
    await store.gateways.leave("g")
    await store.gateways.leave("g")
    assert await store.gateways.living(NOON) == []
