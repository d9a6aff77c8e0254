from dataclasses import replace

import pytest

from domain.access.access import Role
from domain.definitions.variants import Variant
from domain.errors import (
    Forbidden,
    InvalidValue,
    NotFound,
    Refused,
    TemplateFrozen,
    TransitionRefused,
)
from domain.templates.facts import TemplateCreated, TemplateDeleted, TemplateUpdated
from domain.templates.service import NewTemplate, TemplatePatch
from domain.templates.template import TRANSITIONS, TemplateStatus
from tests.support.build import a_caller
from tests.support.house import House

NEW = NewTemplate(
    name="llama",
    variant=Variant.VLLM,
    spec={"image": "vllm:1", "models": [{"service": {"port": 9000}}]},
    allowed_overrides=("/models/*/service",),
)


@pytest.fixture
def house() -> House:
    return House()


async def test_each_creation_is_the_next_version(house: House) -> None:
    made = [await house.templates.create(house.caller, NEW) for _ in range(3)]
    assert [t.version for t in made] == [1, 2, 3]
    assert {t.status for t in made} == {TemplateStatus.DRAFT}
    newest_first = await house.store.reads.templates.versions(made[0].project_id, "llama")
    assert [t.version for t in newest_first] == [3, 2, 1]


async def test_a_template_is_told_of(house: House) -> None:
    made = await house.templates.create(house.caller, NEW)
    await house.templates.update(house.caller, made.id, {"status": TemplateStatus.ACTIVE})
    await house.templates.delete(house.caller, made.id)
    assert await house.facts() == [
        TemplateCreated(template_id=made.id, name="llama", version=1),
        TemplateUpdated(template_id=made.id, name="llama", version=1, status="active"),
        TemplateDeleted(template_id=made.id, name="llama", version=1),
    ]


async def test_a_draft_may_change_and_later_versions_may_not(house: House) -> None:
    made = await house.templates.create(house.caller, NEW)
    spec = {"image": "vllm:2"}
    changed = await house.templates.update(house.caller, made.id, {"spec": spec})
    assert changed.spec == spec
    await house.templates.update(house.caller, made.id, {"status": TemplateStatus.ACTIVE})
    patches: list[TemplatePatch] = [
        {"spec": {}},
        {"variant": Variant.ECHO},
        {"allowed_overrides": ()},
    ]
    for patch in patches:
        with pytest.raises(TemplateFrozen):
            await house.templates.update(house.caller, made.id, patch)
    described = await house.templates.update(house.caller, made.id, {"description": "old"})
    assert described.description == "old"


async def test_activating_and_changing_at_once_freezes_what_was_changed(house: House) -> None:
    made = await house.templates.create(house.caller, NEW)
    changed = await house.templates.update(
        house.caller, made.id, {"status": TemplateStatus.ACTIVE, "spec": {"image": "vllm:2"}}
    )
    assert (changed.status, changed.spec) == (TemplateStatus.ACTIVE, {"image": "vllm:2"})


@pytest.mark.parametrize("source", TemplateStatus)
@pytest.mark.parametrize("target", TemplateStatus)
async def test_a_status_moves_through_its_table(
    house: House, source: TemplateStatus, target: TemplateStatus
) -> None:
    made = await house.templates.create(house.caller, replace(NEW, status=source))
    if target is source or target in TRANSITIONS[source]:
        changed = await house.templates.update(house.caller, made.id, {"status": target})
        assert changed.status is target
    else:
        with pytest.raises(TransitionRefused):
            await house.templates.update(house.caller, made.id, {"status": target})


async def test_a_spec_is_checked_where_it_is_written(house: House) -> None:
    spec = {"imagee": "x", "models": [{"service": {"port": "8080"}}]}
    with pytest.raises(Refused) as refused:
        await house.templates.create(house.caller, replace(NEW, spec=spec))
    found = {(e.code, e.path) for e in refused.value.errors}
    assert found == {
        ("UNKNOWN_FIELD", ("spec", "imagee")),
        ("WRONG_TYPE", ("spec", "models", "0", "service", "port")),
    }


async def test_a_spec_is_kept_as_its_author_wrote_it(house: House) -> None:
    spec = {"x-owner": "ada", "models": [{"service": {"start-command": "x"}}]}
    made = await house.templates.create(house.caller, replace(NEW, spec=spec))
    assert made.spec == spec


@pytest.mark.parametrize(
    ("patch", "path"), [({"status": None}, "status"), ({"variant": None}, "runtime_variant")]
)
async def test_null_empties_nothing_that_a_template_needs(
    house: House, patch: TemplatePatch, path: str
) -> None:
    made = await house.templates.create(house.caller, NEW)
    with pytest.raises(InvalidValue) as refused:
        await house.templates.update(house.caller, made.id, patch)
    assert refused.value.path == (path,)


@pytest.mark.parametrize("pointer", ["", "models", "/", "/nothing", "/models/~2", "/models\x00"])
async def test_a_pointer_that_points_nowhere_is_refused(house: House, pointer: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        await house.templates.create(house.caller, replace(NEW, allowed_overrides=(pointer,)))
    assert refused.value.path == ("allowed_overrides", 0)


async def test_roles_and_projects_are_kept_apart(house: House) -> None:
    made = await house.templates.create(house.caller, NEW)
    with pytest.raises(Forbidden):
        await house.templates.create(house.viewer(), NEW)
    for caller, error in (
        (house.viewer(), Forbidden),
        (a_caller("elsewhere", Role.ADMIN), NotFound),
    ):
        with pytest.raises(error):
            await house.templates.update(caller, made.id, {"description": "x"})
        with pytest.raises(error):
            await house.templates.delete(caller, made.id)


async def test_a_repeated_creation_is_one_version(house: House) -> None:
    first = await house.templates.create(house.caller, NEW, "k")
    assert await house.templates.create(house.caller, NEW, "k") == first
    assert (await house.templates.create(house.caller, NEW)).version == 2
