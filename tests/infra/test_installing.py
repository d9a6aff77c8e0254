"""What an operator installs: the image's recipe and the manifests, held against what they speak of."""

import re
from typing import Any

import pytest

from infra.settings import PREFIX, Settings
from tests.support import typed
from tests.support.manifests import EXAMPLES, FOLDERS, ROOT, VARIANTS, kustomization, read, written

RECIPE = (ROOT / "Containerfile").read_text()
SECRET = EXAMPLES / "server" / "secret.example.yaml"


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_typed_models_know_each_field_of_the_manifests(folder: str) -> None:
    for each in written(folder):
        typed.check(each)


def test_the_secret_s_template_is_one() -> None:
    (secret,) = read(SECRET)
    typed.check(secret)
    assert secret["metadata"] == {
        **secret["metadata"],
        "name": "modelyard",
        "namespace": "modelyard",
    }


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_kustomization_names_every_manifest_beside_it_but_the_secret_s_template(
    folder: str,
) -> None:
    there = {file.name for file in (EXAMPLES / folder).iterdir()}
    named = kustomization(folder)["resources"]
    assert there == {*named, "kustomization.yaml"} | (
        {SECRET.name} if folder == "server" else set()
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_setting_is_one_and_takes_its_value(variant: str) -> None:
    said: dict[str, Any] = {}
    for each in (*written("server", variant), *read(SECRET)):
        if each["kind"] in ("ConfigMap", "Secret"):
            said |= each.get("data") or each["stringData"]
    assert all(name.startswith(PREFIX) for name in said)
    settings = Settings(**{name.removeprefix(PREFIX).lower(): each for name, each in said.items()})
    assert settings.driver == "kubernetes"
    assert settings.host == "0.0.0.0"


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_the_pods_name_is_there(variant: str) -> None:
    manifests = [*written("server", variant), *read(SECRET)]
    there = {(each["kind"], each["metadata"]["name"]) for each in manifests}
    for pod in pods(manifests):
        for source in pod["containers"][0]["envFrom"]:
            for kind, key in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
                assert key not in source or (kind, source[key]["name"]) in there
        assert ("ServiceAccount", pod.get("serviceAccountName", "modelyard")) in there


def test_every_pod_runs_the_one_image_which_the_server_s_settings_name() -> None:
    manifests = written("server")
    (settings,) = (m for m in manifests if m["kind"] == "ConfigMap")
    images = {each["image"] for pod in pods(manifests) for each in pod["containers"]}
    assert images == {settings["data"]["MODELYARD_KUBERNETES_IMAGE"]}


def test_pods_may_nothing_that_they_need_not() -> None:
    for pod in pods(written("server")):
        assert pod["enableServiceLinks"] is False  # else MODELYARD_PORT is tcp://…
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def test_a_namespace_per_project_needs_the_same_rights_and_those_on_namespaces() -> None:
    (shared,) = (m for m in written("one-namespace") if m["kind"] == "Role")
    (own,) = (m for m in written("namespace-per-project") if m["kind"] == "ClusterRole")
    more = [rule for rule in own["rules"] if rule not in shared["rules"]]
    assert own["rules"] == [*shared["rules"], *more]
    assert [rule["resources"] for rule in more] == [["namespaces"]]


def test_no_right_is_a_wildcard_and_no_secret_may_be_read() -> None:
    for role in (m for m in written(*FOLDERS) if m["kind"] in ("Role", "ClusterRole")):
        assert not [
            each for each in typed.every(role, "verbs", "resources", "apiGroups") if "*" in each
        ]
        for rule in role["rules"]:
            if "secrets" in rule["resources"]:
                assert not {"get", "list", "watch"} & set(rule["verbs"])


def test_the_recipe_names_no_registry_runs_as_nobody_and_checks_hashes() -> None:
    assert re.findall(r"^FROM (\S+)", RECIPE, re.MULTILINE) == ["${BASE}", "${BASE}"]
    (base,) = re.findall(r"^ARG BASE=(\S+)$", RECIPE, re.MULTILINE)
    assert "/" not in base
    assert "--require-hashes" in RECIPE
    assert re.search(r"^USER 65532:65532$", RECIPE, re.MULTILINE)
    assert 'ENTRYPOINT ["modelyard"]' in RECIPE


def test_what_the_recipe_copies_is_there_and_is_sent_to_the_builder() -> None:
    copied = [
        name
        for line in re.findall(r"^COPY (?!--from)(.+)$", RECIPE, re.MULTILINE)
        for name in line.split()[:-1]
    ]
    sent = [
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    assert sorted(copied) == sorted(sent)
    assert all((ROOT / name).exists() for name in copied)


def test_the_image_s_version_is_the_project_s() -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    for pod in pods(written("server")):
        assert pod["containers"][0]["image"] == f"modelyard:{version[1]}"


def pods(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        each["spec"]["template"]["spec"]
        for each in manifests
        if each["kind"] in ("Deployment", "Job")
    ]
