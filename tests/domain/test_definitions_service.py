"""How the layers are gathered: from where, when, and what is refused on the way."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from domain.definitions.definition import document
from domain.definitions.kubernetes import KubernetesUse
from domain.definitions.layers import LayerKind
from domain.definitions.request import FolderChoice, RevisionRequest, TemplateChoice
from domain.definitions.resolution import DriftStatus, Resolution
from domain.definitions.variants import Variant
from domain.deployments.deployment import EnvironmentValue
from domain.errors import DefinitionError, Refused
from domain.folders.service import NewFolder
from domain.templates.service import NewTemplate
from domain.templates.template import TemplateStatus
from tests.support.house import URI, House, choice, service

FILE = """
models:
  - name: file-model
    service:
      start-command: serve {model_path}
      port: 7001
"""


@pytest.fixture
def house() -> House:
    return House()


async def resolve(house: House, request: RevisionRequest, *, preview: bool = False) -> Resolution:
    project_id = house.store.default.id
    return await house.definitions.resolve(project_id, request, preview=preview)


async def refusals(house: House, request: RevisionRequest) -> list[tuple[str, tuple[object, ...]]]:
    with pytest.raises(Refused) as refused:
        await resolve(house, request)
    return [(e.code, e.path) for e in refused.value.errors]


def first(resolution: Resolution) -> Mapping[str, Any]:
    model: Mapping[str, Any] = document(resolution.definition)["models"][0]
    return model


def kinds(resolution: Resolution) -> list[LayerKind]:
    return [layer.kind for layer in resolution.layers]


async def test_every_layer_has_its_place(house: House) -> None:
    folder = await house.a_folder(FILE)
    await a_template(house, spec={"models": [{"service": {"port": 7000, "shell": "/bin/t"}}]})
    request = await house.a_request(
        runtime_variant=Variant.VLLM,
        template=TemplateChoice(name="llama"),
        model_folder=choice(folder),
        enable_model_definition_override=True,
        draft=service(health_check={"path": "/up"}),
    )
    resolution = await resolve(house, request)
    model = first(resolution)
    assert model["name"] == "file-model"
    assert model["model_path"] == "/models"
    assert model["service"]["port"] == 7001
    assert model["service"]["shell"] == "/bin/t"
    assert model["service"]["health_check"]["path"] == "/up"
    assert model["service"]["health_check"]["initial_delay"] == 300
    assert kinds(resolution) == [
        LayerKind.VARIANT,
        LayerKind.TEMPLATE,
        LayerKind.FOLDER,
        LayerKind.REQUEST,
    ]
    layers = {o.pointer: o.layer for o in resolution.provenance}
    assert layers["/models/0/name"] is LayerKind.FOLDER
    assert layers["/models/0/service/shell"] is LayerKind.TEMPLATE
    assert layers["/models/0/service/health_check/path"] is LayerKind.REQUEST
    assert layers["/models/0/service/health_check/initial_delay"] is LayerKind.VARIANT


async def test_the_file_is_not_opened_while_the_override_is_off(house: House) -> None:
    folder = await house.a_folder(FILE)
    request = await house.a_request(model_folder=choice(folder))
    resolution = await resolve(house, request)
    assert house.files.reads == []
    assert LayerKind.FOLDER not in kinds(resolution)
    assert resolution.folder is not None
    assert resolution.folder.file is None


async def test_the_setting_turns_the_override_on_and_the_request_decides() -> None:
    house = House(enable_override=True)
    folder = await house.a_folder(FILE)
    request = await house.a_request(model_folder=choice(folder))
    assert LayerKind.FOLDER in kinds(await resolve(house, request))
    off = replace(request, enable_model_definition_override=False)
    assert LayerKind.FOLDER not in kinds(await resolve(house, off))


async def test_an_override_without_a_file_says_nothing_and_shows_that(house: House) -> None:
    folder = await house.a_folder()
    request = await house.a_request(
        model_folder=choice(folder), enable_model_definition_override=True
    )
    resolution = await resolve(house, request)
    (record,) = [w for w in resolution.layers if w.kind is LayerKind.FOLDER]
    assert (record.text, record.sha256) == (None, None)
    assert [path for _, path in house.files.reads] == [
        "model-definition.yaml",
        "model-definition.yml",
        "model-definition.toml",
    ]


@pytest.mark.parametrize(
    "name", ["model-definition.yaml", "model-definition.yml", "model-definition.toml"]
)
async def test_the_default_names_are_found(house: House, name: str) -> None:
    folder = await house.a_folder()
    toml = b'[[models]]\nname = "file-model"\n[models.service]\nport = 7001\n'
    house.files.folders[URI] = {name: toml if name.endswith("toml") else FILE.encode()}
    request = await house.a_request(
        model_folder=choice(folder), enable_model_definition_override=True
    )
    assert first(await resolve(house, request))["service"]["port"] == 7001


async def test_a_file_that_is_named_must_be_there_and_used(house: House) -> None:
    folder = await house.a_folder(FILE)
    named = choice(folder, "nothing.yaml")
    off = await house.a_request(model_folder=named)
    path = ("model_folder", "definition_path")
    assert await refusals(house, off) == [("DEFINITION_FILE_NOT_USED", path)]
    on = replace(off, enable_model_definition_override=True)
    assert await refusals(house, on) == [("DEFINITION_NOT_FOUND", path)]
    custom = replace(off, runtime_variant=Variant.CUSTOM)
    assert await refusals(house, custom) == [("DEFINITION_NOT_FOUND", path)]


async def test_custom_needs_a_file(house: House) -> None:
    folder = await house.a_folder()
    without = await house.a_request(runtime_variant=Variant.CUSTOM)
    empty = replace(without, model_folder=choice(folder))
    for request in (without, empty):
        assert await refusals(house, request) == [("DEFINITION_NOT_FOUND", ("model_folder",))]


async def test_storage_that_does_not_answer_is_worth_another_try(house: House) -> None:
    folder = await house.a_folder(FILE)
    house.files.broken.add(URI)
    request = await house.a_request(model_folder=choice(folder), runtime_variant=Variant.CUSTOM)
    with pytest.raises(Refused) as refused:
        await resolve(house, request)
    (error,) = refused.value.errors
    assert isinstance(error, DefinitionError)
    assert (error.code, error.retryable) == ("DEFINITION_UNREADABLE", True)


@pytest.mark.parametrize(
    ("path", "code"),
    [("../secret.yaml", "DEFINITION_UNREADABLE"), ("large.yaml", "DEFINITION_TOO_LARGE")],
)
async def test_a_file_out_of_bounds_is_refused(house: House, path: str, code: str) -> None:
    folder = await house.a_folder()
    house.files.folders[URI] = {"large.yaml": b"#" * (1024 * 1024 + 1)}
    request = await house.a_request(
        model_folder=choice(folder, path), runtime_variant=Variant.CUSTOM
    )
    assert await refusals(house, request) == [(code, ("model_folder", "definition_path"))]


async def test_a_variant_must_come_from_somewhere(house: House) -> None:
    request = await house.a_request(runtime_variant=None)
    assert await refusals(house, request) == [("REQUIRED_MISSING", ("runtime_variant",))]


async def test_a_templates_variant_holds(house: House) -> None:
    await a_template(house)
    request = await house.a_request(runtime_variant=None, template=TemplateChoice(name="llama"))
    assert (await resolve(house, request)).variant is Variant.VLLM
    same = replace(request, runtime_variant=Variant.VLLM)
    assert (await resolve(house, same)).variant is Variant.VLLM
    other = replace(request, runtime_variant=Variant.ECHO)
    assert [code for code, _ in await refusals(house, other)] == ["VARIANT_MISMATCH"]


async def test_without_a_version_the_newest_active_template_is_meant(house: House) -> None:
    for status in (TemplateStatus.ACTIVE, TemplateStatus.ACTIVE, TemplateStatus.DEPRECATED):
        await a_template(house, status=status)
    await a_template(house, status=TemplateStatus.DRAFT)
    request = await house.a_request(runtime_variant=None, template=TemplateChoice(name="llama"))
    chosen = (await resolve(house, request)).template
    assert chosen is not None
    assert chosen.version == 2
    deprecated = replace(request, template=TemplateChoice(name="llama", version=3))
    assert (await resolve(house, deprecated)).template
    draft = replace(request, template=TemplateChoice(name="llama", version=4))
    assert await refusals(house, draft) == [("INVALID_VALUE", ("template", "version"))]
    absent = replace(request, template=TemplateChoice(name="llama", version=9))
    assert await refusals(house, absent) == [("NOT_FOUND", ("template", "version"))]
    assert (await resolve(house, draft, preview=True)).template is not None
    unknown = replace(request, template=TemplateChoice(name="nothing"))
    assert await refusals(house, unknown) == [("NOT_FOUND", ("template", "name"))]


async def test_a_template_is_overridden_where_it_allows_that(house: House) -> None:
    await a_template(house, allowed=("/models/*/service/port",))
    overrides = {"models": [{"service": {"port": 9100}}]}
    request = await house.a_request(
        runtime_variant=None, template=TemplateChoice(name="llama", overrides=overrides)
    )
    resolution = await resolve(house, request)
    (origin,) = [o for o in resolution.provenance if o.pointer == "/models/0/service/port"]
    assert (origin.value, origin.layer) == (9100, LayerKind.TEMPLATE)
    assert [w.source for w in resolution.layers] == ["vllm", "llama@1", "llama@1 overrides"]
    refused = replace(
        request,
        template=TemplateChoice(name="llama", overrides={"models": [{"name": "mine"}]}),
    )
    assert await refusals(house, refused) == [
        ("OVERRIDE_NOT_ALLOWED", ("template", "overrides", "models", "0", "name"))
    ]


async def test_every_source_that_is_missing_is_named_at_once(house: House) -> None:
    request = await house.a_request(
        template=TemplateChoice(name="nothing"),
        model_folder=FolderChoice(folder_id="nothing", mount_path="relative"),
    )
    assert await refusals(house, request) == [
        ("NOT_FOUND", ("template", "name")),
        ("NOT_FOUND", ("model_folder", "folder_id")),
        ("INVALID_VALUE", ("model_folder", "mount_path")),
    ]


@pytest.mark.parametrize("path", ["", "models", "/", "//a", "/a/../b", "/a/", "/a\x00b"])
async def test_a_mount_path_is_absolute_and_normal(house: House, path: str) -> None:
    folder = await house.a_folder()
    request = await house.a_request(model_folder=FolderChoice(folder_id=folder.id, mount_path=path))
    assert await refusals(house, request) == [("INVALID_VALUE", ("model_folder", "mount_path"))]


async def test_a_finding_in_the_request_has_its_path_there(house: House) -> None:
    request = await house.a_request(
        draft={
            "model_definition": {"models": [{"service": {"port": 0, "shel": "x"}}]},
            "environment": [{"name": "A", "value": "1"}, {"name": "B", "secret": "gone"}],
        }
    )
    assert set(await refusals(house, request)) == {
        ("OUT_OF_RANGE", ("model_definition", "models", 0, "service", "port")),
        ("UNKNOWN_FIELD", ("model_definition", "models", 0, "service", "shel")),
    }
    draft = {"environment": request.draft["environment"]}
    assert await refusals(house, replace(request, draft=draft)) == [
        ("SECRET_NOT_FOUND", ("environment", 1))
    ]


async def test_a_command_given_twice_is_refused(house: House) -> None:
    draft = service(start_command="a") | {"startup_command": "b"}
    request = await house.a_request(draft=draft)
    assert [code for code, _ in await refusals(house, request)] == ["SAME_TARGET"]
    resolution = await resolve(house, replace(request, draft={"startup_command": ["b", "c"]}))
    assert first(resolution)["service"]["start_command"] == ["b", "c"]


async def test_a_command_that_needs_an_image_has_one_or_is_refused() -> None:
    house = House()
    request = await house.a_request(runtime_variant=Variant.NIM)
    assert [code for code, _ in await refusals(house, request)] == ["NEEDS_IMAGE"]
    cluster = House(driver="kubernetes")
    plain = await cluster.a_request(runtime_variant=Variant.ECHO)
    assert [code for code, _ in await refusals(cluster, plain)] == ["NEEDS_IMAGE"]
    imaged = replace(plain, runtime_variant=Variant.NIM, draft={"image": "nim:1"})
    assert (await resolve(cluster, imaged)).image == "nim:1"


async def test_secrets_are_kept_by_name_alone(house: House) -> None:
    await house.secrets.create(house.caller, "hf", "hf_value")
    draft = {"environment": [{"name": "TOKEN", "secret": "hf"}, {"name": "A", "value": "1"}]}
    resolution = await resolve(house, await house.a_request(draft=draft))
    assert resolution.environment == {
        "TOKEN": EnvironmentValue(secret="hf"),
        "A": EnvironmentValue(value="1"),
    }
    assert "hf_value" not in repr(resolution)


async def test_a_secret_of_the_clusters_own_is_the_clusters_to_know() -> None:
    draft = {"image": "x:1", "environment": [{"name": "TOKEN", "secret": "k8s:db/password"}]}
    here, cluster = House(), House(driver="kubernetes")
    assert [code for code, _ in await refusals(here, await here.a_request(draft=draft))] == [
        "SECRET_NOT_FOUND"
    ]
    request = await cluster.a_request(draft=draft)
    await resolve(cluster, request)
    for wrong in ("k8s:db", "k8s:DB/password", "k8s:db/a/b"):
        written = {**draft, "environment": [{"name": "TOKEN", "secret": wrong}]}
        found = await refusals(cluster, replace(request, draft=written))
        assert [code for code, _ in found] == ["SECRET_NOT_FOUND"]


async def test_how_pods_are_scheduled_is_the_templates_and_part_of_what_runs(house: House) -> None:
    """Where a template says nothing of it, the digest is what it was before templates could."""
    use, found = KubernetesUse(queue="team-a", run_as_user=1000), {}
    bare = await house.a_request(runtime_variant=Variant.ECHO)
    for name, said in (("plain", KubernetesUse()), ("queued", use)):
        new = NewTemplate(
            name=name,
            variant=Variant.ECHO,
            spec={},
            status=TemplateStatus.ACTIVE,
            kubernetes=said,
        )
        await house.templates.create(house.caller, new)
        request = replace(bare, runtime_variant=None, template=TemplateChoice(name=name))
        found[name] = await resolve(house, request)
    assert found["plain"].kubernetes == KubernetesUse()
    assert found["queued"].kubernetes == use
    assert found["queued"].digest != found["plain"].digest
    assert (await resolve(house, bare)).digest == found["plain"].digest
    revision = await house.deployments.add_revision(house.caller, request)
    assert revision.kubernetes == use


async def test_the_digest_is_of_what_runs(house: House) -> None:
    request = await house.a_request()
    same = await resolve(house, replace(request, note="other", draft={"resources": {}}))
    other = await resolve(house, replace(request, draft=service(port=9999)))
    digest = (await resolve(house, request)).digest
    assert len(digest) == 64
    assert same.digest == digest
    assert other.digest != digest


async def test_a_revision_outlives_its_folder_and_template(house: House) -> None:
    folder = await house.a_folder(FILE)
    template = await a_template(house)
    request = await house.a_request(
        runtime_variant=None,
        template=TemplateChoice(name="llama"),
        model_folder=choice(folder),
        enable_model_definition_override=True,
    )
    revision = await house.deployments.add_revision(house.caller, request)
    await house.folders.delete(house.caller, folder.id)
    await house.templates.delete(house.caller, template.id)
    assert await house.store.reads.revisions.by_ids([revision.id]) == {revision.id: revision}
    drift = await house.definitions.drift(revision)
    assert drift.status is DriftStatus.FOLDER_DELETED


async def test_drift_tells_whether_and_how_the_file_has_changed(house: House) -> None:
    folder = await house.a_folder(FILE)
    request = await house.a_request(model_folder=choice(folder), runtime_variant=Variant.CUSTOM)
    revision = await house.deployments.add_revision(house.caller, request)
    assert (await house.definitions.drift(revision)).status is DriftStatus.UNCHANGED
    changed = FILE.replace("7001", "7002").encode()
    house.files.folders[URI] = {"model-definition.yaml": changed}
    drift = await house.definitions.drift(revision)
    assert drift.status is DriftStatus.CHANGED
    assert [d.pointer for d in drift.differences] == ["/models/0/service/port"]
    assert drift.sha256_then != drift.sha256_now
    house.files.folders[URI] = {"model-definition.yaml": b"{"}
    assert (await house.definitions.drift(revision)).status is DriftStatus.UNREADABLE
    house.files.folders[URI] = {}
    assert (await house.definitions.drift(revision)).status is DriftStatus.FILE_DELETED
    house.files.broken.add(URI)
    assert (await house.definitions.drift(revision)).status is DriftStatus.UNREADABLE


async def test_a_revision_without_a_file_has_no_drift_until_one_appears(house: House) -> None:
    folder = await house.a_folder()
    request = await house.a_request(
        model_folder=choice(folder), enable_model_definition_override=True
    )
    revision = await house.deployments.add_revision(house.caller, request)
    assert (await house.definitions.drift(revision)).status is DriftStatus.UNCHANGED
    house.files.folders[URI] = {"model-definition.yml": FILE.encode()}
    assert (await house.definitions.drift(revision)).status is DriftStatus.CHANGED
    plain = await house.a_request(deployment_id=revision.deployment_id)
    other = await house.deployments.add_revision(house.caller, plain)
    assert (await house.definitions.drift(other)).status is DriftStatus.NOT_USED


async def test_another_projects_folder_is_not_found(house: House) -> None:
    folder = await house.folders.create(
        replace(
            house.caller,
            principal=replace(house.caller.principal, server_admin=True),
            project_id="other",
        ),
        NewFolder(name="theirs", uri=URI),
    )
    request = await house.a_request(model_folder=choice(folder))
    assert await refusals(house, request) == [("NOT_FOUND", ("model_folder", "folder_id"))]


async def a_template(
    house: House,
    spec: Mapping[str, Any] | None = None,
    status: TemplateStatus = TemplateStatus.ACTIVE,
    allowed: tuple[str, ...] = (),
) -> Any:
    new = NewTemplate(
        name="llama",
        variant=Variant.VLLM,
        spec=spec or {"image": "vllm:1"},
        allowed_overrides=allowed,
        status=status,
    )
    return await house.templates.create(house.caller, new)


async def test_equal_content_has_one_digest_whichever_layers_say_it(house: House) -> None:
    folder = await house.a_folder("models: [{name: m, service: {port: 7, start_command: x}}]")
    plain = await house.a_request(
        runtime_variant=Variant.CUSTOM,
        model_folder=choice(folder),
        draft=service(health_check={"interval": 5.0, "path": "/up"}) | {"resources": {"cpu": 2}},
    )
    house.files.folders[URI] = {
        "other.toml": b"""[[models]]
