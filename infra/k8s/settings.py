from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta

from infra.buckets import Credentials

PREFIX = "MODELYARD_"
PLAIN = frozenset({"s3_endpoint", "s3_region", "az_account", "az_endpoint"})
KEY_FILE = "gs_service_account"


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesSettings:
    """What the operator and the cluster say of replicas that are pods.

    `installation` is the database's id, `version` the API server's (major, minor). `image` is Modelyard's
    own: what fetches model folders in pods. `credentials` are those of the object stores, which it gets;
    `gs_key` is what Google's key file holds. With `namespace_per_project` each project has a namespace of
    its own, `namespace` and the project's name.
    """

    installation: str
    version: tuple[int, int]
    namespace: str = "modelyard"
    namespace_per_project: bool = False
    image: str | None = None
    allow_host_path: bool = False
    run_as_non_root: bool = False  # where a template says nothing
    drain_timeout: timedelta = timedelta(seconds=300)
    stop_grace: timedelta = timedelta(seconds=30)
    credentials: Credentials = field(default_factory=Credentials, repr=False)
    gs_key: str | None = field(default=None, repr=False)

    @property
    def store_settings(self) -> Mapping[str, str]:
        """What the stores need that is no secret, by the names of Modelyard's own settings."""
        return {name: value for name, value in self._stores() if name not in self.store_secrets}

    @property
    def store_secrets(self) -> Mapping[str, str]:
        """And what is one; Google's is the content of a file."""
        found = {
            name: value
            for name, value in self._stores()
            if name.removeprefix(PREFIX).lower() not in PLAIN
        }
        return found if self.gs_key is None else {**found, PREFIX + KEY_FILE.upper(): self.gs_key}

    def _stores(self) -> list[tuple[str, str]]:
        held = self.credentials
        said = {each.name: getattr(held, each.name) for each in fields(held)}
        return [
            (PREFIX + name.upper(), value)
            for name, value in said.items()
            if value is not None and name != KEY_FILE
        ]
