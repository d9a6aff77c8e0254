import pytest

from domain.access.access import Caller
from tests.support.build import OwnClock, a_caller
from tests.support.memory import MemoryStore
from tests.support.postman import Postman


@pytest.fixture
def moved() -> OwnClock:
    return OwnClock()


@pytest.fixture
def postman(moved: OwnClock) -> Postman:
    return Postman(MemoryStore(clock=moved), moved)


@pytest.fixture
def caller(postman: Postman) -> Caller:
    return a_caller(postman.store.default.id)
