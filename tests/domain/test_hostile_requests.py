"""What nobody means but anybody can send: a typed error each, soon, and nothing thrown."""

from typing import Any

import pytest

from domain.definitions.findings import MOST_ENTRIES, MOST_TOLD
from domain.definitions.request import FolderChoice, TemplateChoice
from domain.definitions.variants import Variant
from domain.errors import Refused
from domain.templates.service import NewTemplate
from domain.templates.template import TemplateStatus
from tests.support.house import House, choice

OPEN = ("/image", "/models", "/environment", "/resources")
OVERRIDES: list[tuple[dict[str, Any], str, str]] = [
    ({"environment": []}, "WRONG_TYPE", "/environment"),
    ({"environment": [1]}, "WRONG_TYPE", "/environment"),
    ({"environment": 3}, "WRONG_TYPE", "/environment"),
    ({"environment": {"A": 3}}, "WRONG_TYPE", "/environment/A"),
    ({"resources": 3}, "WRONG_TYPE", "/resources"),
    ({"resources": [["cpu", 1]]}, "WRONG_TYPE", "/resources"),
    ({"resources": {"cpu": []}}, "WRONG_TYPE", "/resources/cpu"),
    ({"resources": {"cpu": float("inf")}}, "WRONG_TYPE", "/resources/cpu"),
    ({"models": {}}, "WRONG_TYPE", "/models"),
    ({"models": [3]}, "WRONG_TYPE", "/models/0"),
    ({"models": [{"name": []}]}, "WRONG_TYPE", "/models/0/name"),
    ({"models": [{"service": []}]}, "WRONG_TYPE", "/models/0/service"),
    ({"image": []}, "WRONG_TYPE", "/image"),
    ({"imgae": "x"}, "UNKNOWN_FIELD", "/imgae"),
]


async def found_in(house: House, **said: Any) -> list[tuple[str, tuple[object, ...]]]:
    request = await house.a_request(**said)
    with pytest.raises(Refused) as refused:
        await house.definitions.resolve(house.store.default.id, request, preview=False)
    return [(error.code, error.path) for error in refused.value.errors]


async def overriding(house: House, overrides: dict[str, Any]) -> dict[str, Any]:
    new = NewTemplate(
        name="llama",
        variant=Variant.ECHO,
        spec={"image": "echo:1"},
        allowed_overrides=OPEN,
        status=TemplateStatus.ACTIVE,
    )
    await house.templates.create(house.caller, new)
    template = TemplateChoice(name="llama", overrides=overrides)
    return {"runtime_variant": None, "template": template}


@pytest.mark.parametrize(("overrides", "code", "pointer"), OVERRIDES)
async def test_an_override_of_a_wrong_type_is_refused_where_it_stands(
    overrides: dict[str, Any], code: str, pointer: str
) -> None:
    house = House()
    found = await found_in(house, **await overriding(house, overrides))
    path = ("template", "overrides", *pointer.split("/")[1:])
    assert found == [(code, path)]


async def test_keys_for_others_are_no_override() -> None:
    house = House()
    request = await house.a_request(**await overriding(house, {"x-owner": "ada"}))
    await house.definitions.resolve(house.store.default.id, request, preview=False)


@pytest.mark.parametrize("said", ["3", "[a]", "text", "{A: {value: x}}", "~"])
@pytest.mark.parametrize("key", ["environment", "resources", "image"])
async def test_a_file_says_nothing_of_what_it_runs_in(key: str, said: str) -> None:
    house = House()
    model = "models: [{name: m, service: {port: 1, start_command: x}}]"
    folder = await house.a_folder(f"{key}: {said}\n{model}")
    found = await found_in(house, runtime_variant=Variant.CUSTOM, model_folder=choice(folder))
    assert found == [("UNKNOWN_FIELD", ("model_folder",))]


@pytest.mark.parametrize("number", [float("inf"), float("nan"), 2**70, -(2**64)])
async def test_a_number_that_json_or_64_bits_do_not_hold_is_refused(number: float) -> None:
    model = {"metadata": {"min_resource": {"a": number}}, "service": {"port": number}}
    found = await found_in(House(), draft={"model_definition": {"models": [model]}})
    place = ("model_definition", "models", 0)
    assert {path for _, path in found} == {
        (*place, "metadata", "min_resource", "a"),
        (*place, "service", "port"),
    }


async def test_errors_of_every_part_of_a_request_come_together() -> None:
    draft = {
        "model_definition": {"models": [{"service": {"port": 0, "start_command": "a"}}]},
        "startup_command": "b",
        "environment": [{"name": "A", "value": "1"}, {"name": "1", "value": "1"}],
        "resources": {"cpu": "x"},
    }
    assert set(await found_in(House(), draft=draft)) == {
        ("SAME_TARGET", ("startup_command",)),
        ("OUT_OF_RANGE", ("environment", 1, "name")),
        ("OUT_OF_RANGE", ("model_definition", "models", 0, "service", "port")),
        ("WRONG_TYPE", ("resources", "cpu")),
    }


@pytest.mark.parametrize(
    ("draft", "path"),
    [
        ({"environment": [{"name": "A", "value": "1"}] * (MOST_ENTRIES + 1)}, ("environment",)),
        ({"resources": {f"a/b{n}": "1" for n in range(MOST_ENTRIES + 1)}}, ("resources",)),
        (
            {"model_definition": {"models": [{}] * (MOST_ENTRIES + 1)}},
            ("model_definition", "models"),
        ),
    ],
)
async def test_a_layer_has_room_for_so_many(draft: dict[str, Any], path: tuple[str, ...]) -> None:
    assert await found_in(House(), draft=draft) == [("OUT_OF_RANGE", path)]


async def test_of_very_many_errors_the_first_are_told_and_the_others_counted() -> None:
    house = House()
    draft = {"environment": [{"name": f"V{n}", "secret": f"s{n}"} for n in range(MOST_ENTRIES)]}
    request = await house.a_request(draft=draft)
    with pytest.raises(Refused) as refused:
        await house.definitions.resolve(house.store.default.id, request, preview=False)
    *told, last = refused.value.errors
    assert [error.path for error in told] == [("environment", n) for n in range(MOST_TOLD)]
    assert last.code == "MORE_ERRORS"
    assert str(MOST_ENTRIES - MOST_TOLD) in last.message


@pytest.mark.parametrize("name", ["mount_path", "definition_path"])
async def test_a_path_is_no_longer_than_a_system_takes(name: str) -> None:
    house = House()
    folder = await house.a_folder()
    path = {name: "/x" * 2_049}
    model_folder = FolderChoice(folder_id=folder.id, **path)
    found = await found_in(house, model_folder=model_folder)
    assert found == [("INVALID_VALUE", ("model_folder", name))]
