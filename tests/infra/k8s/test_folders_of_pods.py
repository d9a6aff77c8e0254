"""Where pods have their model folders from, and what they get to know for that."""

from base64 import b64decode, b64encode
from typing import Any

import pytest

from domain.deployments.reason import Reason
from infra.buckets import Credentials
from infra.k8s.manifests.refusal import CantStart
from infra.k8s.manifests.secret import secret
from infra.k8s.manifests.workload import workload
from tests.support.k8s import (
    GIVEN,
    a_group,
    a_model,
    a_pods_revision,
    folder_at,
    kubernetes_settings,
    pod,
)


def test_a_claim_is_mounted_to_be_read() -> None:
    spec = pod(folder=folder_at("pvc://weights/llama/7b"), mount_path="/data")
    claim = {"claimName": "weights", "readOnly": True}
    assert spec["volumes"] == [{"name": "model", "persistentVolumeClaim": claim}]
    (container,) = spec["containers"]
    mount = {"name": "model", "mountPath": "/data", "readOnly": True, "subPath": "llama/7b"}
    assert container["volumeMounts"] == [mount]
    assert container["workingDir"] == "/data"
    whole = pod(folder=folder_at("pvc://weights"))["containers"][0]["volumeMounts"]
    assert whole == [{"name": "model", "mountPath": "/models", "readOnly": True}]


def test_an_images_own_command_runs_where_the_image_says() -> None:
    (container,) = pod(a_model(start_command=None), folder=folder_at("pvc://w"))["containers"]
    assert "workingDir" not in container


def test_a_folder_of_the_node_is_the_operators_to_allow() -> None:
    folder = folder_at("file:///srv/gr%C3%B6%C3%9Fe%207")
    with pytest.raises(CantStart, match="MODELYARD_KUBERNETES_ALLOW_HOST_PATH") as refused:
        pod(folder=folder)
    assert refused.value.reason is Reason.FOLDER_UNREADABLE
    spec = pod(folder=folder, settings=kubernetes_settings(allow_host_path=True))
    there = {"path": "/srv/größe 7", "type": "Directory"}
    assert spec["volumes"] == [{"name": "model", "hostPath": there}]
    mount = {"name": "model", "mountPath": "/models", "readOnly": True}
    assert spec["containers"][0]["volumeMounts"] == [mount]


STORE = Credentials(
    s3_endpoint="http://minio:9000",
    s3_region="us-east-1",
    s3_access_key_id="me",
    s3_secret_access_key="hush",
    gs_service_account="/on/the/server.json",
    az_account="yard",
    az_access_key="hush-hush",
)


@pytest.mark.parametrize("uri", ["s3://models/llama", "s3://models/l$(x)", "s3://models/a b"])
def test_a_stored_folder_is_fetched_before_the_engine_starts(uri: str) -> None:
    settings = kubernetes_settings(image="modelyard:1", credentials=STORE, gs_key="{}")
    group = a_group(a_pods_revision(folder=folder_at(uri)))
    spec = workload(group, settings)["spec"]["template"]["spec"]
    assert spec["volumes"] == [{"name": "model", "emptyDir": {}}]
    mount = {"name": "model", "mountPath": "/models", "subPath": "folder"}
    assert spec["containers"][0]["volumeMounts"] == [mount]

    def kept(name: str) -> dict[str, Any]:
        reference = {"name": group.name, "key": f"_{name}"}
        return {"name": name, "valueFrom": {"secretKeyRef": reference}}

    (init,) = spec["initContainers"]
    fetched = uri.replace("$(", "$$(")
    assert init["command"] == ["modelyard", "fetch", fetched, "/modelyard/folder"]
    assert init["env"] == [
        {"name": "MODELYARD_S3_ENDPOINT", "value": "http://minio:9000"},
        {"name": "MODELYARD_S3_REGION", "value": "us-east-1"},
        kept("MODELYARD_S3_ACCESS_KEY_ID"),
        kept("MODELYARD_S3_SECRET_ACCESS_KEY"),
    ]
    assert init["volumeMounts"] == [{"name": "model", "mountPath": "/modelyard"}]
    assert (
        init["workingDir"] == "/"
    )  # the image's own is its user's alone, and a template may say who runs
    assert init["securityContext"] == spec["containers"][0]["securityContext"]
    made = secret(group, {}, settings, GIVEN)
    assert made is not None
    assert {key: b64decode(value) for key, value in made["data"].items()} == {
        "_MODELYARD_S3_ACCESS_KEY_ID": b"me",
        "_MODELYARD_S3_SECRET_ACCESS_KEY": b"hush",
    }


def test_the_key_of_google_s_store_is_a_file() -> None:
    settings = kubernetes_settings(image="modelyard:1", credentials=STORE, gs_key="{}")
    group = a_group(a_pods_revision(folder=folder_at("gs://models/llama")))
    spec = workload(group, settings)["spec"]["template"]["spec"]
    item = {"key": "_MODELYARD_GS_SERVICE_ACCOUNT", "path": "gs_service_account"}
    assert spec["volumes"] == [
        {"name": "model", "emptyDir": {}},
        {"name": "store-keys", "secret": {"secretName": group.name, "items": [item]}},
    ]
    (init,) = spec["initContainers"]
    file = "/modelyard-keys/gs_service_account"
    assert init["env"] == [{"name": "MODELYARD_GS_SERVICE_ACCOUNT", "value": file}]
    assert init["volumeMounts"] == [
        {"name": "model", "mountPath": "/modelyard"},
        {"name": "store-keys", "mountPath": "/modelyard-keys", "readOnly": True},
    ]
    made = secret(group, {}, settings, GIVEN)
    assert made is not None
    assert made["data"] == {item["key"]: b64encode(b"{}").decode()}


@pytest.mark.parametrize(
    ("uri", "said", "hidden"),
    [
        ("gs://m", [], []),
        ("az://m", ["MODELYARD_AZ_ACCOUNT"], ["_MODELYARD_AZ_ACCESS_KEY"]),
        (
            "s3://m",
            ["MODELYARD_S3_ENDPOINT", "MODELYARD_S3_REGION"],
            ["_MODELYARD_S3_ACCESS_KEY_ID", "_MODELYARD_S3_SECRET_ACCESS_KEY"],
        ),
    ],
)
def test_pods_get_the_keys_of_their_own_store_and_of_no_other(
    uri: str, said: list[str], hidden: list[str]
) -> None:
    settings = kubernetes_settings(image="modelyard:1", credentials=STORE)
    group = a_group(a_pods_revision(folder=folder_at(uri)))
    (init,) = workload(group, settings)["spec"]["template"]["spec"]["initContainers"]
    assert [each["name"] for each in init["env"]] == [*said, *(each[1:] for each in hidden)]
    made = secret(group, {}, settings, GIVEN)
    assert list(made["data"] if made else ()) == hidden


def test_secrets_of_stores_are_shown_in_no_log() -> None:
    settings = kubernetes_settings(credentials=STORE, gs_key="sealed")
    assert "hush" not in repr(settings)
    assert "sealed" not in repr(settings)


@pytest.mark.parametrize(
    ("uri", "mount", "says"),
    [
        ("s3://models/llama", "/models", "MODELYARD_KUBERNETES_IMAGE"),
        ("ftp://models", "/models", "can't have the model folder"),
        ("pvc://models", "/a:b", "colon"),
    ],
)
def test_a_folder_that_pods_can_not_have_is_refused(uri: str, mount: str, says: str) -> None:
    with pytest.raises(CantStart, match=says):
        pod(folder=folder_at(uri), mount_path=mount)
