"""Views that are executed are built when they are asked for, once."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from resolvers.views import Views
from schema.versions import NEXT, Declaration
from tests.support.shop import SHOP


class Read(Mapping[str, Declaration]):
    """Declarations, and how often all of them were gone through."""

    def __init__(self) -> None:
        self.times = 0

    def __getitem__(self, key: str) -> Declaration:
        return SHOP.declarations[key]

    def __iter__(self) -> Iterator[str]:
        self.times += 1
        return iter(SHOP.declarations)

    def __len__(self) -> int:
        return len(SHOP.declarations)


def test_the_newest_is_the_whole_schema_and_nothing_is_built_for_it() -> None:
    read = Read()
    views = Views(SHOP.core, read)
    before = read.times
    assert views.at().schema is SHOP.core
    assert views.at(NEXT) is views.at(None)
    assert read.times == before


def test_a_view_is_built_once_whoever_asks_at_the_same_time() -> None:
    read = Read()
    views, ready = Views(SHOP.core, read), Barrier(8)
    before = read.times

    def ask(_: int) -> object:
        ready.wait()
        return views.at("0.1.0")

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(ask, range(8)))
    assert len(set(map(id, found))) == 1
    assert read.times - before == 1
    assert views.at("0.1.0") is found[0]
    assert read.times - before == 1


def test_a_version_that_has_all_shares_the_newests_plans() -> None:
    released = {name: each for name, each in SHOP.declarations.items() if each.added != NEXT}
    views = Views(SHOP.core, released)
    assert views.newest.version == "0.2.0"
    assert views.at("0.9.0").executor is views.newest.executor
    assert views.at("0.9.0").version == "0.9.0"
    assert views.at("0.1.0").executor is not views.newest.executor
