from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.definitions.definition import HealthCheck
from domain.deployments.reason import Reason
from infra.k8s.manifests.probes import MOST, probes
from infra.k8s.manifests.refusal import CantStart
from tests.support.k8s import a_model


def of(check: HealthCheck | None, port: int = 8000) -> tuple[dict[str, Any], dict[str, Any]]:
    """The startup and the readiness probe."""
    model = a_model(health_check=check, port=port)
    assert model.service is not None
    made = probes(model, model.service)
    assert set(made) == {"startupProbe", "readinessProbe"}
    return dict(made["startupProbe"]), dict(made["readinessProbe"])


def test_a_check_is_asked_over_http_at_its_own_path_and_port() -> None:
    check = HealthCheck(
        path="/v1/health", interval=5, max_retries=3, max_wait_time=2.5, initial_delay=20
    )
    get = {"httpGet": {"path": "/v1/health", "port": 9001, "scheme": "HTTP"}}
    starting, ready = of(check, port=9001)
    assert ready == {**get, "periodSeconds": 5, "timeoutSeconds": 3, "failureThreshold": 3}
    assert starting == {**get, "periodSeconds": 1, "timeoutSeconds": 3, "failureThreshold": 35}


@pytest.mark.parametrize("check", [None, HealthCheck(enable=False, path="/x", initial_delay=60)])
def test_without_a_check_a_connection_is_enough(check: HealthCheck | None) -> None:
    for probe in of(check):
        assert probe["tcpSocket"] == {"port": 8000}
        assert "httpGet" not in probe
    assert of(check)[0]["failureThreshold"] * of(check)[0]["periodSeconds"] == 160


@pytest.mark.parametrize(
    ("said", "period", "threshold"),
    [
        ({"initial_delay": 0, "interval": 1, "max_retries": 0}, 1, 1),
        ({"initial_delay": 0, "interval": 0.1, "max_retries": 3}, 1, 1),
        ({"initial_delay": 20.5, "interval": 10, "max_retries": 1}, 1, 31),
        ({"initial_delay": 300, "interval": 10, "max_retries": 10}, 2, 200),
        ({"initial_delay": 300, "interval": 1, "max_retries": 1}, 1, 301),
        ({"initial_delay": 1e9, "interval": 1e9, "max_retries": 1_000_000}, 2, MOST),
    ],
)
def test_a_start_may_take_its_delay_and_the_failures_after_it(
    said: dict[str, Any], period: int, threshold: int
) -> None:
    starting, _ = of(HealthCheck(**said))
    assert (starting["periodSeconds"], starting["failureThreshold"]) == (period, threshold)


@pytest.mark.parametrize(
    ("interval", "period"), [(0.1, 1), (1.4, 1), (2.6, 3), (1e9, 1_000_000_000)]
)
def test_a_readiness_probe_comes_once_an_interval(interval: float, period: int) -> None:
    assert of(HealthCheck(interval=interval))[1]["periodSeconds"] == period


@given(
    st.builds(
        HealthCheck,
        interval=st.floats(0.01, 1e9),
        max_retries=st.integers(0, 1_000_000),
        initial_delay=st.floats(0, 1e9),
        max_wait_time=st.floats(0.01, 1e9),
    )
)
@settings(max_examples=50)
def test_any_check_makes_probes_that_a_kubelet_takes(check: HealthCheck) -> None:
    starting, ready = of(check)
    for probe in (starting, ready):
        for name in ("periodSeconds", "timeoutSeconds", "failureThreshold"):
            assert type(probe[name]) is int
            assert 1 <= probe[name] <= MOST
    allowed = check.initial_delay + check.interval * max(check.max_retries, 1)
    budget = starting["periodSeconds"] * starting["failureThreshold"]
    assert budget >= min(allowed, MOST)
    assert budget < allowed + 3 or allowed < 1


@pytest.mark.parametrize("status", [100, 199, 400, 503])
def test_a_status_that_no_kubelet_takes_for_health_is_refused(status: int) -> None:
    with pytest.raises(CantStart, match=f"status {status}.*200 to 399") as refused:
        of(HealthCheck(expected_status_code=status))
    assert refused.value.reason is Reason.START_FAILED
    assert of(HealthCheck(expected_status_code=status, enable=False))


@pytest.mark.parametrize("status", [200, 204, 399])
def test_a_status_that_it_takes_is_left_to_it(status: int) -> None:
    assert "httpGet" in of(HealthCheck(expected_status_code=status))[0]
