"""The API over the store in memory: a query in, its answer out, as the HTTP layer would give it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from domain.access.access import Caller
from domain.clock import MonotonicTimer, Timer
from resolvers import errors
from resolvers.context import Context, Services
from resolvers.root import Schema
from tests.support.house import House

USER_ERRORS = "userErrors { __typename code message path }"


@dataclass
class Answer:
    """`data` is None or the whole; `errors` are as clients get them."""

    data: Any
    errors: list[Any]

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.errors]


@dataclass
class Graph:
    schema: Schema
    house: House = field(default_factory=House)
    timer: Timer = field(default_factory=MonotonicTimer)

    @property
    def services(self) -> Services:
        house = self.house
        return Services(
            access=house.access,
            secrets=house.secrets,
            folders=house.folders,
            files=house.uploads,
            templates=house.templates,
            definitions=house.definitions,
            deployments=house.deployments,
            rollouts=house.rollouts,
            replicas=house.replicas,
            autoscaling=house.autoscaling,
            batches=house.batches,
            batch_profiles=house.batch_profiles,
            external_endpoints=house.external_endpoints,
            results=house.results,
            webhooks=house.webhooks,
            reads=house.store.reads,
            log=house.store.log,
            timer=self.timer,
        )

    def context(self, caller: Caller | None = None) -> Context:
        return Context.of(self.services, caller or self.house.caller)

    async def ask(self, query: str, caller: Caller | None = None, **variables: Any) -> Answer:
        result = await self.schema.execute(
            query, variable_values=variables, context_value=self.context(caller)
        )
        return Answer(result.data, list(errors.formatted(result.errors)))

    async def get(self, query: str, caller: Caller | None = None, **variables: Any) -> Any:
        """The data of an answer without errors."""
        answer = await self.ask(query, caller, **variables)
        assert answer.errors == []
        return answer.data

    async def change(
        self, mutation: str, said: dict[str, Any], shown: str = "", caller: Caller | None = None
    ) -> Any:
        """The payload of one mutation whose input type is named after it."""
        kind = f"{mutation[0].upper()}{mutation[1:]}Input"
        query = (
            f"mutation($input: {kind}!) {{ {mutation}(input: $input) {{ {shown} {USER_ERRORS} }} }}"
        )
        return (await self.get(query, caller, input=said))[mutation]

    async def refusal(
        self, mutation: str, said: dict[str, Any], caller: Caller | None = None
    ) -> Any:
        """The one user error of a mutation."""
        payload = await self.change(mutation, said, caller=caller)
        [error] = payload["userErrors"]
        return error

    async def follow(
        self, query: str, caller: Caller | None = None, **variables: Any
    ) -> AsyncGenerator[Answer, None]:
        results = await self.schema.subscribe(
            query, variable_values=variables, context_value=self.context(caller)
        )
        async with aclosing(results):
            async for result in results:
                yield Answer(result.data, list(errors.formatted(result.errors)))
