"""A key is read once in a while, and refused soon after it was revoked."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from domain.access.access import Caller
from domain.errors import Unauthenticated
from domain.ids import new_id
from infra.http.gate import Credentials, Gate
from infra.http.openai.admission import KEPT_SECONDS, Admission
from tests.support.clock import TestClock
from tests.support.server import ToyApp
from tests.support.timer import TestTimer

REVOKED_WITHIN = 5.0


class Counted(Gate):
    asked = 0

    async def admit(self, headers: Mapping[str, str], said: Credentials) -> Caller:
        self.asked += 1
        return await super().admit(headers, said)


@dataclass
class Door:
    most: int = 10
    app: ToyApp = field(default_factory=ToyApp)
    timer: TestTimer = field(default_factory=lambda: TestTimer(TestClock()))

    def __post_init__(self) -> None:
        self.gate = Counted(self.app.access, new_id, loopback=True)
        self.admission = Admission(gate=self.gate, timer=self.timer, new_id=new_id, most=self.most)

    async def asks(self, token: str) -> Caller:
        return await self.admission.admit({"authorization": f"Bearer {token}", "host": "localhost"})


async def test_a_key_is_read_once_in_a_while() -> None:
    door = Door()
    token = await door.app.key()
    callers = [await door.asks(token) for _ in range(3)]
    assert door.gate.asked == 1
    assert len({caller.request_id for caller in callers}) == 3
    door.timer.stop(KEPT_SECONDS)
    await door.asks(token)
    assert door.gate.asked == 2


async def test_a_revoked_key_is_refused_soon() -> None:
    door = Door()
    key, token = await door.app.access.create_key("test", "mine", {}, server_admin=True)
    await door.asks(token)
    await door.app.access.revoke_key("test", key.id)
    assert KEPT_SECONDS < REVOKED_WITHIN
    door.timer.stop(KEPT_SECONDS)
    with pytest.raises(Unauthenticated):
        await door.asks(token)


async def test_a_refusal_is_not_kept_and_takes_no_place() -> None:
    door = Door(most=1)
    token = await door.app.key()
    await door.asks(token)
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await door.asks("my_wrong")
    await door.asks(token)
    assert door.gate.asked == 4


async def test_no_more_callers_are_kept_than_there_is_room_for() -> None:
    door = Door(most=2)
    for name in ("a", "b", "c"):
        await door.asks(await door.app.key(name))
    assert len(door.admission._kept) == 1


async def test_the_first_key_closes_the_gateway_at_once() -> None:
    door = Door()
    await door.asks("whatever")
    await door.app.key()
    with pytest.raises(Unauthenticated):
        await door.asks("whatever")
