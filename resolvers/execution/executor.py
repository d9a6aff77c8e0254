"""The executor: graphql-core's, but that a root field's value may be completed by a compiled plan.

graphql-core resolves the root field as ever. What it resolved to is completed by the plan; where
anything about it surprises the plan, graphql-core completes the same value itself, and makes
whatever errors there are. Mutations and subscriptions never meet a plan.
"""

from functools import partial
from typing import Any, ClassVar

from graphql import GraphQLOutputType, GraphQLResolveInfo, OperationType
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from resolvers.execution import waves
from resolvers.execution.compiler import compiled
from resolvers.execution.plans import Plan, Plans

PLANS_KEPT = 1_000


class CompilingExecutor(StrawberryGraphQLCoreExecutionContext):
    """Made by `compiling`, once for each schema."""

    plans: ClassVar[Plans]

    def complete_value(
        self,
        return_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        plain = partial(
            super().complete_value,
            return_type,
            field_details_list,
            info,
            path,
            result,
            position_context,
        )
        if path.prev is not None or return_type is not info.return_type or result is None:
            return plain()
        plan = self._plan(return_type, field_details_list)
        if plan is None:
            return plain()
        try:
            return waves.complete(plan, result, self, plain)
        except Exception:  # noqa: BLE001  graphql-core meets it again, and makes the error of it
            return plain()

    def _plan(self, return_type: GraphQLOutputType, details: FieldDetailsList) -> Plan | None:
        if (
            self.operation.operation is not OperationType.QUERY
            or self.abort_signal is not None
            or (self.middleware_manager is not None and self.middleware_manager.middlewares)
        ):
            return None
        return self.plans.find(
            details,
            lambda: [self.operation, *self.fragment_definitions.values()],
            self.variable_values.coerced,
            lambda: compiled(self, return_type, details),
        )


def compiling(kept: int = PLANS_KEPT) -> type[CompilingExecutor]:
    """An `execution_context_class` for one schema, with room for so many plans."""
    return type("CompilingExecutor", (CompilingExecutor,), {"plans": Plans(kept)})
