import shutil
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from infra.process.settings import ProcessSettings


def forget_old(settings: ProcessSettings, living: Collection[str], now: datetime) -> None:
    """Remove the folders of replicas that are gone, when nothing was written to them for long."""
    if not settings.replicas.is_dir():
        return
    for folder in settings.replicas.iterdir():
        if folder.name not in living and now - _last_written(folder) > settings.logs_kept:
            shutil.rmtree(folder, ignore_errors=True)


def _last_written(folder: Path) -> datetime:
    files = [folder, folder / "output.log"]
    newest = max((file.stat().st_mtime for file in files if file.exists()), default=0.0)
    return datetime.fromtimestamp(newest, UTC)
