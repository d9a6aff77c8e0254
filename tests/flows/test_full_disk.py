"""SQLite without room: a typed error, nothing by halves, and it goes on once there is room."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.api import a_client, following, positions
from tests.support.server import Running, running

ADD = """mutation($input: AddModelRevisionInput!) { addModelRevision(input: $input) {
  revision { number } } }"""
NUMBERS = """query($id: ID!) { modelDeployment(id: $id) {
  revisions(first: 100) { nodes { number } } } }"""
FOLLOW = "subscription($after: String) { events(after: $after) { cursor } }"
ROOM = 100 * 1024
MOST = 100  # revisions that need more room than that


@contextmanager
def little_room(server: Running, folder: Path) -> Iterator[None]:
    """No file of the server's grows far beyond the largest there is."""
    largest = max(file.stat().st_size for file in folder.iterdir())
    before = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (largest + ROOM, before[1]))
    try:
        yield
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_refuses_what_it_can_not_keep_and_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with running(folder) as server:
        async with a_client(server.url) as api:
            start = (await api.get("{eventCursor}"))["eventCursor"]
            deployment = await api.deployment("chat")
            said = {"deploymentId": deployment, "runtimeVariant": "ECHO", "note": "x" * 4_000}
            async with following(server.url, FOLLOW, after=start) as payloads:
                with little_room(server, folder):
                    kept = 0
                    answer = await api.ask(ADD, input=said)
                    while "errors" not in answer and kept < MOST:
                        kept += 1
                        answer = await api.ask(ADD, input=said)
                    for _ in range(3):
                        [error] = (await api.ask(ADD, input=said))["errors"]
                        assert error["extensions"]["code"] == "STORAGE_UNAVAILABLE"
                        assert error["extensions"]["retryable"]
                    assert len(await api.events(start)) == 1 + kept
                more = [(await api.revision(deployment))["number"] for _ in range(3)]
                assert more == [kept + 1, kept + 2, kept + 3]
                found = (await api.get(NUMBERS, id=deployment))["modelDeployment"]["revisions"]
                assert {each["number"] for each in found["nodes"]} == set(range(1, kept + 4))
                heard = [await anext(payloads) for _ in range(1 + kept + 3)]
            cursors = [each["data"]["events"]["cursor"] for each in heard]
            first = positions([start])[0]
            assert positions(cursors) == list(range(first + 1, first + kept + 5))
        assert server.stop() == 0
        assert "Traceback" not in server.log.read_text()
