"""Where the cluster is and who we are there: found, and kept fresh, by the library.

The only place that loads it: 3 s and 55 MB of it are not for those who run processes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from kubernetes.aio import client, config

from infra.k8s.errors import ClusterUnknown

BROKEN = (OSError, TypeError, KeyError, ValueError, AttributeError, yaml.YAMLError)
"""What the library raises over a file that lacks a part, or is no kubeconfig at all."""


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """Without a file: of the pod that we run in; outside one $KUBECONFIG, or ~/.kube/config.

    `context` None: the file's current one.
    """

    file: Path | None = None
    context: str | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """`reload` reads them anew: tokens run out. Several who ask at once share one reading."""

    configuration: Any
    reload: Callable[[], Awaitable[None]]


async def load(where: ClusterConfig) -> Credentials:
    """Raises ClusterUnknown."""
    configuration = client.Configuration(
        host="",  # else it would be localhost where a file names none
    )
    if where.file is None and where.context is None:
        try:
            config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException as error:
            outside = str(error)
        else:
            return Credentials(configuration, _nothing)  # the library reads its file every minute
    else:
        outside = ""
    return await _from_file(where, configuration, outside)


async def _from_file(where: ClusterConfig, configuration: Any, outside: str) -> Credentials:
    file = str(where.file or config.KUBE_CONFIG_DEFAULT_LOCATION)
    try:
        if where.file is not None and not where.file.is_file():
            raise FileNotFoundError(f"there is no file {where.file}")
        loader = await config.load_kube_config(
            config_file=file,
            context=where.context,
            client_configuration=configuration,
            persist_config=False,
        )
        if not configuration.host:
            raise ValueError("it names no server")
    except (config.ConfigException, *BROKEN) as error:
        problem = f"{file}: {error}"
        if isinstance(error, TypeError | KeyError | AttributeError):
            problem = f"{file} is no kubeconfig"
        if outside:
            problem += f" (and we are in no pod: {outside})"
        raise ClusterUnknown(problem=problem) from error
    return Credentials(configuration, Reading(loader, configuration).anew)


@dataclass(slots=True)
class Reading:
    loader: Any
    configuration: Any
    count: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def anew(self) -> None:
        """Raises ClusterUnknown."""
        count = self.count
        async with self.lock:
            if self.count > count:
                return
            try:
                await self.loader.load_and_set(self.configuration)
            except (config.ConfigException, *BROKEN) as error:
                raise ClusterUnknown(problem=str(error)) from error
            self.count += 1


async def _nothing() -> None:
    pass
