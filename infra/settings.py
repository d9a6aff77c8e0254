"""What an operator may set, and the only place that reads the environment.

(A client's variables, MODELYARD_SERVER and its like, are defaults of its commands' options.)

A setting comes from the command line, else from `MODELYARD_<NAME>`, else from `<name>` (any case,
with or without the prefix) in `modelyard.toml`, else from its default here.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from domain.errors import ModelyardError
from infra.client import variables

PREFIX = "MODELYARD_"
TESTS_PREFIX = "MODELYARD_TEST_"  # the test suite's own variables
FILE = Path("modelyard.toml")
DATABASES = {
    "postgresql+asyncpg": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "sqlite": "sqlite+aiosqlite",
}  # the schemes that may be written, and the drivers that they mean

NAMESPACE = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
SERVER_URL = r"^https?://(\[[0-9a-f:.]+\]|[^\s/?#:@\[\]]+)(:[0-9]{1,5})?(/[^\s?#]*)?$"
SHORTEST_LEASE = timedelta(seconds=4)
PORTS_WANTED = "write it as 20000-29999, from 1 to 65535"


class Driver(StrEnum):
    PROCESS = "process"
    KUBERNETES = "kubernetes"


class Routing(StrEnum):
    AUTO = "auto"
    POD = "pod"
    PROXY = "proxy"


class Introspection(StrEnum):
    EVERYONE = "everyone"
    ADMINS = "admins"
    NOBODY = "nobody"


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(eq=False, kw_only=True)
class SettingsRefused(ModelyardError):
    """{problem}"""

    problem: str


def _split(value: Any) -> Any:
    """Lists are separated as in PATH; a TOML file may also write them as lists."""
    return [part for part in value.split(os.pathsep) if part] if isinstance(value, str) else value


def _seconds(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("it must be more than zero")
    return value


def _duration(value: Any) -> Any:
    """A bare number is seconds, also where the environment gives it as text; `90d`, `12h`, `30m`."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    units = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
    number, unit = text[:-1], units.get(text[-1:])
    if unit and number.isdecimal():
        return timedelta(**{unit: int(number)})
    return float(text) if text.replace(".", "", 1).isdecimal() else value


def _ports(value: Any) -> Any:
    """`20000-29999`, both ends included; a TOML file may also write a list of the two."""
    if not isinstance(value, str):
        return value
    first, _, last = (part.strip() for part in value.partition("-"))
    if not (first.isdecimal() and last.isdecimal()):
        raise ValueError(PORTS_WANTED)
    return int(first), int(last)


def _in_order(value: tuple[int, int]) -> tuple[int, int]:
    if not 1 <= value[0] <= value[1] <= 65_535:
        raise ValueError(PORTS_WANTED)
    return value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Folders = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_split)]
Ports = Annotated[tuple[int, int], NoDecode, BeforeValidator(_ports), AfterValidator(_in_order)]


def _long_enough(value: timedelta) -> timedelta:
    """Of a lease: 2 s of it are for clocks that differ."""
    if value < SHORTEST_LEASE:
        raise ValueError(f"it must be at least {SHORTEST_LEASE.total_seconds():g} s")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_seconds)]

