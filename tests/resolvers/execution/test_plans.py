"""What is compiled, what is not, and what is read together."""

import asyncio
from typing import Any

import pytest
import strawberry

from resolvers.execution import compiling
from resolvers.execution.plans import CHARACTERS_KEPT, LONGEST, SWITCHED_KEPT
from resolvers.execution.waves import together
from tests.support.garden import Colour, Context, Herb, Later, Pot, Season, Tree, garden, settled

PLANNED = "{ trees { id name plants { __typename id } kin(first: 1) { id } peer { name } } }"


def an_herb(**said: Any) -> Herb:
    plain: dict[str, Any] = dict.fromkeys(Herb.__annotations__)
    plain |= {"id": "h", "name": "mint", "count": 1, "season": Season.SPRING, "tags": ["a"]}
    return Herb(**{**plain, "colour": Colour.RED, **said})


def a_tree(**said: Any) -> Tree:
    plain: dict[str, Any] = dict.fromkeys(Tree.__annotations__)
    plain |= {"id": "t", "name": "oak", "plants": [], "finds": [], "hidden": [an_herb()]}
    return Tree(**{**plain, "pot": Pot(content=an_herb(), contents=None), **said})


class Watched:
    """A schema, and how often its executor had graphql-core execute fields below the root."""

    def __init__(self) -> None:
        self.plain_sets = 0
        watched = self

        class Watching(compiling()):  # type: ignore[misc]  # a class made for this schema
            def execute_fields(self, parent_type: Any, source: Any, path: Any, *rest: Any) -> Any:
                watched.plain_sets += path is not None
                return super().execute_fields(parent_type, source, path, *rest)

        self.schema: strawberry.Schema = garden(Watching)

    async def ask(self, query: str, **values: Any) -> tuple[Any, Context]:
        """The second time, when it is compiled if it can be."""
        await self.schema.execute(query, context_value=Context(values))
        self.plain_sets = 0
        context = Context(values)
        result = await self.schema.execute(query, context_value=context)
        await settled()
        return result, context


async def test_a_plan_answers_without_graphql_core() -> None:
    watched = Watched()
    result, context = await watched.ask(PLANNED, trees=[a_tree(plants=[an_herb()])])
    assert result.errors is None
    herb = {"__typename": "Herb", "id": "h"}
    tree = {"id": "t", "name": "oak", "plants": [herb], "kin": [{"id": "h"}], "peer": None}
    assert result.data == {"trees": [tree]}
    assert watched.plain_sets == 0
    assert context.asked == ["trees"]


async def test_a_surprise_is_completed_by_graphql_core_and_resolved_once() -> None:
    watched = Watched()
    wrong = a_tree(plants=[an_herb(id=None)])
    result, context = await watched.ask(PLANNED, trees=[a_tree(), wrong])
    assert [error.path for error in result.errors] == [["trees", 1, "plants", 0, "id"]]
    assert watched.plain_sets > 0
    assert context.asked == ["trees"]


@pytest.mark.parametrize(
    "query",
    ["{ tree { id custom } }", "mutation { grow { id } }"],
    ids=["a field with a resolver of its own", "a mutation"],
)
async def test_what_is_more_than_a_plan_covers_is_left_to_graphql_core(query: str) -> None:
    watched = Watched()
    result, context = await watched.ask(query, tree=a_tree())
    assert result.errors is None
    assert watched.plain_sets == 1
    assert context.asked == ["tree"]


@pytest.mark.parametrize("trees", [1, 30])
async def test_the_loads_of_all_parents_go_together(trees: int) -> None:
    query = "{ trees { kin { id ... on Tree { kin { id } } } friend { id } } }"
    hidden = [a_tree(), a_tree()]
    values = [a_tree(hidden=hidden) for _ in range(trees)]
    result, context = await Watched().ask(query, trees=values)
    assert result.errors is not None  # a list is no friend
    context.batches.clear()
    result, context = await Watched().ask(query.replace("friend { id }", ""), trees=values)
    assert result.errors is None
    assert context.batches == [1, 2]  # one for each level; equal keys are loaded once


async def test_plans_are_few_however_many_documents_come() -> None:
    executor = compiling(kept=2)
    schema = garden(executor)
    for number in range(9):
        for _ in range(2):
            query = f"{{ trees {{ name{number}: name }} }}"
            await schema.execute(query, context_value=Context({"trees": [a_tree()]}))
    assert len(executor.plans) == 2


async def test_a_long_document_is_not_kept_for_its_plans() -> None:
    executor = compiling()
    schema = garden(executor)
    for text in ("{ trees { name } }", "{ trees { name } }" + "#" * LONGEST):
        await schema.execute(text, context_value=Context({"trees": [a_tree()]}))
        assert len(executor.plans) == 1


async def test_documents_with_plans_have_so_many_characters_together() -> None:
    executor = compiling()
    schema = garden(executor)
    long = LONGEST - 100
    for number in range(2 * CHARACTERS_KEPT // long):
        query = f"{{ trees {{ name{number}: name }} }}" + "#" * long
        await schema.execute(query, context_value=Context({"trees": [a_tree()]}))
    assert len(executor.plans) == CHARACTERS_KEPT // LONGEST


async def test_a_place_has_few_plans_however_many_ways_its_selection_goes() -> None:
    watched = Watched()
    names = [f"v{i}" for i in range(4)]
    query = f"query({' '.join(f'${each}: Boolean!' for each in names)}) {{ trees {{ "
    query += " ".join(f"{each}: name @include(if: ${each})" for each in names) + " }}"
    plain = 0
    for bits in range(16):
        said = {each: bool(bits >> at & 1) for at, each in enumerate(names)}
        for _ in range(2):
            watched.plain_sets = 0
            context = Context({"trees": [a_tree()]})
            result = await watched.schema.execute(query, said, context_value=context)
            assert result.data == {"trees": [{each: "oak" for each in names if said[each]}]}
        plain += watched.plain_sets > 0
    assert plain == 16 - SWITCHED_KEPT


async def test_coroutines_that_run_together_end_together() -> None:
    futures = [asyncio.get_running_loop().create_future() for _ in range(2)]
    ended: list[int] = []

    async def waits(number: int) -> int:
        try:
            return int(await futures[number])
        finally:
            ended.append(number)

    running = asyncio.create_task(_all([waits(0), waits(1), 5]))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert sorted(ended) == [0, 1]


async def test_what_one_raises_ends_the_others() -> None:
    async def fails() -> None:
        raise KeyError("k")

    async def waits() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(KeyError):
        await together([waits(), fails()])


async def test_an_awaitable_where_a_value_belongs_is_awaited_by_graphql_core() -> None:
    result, _ = await Watched().ask("{ tree { name } }", tree=a_tree(name=Later("elm")))
    assert result.data == {"tree": {"name": "elm"}}


async def _all(started: list[Any]) -> list[Any]:
    return await together(started)
