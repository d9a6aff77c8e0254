"""Where replicas answer, as rows have it."""

from domain.deployments.replica import Endpoint
from infra.db.types import Document

STORED = Document(tuple[Endpoint, ...])
OLD = '[{"model": "m", "host": "127.0.0.1", "port": 20000}]'
NEWER = '[{"model": "m", "host": "127.0.0.1", "port": 20000, "pod": "n/a", "zone": "z"}]'


def test_rows_of_before_there_were_pods_are_read() -> None:
    assert STORED.read(OLD) == (Endpoint(model="m", host="127.0.0.1", port=20_000),)


def test_what_a_newer_server_says_besides_is_passed_over() -> None:
    where = Endpoint(model="m", host="127.0.0.1", port=20_000, pod="n/a")
    assert STORED.read(NEWER) == (where,)
