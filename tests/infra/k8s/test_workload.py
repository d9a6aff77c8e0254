"""A group's objects, whole."""

from base64 import b64decode
from datetime import timedelta
from typing import Any

import pytest

from domain.definitions.definition import Definition, Model
from domain.definitions.kubernetes import (
    KubernetesUse,
    NodeLabel,
    TaintEffect,
    Toleration,
    TolerationOperator,
)
from domain.deployments.deployment import EnvironmentValue
from domain.deployments.reason import Reason
from infra.k8s.manifests import names
from infra.k8s.manifests.namespace import namespace
from infra.k8s.manifests.refusal import CantStart
from infra.k8s.manifests.secret import opened, secret
from infra.k8s.manifests.service import service
from infra.k8s.manifests.workload import workload
from tests.support.builders import a_project, secrets_of
from tests.support.k8s import (
    GIVEN,
    OWNER,
    a_group,
    a_model,
    a_pods_revision,
    kubernetes_settings,
    pod,
)


def test_a_plain_group_is_exactly_this() -> None:
    group = a_group(a_pods_revision(number=7, resources={"cpu": "500m", "memory": "1Gi"}))
    labels = {
        "app.kubernetes.io/managed-by": "modelyard",
        "modelyard.io/installation": "i" * 32,
        "modelyard.io/project": group.deployment.project_id,
        "modelyard.io/deployment": "llama",
        "modelyard.io/deployment-id": group.deployment.id,
        "modelyard.io/revision": "7",
        "modelyard.io/group": group.id,
    }
    annotations = {"modelyard.io/digest": "d" * 64, "modelyard.io/revision-id": group.revision.id}
    name = f"m-llama-7-{group.id[:8]}"
    asked = {"cpu": "500m", "memory": "1Gi"}
    assert workload(group, kubernetes_settings()) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": "models",
            "labels": labels,
            "annotations": annotations,
        },
        "spec": {
            "replicas": 0,
            "revisionHistoryLimit": 0,
            "selector": {"matchLabels": {"modelyard.io/group": group.id}},
            "template": {
                "metadata": {
                    "labels": labels,
                    "annotations": {
                        **annotations,
                        "modelyard.io/endpoints": '[{"model": "m", "port": 8000}]',
                    },
                },
                "spec": {
                    "restartPolicy": "Always",
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": 335,
                    "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
                    "containers": [
                        {
                            "name": "model-0",
                            "image": "localhost/python:3.11",
                            "command": ["serve", "8000"],
                            "env": [
                                {"name": "PORT", "value": "8000"},
                                {"name": "HOST", "value": "0.0.0.0"},
                                {"name": "MODEL_PATH", "value": "/models"},
                            ],
                            "ports": [
                                {"name": "model-0", "containerPort": 8000, "protocol": "TCP"}
                            ],
                            "startupProbe": {
                                "tcpSocket": {"port": 8000},
                                "periodSeconds": 2,
                                "timeoutSeconds": 15,
                                "failureThreshold": 80,
                            },
                            "readinessProbe": {
                                "tcpSocket": {"port": 8000},
                                "periodSeconds": 10,
                                "timeoutSeconds": 15,
                                "failureThreshold": 10,
                            },
                            "resources": {"requests": asked, "limits": asked},
                            "lifecycle": {
                                "preStop": {"exec": {"command": ["/bin/sh", "-c", "sleep 5"]}}
                            },
                            "securityContext": {
                                "allowPrivilegeEscalation": False,
                                "capabilities": {"drop": ["ALL"]},
                            },
                            "terminationMessagePolicy": "FallbackToLogsOnError",
                        }
                    ],
                },
            },
        },
    }


@pytest.mark.parametrize(
    ("said", "command"),
    [
        (
            {"start_command": ("serve", "{model_path}", "{host}", "{name}")},
            "serve /models 0.0.0.0 m",
        ),
        ({"start_command": "serve $PORT --x {port}"}, "/bin/sh|-c|serve $PORT --x 8000"),
        ({"start_command": "serve 'a b' {port}", "shell": None}, "serve|a b|8000"),
        ({"start_command": ("echo", "$(PORT) $$ $x")}, "echo|$$(PORT) $$$ $x"),
        ({"start_command": None}, None),
    ],
)
def test_a_command_is_what_the_definition_says(said: dict[str, Any], command: str | None) -> None:
    (container,) = pod(a_model(**said))["containers"]
    separator = "|" if command and "|" in command else " "
    assert container.get("command") == (command.split(separator) if command else None)
    assert "args" not in container


