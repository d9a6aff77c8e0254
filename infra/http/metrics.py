"""What Prometheus scrapes; every application counts for itself."""

from collections.abc import Iterator, Sized
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from starlette.responses import Response


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.payloads = Counter(
            "modelyard_stream_payloads", "Payloads sent on streams.", registry=self.registry
        )
        self._refusals = Counter(
            "modelyard_requests_refused",
            "Requests refused before GraphQL saw them.",
            ["code"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "modelyard_operation_seconds",
            "GraphQL operations: query, mutation, subscription or invalid.",
            ["kind", "version"],
            registry=self.registry,
        )

    def watch(self, live: Sized) -> None:
        streams = Gauge(
            "modelyard_streams", "Sockets and HTTP streams open now.", registry=self.registry
        )
        streams.set_function(lambda: len(live))

    def refused(self, code: str) -> None:
        self._refusals.labels(code).inc()

    @contextmanager
    def timed(self, kind: str, version: str) -> Iterator[None]:
        """`version` is one that is served: whatever a client writes would be a label of its own."""
        began = perf_counter()
        try:
            yield
        finally:
            self._seconds.labels(kind, version).observe(perf_counter() - began)

    def page(self) -> Response:
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)
