"""`modelyard serve`: from a socket to the last goodbye."""

import asyncio
import gc
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial

import uvicorn

from domain.errors import ModelyardError
from infra import app, batching, wiring
from infra.app import App
from infra.http.gate import is_loopback
from infra.http.requests import BODY_LIMIT
from infra.output import say
from infra.settings import Settings
from infra.telling import telling
from infra.wiring import Parts

GOODBYE_SECONDS = 3.0  # for open streams to end
KEPT = (
    "Replicas that keep running: {count}. The next start takes them over; to end them with the server, "
    "start it with --stop-replicas."
)
MOST_FILES = 65_536  # two for each request that is passed on
REQUESTS_SECONDS = 5  # for open requests to be answered after that
NEW_OBJECTS = 50_000  # before the next look for garbage in cycles


@dataclass(eq=False, kw_only=True)
class AddressRefused(ModelyardError):
    """{address} can't be listened on: {problem}."""

    address: str
    problem: str


@dataclass(eq=False, kw_only=True)
class KeyNeeded(ModelyardError):
    """Whoever reaches {host} could do everything: make a key first, with
    'modelyard key create NAME --server-admin', or listen on 127.0.0.1."""

    host: str


async def serve(settings: Settings, version: str, *, stop_replicas: bool = False) -> None:
    """Until a signal; the replicas live on, if they are not to stop too. Raises what stands in the way
    of a start."""
    with _listen(settings) as listener:
        async with wiring.running(settings, serves=True) as parts:
            if not is_loopback(settings.host) and not await parts.store.reads.keys.any_ever():
                raise KeyNeeded(host=settings.host)
            built = app.build(parts)
            allow_files()
            spare_garbage_collector()
            shown = f"[{settings.host}]" if ":" in settings.host else settings.host
            url = f"http://{shown}:{listener.getsockname()[1]}"
            sweeping = asyncio.create_task(built.live.keep_swept())
            try:
                async with (
                    built.gateway.running(),
                    _reconciling(parts, stop_replicas),
                    batching.running(parts, built.gateway.watch),
                    telling(parts.store, parts.sealer),
                ):
                    await Server(built, partial(_say_ready, version, url)).serve([listener])
            finally:
                sweeping.cancel()
                with suppress(asyncio.CancelledError):
                    await sweeping


@asynccontextmanager
async def _reconciling(parts: Parts, stop_replicas: bool) -> AsyncIterator[None]:
    if (plane := parts.plane) is None:
        yield
        return
    async with plane.reconciler.running(stop_replicas=stop_replicas):
        yield
    if left := plane.count():
        say(KEPT.format(count=left))


def allow_files() -> None:
    """As many open files as the system grants: its usual 1,024 are gone at some 500 streams."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def spare_garbage_collector() -> None:
    """What is built by now stays for good: collections need not look at all of it each time. What an
    operation makes goes with it, without any: looking for cycles after every 700 objects costs a
    tenth of a long list, and finds none."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 10, 10)


class Server(uvicorn.Server):
    """Uvicorn's, which says when it answers and lets open streams end well."""

    def __init__(self, built: App, ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                built.asgi,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                ws_max_size=BODY_LIMIT,
                ws_per_message_deflate=False,
                timeout_graceful_shutdown=REQUESTS_SECONDS,
            )
        )
        self._live = built.live
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for each in self.servers:
            each.close()
        await self._live.finish(GOODBYE_SECONDS)
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn raises the signal once more at the end, which would skip what is closed after."""
        loop = asyncio.get_running_loop()
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, self.handle_exit, each, None)
        try:
            yield
        finally:
            for each in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(each)


def _say_ready(version: str, url: str) -> None:
    gc.freeze()  # the modules are never searched for garbage
    gc.enable()
    sys.stdout.write(f"Modelyard {version} ready at {url}\n")
    sys.stdout.flush()


def _listen(settings: Settings) -> socket.socket:
    """Bound before anything is opened, so that a taken port costs nothing."""
    try:
        family, kind, _, _, place = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM
        )[0]
        listener = socket.socket(family, kind)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(place)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        address = f"{settings.host}:{settings.port}"
        raise AddressRefused(address=address, problem=error.strerror or str(error)) from error
    return listener


def run(settings: Settings, version: str, *, stop_replicas: bool = False) -> None:
    try:
        from uvloop import new_event_loop
    except ImportError:
        asyncio.run(serve(settings, version, stop_replicas=stop_replicas))
        return
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(serve(settings, version, stop_replicas=stop_replicas))
