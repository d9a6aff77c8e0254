"""All types of events, one for each fact of the domain."""

from collections.abc import Mapping
from types import ModuleType

from schema import (
    autoscaling_events,
    batch_events,
    deployment_events,
    file_events,
    replica_events,
    resource_events,
    rollout_events,
    webhook_events,
)
from schema.event_kinds import Event


def _declared(module: ModuleType) -> dict[str, type[Event]]:
    """The module's own types; what it imports are interfaces of others."""
    return {
        name: found
        for name, found in vars(module).items()
        if isinstance(found, type) and found.__module__ == module.__name__
    }


TYPES: Mapping[str, type[Event]] = {
    name: found
    for module in (
        resource_events,
        deployment_events,
        autoscaling_events,
        rollout_events,
        replica_events,
        webhook_events,
        batch_events,
        file_events,
    )
    for name, found in _declared(module).items()
}