service = {health-check = {path = "/up", interval = 5}, start-command = "x", port = 7}
name = "m"
""",
        "model-definition.yaml": house.files.folders[URI]["model-definition.yaml"],
    }
    other = replace(
        plain, model_folder=choice(folder, "other.toml"), draft={"resources": {"cpu": "2"}}
    )
    assert (await resolve(house, plain)).digest == (await resolve(house, other)).digest


async def test_a_revision_differs_from_another_where_and_only_where_the_digests_do(
    house: House,
) -> None:
    folder = await house.a_folder()
    house.files.folders["file:///srv/models/other"] = {}
    second = await house.folders.create(
        house.caller, NewFolder(name="other", uri="file:///srv/models/other")
    )
    start = await house.a_request(draft=service(start_command="x"))
    mounted = replace(start, model_folder=choice(folder))
    moved = FolderChoice(folder_id=folder.id, mount_path="/weights")
    requests = {
        "start": start,
        "note": replace(start, note="other"),
        "cmd": replace(start, runtime_variant=Variant.CMD),
        "mounted": mounted,
        "moved": replace(start, model_folder=moved),
        "second": replace(start, model_folder=choice(second)),
        "image": replace(start, draft={**start.draft, "image": "x:1"}),
    }
    revisions = {
        name: await house.deployments.add_revision(house.caller, each)
        for name, each in requests.items()
    }
    pointers = {}
    for one, before in revisions.items():
        for other, after in revisions.items():
            found = house.definitions.compare(before, after)
            assert bool(found) == (before.digest != after.digest)
            pointers[one, other] = {difference.pointer for difference in found}
    assert pointers["start", "note"] == set()
    assert "/runtime_variant" in pointers["start", "cmd"]
    assert pointers["start", "mounted"] == {"/model_folder"}
    assert pointers["mounted", "second"] == {"/model_folder"}
    assert pointers["mounted", "moved"] == {"/mount_path", "/models/0/model_path"}
    assert pointers["start", "image"] == {"/image"}


async def test_a_difference_around_the_definition_has_its_layer(house: House) -> None:
    folder = await house.a_folder()
    await a_template(house)
    start = await house.a_request(runtime_variant=Variant.VLLM)
    template = TemplateChoice(name="llama")
    moved = FolderChoice(folder_id=folder.id, mount_path="/weights")
    other = replace(start, runtime_variant=Variant.ECHO, model_folder=moved)
    before = await house.deployments.add_revision(house.caller, replace(start, template=template))
    after = await house.deployments.add_revision(house.caller, other)
    found = {each.pointer: each for each in house.definitions.compare(before, after)}
    variant, mount = found["/runtime_variant"], found["/mount_path"]
    assert variant.before is not None
    assert variant.after is not None
    assert (variant.before.layer, variant.before.value) == (LayerKind.TEMPLATE, "vllm")
    assert (variant.after.layer, variant.after.value) == (LayerKind.REQUEST, "echo")
    assert mount.before is not None
    assert mount.after is not None
    assert (mount.before.layer, mount.after.layer) == (LayerKind.DEFAULT, LayerKind.REQUEST)
    assert found["/model_folder"].before is None
