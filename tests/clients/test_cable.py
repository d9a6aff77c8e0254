"""The cable that other tests cut."""

import asyncio
from contextlib import closing

from tests.support.cable import Cable, a_cable


async def test_a_cable_may_be_cut_where_somebody_has_hung_up() -> None:
    async with a_cable("http://127.0.0.1:9") as other:
        _, writer = await asyncio.open_connection("127.0.0.1", other.port)
        with closing(writer):
            cable = Cable(writers={writer})
        await asyncio.wait([asyncio.create_task(writer.wait_closed())])
        cable.cut()
    assert cable.cuts == 0
