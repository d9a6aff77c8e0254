"""What Prometheus is told of requests for inference."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from domain.gateway.route import Route

HUNG_UP = 499  # nginx's code for a client that did not wait
LABELS = ["project", "deployment"]
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


@dataclass(slots=True)
class Measured:
    """One request. Without a route nobody knows whose it was."""

    in_flight: Gauge
    route: Route | None = None
    code: int | None = None

    @property
    def labels(self) -> tuple[str, str]:
        return ("", "") if self.route is None else (self.route.project_id, self.route.name)

    def goes_to(self, route: Route) -> None:
        self.route = route
        self.in_flight.labels(*self.labels).inc()


class Measures:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "modelyard_inference_requests",
            "Requests for inference, by the HTTP status that they were answered with.",
            [*LABELS, "code"],
            registry=registry,
        )
        self._seconds = Histogram(
            "modelyard_inference_seconds",
            "Requests for inference, from the first byte to the last.",
            [*LABELS, "code"],
            buckets=SECONDS,
            registry=registry,
        )
        self._in_flight = Gauge(
            "modelyard_inference_in_flight",
            "Requests for inference that are not yet answered; waiting ones, too.",
            LABELS,
            registry=registry,
        )

    @contextmanager
    def measured(self) -> Iterator[Measured]:
        began = perf_counter()
        request = Measured(self._in_flight)
        try:
            yield request
        finally:
            code = str(request.code or HUNG_UP)
            self._requests.labels(*request.labels, code).inc()
            self._seconds.labels(*request.labels, code).observe(perf_counter() - began)
            if request.route is not None:
                self._in_flight.labels(*request.labels).dec()
