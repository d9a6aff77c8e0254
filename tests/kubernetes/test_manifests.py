"""What is rendered, asked of a real API server: a dry run of a server-side apply, and what it kept."""

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest
import urllib3
from kubernetes import client, config

from domain.definitions.definition import HealthCheck, PreStartAction
from domain.definitions.kubernetes import (
    KubernetesUse,
    NodeLabel,
    TaintEffect,
    Toleration,
    TolerationOperator,
)
from domain.deployments.deployment import EnvironmentValue
from infra.buckets import Credentials
from infra.k8s.manifests.secret import secret
from infra.k8s.manifests.service import service
from infra.k8s.manifests.workload import workload
from tests.support.builders import secrets_of
from tests.support.clusters import HOW
from tests.support.k8s import (
    GIVEN,
    a_group,
    a_model,
    a_pods_revision,
    folder_at,
    kubernetes_settings,
)

pytestmark = [
    pytest.mark.kubernetes,
    pytest.mark.skipif(
        not os.environ.get("KUBECONFIG"),
        reason=HOW,
    ),
]

PLURALS = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments/{}",
    "Service": "/api/v1/namespaces/{}/services/{}",
    "Secret": "/api/v1/namespaces/{}/secrets/{}",
}
STORE = Credentials(s3_endpoint="http://minio:9000", s3_secret_access_key="hush")
SETTINGS = kubernetes_settings(
    image="modelyard:1", allow_host_path=True, credentials=STORE, gs_key="{}"
)
CHECK = HealthCheck(path="/health?deep=1 x", interval=0.5, max_wait_time=1.5, initial_delay=1e9)
ACTIONS = tuple(
    PreStartAction.model_validate({"action": name, "args": args})
    for name, args in (
        ("mkdir", {"path": "/tmp/größe $(x)"}),
        ("write_tempfile", {"body": "x" * 100_000, "variable": "CONF"}),
        ("run_command", {"command": ["sh", "-c", "exit 0"]}),
    )
)
USE = KubernetesUse(
    node_selector=(NodeLabel(key="example.com/gpu", value="a100"), NodeLabel(key="ssd")),
    tolerations=(
        Toleration(operator=TolerationOperator.EXISTS),
        Toleration(key="gpu", value="x", effect=TaintEffect.NO_EXECUTE, toleration_seconds=0),
    ),
    runtime_class="nvidia",
    service_account="engines",
    image_pull_secrets=("registry",),
    run_as_non_root=True,
    run_as_user=1000,
    queue="team-a",
    priority_class="high",
)
SAID: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "numbered": {"number": 2**63 - 1},
    "command of the image": {"models": [a_model(start_command=None)]},
    "checked": {"models": [a_model(health_check=CHECK, start_command="serve $(x) $$ {port}")]},
    "prepared": {"models": [a_model(pre_start_actions=ACTIONS)]},
    "two models": {
        "models": [a_model("a"), a_model("b", port=65535)],
        "resources": {"cpu": "1e3m", "memory": "1.5Gi", "nvidia.com/gpu": "2"},
    },
    "resources": {"resources": {"cpu": "0.5", "memory": "1e9", "nvidia.com/gpu": "1"}},
    "variables": {
        "environment": {
            "A": EnvironmentValue(value="$(B)"),
            **secrets_of(T="token", K="k8s:a.b/c_d"),
        }
    },
    "scheduled": {"kubernetes": USE},
    "claim": {"folder": folder_at("pvc://weights/llama/größe 7"), "mount_path": "/data"},
    "node": {"folder": folder_at("file:///srv/gr%C3%B6%C3%9Fe")},
    "fetched": {"folder": folder_at("s3://models/llama")},
}


@pytest.fixture(scope="module")
def core() -> client.CoreV1Api:
    path = os.environ["KUBECONFIG"]
    made = config.new_client_from_config(path)  # theirs
    return client.CoreV1Api(made)


@pytest.fixture(scope="module")
def namespace(core: client.CoreV1Api) -> Iterator[str]:
    name = f"t-{uuid4().hex[:10]}"
    core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=name)))
    try:
        yield name
    finally:
        core.delete_namespace(name)


def dry_run(core: client.CoreV1Api, manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the object would be; raises AssertionError with what the API server says against it."""
    metadata = manifest["metadata"]
    path = PLURALS[manifest["kind"]].format(metadata["namespace"], metadata["name"])
    api = core.api_client
    headers = {"Content-Type": "application/apply-patch+yaml", "Accept": "application/json"}
    api.update_params_for_auth(headers, [], ["BearerToken"], path, "PATCH", None)
    pool: urllib3.PoolManager = api.rest_client.pool_manager
    answer = pool.request(
        "PATCH",
        f"{api.configuration.host}{path}?dryRun=All&fieldManager=modelyard",
        body=json.dumps(manifest).encode(),
        headers=headers,
    )
    found = json.loads(answer.data)
    assert answer.status in (200, 201), found["message"]
    return dict(found)


def lost(sent: Any, kept: Any, at: str = "") -> list[str]:
    """The pointers of what was sent and is not in what was kept."""
    if isinstance(sent, dict):
        held = kept if isinstance(kept, dict) else {}
        found = [f"{at}/{key}" for key in sent if key not in held]
        for key in sent.keys() & held.keys():
            found += lost(sent[key], held[key], f"{at}/{key}")
        return found
    if isinstance(sent, list):
        if not isinstance(kept, list) or len(kept) < len(sent):
            return [at]
        pairs = enumerate(zip(sent, kept, strict=False))
        return [each for place, (a, b) in pairs for each in lost(a, b, f"{at}/{place}")]
    return [] if sent == kept else [at]


@pytest.mark.parametrize("name", SAID)
def test_the_api_server_takes_and_keeps_what_is_rendered(
    core: client.CoreV1Api, namespace: str, name: str
) -> None:
    said = dict(SAID[name])
    group = a_group(a_pods_revision(*said.pop("models", ()), **said), namespace=namespace)
    made = [workload(group, SETTINGS), service(group, GIVEN)]
    kept = secret(group, {"token": "größe"}, SETTINGS, GIVEN)
    for manifest in [*made, *([kept] if kept else [])]:
        gone = lost(manifest, dry_run(core, manifest))
        # Quantities come back in their shortest form, and no variable is written that is empty.
        normal = [each for each in gone if "/resources/" not in each]
        assert normal == []
