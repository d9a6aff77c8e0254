"""One path, and what its methods are answered with."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from domain.errors import ModelyardError
from infra.http.openai import errors
from infra.http.openai.errors import Shape, refused

Answer = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Resource:
    """HEAD is asked as GET is. Errors are answered in OpenAI's shape."""

    methods: Mapping[str, Answer]
    shape: Callable[[ModelyardError], Shape] = errors.shape

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ModelyardError as error:
            response = errors.answer(error, self.shape(error))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        if method not in self.methods:
            allowed = ", ".join(self.methods)
            problem = f"{request.url.path} is asked with {allowed}."
            raise refused(problem, "method_not_allowed", status=405, headers={"Allow": allowed})
        return await self.methods[method](request)
