"""What every runtime variant is: a few facts, and the draft that is made of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.definitions.layers import Tree
from domain.definitions.variants import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the revision is to run in: environment and resources as layers have them."""

    mount_path: str
    image: str | None = None
    environment: Mapping[str, Mapping[str, str] | None] = field(default_factory=dict)
    resources: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeVariant:
    """One runtime. `model_name` and `port` None: not set; `health_path` None: no health check.

    `start_command` None is the image's own, or with `needs_command` one that another layer gives.
    """

    variant: Variant
    description: str
    model_name: str | None = None
    port: int | None = None
    health_path: str | None = None
    start_command: str | None = None
    needs_command: bool = False
    start_delay: int = 300  # seconds


def draft(runtime: RuntimeVariant, context: Context) -> Tree:
    """One model at the mount path, served as the runtime's facts say."""
    service: dict[str, Any] = {"port": runtime.port}
    if not runtime.needs_command:
        service["start_command"] = runtime.start_command
    if runtime.health_path is not None:
        service["health_check"] = {
            "path": runtime.health_path,
            "interval": 10,
            "max_retries": 10,
            "initial_delay": runtime.start_delay,
        }
    model = {"name": runtime.model_name, "model_path": context.mount_path, "service": service}
    return {"models": [model]}
