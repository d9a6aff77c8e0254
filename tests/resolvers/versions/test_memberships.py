"""Types that join an interface or a union later, as the index has them."""

import pytest

from resolvers.root import Schema
from schema import versions
from schema.versions import NEXT
from tests.support.shop import SHOP


@versions.interface(added="0.1.0")
class Heavy:
    weight: int


@versions.type(added="0.1.0", joins={"Heavy": "0.3.0"})
class Stone(Heavy):
    colour: str


@versions.type(added="0.1.0", joins={"Heavy": "0.3.0"})
class Brick(Heavy):
    weight: int = versions.field(description="It always had one.")


@versions.type(added="0.1.0")
class Query:
    stone: Stone
    brick: Brick


@versions.type(added="0.1.0", joins={"Heavy": "0.2.0"})
class Feather:
    weight: int


@versions.type(added="0.1.0")
class Wrong:
    feather: Feather
    heavy: Heavy


def test_a_membership_has_a_key_of_its_own() -> None:
    added = {name: each.added for name, each in SHOP.declarations.items()}
    assert added["Hat in Ware"] == "0.2.0"
    assert added["Hat implements Sized"] == "0.2.0"
    assert "Shirt in Ware" not in added


def test_what_a_type_gets_by_joining_is_as_new_as_that() -> None:
    added = {name: each.added for name, each in Schema(query=Query).declarations.items()}
    assert added["Stone.weight"] == "0.3.0"
    assert added["Stone.colour"] == "0.1.0"
    assert added["Brick.weight"] == "0.1.0"
    assert added["Brick implements Heavy"] == "0.3.0"
    assert added["Heavy.weight"] == "0.1.0"


def test_joining_what_it_is_no_member_of_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="Feather joins Heavy"):
        Schema(query=Wrong)


def test_the_newest_version_is_next_while_anything_is_not_released() -> None:
    assert SHOP.newest == NEXT
    assert Schema(query=Query).newest == "0.3.0"
    declared = {"A.b": versions.Declaration(added="0.1.0", deprecated=NEXT)}
    assert versions.newest(declared) == NEXT
