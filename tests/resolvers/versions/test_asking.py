"""Operations under views: what goes in, and what comes out."""

import asyncio
from typing import Any

import pytest

from schema.versions import NEXT
from tests.support.shop import Counter

WARES = "{ wares { __typename ... on Shirt { size colours } } }"
EVERY = ("0.1.0", "0.2.0", NEXT)
TYPE = "{ __type(name: %s) { name fields { name } enumValues { name } possibleTypes { name } } }"


@pytest.fixture
def counter() -> Counter:
    return Counter()


def codes(answer: Any) -> list[str]:
    return [error["extensions"]["code"] for error in answer["errors"]]


def plans(counter: Counter, version: str) -> list[Any]:
    executor: Any = counter.find(WARES, version).view.executor
    return [plan for each in executor.plans._known.values() for plan in each.plans.values()]


@pytest.mark.parametrize(
    ("version", "colours"),
    [
        ("0.1.0", [["RED", "RED"], ["RED"]]),
        ("0.2.0", [["BLUE", "RED"], ["BLUE"]]),
        (NEXT, [["TEAL", "RED"], ["BLUE"]]),
    ],
)
async def test_newer_values_in_nested_lists_come_out_as_older_ones(
    counter: Counter, version: str, colours: Any
) -> None:
    query = "{ hat { colours } }"
    for _ in range(4):  # by graphql-core's own path, then by a plan
        assert await counter.ask(query, version) == {"data": {"hat": {"colours": colours}}}
    [plan] = plans(counter, version)
    assert plan is not None


@pytest.mark.parametrize(
    ("version", "kinds"),
    [("0.1.0", ["Shirt", "Shirt"]), ("0.2.0", ["Shirt", "Hat"]), (None, ["Shirt", "Hat"])],
)
async def test_a_member_that_joined_comes_out_as_the_one_before(
    counter: Counter, version: str | None, kinds: list[str]
) -> None:
    for _ in range(4):
        data = (await counter.ask(WARES, version))["data"]
        assert [each["__typename"] for each in data["wares"]] == kinds
        sized = (await counter.ask("{ sized { __typename size } }", version))["data"]["sized"]
        assert [each["__typename"] for each in sized] == kinds[::-1]
        assert [each["size"] for each in sized] == [2, 1]
    if version == "0.1.0":
        assert data["wares"][1] == {
            "__typename": "Shirt",
            "size": 2,
            "colours": [["RED", "RED"], ["RED"]],
        }


async def test_members_are_followed_back_until_one_is_old_enough(counter: Counter) -> None:
    query = "{ complaints { __typename message } }"
    for version, last in zip(
        EVERY, ("PlainComplaint", "PriceComplaint", "CurrencyComplaint"), strict=True
    ):
        for _ in range(3):
            told = (await counter.ask(query, version))["data"]["complaints"]
            assert [each["message"] for each in told] == ["a", "b", "c"]
            assert told[2]["__typename"] == last


@pytest.mark.parametrize(
    "query",
    [
        "{ discount }",
        "{ complaints { ... on PriceComplaint { price } } }",
        "fragment F on PriceComplaint { price } { complaints { ...F } }",
        "{ wares { ... on Hat { brim } } }",
        "{ hat { brim } }",
        "{ hat { size } }",
        "{ granted(wish: { brim: 1 }) }",
        "{ granted(wish: {}, coats: 2) }",
        "{ granted(wish: { colour: BLUE }) }",
        "query($c: Colour = BLUE) { granted(wish: { colour: $c }) }",
    ],
)
async def test_what_is_newer_is_no_part_of_an_older_views_document(
    counter: Counter, query: str
) -> None:
    answer = await counter.ask(query, "0.1.0")
    assert set(codes(answer)) == {"GRAPHQL_VALIDATION_FAILED"}
    assert "data" not in answer
    assert counter.find(query, "0.2.0").errors == ()


@pytest.mark.parametrize("wish", [{"brim": 1}, {"colour": "BLUE"}, {"colour": None, "brim": None}])
async def test_what_is_newer_is_no_part_of_an_older_views_variables(
    counter: Counter, wish: Any
) -> None:
    query = "query($w: Wish!) { granted(wish: $w) }"
    answer = await counter.ask(query, "0.1.0", w=wish)
    assert codes(answer) == ["GRAPHQL_VALIDATION_FAILED"]
    assert "data" in await counter.ask(query, "0.2.0", w=wish)


async def test_what_an_older_view_can_say_means_what_it_always_meant(counter: Counter) -> None:
    query = "query($w: Wish!) { granted(wish: $w) }"
    for version in EVERY:
        answer = await counter.ask(query, version, w={"colour": "RED"})
        assert answer == {"data": {"granted": "Colour.RED None 1"}}


async def test_no_suggestion_names_what_the_view_lacks(counter: Counter) -> None:
    assert "discount" in str(await counter.ask("{ discoun }", "0.2.0"))
    assert "discount" not in str(await counter.ask("{ discoun }", "0.1.0"))
    blu = "{ granted(wish: { colour: BLU }) }"
    assert "BLUE" in str(await counter.ask(blu, "0.2.0"))
    assert "BLUE" not in str(await counter.ask(blu, "0.1.0"))


async def test_introspection_is_the_views(counter: Counter) -> None:
    async def told(name: str, version: str) -> Any:
        return (await counter.ask(TYPE % f'"{name}"', version))["data"]["__type"]

    assert await told("PriceComplaint", "0.1.0") is None
    assert (await told("PriceComplaint", "0.2.0"))["name"] == "PriceComplaint"
    assert [each["name"] for each in (await told("Colour", "0.1.0"))["enumValues"]] == ["RED"]
    assert [each["name"] for each in (await told("Ware", "0.1.0"))["possibleTypes"]] == ["Shirt"]
    hat = await told("Hat", "0.1.0")
    assert [each["name"] for each in hat["fields"]] == ["colours"]
    by_variable = "query($n: String!) { __type(name: $n) { name } }"
    answer = await counter.ask(by_variable, "0.1.0", n="CurrencyComplaint")
    assert answer == {"data": {"__type": None}}


async def test_the_same_text_under_two_versions_is_two_documents(counter: Counter) -> None:
    query = "{ hat { colours } complaints { __typename } }"
    rounds = [version for _ in range(6) for version in EVERY]
    answers = await asyncio.gather(*(counter.ask(query, version) for version in rounds))
    for place, answer in enumerate(answers):
        assert answer == answers[place % len(EVERY)]
    assert len({str(each) for each in answers}) == len(EVERY)
    found = [counter.find(query, version) for version in EVERY]
    assert len({id(each.document) for each in found}) == len(EVERY)
    assert len({id(each.view.executor) for each in found}) == len(EVERY)
    assert counter.find(query, None).document is counter.find(query, NEXT).document


@pytest.mark.parametrize(
    ("version", "colours"),
    [("0.1.0", ["RED"] * 3), ("0.2.0", ["RED", "BLUE", "BLUE"]), (NEXT, ["RED", "BLUE", "TEAL"])],
)
async def test_a_subscription_keeps_its_view(
    counter: Counter, version: str, colours: list[str]
) -> None:
    found = counter.find("subscription { paint }", version)
    payloads = [payload async for payload in found.stream(None, None)]
    assert payloads == [{"data": {"paint": each}} for each in colours]
