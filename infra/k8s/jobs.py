"""domain.batches.jobs.ports.ClusterJobs: Jobs of a cluster, each with what belongs to it."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from domain.batches.jobs.ports import ClusterAway, JobRefused, JobSeen, NewJob
from domain.clock import Clock
from domain.deployments.ports import SecretValues
from domain.errors import SealBroken
from domain.work import Reads
from infra.k8s import logs, objects, sights
from infra.k8s.cluster import Cluster
from infra.k8s.errors import ClusterUnavailable, Conflict, Expired, FieldsDropped, Gone, Refused
from infra.k8s.kinds import Kind, Object
from infra.k8s.manifests import names, secret
from infra.k8s.manifests.job import Work, job, labels, token_secret
from infra.k8s.manifests.names import Group
from infra.k8s.manifests.namespace import namespace
from infra.k8s.manifests.refusal import CantStart
from infra.k8s.settings import KubernetesSettings

AWAY = (ClusterUnavailable, Expired, Gone, Conflict)  # the next look tries again
PASSING = re.compile("exceeded quota|because it is being terminated")
"""Why no object is taken just now: others have all that there may be, or its namespace is made anew."""
NOTHING: Mapping[str, str] = MappingProxyType({})
NO_PODS = "The Kubernetes Job has no pod yet."


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesJobs:
    """`server` is the control plane's URL for pods. `within` is the one namespace of all Jobs, if there is
    but one; `selector` has the labels of all that the installation made."""

    settings: KubernetesSettings
    cluster: Cluster
    reads: Reads
    secrets: SecretValues
    server: str
    within: str | None
    selector: str
    clock: Clock

    async def make(self, new: NewJob) -> None:
        with _told():
            await self._make(new)

    async def look(self, deployment_id: str) -> JobSeen | None:
        with _told():
            made = await self._job(deployment_id)
            if made is None or objects.is_leaving(made) or not objects.is_made(made):
                return None
            pods = await self._pods(deployment_id)
        return self._seen(made, pods)

    async def size(self, deployment_id: str, pods: int) -> None:
        with _told():
            made = await self._job(deployment_id)
            if made is not None:
                await self.cluster.parallel(objects.namespace(made), objects.name(made), pods)

    async def renew(self, deployment_id: str, token: str) -> None:
        with _told():
            made = await self._job(deployment_id)
            if made is not None:
                await self._give(token, made)

    async def log_tail(self, deployment_id: str, lines: int) -> Sequence[str]:
        with _told():
            pods = await self._pods(deployment_id)
            last = max(pods, key=objects.created, default=None)
            return () if last is None else await logs.last_lines(self.cluster, last, lines)

    async def remove(self, deployment_id: str) -> bool:
        with _told():
            made = await self._job(deployment_id)
            if made is None:
                return await self._is_without_pods(deployment_id)
            place = objects.namespace(made), objects.name(made)
            await self.cluster.delete(
                Kind.JOB, *place, uid=objects.uid(made), propagation="Foreground"
            )
            return False

    async def _is_without_pods(self, deployment_id: str) -> bool:
        """Whoever deleted the Job may have left them, and then nobody else ends them."""
        pods = await self._pods(deployment_id)
        for each in pods:
            if not objects.is_leaving(each):
                place = objects.namespace(each), objects.name(each)
                await self.cluster.delete(Kind.POD, *place, uid=objects.uid(each))
        return not pods

    async def all(self) -> Collection[str]:
        with _told():
            selector = f"{self.selector},{names.BATCH}"
            jobs = (await self.cluster.list(Kind.JOB, self.within, selector=selector)).objects
            pods = (await self.cluster.list(Kind.POD, self.within, selector=selector)).objects
        return {i for each in (*jobs, *pods) if (i := objects.label(each, names.DEPLOYMENT_ID))}

    async def _make(self, new: NewJob) -> None:
        """Each object where it is lacking; the mark that nothing is comes last."""
        group = await self._group(new)
        left = (new.ends_at - self.clock()).total_seconds()
        work = Work(batch_id=new.batch_id, server=self.server, seconds=int(left))
        place = group.namespace, group.name
        given = await self.cluster.get(Kind.JOB, *place)
        if given is None:
            given = await self.cluster.apply(job(group, work, self.settings))
        elif objects.is_made(given) or objects.is_leaving(given):
            return
        held = secret.secret(group, await self._opened(new), self.settings, given)
        if held is not None:
            held["metadata"]["labels"] = labels(group, work)
            await self.cluster.apply(held)
        await self._give(new.token, given, {names.MADE: "true"})

    async def _give(self, token: str, made: Object, mark: Mapping[str, str] = NOTHING) -> None:
        """How old it is, is told by the Job: nobody may read Secrets. `mark` are labels besides."""
        since = str(int(self.clock().timestamp()))
        await self.cluster.apply(token_secret(token, made))
        place = objects.namespace(made), objects.name(made)
        told = {**mark, names.TOKEN_SINCE: since}
        await self.cluster.patch_labels(Kind.JOB, *place, told, None)

    async def _group(self, new: NewJob) -> Group:
        """With its namespace there."""
        projects = await self.reads.projects.by_ids([new.deployment.project_id])
        project = projects[new.deployment.project_id]
        if self.settings.namespace_per_project:
            wanted = namespace(self.settings, project)
            if await self.cluster.get(Kind.NAMESPACE, None, objects.name(wanted)) is None:
                await self.cluster.apply(wanted)
        return Group(
            namespace=names.namespace_name(self.settings, project),
            installation=self.settings.installation,
            deployment=new.deployment,
            revision=new.revision,
            id=new.deployment.id,
        )

    async def _opened(self, new: NewJob) -> dict[str, str]:
        wanted = secret.opened(new.revision)
        try:
            return dict(await self.secrets.open(new.revision.project_id, wanted))
        except SealBroken as error:
            raise JobRefused(problem=error.message) from error

    async def _job(self, deployment_id: str) -> Object | None:
        found = await self._listed(Kind.JOB, deployment_id)
        return next(iter(found), None)

    async def _pods(self, deployment_id: str) -> Sequence[Object]:
        return await self._listed(Kind.POD, deployment_id)

    async def _listed(self, kind: Kind, deployment_id: str) -> Sequence[Object]:
        selector = f"{self.selector},{names.BATCH},{names.DEPLOYMENT_ID}={deployment_id}"
        return (await self.cluster.list(kind, self.within, selector=selector)).objects

    def _seen(self, made: Object, pods: Sequence[Object]) -> JobSeen:
        living = [p for p in pods if not (objects.is_finished(p) or objects.is_leaving(p))]
        since = objects.label(made, names.TOKEN_SINCE)
        troubles = [sights.unready(each, self.clock()) for each in living]
        return JobSeen(
            pods=int(made["spec"].get("parallelism", 1)),
            since=min(map(objects.created, living), default=None),
            is_ready=any(objects.holds(each, "Ready") for each in living),
            is_hopeless=bool(troubles) and all(each.hopeless for each in troubles),
            failure=_failure(made),
            message=_message(troubles),
            token_since=datetime.fromtimestamp(int(since), UTC) if since else None,
        )


@contextmanager
def _told() -> Iterator[None]:
    """As batches are told it."""
    try:
        yield
    except AWAY as error:
        raise ClusterAway(problem=error.message) from error
    except Refused as error:
        if PASSING.search(error.problem):
            raise ClusterAway(problem=error.message) from error
        raise JobRefused(problem=error.message) from error
    except FieldsDropped as error:
        raise JobRefused(problem=error.message) from error
    except CantStart as error:
        raise JobRefused(problem=error.message) from error


def _failure(made: Object) -> str | None:
    """That it has no pods any more; one that is complete has none either, whatever its batch lacks."""
    for kind in ("Failed", "Complete"):
        if objects.holds(made, kind):
            found = objects.condition(made, kind) or {}
            said = (found.get("reason"), found.get("message"))
            return ": ".join(part for part in said if part) or kind
    return None


def _message(troubles: Sequence[sights.Trouble]) -> str:
    """Of the pod that is farthest from being ready."""
    if not troubles:
        return NO_PODS
    worst = next((each for each in troubles if each.hopeless), troubles[0])
    said = f"Its pods are not ready: {worst.reason.name}"
    return f"{said}: {worst.message}" if worst.message else f"{said}."
