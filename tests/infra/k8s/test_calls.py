"""What becomes of a call that is not answered as hoped."""

import asyncio
import re
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.k8s.api import IN_FLIGHT, Patience
from infra.k8s.cluster import Cluster, opened
from infra.k8s.config import ClusterConfig
from infra.k8s.errors import (
    ClusterUnavailable,
    ClusterUnknown,
    Conflict,
    Expired,
    Gone,
    NotAllowed,
    Refused,
)
from infra.k8s.kinds import Kind
from infra.k8s.refusals import retry_after
from infra.k8s.watch import Scope
from tests.support.api_server import NAMESPACE, WITHIN, ApiServer, Refusal, config_map
from tests.support.hasty import HastyTimer

HERE = Kind.CONFIG_MAP, NAMESPACE, "a"


async def test_the_version_is_read_as_clouds_write_it(cluster: Cluster) -> None:
    assert cluster.version == (1, 27)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_what_may_go_better_the_next_time_is_unavailable(
    server: ApiServer, cluster: Cluster, status: int
) -> None:
    server.refusals = [Refusal(status, "not now")]
    with pytest.raises(ClusterUnavailable, match="not now"):
        await cluster.get(*HERE)


async def test_a_proxys_page_is_told_in_short(server: ApiServer, cluster: Cluster) -> None:
    server.refusals = [Refusal(502, text="<html>Bad Gateway" + "x" * 9999)]
    with pytest.raises(ClusterUnavailable) as error:
        await cluster.get(*HERE)
    assert "Bad Gateway" in error.value.problem
    assert len(error.value.problem) <= 300


async def test_who_is_to_come_again_soon_does(
    server: ApiServer, cluster: Cluster, timer: HastyTimer
) -> None:
    server.put("a", "1")
    server.refusals = [Refusal(429, headers={"Retry-After": "2"}), Refusal(503, details={})]
    server.refusals[1] = Refusal(503, details={"retryAfterSeconds": 1})
    assert await cluster.get(*HERE) is not None
    assert timer.waits == [2, 1]


@pytest.mark.parametrize(("seconds", "tries"), [("60", 1), ("1", 4)])
async def test_who_is_to_come_again_late_or_all_too_often_gives_up(
    server: ApiServer, cluster: Cluster, seconds: str, tries: int
) -> None:
    server.refusals = [Refusal(429, headers={"Retry-After": seconds}) for _ in range(9)]
    with pytest.raises(ClusterUnavailable) as error:
        await cluster.get(*HERE)
    assert error.value.retry_after == float(seconds)
    assert len(server.asked) == 1 + tries


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("Sun, 01 Mar 2026 12:00:09 GMT", 9.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        (None, None),
    ],
)
def test_the_time_to_come_again_is_a_number_or_a_date(
    said: str | None, seconds: float | None
) -> None:
    assert retry_after(said, datetime(2026, 3, 1, 12, tzinfo=UTC)) == seconds


async def test_a_cluster_that_does_not_answer_is_given_up_in_time(server: ApiServer) -> None:
    async with opened(server.config, Patience(call=0.2)) as cluster:
        server.hanging = True
        with pytest.raises(ClusterUnavailable, match="too long"):
            await cluster.get(*HERE)


