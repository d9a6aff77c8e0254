"""Whose headers, and whose an answer is, where the API server passes requests on."""

import json
from typing import Any

import pytest

from infra.k8s import proxied
from tests.support.pod_proxy import status

OWN = {"authorization": "Bearer cluster", "User-Agent": "modelyard"}
DIALLED = "error trying to reach service: dial tcp 10.0.0.7:8000: connect: connection refused"
STALE = "error trying to reach service: http: server closed idle connection"


def refusal(code: int, body: Any) -> Any:
    return proxied.refusal(code, body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (404, 'pods "a" not found'),
        (500, DIALLED),
        (503, DIALLED),
        (503, STALE),
        (500, "address not allowed"),
        (403, 'pods "a:8000" is forbidden'),
        (429, "too many requests"),
        (503, "the server is shutting down"),
    ],
)
def test_what_the_api_server_says_before_a_pod_heard_of_it_leaves_others_to_ask(
    code: int, message: str
) -> None:
    found = refusal(code, status(code, message))
    assert (found.is_unbegun, found.is_unknown) == (True, False)
    assert message in found.problem


@pytest.mark.parametrize("code", [500, 503])
@pytest.mark.parametrize(
    "problem", ["EOF", "read tcp 10.0.0.1:1->10.0.0.7:8000: read: connection reset by peer"]
)
def test_where_the_connection_to_the_pod_broke_nobody_knows_what_was_done(
    code: int, problem: str
) -> None:
    found = refusal(code, status(code, f"error trying to reach service: {problem}"))
    assert not found.is_unbegun


def test_who_is_not_known_can_say_anew_who_that_is() -> None:
    found = refusal(401, status(401, "Unauthorized", "Unauthorized"))
    assert (found.is_unbegun, found.is_unknown) == (True, True)


@pytest.mark.parametrize("code", [400, 401, 404, 429, 500, 502, 503])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Service Unavailable",
        b'{"error": {"message": "no"}}',
        b'["Status"]',
        b'{"kind": "Status"',
        {"kind": "Status", "status": "Failure"},
        {**status(503, "no"), "status": "Success"},
        {"error": status(503, "no")},
    ],
)
def test_an_engines_own_failures_are_its_own(code: int, body: Any) -> None:
    assert refusal(code, body) is None


def test_what_looks_like_a_refusal_and_is_no_failure_is_an_answer() -> None:
    assert refusal(200, status(500, DIALLED)) is None


def test_a_client_can_neither_be_somebody_else_nor_say_who_asks() -> None:
    asked = {
        "content-type": "application/json",
        "x-request-id": "r",
        "impersonate-user": "admin",
        "Impersonate-Group": "system:masters",
        "x-remote-user": "admin",
        "audit-id": "1",
        "Authorization": "Bearer client",
        "user-agent": "curl/8",
    }
    assert proxied.asked(asked, OWN) == {
        "content-type": "application/json",
        "x-request-id": "r",
        **OWN,
    }


@pytest.mark.parametrize(
    "kind", ["application/yaml", "application/vnd.kubernetes.protobuf", "application/cbor"]
)
def test_nobody_has_the_api_server_write_its_refusals_otherwise(kind: str) -> None:
    assert "accept" not in proxied.asked({"accept": f"{kind}, */*"}, OWN)
    kept = proxied.asked({"accept": "text/event-stream"}, OWN)
    assert kept["accept"] == "text/event-stream"


def test_of_an_answers_headers_the_engines_are_left() -> None:
    said = [
        ("Audit-Id", "1"),
        ("Cache-Control", "no-cache, private"),
        ("X-Kubernetes-Pf-Flowschema-Uid", "2"),
        ("Cache-Control", "no-store"),
        ("x-request-id", "r"),
    ]
    assert proxied.answered(said) == [("Cache-Control", "no-store"), ("x-request-id", "r")]
