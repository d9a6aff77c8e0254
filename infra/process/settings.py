from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSettings:
    """What the operator and the machine say of replicas that are processes.

    `installation` is the database's id, `host` this machine's. `environ` is the server's own
    environment; of it replicas inherit what `environment.inherited` says and the names in `inherit`.
    Logs are rotated when they reach `log_bytes`, and `log_files` older ones are kept.
    """

    data_dir: Path
    installation: str
    host: str
    environ: Mapping[str, str] = field(repr=False)
    inherit: tuple[str, ...] = ()
    log_bytes: int = 16 * 1024 * 1024
    log_files: int = 2
    log_check: timedelta = timedelta(seconds=1)  # between looks at the logs' sizes
    logs_kept: timedelta = timedelta(days=7)  # after the last line of a replica that is gone
    grace: timedelta = timedelta(seconds=5)  # for what outlives a replica's process, and orphans
    port_wait: timedelta = timedelta(seconds=30)  # for a port that the command itself fixes
    avoided: timedelta = timedelta(minutes=10)  # how long a port that was taken is not used

    @property
    def replicas(self) -> Path:
        """Absolute: replicas run in other folders than the server."""
        return self.data_dir.absolute() / "replicas"
