"""A file becomes a job: it is uploaded, and the job is made once, however often it is asked for."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

from domain.errors import ModelyardError
from infra.client import batch_documents as documents
from infra.client.errors import ChangeRefused, ConnectionLost
from infra.client.files import Files
from infra.client.following import Line
from infra.client.server import Server
from infra.commands.batch_file import Requests
from infra.output import tell


def made(server: Server, requests: Requests, said: Mapping[str, Any]) -> dict[str, Any]:
    """The new job. A server that goes away meanwhile is waited for."""
    file = uploaded(server, requests)
    wanted = {**_input(requests, file, said), "idempotencyKey": uuid4().hex}
    line = Line(server=server, tell=tell)
    try:
        return dict(line.patiently(lambda: server.change(documents.CREATE, wanted))["batchJob"])
    except ChangeRefused:
        _removed(server, file)
        raise


def previewed(
    server: Server, requests: Requests, said: Mapping[str, Any], kept: int
) -> dict[str, Any]:
    """What would become of it; raises ChangeRefused where it would be no job. `kept` in seconds: the
    file is gone then at the latest."""
    file = uploaded(server, requests, kept)
    try:
        return server.change(documents.PREVIEW, _input(requests, file, said))
    finally:
        _removed(server, file)


def uploaded(server: Server, requests: Requests, kept: int | None = None) -> str:
    """Whoever answers nobody is not waited for; whoever hangs up is: nothing of the file is kept then,
    or a copy that nobody uses until its time is up."""

    def upload() -> str:
        return Files(server).upload(requests.path.name, requests.pieces(), requests.size, kept)

    try:
        return upload()
    except ConnectionLost as lost:
        tell(f"The connection was lost ({lost.problem}); uploading again …")
        return Line(server=server, tell=tell).patiently(upload)


def _input(requests: Requests, file: str, said: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in said.items() if value not in (None, [])}
    return {"inputFileId": file, "endpoint": requests.endpoint, **given}


def _removed(server: Server, file: str) -> None:
    """As good as it goes: it is gone in its time anyway."""
    with suppress(ModelyardError):
        Files(server).delete(file)