@pytest.mark.parametrize(
    "said", [{"start_command": "serve 'x", "shell": None}, {"start_command": ("a\0b",)}]
)
def test_a_command_that_can_not_be_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(CantStart) as refused:
        pod(a_model(**said))
    assert refused.value.reason is Reason.START_FAILED


def test_two_models_have_a_container_and_a_port_each() -> None:
    silent = Model(name="adapter", model_path="/models/a")
    models = (a_model("a", port=8000), silent, a_model("b", port=9000, model_path="/models/b"))
    revision = a_pods_revision(*models, resources={"cpu": "1", "memory": "3Gi", "x.io/gpu": "4"})
    group = a_group(revision)
    spec = workload(group, kubernetes_settings())["spec"]["template"]["spec"]
    found = [(c["name"], c["ports"][0]["containerPort"], c["env"][-1]) for c in spec["containers"]]
    assert found == [
        ("model-0", 8000, {"name": "MODEL_PATH", "value": "/models"}),
        ("model-1", 9000, {"name": "MODEL_PATH", "value": "/models/b"}),
    ]
    half = {"cpu": "500m", "memory": str(3 * 2**29), "x.io/gpu": "2"}
    assert all(c["resources"] == {"requests": half, "limits": half} for c in spec["containers"])
    ports = service(group, GIVEN)["spec"]["ports"]
    assert ports == [
        {"name": "model-0", "port": 8000, "targetPort": 8000, "protocol": "TCP"},
        {"name": "model-1", "port": 9000, "targetPort": 9000, "protocol": "TCP"},
    ]


@pytest.mark.parametrize(
    ("models", "said", "says"),
    [
        ((a_model("a"), a_model("b")), {}, "a and b both listen on port 8000"),
        (
            (a_model("a"), a_model("b", port=1)),
            {"resources": {"nvidia.com/gpu": "3"}},
            "3 of nvidia.com/gpu",
        ),
        ((a_model(),), {"image": None}, "needs an image"),
        ((Model(name="m", model_path="/m"),), {}, "No model of the definition has a service"),
    ],
)
def test_what_no_pod_can_run_is_refused_with_what_to_do(
    models: tuple[Model, ...], said: dict[str, Any], says: str
) -> None:
    with pytest.raises(CantStart, match=says) as refused:
        pod(*models, **said)
    assert refused.value.reason is Reason.START_FAILED


@pytest.mark.parametrize(
    ("key", "quantity", "third"),
    [
        ("cpu", "1", "334m"),
        ("memory", "1Ki", "341"),
        ("x.io/gpu", "3e3", "1000"),
        ("x.io/gpu", "3e30", "1" + "0" * 30),
        ("memory", "9" * 30, "3" * 30),
    ],
)
def test_parts_of_any_quantity_are_exact(key: str, quantity: str, third: str) -> None:
    models = (a_model("a"), a_model("b", port=1), a_model("c", port=2))
    found = [
        c["resources"]["limits"] for c in pod(*models, resources={key: quantity})["containers"]
    ]
    assert found == [{key: third}] * 3


def test_what_no_cluster_would_keep_is_refused_and_not_tried_for_ever() -> None:
    """The API server's answer to an object too large for etcd is a fault of its own, status 500."""
    env = {f"V{number}": EnvironmentValue(value="$$" * 250_000) for number in range(2)}
    with pytest.raises(CantStart, match=r"has 2000... bytes") as refused:
        pod(environment=env)
    assert refused.value.reason is Reason.START_FAILED
    assert pod(environment={"V": EnvironmentValue(value="x" * 1_000_000)})


