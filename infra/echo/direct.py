"""The echo without an engine: a request's answer as a function of its body."""

from collections.abc import Callable, Mapping
from time import time

from infra.echo import answers, shapes
from infra.echo.answers import Json, Text, Unanswerable

NAME = "echo"
TEXTS: Mapping[str, tuple[Callable[[str, Json], Text], Callable[[str, Text, Json, int], Json]]] = {
    "/v1/chat/completions": (answers.chat, shapes.chat),
    "/v1/completions": (answers.completion, shapes.completion),
    "/v1/responses": (answers.response, shapes.response),
}
PLAIN: Mapping[str, Callable[[str, Json], Json]] = {
    "/v1/embeddings": answers.embeddings,
    "/v1/rerank": answers.rerank,
    "/v1/moderations": answers.moderations,
}


def answered(path: str, body: Json) -> tuple[int, Json]:
    """The status and the answer's body."""
    model = body.get("model")
    name = model if isinstance(model, str) else NAME
    try:
        if path in PLAIN:
            return 200, PLAIN[path](name, body)
        say, shape = TEXTS[path]
        return 200, shape(name, say(name, body), body, int(time()))
    except Unanswerable as error:
        return 400, refusal(error)


def refusal(error: Unanswerable) -> Json:
    said = {"message": f"Echo: {error.problem}", "type": "invalid_request_error"}
    return {"error": said | {"param": error.param, "code": "invalid_value"}}