Lease = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_long_enough)]


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(
        8400, ge=0, le=65_535, description="The port to listen on; 0 takes a free one."
    )
    data_dir: Path = Field(Path(".modelyard"), description="Where the server keeps its own files.")
    database_url: SecretStr | None = Field(
        None,
        description="postgresql://… or sqlite:///…; default: SQLite in the data dir.",
    )
    auto_migrate: bool = Field(
        False, description="Migrate PostgreSQL at the start of the server (SQLite always is)."
    )
    secret_key: SecretStr | None = Field(
        None,
        description="32 bytes in base64 that seal the secrets; default: secret.key in the data dir.",
    )
    event_retention: Duration = Field(timedelta(days=90), description="How long events are kept.")
    model_roots: Folders = Field(
        (Path(),), description="Folders under which local model folders may lie."
    )
    enable_model_definition_override: bool = Field(
        False, description="Whether a folder's definition file counts for every runtime variant."
    )
    driver: Driver = Field(Driver.PROCESS, description="Where replicas run.")
    host_name: str | None = Field(
        None,
        description="What this machine is called where replicas are recorded; default: its hostname.",
    )
    process_inherit_env: Names = Field(
        (),
        description="More environment variables of the server that replica processes inherit.",
    )
    replica_ports: Ports = Field(
        (20_000, 29_999),
        description="The ports that replica processes get, best outside the system's ephemeral ones.",
    )
    drain_timeout: Duration = Field(
        timedelta(seconds=300), description="How long a leaving replica may finish its requests."
    )
    stop_grace: Duration = Field(
        timedelta(seconds=30),
        description="How long a replica may take to end by itself before it is killed.",
    )
    batch_lease: Lease = Field(
        timedelta(seconds=15),
        description="How long a batch worker that is not heard of keeps what it works on.",
    )
    batch_requests_limit: int = Field(
        50_000, gt=0, description="How many requests a batch may have."
    )
    batch_bytes_limit: int = Field(
        200 * 1024 * 1024, gt=0, description="How many bytes a batch's input file may have."
    )
    batch_line_limit: int = Field(
        1024 * 1024, gt=0, description="How many bytes a line of a batch's input may have."
    )
    object_store: str | None = Field(
        None,
        description="Where files and batches' results are kept: s3://, gs:// or az://bucket/prefix, or a "
        "folder; default: objects in the data dir.",
    )
    file_limit: int = Field(
        512 * 1024 * 1024, gt=0, description="How many bytes an uploaded file may have."
    )
    store_timeout: Duration = Field(
        timedelta(seconds=10), description="How long storage may take to give a file."
    )
    s3_endpoint: str | None = Field(None, description="The URL of an S3-compatible server.")
    s3_region: str | None = Field(None, description="The region of the S3 buckets.")
    s3_access_key_id: str | None = Field(
        None, description="Default: the machine's own credentials."
    )
    s3_secret_access_key: SecretStr | None = Field(None, description="The access key's secret.")
    s3_session_token: SecretStr | None = Field(None, description="For temporary credentials.")
    gs_service_account: Path | None = Field(
        None, description="A Google service account's key file; default: the machine's own."
    )
    az_account: str | None = Field(None, description="The Azure storage account.")
    az_access_key: SecretStr | None = Field(None, description="The Azure account's key.")
    az_endpoint: str | None = Field(None, description="The URL of an Azure-compatible server.")
    request_timeout: Duration = Field(
        timedelta(seconds=30), description="How long a query or mutation may take."
    )
    query_cost_limit: int = Field(
        50_000, gt=0, description="What an operation may cost: about the fields of its answer."
    )
    operations_per_request: int = Field(
        1, gt=0, description="How many operations a request may have, as a JSON list."
    )
    operations_per_socket: int = Field(
        100, gt=0, description="How many operations a WebSocket may have under way at once."
    )
    subscriptions_per_key: int = Field(
        1_000, gt=0, description="How many subscriptions a key may have open at this server."
    )
    introspection: Introspection = Field(
        Introspection.EVERYONE, description="Who may ask for the schema itself."
    )
    trusted_documents: Folders = Field(
        (),
        description="Manifests of documents (JSON files, or folders of such); where there are any, no "
        "other documents are executed.",
    )
    inference_timeout: Duration = Field(
        timedelta(hours=1), description="How long a request for inference may take in all."
    )
    inference_body_limit: int = Field(
        64 * 1024 * 1024, gt=0, description="How many bytes a request for inference may have."
    )
    hold_timeout: Duration = Field(
        timedelta(seconds=60),
        description="How long a request waits for the first replica of a deployment that was scaled to "
        "zero.",
    )
    kubernetes_config: Path | None = Field(
        None,
        description="A kubeconfig file; default: the pod's own account, else $KUBECONFIG, else "
        "~/.kube/config.",
    )
    kubernetes_context: str | None = Field(
        None, description="Which of the kubeconfig's contexts; default: its current one."
    )
    kubernetes_namespace: str | None = Field(
        None,
        pattern=NAMESPACE,
        description="Where replicas run; default: the namespace of the server's own pod, else modelyard.",
    )
    kubernetes_namespace_per_project: bool = Field(
        False,
        description="Whether each project has a namespace of its own, <namespace>-<project>; the server "
        "makes it.",
    )
    kubernetes_image: str | None = Field(
        None,
        description="Modelyard's own image: in pods it fetches model folders, and works on batches.",
    )
    kubernetes_allow_host_path: bool = Field(
        False, description="Whether pods may mount local model folders of their node."
    )
    kubernetes_run_as_non_root: bool = Field(
        False, description="Whether pods must not run as root, where a template says nothing."
    )
    kubernetes_server_url: str | None = Field(
        None,
        pattern=SERVER_URL,
        description="Where pods reach this server, as http://modelyard.modelyard.svc:8400: the workers of "
        "Kubernetes Jobs do, and there are none without it.",
    )
    kubernetes_routing: Routing = Field(
        Routing.AUTO,
        description="How requests reach pods: pod (by its address), proxy (through the API server), or "
        "auto: pod inside a cluster, else proxy.",
    )
    log_level: LogLevel = Field(LogLevel.INFO, description="The least severe log lines to write.")

    @field_validator(
        "host",
        "host_name",
        "s3_endpoint",
        "az_endpoint",
        "object_store",
        "kubernetes_context",
        "kubernetes_namespace",
        "kubernetes_image",
        "kubernetes_server_url",
    )
    @classmethod
    def _not_empty(cls, value: str | None) -> str | None:
        if value is not None and not value.strip():
            raise ValueError("it is empty")
        return value

    @field_validator("trusted_documents", mode="before")
    @classmethod
    def _some(cls, value: object) -> object:
        """Who means to name manifests, and by mistake names none, must not trust every document."""
        if isinstance(value, str) and not _split(value):
            raise ValueError("it is empty")
        return value

    @field_validator("port", mode="before")
    @classmethod
    def _own_port(cls, value: object) -> object:
        """What a cluster tells its pods of a Service called modelyard is no setting."""
        is_told = isinstance(value, str) and value.startswith("tcp://")
        return cls.model_fields["port"].default if is_told else value

    @field_validator("database_url")
    @classmethod
    def _database_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        scheme, separator, rest = value.get_secret_value().partition("://")
        if not separator or scheme not in DATABASES:
            raise ValueError(f"use one of {', '.join(f'{each}://' for each in DATABASES)}")
        try:
            _ = urlsplit(f"//{rest}").port
        except ValueError as error:
            raise ValueError("its host or port is malformed") from error
        return SecretStr(f"{DATABASES[scheme]}://{rest}")

    @property
    def database(self) -> str:
        """SQLAlchemy's URL of it."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite+aiosqlite:///{self.data_dir.absolute() / 'modelyard.db'}"


def load(config: Path | None = None, **said: object) -> Settings:
    """The settings in force; `said` (what the command line says, None where it says nothing) wins.

    Raises SettingsRefused, which names every setting that is wrong.
    """
    known = set(Settings.model_fields)
    for variable in os.environ:
        if variable.startswith(PREFIX) and not _is_others(variable):
            _known(variable.removeprefix(PREFIX).lower(), variable, known, PREFIX)
    written = _from_file(config, known)

    class Sourced(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            file = InitSettingsSource(settings_cls, init_kwargs=written)
            return init_settings, env_settings, file

    spoken: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
    try:
        return Sourced(**spoken)
    except ValidationError as error:
        raise SettingsRefused(problem=_problems(error)) from error


def _is_others(variable: str) -> bool:
    """A client's, which has them from its options, the test suite's, or what a cluster tells its pods of
    a Service called modelyard."""
    told = variable.startswith((f"{PREFIX}SERVICE_", f"{PREFIX}PORT_"))
    return told or variable in variables.MEANINGS or variable.startswith(TESTS_PREFIX)


def environment() -> Mapping[str, str]:
    """What this process was started with; replicas inherit a little of it."""
    return dict(os.environ)


def _from_file(config: Path | None, known: set[str]) -> dict[str, Any]:
    file = config or FILE
    try:
        written = tomllib.loads(file.read_text())
    except FileNotFoundError as error:
        if config is None:
            return {}
        raise SettingsRefused(problem=f"There is no settings file {str(file)!r}.") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsRefused(problem=f"{file} can't be read: {error}") from error
    return _named(written, file, known)


def _named(written: Mapping[str, Any], file: Path, known: set[str]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for key, value in written.items():
        name = key.lower().removeprefix(PREFIX.lower())
        _known(name, f"{key} in {file}", known)
        if name in settings:
            raise SettingsRefused(problem=f"{file} sets {name} twice.")
        settings[name] = value
    return settings


def _known(name: str, written: str, known: set[str], prefix: str = "") -> None:
    if name in known:
        return
    if PREFIX + name.upper() in variables.MEANINGS:
        problem = f"{written} is a client's: set {PREFIX}{name.upper()} in its environment."
        raise SettingsRefused(problem=problem)
    clients = {each.removeprefix(PREFIX).lower() for each in variables.MEANINGS if prefix}
    near = get_close_matches(name, known | clients, n=1, cutoff=0.5)
    shown = (prefix + near[0].upper() if prefix else near[0]) if near else ""
    hint = f" Did you mean {shown}?" if near else " `modelyard settings` lists all."
    raise SettingsRefused(problem=f"There is no setting {written}.{hint}")


def _problems(error: ValidationError) -> str:
    """One sentence a setting; what was written there is not repeated, it may be a secret."""
    return " ".join(
        f"{PREFIX}{str(each['loc'][0]).upper()} is wrong: {each['msg'].removeprefix('Value error, ')}."
        for each in error.errors(include_input=False)
    )


def server_url(settings: Settings) -> str | None:
    """Where pods reach this server, if that is known."""
    said = settings.kubernetes_server_url
    return None if said is None else said.rstrip("/")