def test_devices_are_asked_for_and_come_with_shared_memory() -> None:
    spec = pod(resources={"nvidia.com/gpu": "2", "memory": "8Gi"})
    (container,) = spec["containers"]
    assert container["resources"]["limits"] == {"nvidia.com/gpu": "2", "memory": "8Gi"}
    assert container["resources"]["requests"] == container["resources"]["limits"]
    assert container["volumeMounts"] == [{"name": "shared-memory", "mountPath": "/dev/shm"}]
    assert spec["volumes"] == [{"name": "shared-memory", "emptyDir": {"medium": "Memory"}}]
    assert "resources" not in pod()["containers"][0]
    assert "volumes" not in pod(resources={"nvidia.com/gpu": "0", "cpu": "1"})


def test_a_variable_is_a_value_or_a_reference_and_the_drivers_own_win() -> None:
    said = {
        "GREETING": EnvironmentValue(value="costs $(PORT) $$"),
        "PORT": EnvironmentValue(value="1"),
        **secrets_of(TOKEN="hf-token", MINE="k8s:registry.keys/pass.word"),
    }
    group = a_group(a_pods_revision(environment=said))
    spec = workload(group, kubernetes_settings())["spec"]["template"]["spec"]
    token = {"secretKeyRef": {"name": group.name, "key": "hf-token"}}
    mine = {"secretKeyRef": {"name": "registry.keys", "key": "pass.word"}}
    assert spec["containers"][0]["env"] == [
        {"name": "GREETING", "value": "costs $$(PORT) $$$"},
        {"name": "TOKEN", "valueFrom": token},
        {"name": "MINE", "valueFrom": mine},
        {"name": "PORT", "value": "8000"},
        {"name": "HOST", "value": "0.0.0.0"},
        {"name": "MODEL_PATH", "value": "/models"},
    ]


@pytest.mark.parametrize("written", ["k8s:", "k8s:name", "k8s:Name/key", "k8s:a/b/c", "k8s:a/"])
def test_a_secret_of_the_cluster_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(CantStart, match="k8s:<name>/<key>") as refused:
        pod(environment=secrets_of(X=written))
    assert refused.value.reason is Reason.SECRET_NOT_FOUND


@pytest.mark.parametrize("ending", ["", "-token"])
@pytest.mark.parametrize("deployment", ["0", "a" * 63, "a-1-b"])
def test_no_environment_reaches_what_modelyard_keeps_itself(deployment: str, ending: str) -> None:
    """The Secret of another group has that one's values, and the keys of the object store."""
    own = names.workload_name(deployment, 12, "0123456789" * 3) + ending
    with pytest.raises(CantStart, match="Modelyard's own") as refused:
        pod(environment=secrets_of(X=f"k8s:{own}/_MODELYARD_S3_SECRET_ACCESS_KEY"))
    assert refused.value.reason is Reason.SECRET_NOT_FOUND


def test_the_secret_holds_what_the_environment_names() -> None:
    said = secrets_of(A="token", B="token", C="other", D="k8s:x/y")
    group = a_group(a_pods_revision(environment=said))
    assert opened(group.revision) == {"token", "other"}
    values = {"token": "größe", "other": "", "stray": "no"}
    made = secret(group, values, kubernetes_settings(), GIVEN)
    assert made is not None
    assert made["metadata"]["name"] == group.name
    assert made["metadata"]["ownerReferences"] == [OWNER]
    found = {key: b64decode(value).decode() for key, value in made["data"].items()}
    assert (made["type"], found) == ("Opaque", {"token": "größe", "other": ""})


def test_nothing_secret_is_no_secret_and_one_that_is_gone_is_refused() -> None:
    assert secret(a_group(), {}, kubernetes_settings(), GIVEN) is None
    group = a_group(a_pods_revision(environment=secrets_of(A="token", B="k8s:x/y")))
    with pytest.raises(CantStart, match="'token'") as refused:
        secret(group, {}, kubernetes_settings(), GIVEN)
    assert refused.value.reason is Reason.SECRET_NOT_FOUND


def test_the_service_is_the_groups() -> None:
    group = a_group()
    made = service(group, GIVEN)
    assert (made["metadata"]["name"], made["metadata"]["namespace"]) == (group.name, "models")
    assert made["metadata"]["ownerReferences"] == [OWNER]
    assert made["spec"]["type"] == "ClusterIP"
    assert made["spec"]["selector"] == {"modelyard.io/group": group.id}


