from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
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

    def store_settings(self, scheme: str) -> Mapping[str, str]:
        """What that store alone needs that is no secret, by the names of Modelyard's own settings."""
        return {PREFIX + key.upper(): said for key, said in self._store(scheme) if key in PLAIN}

    def store_secrets(self, scheme: str) -> Mapping[str, str]:
        """And what is one; Google's is the content of a file."""
        return {PREFIX + key.upper(): said for key, said in self._store(scheme) if key not in PLAIN}

    def _store(self, scheme: str) -> Iterator[tuple[str, str]]:
        held = replace(self.credentials, **{KEY_FILE: self.gs_key})
        for each in fields(held):
            said = getattr(held, each.name)
            if said is not None and each.name.startswith(f"{scheme}_"):
                yield each.name, said
