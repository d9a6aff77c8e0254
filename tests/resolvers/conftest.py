import pytest

from resolvers.root import Schema, build_schema
from tests.support.graph import Graph
from tests.support.house import House


@pytest.fixture(scope="session")
def schema() -> Schema:
    return build_schema()


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def graph(schema: Schema, house: House) -> Graph:
    return Graph(schema, house)
