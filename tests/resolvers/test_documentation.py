"""What the documentation shows of the API is valid as it stands there."""

import re
from pathlib import Path

import pytest
from graphql import OperationDefinitionNode, parse, validate
from graphql.language import DocumentNode

from resolvers.estimates import estimates
from resolvers.root import build_schema
from resolvers.sizes import Sizes

ROOT = Path(__file__).parents[2]
SHOWN = re.compile(r"^```graphql\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLES = [
    (page.name, example)
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    for example in SHOWN.findall(page.read_text())
]


@pytest.mark.parametrize(("page", "example"), EXAMPLES, ids=[page for page, _ in EXAMPLES])
def test_each_example_is_valid(page: str, example: str) -> None:
    schema = build_schema().core
    for operation in parse(example).definitions:
        assert isinstance(operation, OperationDefinitionNode)
        assert validate(schema, DocumentNode(definitions=(operation,))) == []


def test_the_example_of_a_cost_costs_what_it_says() -> None:
    [example] = [text for page, text in EXAMPLES if page == "limits.md"]
    (estimate,) = estimates(parse(example), Sizes(build_schema().core)).values()
    assert estimate.cost({"n": 50}).fields == int(example.rsplit("#", 1)[1])
