"""All services over the store in memory: one call, everything within reach."""

import json
from dataclasses import dataclass, field
from typing import Any

from domain.access.access import Caller, Role
from domain.access.service import Access
from domain.autoscaling.service import Autoscaling
from domain.batches.external_endpoints import ExternalEndpoints
from domain.batches.profiles import Profiles
from domain.batches.results import Results
from domain.batches.service import Batches
from domain.definitions.folder_file import DefinitionFiles
from domain.definitions.notices import DriverKind
from domain.definitions.request import FolderChoice, RevisionRequest
from domain.definitions.service import Definitions
from domain.definitions.variants import Variant
from domain.deployments.deployment import Deployment
from domain.deployments.replicas import Replicas
from domain.deployments.rollouts import Rollouts
from domain.deployments.service import Deployments, NewDeployment
from domain.events import Event, Scope
from domain.files.service import Files
from domain.folders.folder import Folder
from domain.folders.service import Folders, NewFolder
from domain.secrets.service import Secrets
from domain.templates.service import Templates
from domain.webhooks.service import Webhooks
from infra.files.definition_file import DefinitionFileParser
from tests.support.build import FolderFilesInMemory, OwnClock, PlainSealer, a_caller, ids
from tests.support.memory import MemoryStore
from tests.support.memory_objects import MemoryObjects
from tests.support.written import WrittenInMemory

FILE_LIMIT = 1_000_000
URI = "file:///srv/models/llama"


@dataclass
class House:
    clock: OwnClock = field(default_factory=OwnClock)
    driver: DriverKind = "process"
    enable_override: bool = False

    def __post_init__(self) -> None:
        self.store = MemoryStore(clock=self.clock)
        self.files = FolderFilesInMemory(folders={URI: {}})
        self.caller = a_caller(self.store.default.id)
        some_ids = ids()
        shared: dict[str, Any] = {
            "start_work": self.store.start_work,
            "clock": self.clock,
            "new_id": lambda: next(some_ids),
        }
        reads = self.store.reads
        self.definitions = Definitions(
            reads=reads,
            files=DefinitionFiles(files=self.files, parser=DefinitionFileParser()),
            driver=self.driver,
            enable_override=self.enable_override,
        )
        self.access = Access(reads=reads, new_token=lambda: "my_token", **shared)
        self.folders = Folders(reads=reads, files=self.files, **shared)
        self.objects = MemoryObjects(clock=self.clock)
        self.uploads = Files(reads=reads, objects=self.objects, limit=FILE_LIMIT, **shared)
        self.secrets = Secrets(sealer=PlainSealer(), **shared)
        self.webhooks = Webhooks(
            log=self.store.log, sealer=PlainSealer(), new_key=lambda: bytes(32), **shared
        )
        self.templates = Templates(reads=reads, **shared)
        self.autoscaling = Autoscaling(reads=reads, **shared)
        self.deployments = Deployments(reads=reads, definitions=self.definitions, **shared)
        self.rollouts = Rollouts(reads=reads, driver=self.driver, **shared)
        self.batches = Batches(
            reads=reads, objects=self.objects, files=self.uploads, loads=json.loads, **shared
        )
        self.batch_profiles = Profiles(reads=reads, **shared)
        self.external_endpoints = ExternalEndpoints(reads=reads, **shared)
        self.results = Results(reads=reads, objects=self.objects)
        self.written = WrittenInMemory()
        self.replicas = Replicas(reads=reads, written=self.written)

    def viewer(self) -> Caller:
        return a_caller(self.store.default.id, Role.VIEWER)

    def editor(self) -> Caller:
        return a_caller(self.store.default.id, Role.EDITOR)

    async def events(self) -> list[Event]:
        return list(await self.store.log.read(None, 1_000, Scope()))

    async def facts(self) -> list[object]:
        return [event.fact for event in await self.events()]

    async def a_deployment(self, name: str = "chat", replicas: int = 1) -> Deployment:
        new = NewDeployment(name=name, desired_replicas=replicas)
        return await self.deployments.create(self.caller, new)

    async def a_folder(self, file: str | None = None, name: str = "llama") -> Folder:
        """With a model-definition.yaml that holds `file`, if it is given."""
        if file is not None:
            self.files.folders[URI] = {"model-definition.yaml": file.encode()}
        return await self.folders.create(self.caller, NewFolder(name=name, uri=URI))

    async def a_request(self, **said: Any) -> RevisionRequest:
        """A request for a new deployment, of the echo variant unless it says otherwise."""
        if "deployment_id" not in said:
            said["deployment_id"] = (await self.a_deployment()).id
        said.setdefault("runtime_variant", Variant.ECHO)
        return RevisionRequest(**said)


def choice(folder: Folder, definition_path: str | None = None) -> FolderChoice:
    return FolderChoice(folder_id=folder.id, definition_path=definition_path)


def service(**said: object) -> dict[str, Any]:
    """The draft of a request that says something of the first model's service."""
    return {"model_definition": {"models": [{"service": said}]}}
