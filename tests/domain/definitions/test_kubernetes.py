"""How pods are scheduled: what a template may say of it, and what becomes of it in revisions."""

from dataclasses import replace
from typing import Any

import pytest

from domain.definitions.compare import compare_revisions
from domain.definitions.environment import cluster_secret
from domain.definitions.kubernetes import (
    KubernetesUse,
    NodeLabel,
    TaintEffect,
    Toleration,
    TolerationOperator,
    check,
    said,
)
from domain.errors import Refused
from tests.support.builders import a_deployment, a_project, a_revision

EXISTS = TolerationOperator.EXISTS
FULL = KubernetesUse(
    node_selector=(NodeLabel(key="example.com/gpu", value="a100"), NodeLabel(key="ssd")),
    tolerations=(
        Toleration(operator=EXISTS),
        Toleration(key="gpu", value="x", effect=TaintEffect.NO_EXECUTE, toleration_seconds=0),
    ),
    runtime_class="nvidia",
    service_account="engines.ml",
    image_pull_secrets=("registry", "other"),
    run_as_non_root=False,
    run_as_user=0,
    queue="Team_A.1",
    priority_class="high",
)


@pytest.mark.parametrize("use", [KubernetesUse(), FULL])
def test_what_kubernetes_takes_is_taken(use: KubernetesUse) -> None:
    check(use)


@pytest.mark.parametrize(
    ("use", "path"),
    [
        ({"node_selector": (NodeLabel(key="-a"),)}, "node_selector.0.key"),
        ({"node_selector": (NodeLabel(key="A.com/x"),)}, "node_selector.0.key"),
        ({"node_selector": (NodeLabel(key="a", value="x" * 64),)}, "node_selector.0.value"),
        ({"node_selector": (NodeLabel(key="a"), NodeLabel(key="a"))}, "node_selector.1.key"),
        ({"node_selector": (NodeLabel(key="a"),) * 65}, "node_selector"),
        ({"tolerations": (Toleration(),)}, "tolerations.0.operator"),
        ({"tolerations": (Toleration(key="a b"),)}, "tolerations.0.key"),
        ({"tolerations": (Toleration(key="a", value="/"),)}, "tolerations.0.value"),
        ({"tolerations": (Toleration(operator=EXISTS, value="x"),)}, "tolerations.0.value"),
        (
            {"tolerations": (Toleration(key="a", toleration_seconds=1),)},
            "tolerations.0.toleration_seconds",
        ),
        ({"tolerations": (Toleration(operator=EXISTS),) * 65}, "tolerations"),
        ({"image_pull_secrets": ("a", "A")}, "image_pull_secrets.1"),
        ({"image_pull_secrets": ("a", "a")}, "image_pull_secrets.1"),
        ({"runtime_class": ""}, "runtime_class"),
        ({"service_account": "a..b"}, "service_account"),
        ({"priority_class": "x" * 254}, "priority_class"),
        ({"queue": "a/b"}, "queue"),
        ({"run_as_user": -1}, "run_as_user"),
        ({"run_as_user": 2**31}, "run_as_user"),
        ({"run_as_user": 0, "run_as_non_root": True}, "run_as_user"),
    ],
)
def test_what_it_would_not_take_is_told_at_its_place(use: dict[str, Any], path: str) -> None:
    with pytest.raises(Refused) as refused:
        check(KubernetesUse(**use))
    assert path in [".".join(map(str, error.path[1:])) for error in refused.value.errors]
    assert {error.path[0] for error in refused.value.errors} == {"kubernetes"}


def test_every_error_is_told_at_once() -> None:
    use = KubernetesUse(runtime_class="A", queue="-", run_as_user=-1, image_pull_secrets=("B",))
    with pytest.raises(Refused) as refused:
        check(use)
    assert len(refused.value.errors) == 4


def test_only_what_is_not_plain_is_part_of_what_runs() -> None:
    assert said(KubernetesUse()) == {}
    assert said(FULL) == {
        "node_selector": {"example.com/gpu": "a100", "ssd": ""},
        "tolerations": [
            {"operator": "Exists"},
            {"key": "gpu", "value": "x", "effect": "NoExecute", "toleration_seconds": 0},
        ],
        "runtime_class": "nvidia",
        "service_account": "engines.ml",
        "image_pull_secrets": ["registry", "other"],
        "run_as_non_root": False,
        "run_as_user": 0,
        "queue": "Team_A.1",
        "priority_class": "high",
    }


def test_revisions_that_are_scheduled_otherwise_differ_in_that() -> None:
    before = a_revision(a_deployment(a_project()))
    after = replace(before, kubernetes=KubernetesUse(queue="b", run_as_user=1))
    found = compare_revisions(before, after)
    assert [each.pointer for each in found] == ["/kubernetes/run_as_user", "/kubernetes/queue"]
    assert compare_revisions(after, after) == ()


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("k8s:a.b/c_D.e", ("a.b", "c_D.e")),
        ("k8s:a", None),
        ("k8s:A/b", None),
        ("k8s:a/b/c", None),
        ("k8s:a/", None),
        ("a/b", None),
    ],
)
def test_a_secret_of_the_cluster_is_a_name_and_a_key(
    written: str, found: tuple[str, str] | None
) -> None:
    assert cluster_secret(written) == found
