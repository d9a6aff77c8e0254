"""The requests that a gateway has in its hands."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Flights:
    """`in_flight` and `batch` (those of the former that are batches') count by replica id, `held` and
    `arrived` by deployment id; zeros are left out.

    `changed` is called with each change, and the id of the replica whose last request ended with it;
    `online` with each change that is not a batch's.
    """

    def __init__(
        self, changed: Callable[[str | None], None], online: Callable[[], None] = lambda: None
    ) -> None:
        self.in_flight: Counter[str] = Counter()
        self.batch: Counter[str] = Counter()
        self.held: Counter[str] = Counter()
        self.arrived: Counter[str] = Counter()
        self._changed = changed
        self._online = online

    def arrive(self, deployment_id: str) -> None:
        self.arrived[deployment_id] += 1
        self._changed(None)

    @contextmanager
    def flight(self, replica_id: str) -> Iterator[None]:
        """From the choice of a replica to its answer's last byte, or whatever ends it."""
        try:
            with self._counted(replica_id):
                self._online()
                yield
        finally:
            self._online()

    @contextmanager
    def batch_flight(self, replica_id: str) -> Iterator[None]:
        """As `flight`, of a batch's request."""
        with self._counted(replica_id):
            self.batch[replica_id] += 1
            try:
                yield
            finally:
                _less(self.batch, replica_id)

    @contextmanager
    def hold(self, deployment_id: str) -> Iterator[None]:
        self.held[deployment_id] += 1
        self._changed(None)
        self._online()
        try:
            yield
        finally:
            _less(self.held, deployment_id)
            self._changed(None)
            self._online()

    def forget(self, gone: Callable[[str], bool]) -> None:
        """The arrivals of deployments that are gone."""
        for each in [each for each in self.arrived if gone(each)]:
            del self.arrived[each]

    @contextmanager
    def _counted(self, replica_id: str) -> Iterator[None]:
        self.in_flight[replica_id] += 1
        self._changed(None)
        try:
            yield
        finally:
            is_last = _less(self.in_flight, replica_id)
            self._changed(replica_id if is_last else None)


def _less(counts: Counter[str], id: str) -> bool:
    """Whether that was the last."""
    counts[id] -= 1
    if counts[id]:
        return False
    del counts[id]
    return True
