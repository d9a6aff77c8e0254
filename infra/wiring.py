"""The composition root: what the settings ask for, built and joined, and closed at the end."""

import fcntl
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import orjson

from domain.access.service import Access
from domain.autoscaling.service import Autoscaling
from domain.batches.external_endpoints import ExternalEndpoints
from domain.batches.input.requests import Limits
from domain.batches.profiles import Profiles
from domain.batches.results import Results
from domain.batches.service import Batches
from domain.clock import MonotonicTimer, utc_now
from domain.definitions.folder_file import DefinitionFiles
from domain.definitions.service import Definitions
from domain.deployments.ports import ReplicaLogs
from domain.deployments.proxy import Proxy
from domain.deployments.remembered import Remembered
from domain.deployments.replicas import Replicas
from domain.deployments.rollouts import Rollouts
from domain.deployments.service import Deployments
from domain.errors import InvalidValue, ModelyardError, NoKubernetes, UserError
from domain.files.ports import Objects as StoredObjects
from domain.files.service import Files
from domain.folders.service import Folders
from domain.ids import new_id
from domain.secrets.ports import Sealer
from domain.secrets.service import Secrets
from domain.templates.service import Templates
from domain.webhooks.service import Webhooks
from domain.webhooks.signing import KEY_BYTES
from infra import plane, reaching, slots
from infra.credentials import credentials_of
from infra.files.definition_file import DefinitionFileParser
from infra.files.folders import Folders as StoredFolders
from infra.files.folders import real_roots
from infra.files.local import LocalCopies
from infra.files.objects import Objects
from infra.objects import opening
from infra.plane import Plane
from infra.secrets.sealer import AesSealer, key_from_folder, key_from_text
from infra.settings import Driver, Settings, server_url
from infra.store import Store, open_store
from resolvers.context import Services


@dataclass(eq=False, kw_only=True)
class FolderUnusable(ModelyardError):
    """The data dir {folder!r} can't be used: {problem}."""

    folder: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What an entry point works with."""

    settings: Settings
    store: Store
    services: Services
    sealer: Sealer
    objects: StoredObjects
    plane: Plane | None  # of a server
    proxy: Proxy | None  # by way of which replicas are asked


@asynccontextmanager
async def running(settings: Settings, *, serves: bool = False) -> AsyncIterator[Parts]:
    """`serves`: as a server, which runs replicas; nobody else may then serve from the data dir (its
    SQLite database) meanwhile.

    Raises FolderUnusable, SealingKeyRefused, HostRefused, ObjectStoreRefused, StorageFull, and what
    `open_store` raises.
    """
    data_dir = made(settings.data_dir)
    async with AsyncExitStack() as stack:
        if serves and settings.database.startswith("sqlite"):
            stack.enter_context(_locked(data_dir))
        sealer = AesSealer(_sealing_key(settings, data_dir))
        store = await stack.enter_async_context(
            open_store(
                settings.database,
                data_dir=data_dir,
                auto_migrate=settings.auto_migrate,
                retention=settings.event_retention,
                replica_ports=range(settings.replica_ports[0], settings.replica_ports[1] + 1),
            )
        )
        folders, credentials = _folders(settings), credentials_of(settings)
        objects = opening.opened(
            settings.object_store, data_dir / "objects", credentials, settings.store_timeout
        )
        own = None
        if serves:
            copies = LocalCopies(folders=folders, data_dir=data_dir)
            own = await stack.enter_async_context(plane.opened(settings, store, sealer, copies))
        logs = own.logs if own else Remembered()
        writer = stack.enter_context(slots.taken(data_dir / "servers", new_id)) if serves else None
        files = _files(settings, store, objects, writer)
        await files.end_left()
        proxy = await stack.enter_async_context(reaching.opened(settings))
        services = _services(settings, store, sealer, folders, objects, files, logs)
        yield Parts(
            settings=settings,
            store=store,
            services=services,
            sealer=sealer,
            objects=objects,
            plane=own,
            proxy=proxy,
        )


def made(folder: Path) -> Path:
    """The folder, made (for its owner alone) where it isn't there yet."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error.strerror or "it can't be made") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unusable(folder, "it is not writable")
    return folder


def new_token() -> str:
    return f"my_{secrets.token_urlsafe(32)}"


def access(store: Store) -> Access:
    return Access(
        start_work=store.start_work,
        reads=store.reads,
        clock=utc_now,
        new_id=new_id,
        new_token=new_token,
    )


