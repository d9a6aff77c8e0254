"""The layer of each value, and what it hides."""

from domain.definitions.layers import LayerKind
from domain.definitions.merge import Shadowed, resolve
from tests.support.definitions import (
    a_model,
    folder,
    generated,
    one_model,
    origins,
    request,
    template,
    variant,
)

CHECK = "/models/0/service/health_check"


def test_a_value_hides_those_of_every_lower_layer_highest_first() -> None:
    layers = [
        variant(models=[a_model(port=1)]),
        template(**one_model(port=2)),
        folder(**one_model(port=3)),
        request(**one_model(port=4)),
    ]
    port = origins(resolve(layers))["/models/0/service/port"]
    assert (port.layer, port.value) == (LayerKind.REQUEST, 4)
    assert port.shadowed == (
        Shadowed(layer=LayerKind.FOLDER, value=3),
        Shadowed(layer=LayerKind.TEMPLATE, value=2),
        Shadowed(layer=LayerKind.VARIANT, value=1),
    )


def test_what_no_layer_said_is_of_the_layer_default() -> None:
    told = origins(resolve([variant(models=[a_model()])]))
    for pointer, value in (("/models/0/service/shell", "/bin/bash"), ("/image", None)):
        assert (told[pointer].layer, told[pointer].value) == (LayerKind.DEFAULT, value)


def test_a_cleared_value_is_a_default_that_hides_the_null_and_what_it_cleared() -> None:
    cleared = folder(**one_model(health_check={"interval": None}))
    interval = origins(resolve([generated(), cleared]))[f"{CHECK}/interval"]
    assert (interval.layer, interval.value) == (LayerKind.DEFAULT, 10)
    assert interval.shadowed == (
        Shadowed(layer=LayerKind.FOLDER, value=None),
        Shadowed(layer=LayerKind.VARIANT, value=10),
    )


def test_values_under_a_cleared_object_tell_who_cleared_it() -> None:
    layers = [
        generated(),
        folder(**one_model(health_check=None)),
        request(**one_model(health_check={"path": "/x"})),
    ]
    delay = origins(resolve(layers))[f"{CHECK}/initial_delay"]
    assert (delay.layer, delay.value) == (LayerKind.DEFAULT, 60)
    assert delay.shadowed[0] == Shadowed(layer=LayerKind.FOLDER, value=None)
    assert delay.shadowed[1] == Shadowed(layer=LayerKind.VARIANT, value=300)


def test_a_null_health_check_hides_the_object_below() -> None:
    check = origins(resolve([generated(), folder(**one_model(health_check=None))]))[CHECK]
    assert check.shadowed[0].layer is LayerKind.VARIANT
    assert check.shadowed[0].value["initial_delay"] == 300


def test_pointers_are_those_of_the_result_not_of_the_layer() -> None:
    lower = variant(models=[a_model("a", port=1), a_model("b", port=2)])
    told = origins(resolve([lower, request(models=[{"name": "b", "service": {"port": 3}}])]))
    assert told["/models/1/service/port"].layer is LayerKind.REQUEST
    assert told["/models/0/service/port"].layer is LayerKind.VARIANT


def test_pointers_escape_slashes_and_tildes() -> None:
    metadata = {"min_resource": {"a~b": 1}}
    layers = [
        variant(models=[{**a_model(), "metadata": metadata}]),
        request(resources={"nvidia.com/gpu": "1"}),
    ]
    told = origins(resolve(layers))
    assert told["/resources/nvidia.com~1gpu"].value == "1"
    assert told["/models/0/metadata/min_resource/a~0b"].value == 1


def test_environment_and_resources_have_their_own_pointers() -> None:
    layers = [
        variant(models=[a_model()], environment={"A": {"value": "1"}}),
        request(environment={"A": {"value": "2"}}, resources={"cpu": "1"}),
    ]
    told = origins(resolve(layers))
    assert told["/environment/A"].layer is LayerKind.REQUEST
    assert told["/environment/A"].shadowed[0].value == {"value": "1"}
    assert told["/resources/cpu"].value == "1"


def test_a_templates_overrides_shadow_its_spec() -> None:
    layers = [
        variant(models=[a_model(port=1)]),
        template(**one_model(port=2)),
        template(**one_model(port=3)),
    ]
    port = origins(resolve(layers))["/models/0/service/port"]
    assert (port.layer, port.value) == (LayerKind.TEMPLATE, 3)
    assert [hidden.value for hidden in port.shadowed] == [2, 1]
