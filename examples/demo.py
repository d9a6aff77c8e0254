"""The main job, start to end: from a model folder to a model that answers, whatever happens to it.

Starts a server on a fresh SQLite database and a free port, talks to it as any client would, and
stops it and all that it ran. `make serve` is what stays up.
"""

import asyncio
import shutil
import tempfile
from pathlib import Path

import aiohttp
from client import Client, server
from resolving import resolve
from running import run
from shown import console

FOLDER = Path(__file__).resolve().parent / "model-folder"


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="modelyard-demo-") as place:
        folder = Path(place) / "tiny-chat"
        shutil.copytree(FOLDER, folder)
        async with server(Path(place)) as running, aiohttp.ClientSession() as http:
            client = Client(http, f"{running.url}/graphql")
            deployment, last = await resolve(client, folder)
            await run(client, running, deployment, last)
    console.print("\n[bold green]Done.[/] `make serve` starts a server that stays up.")


if __name__ == "__main__":
    asyncio.run(main())
