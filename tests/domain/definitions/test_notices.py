"""Warnings, and what a driver needs."""

from typing import Any

import pytest

from domain.definitions.definition import Definition, of
from domain.definitions.notices import DriverKind, names_literally, needs_image, notices
from tests.support.definitions import a_model


def a_definition(**more: Any) -> Definition:
    service = {key: value for key, value in more.items() if key != "metadata"}
    return of({"models": [{**a_model(**service), "metadata": more.get("metadata")}]})


@pytest.mark.parametrize(
    ("command", "literal"),
    [
        ("serve /models", True),
        ("serve /models/weights.gguf", True),
        ("serve --model=/models", True),
        (["serve", "/models/"], True),
        ("serve {model_path}", False),
        ("serve /models2", False),
        ("serve /data/models", False),
        ("serve /models-old", False),
        (None, False),
    ],
)
def test_a_command_that_names_the_mount_path_is_noticed(command: Any, literal: bool) -> None:
    found = notices(a_definition(start_command=command), {}, "/models/")
    assert [n.kind for n in found] == (["LITERAL_MOUNT_PATH"] if literal else [])
    assert all(n.pointer == "/models/0/service/start_command" for n in found)


def test_a_mount_at_the_root_is_never_literal() -> None:
    assert not names_literally("serve /models", "/")


@pytest.mark.parametrize(
    ("least", "resources", "short"),
    [
        ({"cpu": 4}, {"cpu": "2"}, True),
        ({"cpu": 4}, {"cpu": "4"}, False),
        ({"cpu": "4"}, {"cpu": "3500m"}, True),
        ({"mem": "1g"}, {"memory": "512Mi"}, True),
        ({"mem": "1g"}, {"memory": "1Gi"}, False),
        ({"memory": "256m"}, {"memory": "1Mi"}, True),
        ({"nvidia.com/gpu": 2}, {"nvidia.com/gpu": "1"}, True),
        ({"cpu": 4}, {}, False),
        ({"cpu": "lots", "mem": [1], "x": None}, {"cpu": "1", "memory": "1"}, False),
    ],
)
def test_resources_below_the_least_are_noticed(
    least: dict[str, Any], resources: dict[str, str], short: bool
) -> None:
    found = notices(a_definition(metadata={"min_resource": least}), resources, "/models")
    assert [n.kind for n in found] == (["MIN_RESOURCE"] if short else [])


@pytest.mark.parametrize(
    ("command", "image", "driver", "pointers"),
    [
        ("serve", None, "process", []),
        (None, None, "process", ["/models/0/service/start_command"]),
        (None, "i", "process", ["/models/0/service/start_command"]),
        (None, "i", "kubernetes", []),
        ("serve", None, "kubernetes", ["/image"]),
    ],
)
def test_a_driver_needs_an_image_or_a_command(
    command: str | None, image: str | None, driver: DriverKind, pointers: list[str]
) -> None:
    found = needs_image(a_definition(start_command=command), image, driver)
    assert [(e.code, e.pointer) for e in found] == [("NEEDS_IMAGE", at) for at in pointers]


@pytest.mark.parametrize(
    ("least", "given", "short"),
    [
        ({"cpu": "500m"}, {"cpu": "1"}, False),
        ({"cpu": "1500m"}, {"cpu": "1"}, True),
        ({"cpus": 4}, {"cpu": "2"}, True),
        ({"mem": "8g"}, {"memory": "8Gi"}, False),
        ({"mem": "8g"}, {"memory": "8G"}, True),
        ({"gpu": 2}, {"nvidia.com/gpu": "1"}, True),
        ({"amd.com/gpu": 2}, {"amd.com/gpu": "2"}, False),
        ({"memory": "plenty"}, {"memory": "1Gi"}, False),
        ({"memory": "8Gi"}, {}, False),
    ],
)
def test_what_a_model_asks_for_is_compared_in_its_own_unit(
    least: dict[str, Any], given: dict[str, str], short: bool
) -> None:
    found = notices(a_definition(metadata={"min_resource": least}), given, "/models")
    assert [n.kind for n in found] == (["MIN_RESOURCE"] if short else [])
