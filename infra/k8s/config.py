"""Where the cluster is and who we are there: found, and kept fresh, by the library.

The only place that loads it: 3 s and 55 MB of it are not for those who run processes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
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
        host="", connection_pool_maxsize=0, client_session_kwargs=_session_options()
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
    except (config.ConfigException, *BROKEN) as error:
        problem = f"{file}: {error}"
        if outside:
            problem += f" (and we are in no pod: {outside})"
        raise ClusterUnknown(problem=problem) from error
    reading = asyncio.Lock()

    async def reload() -> None:
        before = configuration.api_key.copy()
        async with reading:
            if configuration.api_key == before:
                await loader.load_and_set(configuration)

    return Credentials(configuration, reload)


async def _nothing() -> None:
    pass


def _session_options() -> dict[str, Any]:
    return {"cookie_jar": aiohttp.DummyCookieJar()}
