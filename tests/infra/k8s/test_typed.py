"""Any valid revision renders to what the client's typed models take, or is refused in words."""

from typing import Any

from hypothesis import HealthCheck as Slow
from hypothesis import event, given, settings
from hypothesis import strategies as st

from domain.definitions import kubernetes
from domain.definitions.definition import (
    Definition,
    HealthCheck,
    Metadata,
    Model,
    PreStartAction,
    Service,
)
from domain.definitions.kubernetes import KubernetesUse, NodeLabel, TaintEffect, Toleration
from domain.deployments.deployment import EnvironmentValue, FolderUse
from domain.errors import Refused
from infra.buckets import Credentials
from infra.k8s.manifests.names import Group
from infra.k8s.manifests.namespace import namespace
from infra.k8s.manifests.refusal import CantStart
from infra.k8s.manifests.secret import opened, secret
from infra.k8s.manifests.service import service
from infra.k8s.manifests.workload import workload
from infra.k8s.settings import KubernetesSettings
from tests.support import typed
from tests.support.builders import a_deployment, a_project
from tests.support.k8s import GIVEN, a_group, a_pods_revision, folder_at

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
WORD = st.from_regex(r"[a-z]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
LABEL = st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,20}[A-Za-z0-9])?", fullmatch=True)
COMMAND = st.none() | TEXT | st.lists(TEXT, min_size=1, max_size=3).map(tuple)
ACTIONS = st.one_of(
    st.builds(lambda x: ("mkdir", {"path": x}), TEXT),
    st.builds(lambda x, y: ("write_file", {"filename": x, "body": y}), TEXT, TEXT),
    st.builds(lambda x: ("write_tempfile", {"body": x, "variable": "X"}), TEXT),
    st.builds(lambda x: ("run_command", {"command": x}), TEXT),
    st.builds(lambda x: ("log", {"message": x}), TEXT),
).map(lambda each: PreStartAction(action=each[0], args=each[1]))
SERVICE = st.builds(
    Service,
    pre_start_actions=st.lists(ACTIONS, max_size=3).map(tuple),
    start_command=COMMAND,
    shell=st.none() | TEXT,
    port=st.integers(1, 65535),
    health_check=st.none()
    | st.builds(
        HealthCheck,
        path=TEXT.map(lambda text: f"/{text}"),
        interval=st.floats(0.01, 1e9),
        max_retries=st.integers(0, 1_000_000),
        initial_delay=st.floats(0, 1e9),
        max_wait_time=st.floats(0.01, 1e9),
        expected_status_code=st.sampled_from([200, 204, 404]),
    ),
)
MODELS = st.lists(
    st.builds(
        Model,
        name=TEXT,
        model_path=TEXT,
        service=st.none() | SERVICE,
        metadata=st.none() | st.just(Metadata()),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda model: model.name,
)
QUANTITY = st.sampled_from(["0", "1", "500m", "1.5", "2Gi", "4", "1e3"])
RESOURCES = st.dictionaries(st.sampled_from(["cpu", "memory"]), QUANTITY) | st.dictionaries(
    st.sampled_from(["nvidia.com/gpu", "amd.com/gpu", "cpu"]), st.sampled_from(["0", "2", "8"])
)
VALUE = st.builds(lambda x: EnvironmentValue(value=x), TEXT) | st.sampled_from(
    ["token", "k8s:a.b/c_d", "k8s:wrong"]
).map(lambda each: EnvironmentValue(secret=each))
FOLDERS = st.none() | st.sampled_from(
    [
        "pvc://claim",
        "pvc://claim/a/größe 7",
        "s3://models/a",
        "gs://b-b/x",
        "az://c-c",
        "file:///srv/x",
    ]
).map(folder_at)
TOLERATION = st.builds(
    Toleration,
    key=LABEL,
    value=LABEL | st.just(""),
    effect=st.none() | st.sampled_from(TaintEffect),
    toleration_seconds=st.none() | st.integers(0, 2**31 - 1),
)
USE = st.builds(
    KubernetesUse,
    node_selector=st.lists(st.builds(NodeLabel, key=LABEL, value=LABEL), max_size=2).map(tuple),
    tolerations=st.lists(TOLERATION, max_size=2).map(tuple),
    runtime_class=st.none() | WORD,
    service_account=st.none() | WORD,
    image_pull_secrets=st.lists(WORD, max_size=2, unique=True).map(tuple),
    run_as_non_root=st.none() | st.booleans(),
    run_as_user=st.none() | st.integers(0, 2**31 - 1),
    queue=st.none() | LABEL,
    priority_class=st.none() | WORD,
)
SETTINGS = st.builds(
    KubernetesSettings,
    installation=st.just("i" * 32),
    version=st.sampled_from([(1, 20), (1, 34)]),
    namespace=WORD,
    namespace_per_project=st.booleans(),
    image=st.sampled_from([None, "modelyard:1"]),
    allow_host_path=st.booleans(),
    run_as_non_root=st.booleans(),
    credentials=st.builds(
        Credentials, s3_endpoint=st.none() | TEXT, az_access_key=st.none() | TEXT
    ),
    gs_key=st.none() | st.just("{}"),
)


def is_valid(use: KubernetesUse) -> bool:
    try:
        kubernetes.check(use)
    except Refused:
        return False
    return True


@given(
    models=MODELS,
    resources=RESOURCES,
    environment=st.dictionaries(st.sampled_from(["A", "PORT", "C_1"]), VALUE),
    folder=FOLDERS,
    use=USE.filter(is_valid),
    said=SETTINGS,
    number=st.integers(1, 2**63 - 1),
    name=st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True),
)
@settings(max_examples=40, deadline=None, suppress_health_check=list(Slow))
def test_any_revision_renders_or_is_refused(
    models: list[Model],
    resources: dict[str, str],
    environment: dict[str, EnvironmentValue],
    folder: FolderUse | None,
    use: KubernetesUse,
    said: KubernetesSettings,
    number: int,
    name: str,
) -> None:
    revision = a_pods_revision(
        definition=Definition(models=tuple(models)),
        resources=resources,
        environment=environment,
        folder=folder,
        kubernetes=use,
        number=number,
    )
    group = a_group(revision, deployment=a_deployment(a_project(), name=name))
    made = rendered(group, said)
    if made is None:
        return
    typed.check(made)
    typed.check(service(group, GIVEN))
    kept = secret(group, dict.fromkeys(opened(revision), "x"), said, GIVEN)
    keys: set[str] = set()
    if kept is not None:
        typed.check(kept)
        keys = set(kept["data"])
    assert named_keys(made, group.name) <= keys
    spec = made["spec"]["template"]["spec"]
    volumes = {each["name"] for each in spec.get("volumes", ())}
    mounts = typed.every(spec, "volumeMounts")
    assert {mount["name"] for each in mounts for mount in each} <= volumes


def rendered(group: Group, said: KubernetesSettings) -> dict[str, Any] | None:
    """None where it is refused."""
    try:
        made = workload(group, said)
    except CantStart as refused:
        event(f"refused: {refused.reason}")
        return None
    event("rendered")
    return made


def named_keys(tree: Any, name: str) -> set[str]:
    """The keys of the group's own Secret that anything refers to."""
    references = typed.every(tree, "secretKeyRef")
    items = [each["items"] for each in typed.every(tree, "secret")]
    found = {each["key"] for each in references if each["name"] == name}
    return found | {item["key"] for each in items for item in each}


@given(SETTINGS, st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True))
@settings(max_examples=20, deadline=None, suppress_health_check=list(Slow))
def test_any_projects_namespace_is_one(said: KubernetesSettings, name: str) -> None:
    typed.check(namespace(said, a_project(name=name)))
