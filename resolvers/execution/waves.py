"""Runs a plan: what is at hand at once, then what it loads, for all parents together, then on.

Each wave goes one level of loads deeper, so the number of reads follows from the query's text alone,
never from how many rows it finds.
"""

from asyncio import Future, wait
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from inspect import iscoroutine
from typing import Any

from graphql.execution import Executor
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path
from strawberry.types.arguments import convert_arguments

from resolvers.execution.fields import BACKREF
from resolvers.execution.leaves import Surprise
from resolvers.execution.plans import Load, Plan, Waiting


def complete(
    plan: Plan, value: Any, execution: Executor[Any], plain: Callable[[], Any]
) -> Any | Awaitable[Any]:
    """The value, completed. What is raised at once is the plan's; later, it is done by `plain`."""
    waiting = _nothing(plan)
    answer = plan.complete(value, waiting)
    if not any(waiting):
        return answer
    return _loaded(plan, answer, waiting, execution, plain)


async def _loaded(
    plan: Plan,
    answer: Any,
    waiting: Waiting,
    execution: Executor[Any],
    plain: Callable[[], Any],
) -> Any:
    try:
        while any(waiting):
            waiting = await _wave(plan, waiting, execution)
    except Exception:  # noqa: BLE001  graphql-core meets it again, and makes the error of it
        again = plain()
        return await again if execution.is_awaitable(again) else again
    return answer


async def _wave(plan: Plan, waiting: Waiting, execution: Executor[Any]) -> Waiting:
    """Puts what the waiting answers lack into them; what then waits in turn."""
    asked = [
        (load, parents, _asked(load, execution, parents))
        for loads, parents in zip(plan.loads, waiting, strict=True)
        if parents
        for load in loads
    ]
    values = iter(await together([one for _, _, results in asked for one in results]))
    following = _nothing(plan)
    for load, parents, _ in asked:
        for _, answer in parents:
            answer[load.key] = load.complete(next(values), following)
    return following


def _nothing(plan: Plan) -> Waiting:
    return [[] for _ in plan.loads]


def _asked(
    load: Load, execution: Executor[Any], parents: Sequence[tuple[Any, dict[str, Any]]]
) -> list[Any]:
    """What the resolver returns for each parent; its arguments are read once for all."""
    first = load.details[0]
    schema = execution.schema.extensions[BACKREF]
    path = Path(None, load.key, load.parent_type.name)
    nodes = [details.node for details in load.details]
    raw = execution.build_resolve_info(load.definition, nodes, load.parent_type, path)
    info = schema.config.info_class(_raw_info=raw, _field=load.field)
    said = get_argument_values(
        load.definition, first.node, execution.variable_values, None, execution.hide_suggestions
    )
    arguments = convert_arguments(
        said,
        load.field.arguments,
        scalar_registry=schema.schema_converter.scalar_registry,
        config=schema.config,
        info=info,
    )
    resolver = load.field.base_resolver
    assert resolver is not None
    if resolver.info_parameter is not None:
        arguments[resolver.info_parameter.name] = info
    return [resolver(parent, **arguments) for parent, _ in parents]


async def together(started: Sequence[Any]) -> list[Any]:
    """What each of them returns: all run to where they wait before any wait is waited for.

    For coroutines that wait for futures alone. Gathering them would cost a task for each.
    """
    values = list(started)
    running: list[tuple[int, Coroutine[Any, Any, Any], Any]] = [
        (place, one, None) for place, one in enumerate(started) if iscoroutine(one)
    ]
    try:
        while running:
            still = []
            for place, one, future in running:
                if future is not None and not future.done():
                    await wait((future,))
                try:
                    still.append((place, one, _handed(one.send(None))))
                except StopIteration as end:
                    values[place] = end.value
            running = still
    finally:
        for one in started:
            if iscoroutine(one):
                one.close()
    return values


def _handed(future: Any) -> Future[Any]:
    """What a coroutine waits for, taken from it as a task takes it."""
    if not isinstance(future, Future):
        raise Surprise()
    future._asyncio_future_blocking = False  # noqa: SLF001  asyncio's protocol for who runs coroutines
    return future
