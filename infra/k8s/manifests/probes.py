"""The kubelet's probes from a health check.

It counts in whole seconds. A replica that was never ready is ended by the kubelet when its budget is used
up; one that was is only told of: what is not ready is drained and replaced by the control plane, so there
is no liveness probe.
"""

from collections.abc import Mapping
from math import ceil
from typing import Any

from domain.definitions.definition import HealthCheck, Model, Service
from domain.deployments import health
from domain.deployments.reason import Reason
from infra.k8s.manifests.refusal import CantStart

TAKEN = range(200, 400)  # what a kubelet takes for success
OFTEN, SELDOM = 1, 2  # seconds between the looks at a replica that starts
OFTEN_FOR = 120.0  # seconds that a start may take to be looked at so often
MOST = 2**31 - 1  # of any number in a probe


def probes(model: Model, service: Service) -> Mapping[str, Mapping[str, Any]]:
    """The startup and the readiness probe. Raises CantStart for a status that no kubelet can expect."""
    check = health.check_of(service)
    action = _action(model, service.port, check)
    timeout = _whole(ceil(check.max_wait_time))
    interval = _whole(round(check.interval))
    budget = check.initial_delay + check.interval * health.borne(check)
    period = min(OFTEN if budget <= OFTEN_FOR else SELDOM, interval)
    return {
        "startupProbe": {
            **action,
            "periodSeconds": period,
            "timeoutSeconds": timeout,
            "failureThreshold": _whole(ceil(budget / period)),
        },
        "readinessProbe": {
            **action,
            "periodSeconds": interval,
            "timeoutSeconds": timeout,
            "failureThreshold": _whole(health.borne(check)),
        },
    }


def _action(model: Model, port: int, check: HealthCheck) -> Mapping[str, Any]:
    if not check.enable:
        return {"tcpSocket": {"port": port}}
    expected = check.expected_status_code
    if expected not in TAKEN:
        says = (
            f"{model.name}: its health check expects status {expected}, and on Kubernetes only "
            f"{TAKEN[0]} to {TAKEN[-1]} can be. Have it answer 200, or set the health check to null: then "
            "a replica is ready when its port accepts a connection."
        )
        raise CantStart(Reason.START_FAILED, says)
    return {"httpGet": {"path": check.path, "port": port, "scheme": "HTTP"}}


def _whole(seconds: float) -> int:
    return int(min(max(seconds, 1), MOST))