def _services(
    settings: Settings,
    store: Store,
    sealer: AesSealer,
    files: StoredFolders,
    objects: StoredObjects,
    stored: Files,
    written: ReplicaLogs,
) -> Services:
    start_work, reads = store.start_work, store.reads
    definitions = Definitions(
        reads=reads,
        files=DefinitionFiles(files=files, parser=DefinitionFileParser()),
        driver=settings.driver.value,
        enable_override=settings.enable_model_definition_override,
    )
    return Services(
        access=access(store),
        secrets=Secrets(start_work=start_work, sealer=sealer, clock=utc_now, new_id=new_id),
        folders=Folders(
            start_work=start_work, reads=reads, files=files, clock=utc_now, new_id=new_id
        ),
        files=stored,
        templates=Templates(start_work=start_work, reads=reads, clock=utc_now, new_id=new_id),
        definitions=definitions,
        deployments=Deployments(
            start_work=start_work,
            reads=reads,
            definitions=definitions,
            clock=utc_now,
            new_id=new_id,
        ),
        rollouts=Rollouts(
            start_work=start_work,
            reads=reads,
            driver=settings.driver.value,
            clock=utc_now,
            new_id=new_id,
        ),
        replicas=Replicas(reads=reads, written=written),
        autoscaling=Autoscaling(start_work=start_work, reads=reads, clock=utc_now, new_id=new_id),
        batches=_batches(settings, store, objects, stored),
        batch_profiles=Profiles(start_work=start_work, reads=reads, clock=utc_now, new_id=new_id),
        external_endpoints=ExternalEndpoints(
            start_work=start_work, reads=reads, clock=utc_now, new_id=new_id
        ),
        results=Results(reads=reads, objects=objects),
        webhooks=Webhooks(
            start_work=start_work,
            log=store.log,
            sealer=sealer,
            clock=utc_now,
            new_id=new_id,
            new_key=partial(secrets.token_bytes, KEY_BYTES),
        ),
        reads=reads,
        log=store.log,
        timer=MonotonicTimer(),
    )


def _files(settings: Settings, store: Store, objects: StoredObjects, writer: str | None) -> Files:
    return Files(
        start_work=store.start_work,
        reads=store.reads,
        objects=objects,
        clock=utc_now,
        new_id=new_id,
        limit=settings.file_limit,
        writer=writer,
    )


def batch_limits(settings: Settings) -> Limits:
    return Limits(
        requests=settings.batch_requests_limit,
        size=settings.batch_bytes_limit,
        line=settings.batch_line_limit,
    )


def _batches(settings: Settings, store: Store, objects: StoredObjects, files: Files) -> Batches:
    return Batches(
        start_work=store.start_work,
        reads=store.reads,
        objects=objects,
        files=files,
        loads=orjson.loads,
        clock=utc_now,
        new_id=new_id,
        limits=batch_limits(settings),
        no_jobs=no_jobs(settings),
    )


def no_jobs(settings: Settings) -> UserError | None:
    """Why batches can't be run as Kubernetes Jobs here."""
    if settings.driver is not Driver.KUBERNETES:
        return NoKubernetes()
    lacking = {
        "MODELYARD_KUBERNETES_IMAGE": settings.kubernetes_image,
        "MODELYARD_KUBERNETES_SERVER_URL": server_url(settings),
    }
    if missing := [name for name, value in lacking.items() if value is None]:
        problem = f"The operator has to set {' and '.join(missing)} for Kubernetes Jobs."
        return InvalidValue(problem=problem)
    return None


def _folders(settings: Settings) -> StoredFolders:
    return StoredFolders(
        roots=real_roots(settings.model_roots),
        objects=Objects(credentials=credentials_of(settings), timeout=settings.store_timeout),
        timeout=settings.store_timeout,
        claims=settings.driver is Driver.KUBERNETES,
    )


def _sealing_key(settings: Settings, data_dir: Path) -> bytes:
    if settings.secret_key is None:
        return key_from_folder(data_dir)
    return key_from_text(settings.secret_key.get_secret_value(), "MODELYARD_SECRET_KEY")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """The lock goes with the process, however it ends."""
    with (folder / "server.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            problem = (
                "another server runs on it. Stop that one, take another --data-dir, or share a "
                "PostgreSQL database"
            )
            raise _unusable(folder, problem) from error
        yield


def _unusable(folder: Path, problem: str) -> FolderUnusable:
    return FolderUnusable(folder=str(folder), problem=problem)
