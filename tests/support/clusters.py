"""Real clusters for tests: the one that KUBECONFIG names, and whole ones of a test's own.

Every test has a namespace of its own there, which is deleted at its end, however that comes.
"""

import asyncio
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from infra.k8s.cluster import Cluster
from infra.k8s.informer import Informer
from infra.k8s.kinds import Kind, Object
from infra.k8s.watch import Scope

KIT = "MODELYARD_TEST_KUBERNETES"
BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "kubernetes"
HOW = (
    "needs a Kubernetes cluster: ../shared/kubernetes/up node, then "
    "make test-kubernetes KUBECONFIG=<what its last line says>"
)
WITHIN = 60.0
TEST = "modelyard.io/test"  # a label of what tests made
RUN = "MODELYARD_TEST_CLUSTER_RUN"  # its value, by which a run's are found again


def given() -> Path:
    """The kubeconfig of the cluster that tests share; without one the test is skipped."""
    if not (path := os.environ.get("KUBECONFIG")):
        pytest.skip(HOW)
    return Path(path)


def kit() -> Path:
    """The folder of what starts clusters; without it the test is skipped."""
    given()
    folder = Path(os.environ.get(KIT, BESIDE))
    if not (folder / "up").exists():
        pytest.skip(f"needs a cluster of its own: say in {KIT} where shared/kubernetes is")
    return folder


def kubectl(*arguments: str) -> str:
    """What it says; the kit's, where none is on the path."""
    given_kubectl = given().parent / "bin" / "kubectl"
    command = shutil.which("kubectl") or str(given_kubectl)
    return said([command, *arguments])


def said(command: list[str], **environ: str) -> str:
    """On its standard output; it has to succeed."""
    env = {**os.environ, **environ}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@asynccontextmanager
async def a_namespace(cluster: Cluster) -> AsyncIterator[str]:
    """Fresh, and ready for pods."""
    name = f"t-{uuid4().hex[:12]}"
    metadata = {"name": name, "labels": marked()}
    try:
        await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        await there(cluster, Kind.SERVICE_ACCOUNT, name, "default")
        yield name
    finally:
        await cluster.delete(Kind.NAMESPACE, None, name)


@asynccontextmanager
async def informed(cluster: Cluster, scope: Scope, **options: Any) -> AsyncIterator[Informer]:
    """One that runs, and has seen all there is."""
    informer = Informer(cluster, scope, **options)
    async with running(informer):
        async with asyncio.timeout(WITHIN):
            await informer.synced()
        yield informer


@asynccontextmanager
async def running(informer: Informer) -> AsyncIterator[None]:
    task = asyncio.create_task(informer.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


async def there(cluster: Cluster, kind: Kind, namespace: str, name: str) -> Object:
    """Once it is there."""
    async with asyncio.timeout(WITHIN):
        while True:
            listing = await cluster.list(kind, namespace, fields=f"metadata.name={name}")
            if listing.objects:
                return listing.objects[0]
            scope = Scope(kind, namespace, fields=f"metadata.name={name}")
            async with cluster.watch(scope, listing.version, 10) as events:
                async for event in events:
                    if event["type"] == "ADDED":
                        found: Object = event["object"]
                        return found


async def gone(cluster: Cluster, kind: Kind, namespace: str | None, name: str) -> None:
    """Once it is not there."""
    fields = f"metadata.name={name}"
    async with asyncio.timeout(WITHIN):
        while (listing := await cluster.list(kind, namespace, fields=fields)).objects:
            scope = Scope(kind, namespace, fields=fields)
            async with cluster.watch(scope, listing.version, 10) as events:
                async for event in events:
                    if event["type"] == "DELETED":
                        return


def marked() -> dict[str, str]:
    """The labels of what is not in a test's namespace."""
    return {TEST: os.environ.get(RUN, "yes")}


def clean(run: str) -> None:
    """What tests of that run left, because they were killed."""
    kinds = "namespaces,clusterroles,clusterrolebindings"
    sys.stdout.write(kubectl("delete", kinds, "--selector", f"{TEST}={run}"))


@contextmanager
def own_cluster(kit: Path, tier: str) -> Iterator["OwnCluster"]:
    """That nobody else has, so that its parts may be killed. It takes some ten seconds to start."""
    with tempfile.TemporaryDirectory(prefix="modelyard-k8s-", ignore_cleanup_errors=True) as folder:
        made = OwnCluster(kit, Path(folder))
        try:
            made.run("up", *tier.split())
            yield made
        finally:
            made.run("down")
            for process in made.started:
                process.wait()


@dataclass(frozen=True)
class OwnCluster:
    kit: Path
    folder: Path
    started: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def port(self) -> int:
        """Of its API server."""
        wanted = "--secure-port="
        return int(next(a.removeprefix(wanted) for a in self._command() if a.startswith(wanted)))

    def run(self, name: str, *arguments: str) -> None:
        """A command of the kit."""
        said([str(self.kit / name), *arguments], MODELYARD_K8S_DIR=str(self.folder))

    def kubectl(self, *arguments: str) -> str:
        command = [str(self.folder / "bin" / "kubectl"), *arguments]
        return said(command, KUBECONFIG=str(self.kubeconfig))

    def restart_api_server(self) -> None:
        """As after a crash; returns when it does its work again."""
        command, pid = self._command(), self._pid()
        ended = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
        select.select([ended], [], [])
        os.close(ended)
        with (self.folder / "run" / "log" / "apiserver.log").open("ab") as out:
            again = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        self.started.append(again)
        born = Path(f"/proc/{again.pid}/stat").read_text().rpartition(")")[2].split()[19]
        self._file.write_text(f"{again.pid} {born}\n")
        wait = ["wait", str(self.kubeconfig), str(again.pid), "60", "/readyz"]
        subprocess.run([sys.executable, str(self.kit / "helper.py"), *wait], check=True)

    @property
    def _file(self) -> Path:
        return self.folder / "run" / "pid" / "apiserver"

    def _pid(self) -> int:
        return int(self._file.read_text().split()[0])

    def _command(self) -> list[str]:
        return Path(f"/proc/{self._pid()}/cmdline").read_text().rstrip("\0").split("\0")


if __name__ == "__main__":
    clean(os.environ[RUN])