async def test_a_cluster_that_is_away_is_unavailable(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(
        "{clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}], users: [],"
        " contexts: [{name: c, context: {cluster: c}}], current-context: c}"
    )
    with pytest.raises(ClusterUnavailable, match=r"127\.0\.0\.1:1"):
        async with opened(ClusterConfig(file)):
            pass


async def test_an_answer_that_is_no_json_is_none(server: ApiServer, cluster: Cluster) -> None:
    server.refusals = [Refusal(200, text="hello")]
    with pytest.raises(ClusterUnavailable, match="no JSON"):
        await cluster.get(*HERE)


async def test_a_manifest_that_is_wrong_is_refused_with_the_apis_words(
    server: ApiServer, cluster: Cluster
) -> None:
    server.refusals = [Refusal(422, "spec.foo: Invalid value", reason="Invalid")]
    with pytest.raises(Refused, match=r"ConfigMap shop/a: spec\.foo: Invalid value"):
        await cluster.apply(config_map("a", "1"))


@pytest.mark.parametrize(
    "problem",
    [
        ".spec.foo: field not declared in schema",
        "etcdserver: request is too large",
        "rpc error: code = ResourceExhausted desc = trying to send message larger than max (2 vs. 1)",
    ],
)
async def test_what_api_servers_call_their_own_fault_may_be_the_manifests(
    problem: str, server: ApiServer, cluster: Cluster
) -> None:
    server.refusals = [Refusal(500, problem)]
    with pytest.raises(Refused, match=re.escape(problem)):
        await cluster.apply(config_map("a", "1"))


async def test_a_role_that_is_missing_is_named(server: ApiServer, cluster: Cluster) -> None:
    said = 'deployments.apps is forbidden: User "u" cannot patch resource "deployments"'
    server.refusals = [Refusal(403, f'{said} in API group "apps" in the namespace "shop"')]
    with pytest.raises(NotAllowed, match=r"patch deployments\.apps in namespace shop") as error:
        await cluster.get(*HERE)
    assert (error.value.verb, error.value.resource) == ("patch", "deployments.apps")


async def test_a_quota_is_no_role(server: ApiServer, cluster: Cluster) -> None:
    server.refusals = [Refusal(403, 'pods "a" is forbidden: exceeded quota: q')]
    with pytest.raises(Refused, match="exceeded quota") as error:
        await cluster.create(config_map("a", "1"))
    assert not isinstance(error.value, NotAllowed)


async def test_a_conflict_names_the_other_and_what_it_has(
    server: ApiServer, cluster: Cluster
) -> None:
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "helm" using apps/v1'}
    causes = [{**cause, "field": ".spec.replicas"}, {**cause, "field": ".data.text"}]
    server.refusals = [
        Refusal(409, 'Apply failed with 2 conflicts: "helm"', details={"causes": causes})
    ]
    with pytest.raises(Conflict, match="helm") as error:
        await cluster.apply(config_map("a", "1"))
    assert error.value.others == ("helm",)
    assert error.value.fields == (".spec.replicas", ".data.text")


async def test_a_version_that_is_forgotten_is_expired(server: ApiServer, cluster: Cluster) -> None:
    server.refusals = [Refusal(410, "too old") for _ in range(3)]
    with pytest.raises(Expired, match="too old"):
        await cluster.list(Kind.CONFIG_MAP, NAMESPACE)
    assert len(server.lists()) == 3


async def test_a_namespace_that_is_missing_is_no_object_that_is_gone(
    server: ApiServer, cluster: Cluster
) -> None:
    details = {"name": NAMESPACE, "kind": "namespaces"}
    missing = Refusal(404, 'namespaces "shop" not found', details=details, reason="NotFound")
    server.refusals = [missing]
    with pytest.raises(Refused, match="namespaces"):
        await cluster.apply(config_map("a", "1"))


async def test_a_kind_that_the_cluster_does_not_have_is_refused(cluster: Cluster) -> None:
    with pytest.raises(Refused, match="404"):
        await cluster.get(Kind.JOB, NAMESPACE, "a")


async def test_deleting_what_is_absent_or_another_by_now_is_fine(
    server: ApiServer, cluster: Cluster
) -> None:
    await cluster.delete(*HERE)
    server.put("a", "1")
    await cluster.delete(*HERE, uid="of-the-one-before")
    assert await cluster.get(*HERE) is not None
    server.refusals = [Refusal(409, "busy")]
    with pytest.raises(Conflict):
        await cluster.delete(*HERE)


async def test_a_token_that_ran_out_is_read_anew(server: ApiServer, cluster: Cluster) -> None:
    server.put("a", "1")
    server.token = "second"
    assert server.config.file is not None
    (server.config.file.parent / "token").write_text("second")
    found = await asyncio.gather(*(cluster.get(*HERE) for _ in range(5)))
    assert None not in found


async def test_a_token_that_nobody_knows_is_refused(server: ApiServer, cluster: Cluster) -> None:
    server.token = "second"
    with pytest.raises(Refused, match="Unauthorized"):
        await cluster.get(*HERE)


async def test_more_calls_than_it_has_room_for_wait_their_turn(
    server: ApiServer, cluster: Cluster
) -> None:
    server.put("a", "1")
    found = await asyncio.gather(*(cluster.get(*HERE) for _ in range(3 * IN_FLIGHT)))
    assert None not in found
    server.hanging = True
    tasks = [asyncio.create_task(cluster.get(*HERE)) for _ in range(IN_FLIGHT + 5)]
    before = 1 + 3 * IN_FLIGHT
    await server.heard(before + IN_FLIGHT)
    assert len(server.asked) == before + IN_FLIGHT
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is no kubeconfig"),
        ("{", "flow"),
        ("{clusters: [], contexts: [], users: []}", "current-context"),
        ("[1]", "is no kubeconfig"),
        (
            "{clusters: [{name: c, cluster: {}}], users: [],"
            " contexts: [{name: c, context: {cluster: c}}], current-context: c}",
            "names no server",
        ),
        (None, "there is no file"),
    ],
)
async def test_a_kubeconfig_that_leads_nowhere_is_named(
    tmp_path: Path, content: str | None, problem: str
) -> None:
    file = tmp_path / "config"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ClusterUnknown, match=problem) as error:
        async with opened(ClusterConfig(file)):
            pass
    assert str(file) in error.value.message


