from itertools import pairwise

import pytest

from domain.definitions.definition import HealthCheck, Service
from domain.deployments import health
from domain.deployments.health import Health, after, pause
from domain.deployments.ports import Sight

CHECK = HealthCheck(interval=10, max_retries=3, initial_delay=60)
NONE = ""
BAD = "it answered 500"


def told(probes: list[tuple[float, str]], check: HealthCheck = CHECK) -> Health:
    state = Health()
    for at, problem in probes:
        state = after(state, check, at, problem)
    return state


def sight(probes: list[tuple[float, str]], check: HealthCheck = CHECK) -> Sight:
    return health.sight([told(probes, check)], [check])


def test_one_good_probe_is_healthy_however_many_failed_before() -> None:
    assert sight([(1, BAD), (2, BAD), (3, NONE)]) is Sight.HEALTHY


def test_failures_in_the_grace_after_the_start_do_not_count() -> None:
    assert sight([(at, BAD) for at in range(60)]) is Sight.RUNNING


def test_failures_after_the_grace_count_once_an_interval() -> None:
    quick = [(60 + n / 2, BAD) for n in range(40)]
    assert told(quick).failures == 2
    assert sight(quick) is Sight.RUNNING
    assert sight([*quick, (80, BAD)]) is Sight.FAILING


def test_as_many_failures_as_the_check_bears_are_failing() -> None:
    once_healthy = [(1, NONE)]
    assert sight([*once_healthy, (11, BAD), (21, BAD)]) is Sight.HEALTHY
    assert sight([*once_healthy, (11, BAD), (21, BAD), (31, BAD)]) is Sight.FAILING


def test_failures_are_counted_in_a_row() -> None:
    assert sight([(1, NONE), (11, BAD), (21, BAD), (31, NONE), (41, BAD)]) is Sight.HEALTHY


def test_the_grace_is_over_once_it_was_healthy() -> None:
    check = HealthCheck(interval=1, max_retries=1, initial_delay=60)
    assert sight([(1, NONE), (2, BAD)], check) is Sight.FAILING


def test_a_failing_one_recovers() -> None:
    assert sight([(1, NONE), *((at, BAD) for at in (11, 21, 31)), (41, NONE)]) is Sight.HEALTHY


@pytest.mark.parametrize("retries", [0, 1])
def test_a_check_that_bears_nothing_fails_at_once(retries: int) -> None:
    check = HealthCheck(interval=1, max_retries=retries, initial_delay=0)
    assert sight([(0.5, BAD)], check) is Sight.FAILING


def test_probes_are_frequent_at_first_and_get_rarer() -> None:
    pauses = [pause(Health(), CHECK, at) for at in (0, 1, 5, 30, 60, 100, 300, 3600)]
    assert pauses[0] <= 0.05
    assert all(each <= 0.5 for each in pauses[:5])
    assert all(first <= second for first, second in pairwise(pauses))
    assert pauses[-1] == CHECK.interval


def test_a_pause_is_never_longer_than_the_interval() -> None:
    check = HealthCheck(interval=0.2)
    assert pause(Health(), check, 30) == 0.2
    assert pause(told([(1, NONE)]), CHECK, 30) == CHECK.interval


def test_a_replica_is_as_healthy_as_its_worst_model() -> None:
    good, new = told([(1, NONE)]), Health()
    bad = told([(1, NONE), (11, BAD), (21, BAD), (31, BAD)])
    assert health.sight([good, good], [CHECK, CHECK]) is Sight.HEALTHY
    assert health.sight([good, new], [CHECK, CHECK]) is Sight.RUNNING
    assert health.sight([new, bad], [CHECK, CHECK]) is Sight.FAILING


def test_a_service_without_a_check_is_only_connected_to() -> None:
    assert health.check_of(Service(port=1)).enable is False
    assert health.check_of(Service(port=1, health_check=CHECK)) is CHECK
