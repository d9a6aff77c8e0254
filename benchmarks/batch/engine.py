"""`python -m benchmarks.batch.engine MILLISECONDS`: answers chat requests after so long, any number at
once. It prints its port. A raw protocol, so that it is never what is waited for."""

import asyncio
import sys
from typing import cast

import httptools
import uvloop

ANSWER = (
    b'{"id":"chatcmpl-0123456789abcdef","object":"chat.completion","created":1767225600,'
    b'"model":"chat","choices":[{"index":0,"message":{"role":"assistant","content":"'
    + b"All work and no play makes an engine a dull one. "
    * 8
    + b'"},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":120,'
    b'"completion_tokens":96,"total_tokens":216}}'
)
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(ANSWER),
    ANSWER,
)


class Answering(asyncio.Protocol):
    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._loop, self._seconds = loop, seconds
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._loop.call_later(self._seconds, self._answer)

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(WHOLE)


async def main() -> None:
    loop, seconds = asyncio.get_running_loop(), float(sys.argv[1]) / 1000
    server = await loop.create_server(
        lambda: Answering(loop, seconds), "127.0.0.1", 0, backlog=4096
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
