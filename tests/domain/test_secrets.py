import pytest

from domain.errors import Forbidden, InvalidValue, NameTaken, NotFound
from domain.secrets.facts import SecretCreated, SecretDeleted
from tests.support.build import a_caller
from tests.support.house import House


@pytest.fixture
def house() -> House:
    return House()


async def test_a_secret_is_sealed_for_its_name_and_never_told(house: House) -> None:
    secret = await house.secrets.create(house.caller, "hf-token", "hf_very_secret")
    assert secret.sealed == f"{secret.project_id}/hf-token=hf_very_secret".encode()
    await house.secrets.delete(house.caller, secret.id)
    facts = await house.facts()
    assert facts == [
        SecretCreated(secret_id=secret.id, name="hf-token"),
        SecretDeleted(secret_id=secret.id, name="hf-token"),
    ]
    assert "hf_very_secret" not in repr(facts)


async def test_a_secrets_value_is_not_replaced(house: House) -> None:
    await house.secrets.create(house.caller, "hf-token", "one")
    with pytest.raises(NameTaken):
        await house.secrets.create(house.caller, "hf-token", "two")


@pytest.mark.parametrize("name", ["", "-a", "a b", "k8s:db/key", "x" * 129, "a\x00"])
async def test_a_name_that_is_none_is_refused(house: House, name: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        await house.secrets.create(house.caller, name, "value")
    assert refused.value.path == ("name",)


@pytest.mark.parametrize("value", ["\x00", "\ud800", "x" * (64 * 1024 + 1)])
async def test_a_value_that_can_not_be_kept_is_refused_without_being_shown(
    house: House, value: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        await house.secrets.create(house.caller, "name", value)
    assert refused.value.path == ("value",)
    assert value not in refused.value.message


async def test_secrets_are_for_admins(house: House) -> None:
    secret = await house.secrets.create(house.caller, "hf-token", "one")
    for caller in (house.editor(), house.viewer()):
        with pytest.raises(Forbidden):
            await house.secrets.create(caller, "other", "two")
        with pytest.raises(Forbidden):
            await house.secrets.delete(caller, secret.id)
    with pytest.raises(NotFound):
        await house.secrets.delete(a_caller("elsewhere"), secret.id)