async def test_a_context_that_is_not_there_is_named(server: ApiServer) -> None:
    assert server.config.file is not None
    with pytest.raises(ClusterUnknown, match="elsewhere"):
        async with opened(ClusterConfig(server.config.file, "elsewhere")):
            pass


async def test_a_watch_that_is_refused_says_why(server: ApiServer, cluster: Cluster) -> None:
    server.watch_refusals = [Refusal(403, "no")]
    with pytest.raises(Refused, match="a watch of configmaps"):
        async with cluster.watch(Scope(Kind.CONFIG_MAP, NAMESPACE), "1", 5):
            pass


async def test_the_proxys_address_and_who_we_are(server: ApiServer, cluster: Cluster) -> None:
    proxied = await cluster.pod_proxy("shop", "web-1", 8000)
    assert proxied.url.endswith("/api/v1/namespaces/shop/pods/web-1:8000/proxy")
    assert proxied.headers["authorization"] == "Bearer first"


def test_paths_hold_no_steps_up() -> None:
    assert Kind.POD.path("shop", "a/../b") == "/api/v1/namespaces/shop/pods/a%2F..%2Fb"
    assert Kind.NODE.path(None, "n1") == "/api/v1/nodes/n1"
    assert (
        Kind.DEPLOYMENT.path("s", "d", "scale") == "/apis/apps/v1/namespaces/s/deployments/d/scale"
    )
    assert Kind.POD.path() == "/api/v1/pods"
    with pytest.raises(ValueError, match=r"\.\."):
        Kind.POD.path("shop", "..")


async def test_the_log_of_a_pod_that_is_gone_is_gone(server: ApiServer, cluster: Cluster) -> None:
    details = {"name": "p", "kind": "pods"}
    server.refusals = [Refusal(404, "gone", details=details, reason="NotFound")]
    with pytest.raises(Gone, match="the log of Pod shop/p"):
        async with (
            asyncio.timeout(WITHIN),
            aclosing(cluster.logs("shop", "p", "c", tail=1, follow=True)) as lines,
        ):
            await anext(lines)


async def test_what_a_container_wrote_is_read_as_a_terminal_would_leave_it(
    server: ApiServer, cluster: Cluster
) -> None:
    server.refusals = [Refusal(200, text="1 %\r2 %\r\n\0no end")]
    async with aclosing(cluster.logs("shop", "p", "c", tail=9)) as lines:
        assert [line async for line in lines] == ["2 %", "no end"]


async def test_a_container_that_did_not_start_has_written_nothing(
    server: ApiServer, cluster: Cluster
) -> None:
    server.refusals = [
        Refusal(400, 'container "c" in pod "p" is waiting to start: PodInitializing')
    ]
    assert [line async for line in cluster.logs("shop", "p", "c", tail=9)] == []
    server.refusals = [Refusal(400, "container x is not valid for pod p")]
    with pytest.raises(Refused, match="not valid"):
        await anext(cluster.logs("shop", "p", "x", tail=9))
