"""How much a request's variables may hold."""

from typing import Any

import pytest

from infra.http.refusals import RequestRefused
from infra.http.requests import NESTING_LIMIT, VALUES_LIMIT, checked


def said(variables: Any) -> dict[str, Any]:
    return {"query": "{ viewer { actor } }", "variables": variables}


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_variables_within_the_limits_are_taken() -> None:
    for variables in (
        None,
        {},
        {"list": list(range(VALUES_LIMIT - 1))},
        {"deep": nested(NESTING_LIMIT - 1)},
    ):
        assert checked(said(variables)).variables == variables


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"list": list(range(VALUES_LIMIT))}, r"^The variables hold more than 10000 values\.$"),
        ({"maps": [{"name": "A", "value": "1"}] * VALUES_LIMIT}, "10000 values"),
        ({"deep": nested(NESTING_LIMIT)}, r"^The variables nest deeper than 64 levels\.$"),
        ({"deep": nested(100_000)}, "64 levels"),
    ],
)
def test_variables_beyond_the_limits_are_refused(variables: Any, problem: str) -> None:
    with pytest.raises(RequestRefused, match=problem) as refused:
        checked(said(variables))
    assert refused.value.status == 400