def test_how_a_template_schedules_pods() -> None:
    use = KubernetesUse(
        node_selector=(NodeLabel(key="gpu", value="a100"), NodeLabel(key="example.com/ssd")),
        tolerations=(
            Toleration(operator=TolerationOperator.EXISTS),
            Toleration(key="gpu", value="yes", effect=TaintEffect.NO_SCHEDULE),
            Toleration(
                key="x",
                operator=TolerationOperator.EXISTS,
                effect=TaintEffect.NO_EXECUTE,
                toleration_seconds=0,
            ),
        ),
        runtime_class="nvidia",
        service_account="engines",
        image_pull_secrets=("registry", "other"),
        run_as_non_root=True,
        run_as_user=1000,
        queue="team-a",
        priority_class="high",
    )
    group = a_group(a_pods_revision(kubernetes=use))
    made = workload(group, kubernetes_settings())
    spec = made["spec"]["template"]["spec"]
    assert spec["nodeSelector"] == {"gpu": "a100", "example.com/ssd": ""}
    assert spec["tolerations"] == [
        {"operator": "Exists"},
        {"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"},
        {"key": "x", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 0},
    ]
    assert spec["runtimeClassName"] == "nvidia"
    assert spec["serviceAccountName"] == "engines"
    assert spec["automountServiceAccountToken"] is False
    assert spec["imagePullSecrets"] == [{"name": "registry"}, {"name": "other"}]
    assert spec["priorityClassName"] == "high"
    assert spec["securityContext"] == {
        "seccompProfile": {"type": "RuntimeDefault"},
        "runAsNonRoot": True,
        "runAsUser": 1000,
    }
    assert made["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team-a"
    assert "kueue.x-k8s.io/queue-name" not in names.labels(group)


@pytest.mark.parametrize(
    ("asked", "setting", "found"),
    [(None, True, True), (False, True, None), (True, False, True), (None, False, None)],
)
def test_a_template_decides_over_the_setting_whether_root_may_be(
    asked: bool | None, setting: bool, found: bool | None
) -> None:
    use = KubernetesUse(run_as_non_root=asked)
    spec = pod(kubernetes=use, settings=kubernetes_settings(run_as_non_root=setting))
    assert spec["securityContext"].get("runAsNonRoot") is found


def test_a_pod_has_time_to_drain_and_the_kubelet_waits_where_it_can() -> None:
    settings = kubernetes_settings(
        version=(1, 30), drain_timeout=timedelta(seconds=1.5), stop_grace=timedelta(seconds=10)
    )
    spec = pod(settings=settings)
    assert spec["terminationGracePeriodSeconds"] == 17
    assert spec["containers"][0]["lifecycle"]["preStop"] == {"sleep": {"seconds": 5}}
    before = pod(settings=kubernetes_settings(version=(1, 29)))
    assert "exec" in before["containers"][0]["lifecycle"]["preStop"]


def test_each_project_may_have_a_namespace() -> None:
    shared = kubernetes_settings(namespace="ml")
    own = kubernetes_settings(namespace="ml", namespace_per_project=True)
    team = a_project(name="team")
    assert names.namespace_name(shared, team) == "ml"
    assert namespace(own, team) == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": "ml-team",
            "labels": {
                "app.kubernetes.io/managed-by": "modelyard",
                "modelyard.io/installation": "i" * 32,
                "modelyard.io/project": team.id,
            },
        },
    }
    long = [names.namespace_name(own, a_project(name="x" * 61 + end)) for end in ("aa", "bb")]
    assert long[0] != long[1]
    assert {len(each) for each in long} == {63}


def test_names_of_workloads_are_told_apart_and_fit() -> None:
    assert names.workload_name("7b", 1, "ABCDEF0123456789") == "m-7b-1-abcdef01"
    assert names.workload_name("a" * 39 + "-bcd", 12, "f" * 32) == f"m-{'a' * 39}-12-ffffffff"
    assert len(names.workload_name("a" * 63, 2**63 - 1, "f" * 32)) == 63


def test_a_definition_of_one_model_has_no_parts() -> None:
    revision = a_pods_revision(resources={"cpu": "1e3m", "memory": "1.5Gi"})
    assert isinstance(revision.definition, Definition)
    (container,) = pod(resources=revision.resources)["containers"]
    assert container["resources"]["limits"] == {"cpu": "1e3m", "memory": "1.5Gi"}
