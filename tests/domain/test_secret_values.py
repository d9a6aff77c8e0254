from collections.abc import Collection, Mapping
from types import SimpleNamespace
from typing import cast

import pytest

from domain.deployments.ports import SecretValues
from domain.errors import SealBroken
from domain.secrets.secret import Secret
from domain.secrets.service import sealing_context
from domain.secrets.values import OpenedSecrets
from domain.work import Reads
from infra.secrets.sealer import AesSealer
from tests.support.builders import a_project, a_secret

PROJECT = a_project()
SEALER = AesSealer(b"k" * 32)


def opened(*secrets: Secret, sealer: AesSealer = SEALER) -> SecretValues:
    class Rows:
        async def named(self, project_id: str, names: Collection[str]) -> Mapping[str, Secret]:
            assert project_id == PROJECT.id
            return {each.name: each for each in secrets if each.name in names}

    return OpenedSecrets(reads=cast(Reads, SimpleNamespace(secrets=Rows())), sealer=sealer)


def sealed(name: str, value: str, project_id: str = PROJECT.id) -> Secret:
    return a_secret(
        PROJECT, name=name, sealed=SEALER.seal(value, context=sealing_context(project_id, name))
    )


async def test_values_are_opened_by_name_and_those_that_do_not_exist_are_left_out() -> None:
    secrets = opened(sealed("a", "one"), sealed("b", "two"))
    assert await secrets.open(PROJECT.id, {"a", "gone"}) == {"a": "one"}
    assert await secrets.open(PROJECT.id, set()) == {}


async def test_a_value_of_another_key_or_project_does_not_open() -> None:
    with pytest.raises(SealBroken):
        await opened(sealed("a", "x"), sealer=AesSealer(b"j" * 32)).open(PROJECT.id, ["a"])
    with pytest.raises(SealBroken):
        await opened(sealed("a", "x", project_id="another")).open(PROJECT.id, ["a"])
