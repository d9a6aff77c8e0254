"""An API server that dies and comes back, in a cluster that is this test's alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from infra.k8s.cluster import Cluster, opened
from infra.k8s.config import ClusterConfig
from infra.k8s.kinds import Kind
from infra.k8s.watch import Scope
from tests.support.api_server import config_map
from tests.support.clusters import WITHIN, informed, kit, own_cluster
from tests.support.pumping import pumped

pytestmark = pytest.mark.kubernetes

PLACE = "default"
SCOPE = Scope(Kind.CONFIG_MAP, PLACE, fields="metadata.name!=kube-root-ca.crt")


@dataclass
class Line:
    """Between a client and a server; it can be cut."""

    to: int
    port: int = 0
    cut: bool = False
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.cut:
            writer.transport.abort()
            return
        there, onward = await asyncio.open_connection("127.0.0.1", self.to)
        self._open |= {writer, onward}
        try:
            await asyncio.gather(pumped(reader, onward), pumped(there, writer))
        finally:
            self._open -= {writer, onward}

    def break_(self) -> None:
        self.cut = True
        for each in list(self._open):
            each.transport.abort()

    def mend(self) -> None:
        self.cut = False


@asynccontextmanager
async def a_line(to: int) -> AsyncIterator[Line]:
    line = Line(to)
    server = await asyncio.start_server(line.serve, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        line.break_()
        await server.wait_closed()


async def put(cluster: Cluster, *names: str) -> None:
    for name in names:
        await cluster.create(config_map(name, "", PLACE))


async def test_an_informer_notices_what_happened_while_the_api_server_was_new_and_it_was_away(
    tmp_path: Path,
) -> None:
    with own_cluster(kit(), "api") as own:
        async with a_line(own.port) as line:
            file = tmp_path / "kubeconfig"
            text = own.kubeconfig.read_text().replace(f":{own.port}", f":{line.port}")
            file.write_text(text)
            async with (
                opened(ClusterConfig(own.kubeconfig)) as direct,
                opened(ClusterConfig(file)) as distant,
            ):
                await put(direct, "stays", "goes")
                async with informed(distant, SCOPE) as informer:
                    names = {each["metadata"]["name"] for each in informer.all()}
                    assert names == {"stays", "goes"}
                    line.break_()
                    await put(direct, "came")
                    await direct.delete(Kind.CONFIG_MAP, PLACE, "goes")
                    await asyncio.to_thread(own.restart_api_server)
                    line.mend()
                    async with asyncio.timeout(WITHIN):
                        changes = informer.changes()
                        while {e["metadata"]["name"] for e in informer.all()} != {"stays", "came"}:
                            await anext(changes)
                        await changes.aclose()
                    assert informer.in_sync
