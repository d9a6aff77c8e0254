"""Where requests may go, as of a place in the event log."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

from domain.gateway.route import Route


class Table:
    """`position` is the event up to which all is known that the routes are made of. What was made for
    batches is known, but neither by name nor listed."""

    def __init__(self) -> None:
        self.position = 0
        self.is_loaded = False
        self.moved = asyncio.Event()
        self._routes: dict[str, Route] = {}
        self._ids: dict[tuple[str, str], str] = {}
        self._targets: set[str] = set()

    def get(self, deployment_id: str) -> Route | None:
        return self._routes.get(deployment_id)

    def named(self, project_id: str, name: str) -> Route | None:
        found = self._ids.get((project_id, name))
        return None if found is None else self._routes[found]

    def of(self, project_id: str) -> Sequence[Route]:
        """A project's, by name."""
        mine = sorted(
            (name, i) for (project, name), i in self._ids.items() if project == project_id
        )
        return [self._routes[deployment_id] for _, deployment_id in mine]

    def __contains__(self, deployment_id: str) -> bool:
        return deployment_id in self._routes

    def sends_to(self, replica_id: str) -> bool:
        return replica_id in self._targets

    def replace(self, routes: Mapping[str, Route], position: int) -> None:
        """All of it."""
        self._remove(list(self._routes))
        self._put(routes)
        self._move(position)
        self.is_loaded = True

    def doubt(self) -> None:
        """Nothing of it may be used before it is replaced."""
        self.is_loaded = False

    def apply(self, asked: Collection[str], routes: Mapping[str, Route], position: int) -> None:
        """What became of the deployments that were asked for; those without a route are gone."""
        self._remove(asked)
        self._put(routes)
        self._move(position)

    def _remove(self, deployment_ids: Collection[str]) -> None:
        for each in deployment_ids:
            route = self._routes.pop(each, None)
            if route is not None:
                if self._ids.get((route.project_id, route.name)) == each:
                    del self._ids[route.project_id, route.name]
                self._targets.difference_update(target.replica_id for target in route.targets)

    def _put(self, routes: Mapping[str, Route]) -> None:
        self._routes.update(routes)
        for route in routes.values():
            if not route.is_dedicated:
                self._ids[route.project_id, route.name] = route.deployment_id
            self._targets.update(target.replica_id for target in route.targets)

    def _move(self, position: int) -> None:
        """Only now may anybody hear of the position: nothing that it makes untrue is left."""
        self.position = position
        self.moved.set()
        self.moved = asyncio.Event()
