"""The compiling executor answers as the plain one does, in data and errors, whatever comes."""

import asyncio
from typing import Any

import strawberry
from graphql import parse, validate
from hypothesis import HealthCheck, assume, event, example, given, settings
from hypothesis import strategies as st

from resolvers.execution import compiling
from tests.support.garden import Context, garden, settled
from tests.support.garden_values import Garden
from tests.support.queries import queries

PLAIN = garden(None)
COMPILING = garden(compiling(kept=100))
switches = st.fixed_dictionaries(
    {"yes": st.booleans(), "no": st.booleans(), "most": st.integers(0, 3)}
)


async def answer(
    schema: strawberry.Schema, query: str, values: dict[str, Any], variables: dict[str, Any]
) -> tuple[Any, ...]:
    """The answer, in an order and with details that show any difference, and what was asked for.

    But for the errors of two fields of the root: these run beside each other, in no certain order."""
    context = Context(values)
    said = {name: value for name, value in variables.items() if f"${name}" in query}
    result = await schema.execute(query, said, context)
    await settled()
    errors = [
        (e.message, e.path, e.locations, type(e.original_error), e.nodes)
        for e in sorted(result.errors or (), key=lambda e: str(e.path and e.path[0]))
    ]
    return repr(result.data), errors, context.asked


TWO_THAT_FAIL = """query ($most: Int!) {
    some: trees(least: $most) { id friend { id } } trees { friend { id } } }"""


@example(query=TWO_THAT_FAIL, seed=128, one_wrong_of=2_000, variables=[{"most": 0}])
@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(
    query=queries(PLAIN._schema),
    seed=st.integers(0, 2**32),
    one_wrong_of=st.sampled_from([10, 50, 200, 2_000]),
    variables=st.lists(switches, min_size=1, max_size=2),
)
def test_both_executors_agree(
    query: str, seed: int, one_wrong_of: int, variables: list[dict[str, Any]]
) -> None:
    assume(not validate(PLAIN._schema, parse(query)))
    values = Garden(seed, one_wrong_of).roots()

    async def compare() -> None:
        for said in [variables[0], *variables]:
            expected = await answer(PLAIN, query, values, said)
            found = await answer(COMPILING, query, values, said)
            assert found == expected
        event("errors" if expected[1] else "no errors")

    asyncio.run(compare())
