"""What the command line lets through is what the API takes."""

from domain.deployments.replicas import TAIL_LIMIT
from infra.commands.logs import MOST
from schema.replicas import MOST_TAIL


def test_as_many_lines_can_be_asked_for_as_the_api_gives() -> None:
    assert MOST == MOST_TAIL == TAIL_LIMIT
