"""`modelyard fetch`: what a pod's init container runs."""

from pathlib import Path
from typing import Annotated

import typer

from infra.output import Config, say


def fetch(
    uri: Annotated[str, typer.Argument(help="A model folder: s3://, gs:// or az://.")],
    folder: Annotated[Path, typer.Argument(help="Where it is to be; it appears when it is whole.")],
    config: Config = None,
) -> None:
    """Fetch a model folder from an object store; cut short, it is taken up by the next run."""
    import asyncio

    from infra import logs, settings
    from infra.credentials import credentials_of
    from infra.files.fetching import Fetching, booted
    from infra.files.folders import Folders
    from infra.files.objects import Objects

    loaded = settings.load(config)
    logs.configure(loaded.log_level)
    objects = Objects(credentials=credentials_of(loaded), timeout=loaded.store_timeout)
    folders = Folders(roots=(), objects=objects, timeout=loaded.store_timeout)
    fetching = Fetching(folders=folders, boot=booted())
    done = asyncio.run(fetching.into(uri, folder.absolute()))
    say(f"{uri}: {done.files} files, {done.size} bytes, {done.copied} of them copied now.")
