"""Units of work over rows, on the fake and on each database."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from domain.access.access import Project, Role
from domain.definitions.definition import Definition, Metadata, Model, PreStartAction, Service
from domain.definitions.variants import Variant
from domain.deployments.deployment import DeploymentStatus, EnvironmentValue, Revision
from domain.deployments.strategy import BlueGreen, Canary, CanaryStep
from domain.errors import InvalidValue, NameTaken, NotFound
from domain.listing import Listing
from domain.templates.template import TemplateStatus
from domain.work import Work
from tests.conftest import AnyStore
from tests.support.builders import (
    NOON,
    a_deployment,
    a_folder,
    a_key,
    a_project,
    a_revision,
    a_secret,
    a_stopped_deployment,
    a_template,
    secrets_of,
)
from tests.support.memory_lists import head


async def default(store: AnyStore) -> Project:
    project = await store.reads.projects.named("default")
    assert project is not None
    return project


async def test_there_is_a_project_named_default(store: AnyStore) -> None:
    assert (await default(store)).name == "default"


async def test_what_is_added_comes_back_as_it_was(store: AnyStore) -> None:
    project = a_project()
    key = a_key(roles={project.id: Role.EDITOR}, revoked_at=NOON)
    secret, folder, template = a_secret(project), a_folder(project), a_template(project)
    deployment = a_deployment(
        project,
        tags=("gpu", "b", "a"),
        strategy=Canary(steps=(CanaryStep(weight=10, pause=None), CanaryStep(weight=50, pause=2))),
    )
    revision = a_revision(deployment, environment=secrets_of(HF_TOKEN="token"))
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(project)
        await w.keys.add(key)
        await w.secrets.add(secret)
        await w.folders.add(folder)
        await w.templates.add(template)
        await w.deployments.add(deployment)
        await w.revisions.add(revision)
        assert await w.projects.get(project.id) == project
        assert await w.revisions.get(revision.id) == revision
    reads = store.reads
    assert await reads.projects.by_ids([project.id]) == {project.id: project}
    assert await reads.keys.by_ids([key.id]) == {key.id: key}
    assert await reads.secrets.by_ids([secret.id]) == {secret.id: secret}
    assert await reads.folders.by_ids([folder.id]) == {folder.id: folder}
    assert await reads.templates.by_ids([template.id]) == {template.id: template}
    assert await reads.deployments.by_ids([deployment.id]) == {deployment.id: deployment}
    assert await reads.revisions.by_ids([revision.id]) == {revision.id: revision}
    heads = await reads.revisions.heads([revision.id, "nothing"])
    assert heads == {revision.id: head(revision)}
    assert not isinstance(heads[revision.id], Revision)


async def test_documents_keep_the_order_in_which_they_were_written(store: AnyStore) -> None:
    project = await default(store)
    spec = {"resources": {"memory": "1Gi", "cpu": "1", "a/b": "2"}, "image": "x", "models": []}
    template = a_template(project, spec=spec)
    deployment = a_deployment(project)
    args = {"z": 1, "a": {"y": None, "b": [1.5, "ü \\u0000", True]}}
    model = Model(
        name="m",
        model_path="/m",
        service=Service(
            port=1,
            start_command="echo 'a' \\u0000",
            pre_start_actions=(PreStartAction(action="mkdir", args=args),),
        ),
        metadata=Metadata(version=1, min_resource={"mem": "1g", "cpu": 1}),
    )
    revision = a_revision(
        deployment,
        definition=Definition(models=(model,)),
        environment={"Z": EnvironmentValue(value="1"), "A": EnvironmentValue(value="")},
        variant=Variant.CUSTOM,
        folder=None,
        template=None,
        image=None,
    )
    async with store.start_work("ada", "request:1") as w:
        await w.templates.add(template)
        await w.deployments.add(deployment)
        await w.revisions.add(revision)
    kept = (await store.reads.revisions.by_ids([revision.id]))[revision.id]
    assert kept == revision
    assert list(kept.environment) == ["Z", "A"]
    service = kept.definition.models[0].service
    assert service is not None
    assert list(service.pre_start_actions[0].args) == ["z", "a"]
    kept_spec = (await store.reads.templates.by_ids([template.id]))[template.id].spec
    assert list(kept_spec["resources"]) == ["memory", "cpu", "a/b"]


async def test_nothing_is_seen_before_the_commit(store: AnyStore) -> None:
    project = a_project()
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(project)
        assert await store.reads.projects.by_ids([project.id]) == {}
    assert await store.reads.projects.by_ids([project.id]) == {project.id: project}


async def test_an_error_takes_back_everything(store: AnyStore) -> None:
    project = await default(store)
    folder = a_folder(project)

    async def work() -> None:
        async with store.start_work("ada", "request:1") as w:
            await w.folders.add(folder)
            await w.projects.put(replace(project, name="other"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await work()
    assert await store.reads.folders.by_ids([folder.id]) == {}
    assert await default(store) == project


async def test_a_unit_of_work_that_is_cancelled_leaves_nothing(store: AnyStore) -> None:
    project, added = await default(store), asyncio.Event()
    folder = a_folder(project)

    async def work() -> None:
        async with store.start_work("ada", "request:1") as w:
            await w.folders.add(folder)
            added.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await added.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await store.reads.folders.by_ids([folder.id]) == {}
    async with store.start_work("ada", "request:2") as w:
        await w.folders.add(folder)
    assert await store.reads.folders.by_ids([folder.id]) == {folder.id: folder}


async def test_a_row_is_replaced_and_removed(store: AnyStore) -> None:
    project = await default(store)
    deployment, folder = a_deployment(project), a_folder(project)
    changed = replace(
        deployment,
        name="new",
        tags=("x",),
        strategy=BlueGreen(promote_delay=1.5),
        status=DeploymentStatus.READY,
        active_revision_id="r1",
        generation=2,
    )
    async with store.start_work("ada", "request:1") as w:
        await w.deployments.add(deployment)
        await w.folders.add(folder)
    async with store.start_work("ada", "request:2") as w:
        assert await w.deployments.lock(deployment.id) == deployment
        await w.deployments.put(changed)
        assert await w.deployments.get(deployment.id) == changed
        await w.folders.remove(folder.id)
        await w.folders.remove(folder.id)
        assert await w.folders.get(folder.id) is None
    assert await store.reads.deployments.by_ids([deployment.id]) == {deployment.id: changed}
    assert await store.reads.folders.by_ids([folder.id]) == {}


async def test_what_is_not_there_can_be_neither_locked_nor_replaced(store: AnyStore) -> None:
    missing = a_folder(await default(store))
    async with store.start_work("ada", "request:1") as w:
        assert await w.folders.get(missing.id) is None
        assert await w.folders.lock(missing.id) is None
    with pytest.raises(NotFound) as refused:
        async with store.start_work("ada", "request:2") as w:
            await w.folders.put(missing)
    assert (refused.value.kind, refused.value.id) == ("folder", missing.id)


async def test_a_name_is_taken_once_in_a_project(store: AnyStore) -> None:
    one, other = await default(store), a_project()
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(other)
        for project in (one, other):
            await w.folders.add(a_folder(project, name="m"))
            await w.secrets.add(a_secret(project, name="m"))
            await w.deployments.add(a_deployment(project, name="m"))
            await w.templates.add(a_template(project, name="m", version=1))
            await w.templates.add(a_template(project, name="m", version=2))
    await refuses(store, "project", "default", lambda w: w.projects.add(a_project(name="default")))
    await refuses(store, "folder", "m", lambda w: w.folders.add(a_folder(one, name="m")))
    await refuses(store, "secret", "m", lambda w: w.secrets.add(a_secret(one, name="m")))
    await refuses(
        store, "deployment", "m", lambda w: w.deployments.add(a_deployment(one, name="m"))
    )
    again = a_template(one, name="m", version=2, status=TemplateStatus.DRAFT)
    await refuses(store, "template", "m", lambda w: w.templates.add(again))


Act = Callable[[Work], Awaitable[None]]


async def refuses(store: AnyStore, kind: str, name: str, act: Act) -> None:
    with pytest.raises(NameTaken) as refused:
        async with store.start_work("ada", "request:1") as w:
            await act(w)
    assert (refused.value.kind, refused.value.name) == (kind, name)


async def test_a_rename_to_a_taken_name_is_refused(store: AnyStore) -> None:
    project = await default(store)
    a, b = a_folder(project, name="a"), a_folder(project, name="b")
    async with store.start_work("ada", "request:1") as w:
        await w.folders.add(a)
        await w.folders.add(b)
    await refuses(store, "folder", "a", lambda w: w.folders.put(replace(b, name="a")))


async def test_nothing_is_kept_after_a_name_was_taken(store: AnyStore) -> None:
    project = await default(store)
    before = a_folder(project)

    async def work() -> None:
        async with store.start_work("ada", "request:1") as w:
            await w.folders.add(before)
            with pytest.raises(NameTaken):
                await w.projects.add(a_project(name="default"))

    with pytest.raises(NameTaken):
        await work()
    assert await store.reads.folders.by_ids([before.id]) == {}


async def test_a_revisions_number_is_unique_in_its_deployment(store: AnyStore) -> None:
    deployment = a_deployment(await default(store))
    async with store.start_work("ada", "request:1") as w:
        await w.deployments.add(deployment)
        await w.revisions.add(a_revision(deployment, number=1))
    again = a_revision(deployment, number=1)
    await refuses(store, "revision", "1", lambda w: w.revisions.add(again))


async def test_the_name_of_a_stopped_deployment_is_free(store: AnyStore) -> None:
    project = await default(store)
    stopped = a_stopped_deployment(project, name="m")
    live = a_deployment(project, name="m")
    async with store.start_work("ada", "request:1") as w:
        await w.deployments.add(stopped)
        await w.deployments.add(live)
    await refuses(
        store, "deployment", "m", lambda w: w.deployments.add(a_deployment(project, name="m"))
    )
    revived = replace(stopped, status=DeploymentStatus.PENDING, deleted_at=None)
    await refuses(store, "deployment", "m", lambda w: w.deployments.put(revived))
    shown = await store.reads.deployments.page(Listing(first=9))
    assert shown.items == (live,)
    assert await store.reads.deployments.count(Listing(first=9)) == 1
    both = Listing(first=9, with_deleted=True)
    assert set(await store.reads.deployments.by_ids([stopped.id, live.id])) == {stopped.id, live.id}
    assert len((await store.reads.deployments.page(both)).items) == 2
    assert await store.reads.deployments.count(both) == 2


@pytest.mark.parametrize("text", ["a\0b", "\ud800"], ids=["nul", "surrogate"])
async def test_text_that_no_database_keeps_is_refused(store: AnyStore, text: str) -> None:
    project = await default(store)
    folder = a_folder(project, name=text)
    template = a_template(project, spec={"models": [{"name": text}]})
    tagged = a_deployment(project, tags=(text,))
    acts: list[Act] = [
        lambda w: w.folders.add(folder),
        lambda w: w.templates.add(template),
        lambda w: w.deployments.add(tagged),
    ]
    for act in acts:
        with pytest.raises(InvalidValue):
            async with store.start_work("ada", "request:1") as w:
                await act(w)
    assert await store.reads.folders.by_ids([folder.id]) == {}


async def test_the_latest_version_of_a_template_counts_all_of_its_name(store: AnyStore) -> None:
    project = await default(store)
    async with store.start_work("ada", "request:1") as w:
        assert await w.latest_template_version(project.id, "llama") == 0
        await w.projects.lock(project.id)
        for version in (1, 3, 2):
            await w.templates.add(a_template(project, version=version))
        assert await w.latest_template_version(project.id, "llama") == 3
        assert await w.latest_template_version(project.id, "other") == 0
    versions = await store.reads.templates.versions(project.id, "llama")
    assert [template.version for template in versions] == [3, 2, 1]


async def test_keys_are_found_by_digest_revoked_ones_too(store: AnyStore) -> None:
    assert not await store.reads.keys.any_ever()
    key = a_key(revoked_at=NOON)
    async with store.start_work("ada", "request:1") as w:
        await w.keys.add(key)
    assert await store.reads.keys.any_ever()
    assert await store.reads.keys.by_digest(key.digest) == key
    assert await store.reads.keys.by_digest("0" * 64) is None


async def test_secrets_are_found_by_name_in_their_project(store: AnyStore) -> None:
    project, other = await default(store), a_project()
    a, b = a_secret(project, name="a"), a_secret(project, name="b")
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(other)
        for secret in (a, b, a_secret(other, name="a")):
            await w.secrets.add(secret)
    assert await store.reads.secrets.named(project.id, ["a", "c"]) == {"a": a}


async def test_a_secret_is_used_by_live_deployments_alone(store: AnyStore) -> None:
    project, other = await default(store), a_project()
    live, quiet = a_deployment(project), a_deployment(project)
    stopped, foreign = a_stopped_deployment(project), a_deployment(other)
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(other)
        for deployment in (live, quiet, stopped, foreign):
            await w.deployments.add(deployment)
        await w.revisions.add(a_revision(live, environment=secrets_of(A="a", B="a", C="b")))
        await w.revisions.add(a_revision(live, number=2, environment=secrets_of(A="a")))
        await w.revisions.add(a_revision(quiet))
        for deployment in (stopped, foreign):
            await w.revisions.add(a_revision(deployment, environment=secrets_of(A="a")))
    used = await store.reads.secrets.used_by(project.id, ["a", "b", "c"])
    assert {name: list(ids) for name, ids in used.items()} == {
        "a": [live.id],
        "b": [live.id],
        "c": [],
    }
