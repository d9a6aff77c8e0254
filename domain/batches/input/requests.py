"""Whether the lines of a file are requests of one batch."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from domain.batches.batch import ENDPOINTS, InputError
from domain.batches.input.jsonl import Line

ERRORS_LIMIT = 100
NAME_LIMIT = 512  # characters of a custom_id, and of a model
QUOTED = 80
DEPTH = 200  # objects and lists within each other: more than that not every JSON writer takes
WIDE = (b"\xff\xfe", b"\xfe\xff")  # byte order marks of UTF-16 and UTF-32
Found = Iterator[tuple[str, str, str | None]]  # code, message, param


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`size` and `line` in bytes."""

    requests: int = 50_000
    size: int = 200 * 1024 * 1024
    line: int = 1024 * 1024


@dataclass(slots=True)
class Checks:
    """Of a file's lines, one after the other. Custom ids are remembered by their digests alone."""

    endpoint: str
    limits: Limits
    loads: Callable[[bytes], object]
    errors: list[InputError] = field(default_factory=list)
    total: int = 0
    model: str | None = None
    _seen: dict[bytes, int] = field(default_factory=dict)  # digest → the line that has it
    _over: bool = False

    @property
    def are_over(self) -> bool:
        """Nothing that follows could change the verdict, or would be told of."""
        return self._over or len(self.errors) >= ERRORS_LIMIT

    def line(self, line: Line) -> str | None:
        """The request's custom id, if the line is good."""
        if self.total == self.limits.requests:
            self._over = True
            message = f"The file has more than {self.limits.requests} requests. Split it."
            self.add("too_many_requests", message, line=line.number)
            return None
        self.total += 1
        request = self._parsed(line)
        if request is None:
            return None
        before = len(self.errors)
        custom_id = self._named(request, line.number)
        found = (*_addressed(request, self.endpoint), *self._asks(request), *_nested(line, request))
        for code, message, param in found:
            self.add(code, message, param, line.number)
        return custom_id if len(self.errors) == before else None

    def add(
        self, code: str, message: str, param: str | None = None, line: int | None = None
    ) -> None:
        if len(self.errors) < ERRORS_LIMIT:
            self.errors.append(InputError(code=code, message=message, param=param, line=line))

    def _parsed(self, line: Line) -> Mapping[str, object] | None:
        if line.text is None:
            message = f"The line has more than {self.limits.line} bytes."
            self.add("line_too_long", message, line=line.number)
            return None
        if line.start == 0 and line.text.startswith(WIDE):
            self._over = True
            message = "The file is in UTF-16 or UTF-32. Save it in UTF-8."
            self.add("invalid_encoding", message, line=line.number)
            return None
        try:
            request = self.loads(line.text)
        except (ValueError, RecursionError) as error:
            self.add(*_unparsed(line.text, error), line=line.number)
            return None
        if not isinstance(request, dict):
            message = 'The line is JSON, but no object: {"custom_id": …, "method": "POST", …}.'
            self.add("invalid_json_line", message, line=line.number)
            return None
        return request

    def _named(self, request: Mapping[str, object], number: int) -> str | None:
        custom_id = request.get("custom_id")
        if not isinstance(custom_id, str) or not custom_id or len(custom_id) > NAME_LIMIT:
            message = f"custom_id must be a text of 1 to {NAME_LIMIT} characters."
            self.add("missing_required_parameter", message, "custom_id", number)
            return None
        digest = blake2b(custom_id.encode(errors="surrogatepass"), digest_size=16).digest()
        first = self._seen.setdefault(digest, number)
        if first != number:
            message = f"custom_id {quoted(custom_id)} is that of line {first} already."
            self.add("duplicate_custom_id", message, "custom_id", number)
        return custom_id

    def _asks(self, request: Mapping[str, object]) -> Found:
        body = request.get("body")
        if body is None:
            yield "missing_required_parameter", "body is missing: the request itself.", "body"
            return
        if not isinstance(body, dict):
            yield "invalid_body", "body must be an object.", "body"
            return
        if body.get("stream"):
            message = "A batch's answers are not streamed: leave stream out."
            yield "streaming_not_supported", message, "body.stream"
        model = body.get("model")
        if model is None:
            message = "body.model is missing: the model that is to answer."
            yield "missing_required_parameter", message, "body.model"
        elif not isinstance(model, str) or not _can_be_name(model):
            message = f"body.model must be a name of 1 to {NAME_LIMIT} printable characters."
            yield "invalid_body", message, "body.model"
        elif self.model is None:
            self.model = model
        elif model != self.model:
            message = (
                f"A batch is for one model: {quoted(self.model)} before, {quoted(model)} here."
            )
            yield "mismatched_model", message, "body.model"


def _addressed(request: Mapping[str, object], endpoint: str) -> Found:
    method, url = request.get("method"), request.get("url")
    if method is None:
        yield "missing_required_parameter", 'method is missing: "POST".', "method"
    elif method != "POST":
        yield "invalid_method", f'method must be "POST", not {quoted(method)}.', "method"
    if url is None:
        yield "missing_required_parameter", f'url is missing: "{endpoint}".', "url"
    elif url != endpoint and url in ENDPOINTS:
        message = f"url is {quoted(url)}, but the batch was created for {endpoint}."
        yield "mismatched_endpoint", message, "url"
    elif url != endpoint:
        message = f'url must be exactly "{endpoint}", not {quoted(url)}.'
        yield "invalid_url", message, "url"


def _nested(line: Line, request: Mapping[str, object]) -> Found:
    """It could be read, but not be written again for the engine."""
    text = line.text or b""
    if text.count(b"{") + text.count(b"[") <= DEPTH:
        return
    within: list[object] = [request]
    for _ in range(DEPTH):
        within = [inner for each in within for inner in _inner(each)]
    if within:
        yield "invalid_body", f"body is nested more than {DEPTH} levels deep.", "body"


def _inner(value: object) -> Collection[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _unparsed(text: bytes, error: Exception) -> tuple[str, str]:
    try:
        text.decode()
    except UnicodeDecodeError as broken:
        message = (
            f"The line is not UTF-8: byte {broken.start + 1} of it is {text[broken.start]:#04x}."
        )
        return "invalid_encoding", message
    return "invalid_json_line", f"The line is not JSON: {quoted(str(error), '')}."


def _can_be_name(text: str) -> bool:
    return 0 < len(text) <= NAME_LIMIT and text.isprintable()


def quoted(value: object, mark: str = "'") -> str:
    """Short, on one line, and of characters that every database keeps."""
    text = str(value) if isinstance(value, str) else repr(value)
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:QUOTED])
    return f"{mark}{shown}{'…' if len(text) > QUOTED else ''}{mark}"
