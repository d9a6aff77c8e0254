"""The form by which a file is uploaded: `file`, `purpose`, `expires_after[anchor]` and `[seconds]`, in any
order."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from domain.files.asked import Asked
from infra.http.multipart import Form, Part
from infra.http.openai.errors import refused

FILE, PURPOSE = "file", "purpose"
ANCHOR, SECONDS = "expires_after[anchor]", "expires_after[seconds]"
FIELDS = frozenset({PURPOSE, ANCHOR, SECONDS})
FIELD_LIMIT = 1_024  # bytes


@dataclass(slots=True)
class FileForm:
    form: Form
    _fields: dict[str, str] = field(default_factory=dict)

    async def name(self) -> str:
        """Of the file, whose content comes next; raises RequestRefused."""
        while (part := await self.form.part()) is not None:
            if part.name == FILE:
                return part.filename or ""
            await self._read(part)
        raise _missing(FILE)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The file's, and behind them, without a piece, the fields that follow it."""
        async with aclosing(self.form.pieces()) as pieces:
            async for piece in pieces:
                yield piece
        while (part := await self.form.part()) is not None:
            await self._read(part)

    def asked(self) -> Asked:
        """By the fields that came; raises RequestRefused."""
        if PURPOSE not in self._fields:
            raise _missing(PURPOSE)
        return Asked(purpose=self._fields[PURPOSE], expires_after=_expiry(self._fields))

    @property
    def has_purpose(self) -> bool:
        return PURPOSE in self._fields

    async def _read(self, part: Part) -> None:
        if part.name == FILE:
            raise refused("One file can be uploaded at a time.", "invalid_value", param=FILE)
        if part.name not in FIELDS:
            shown = part.name[:80]
            raise refused(f"Unknown parameter: {shown!r}.", "unknown_parameter", param=shown)
        if part.name in self._fields:
            raise refused(f"{part.name!r} is given twice.", "invalid_value", param=part.name)
        self._fields[part.name] = await self.form.text(FIELD_LIMIT)


def _expiry(fields: Mapping[str, str]) -> float | None:
    if ANCHOR not in fields and SECONDS not in fields:
        return None
    for each in (ANCHOR, SECONDS):
        if each not in fields:
            raise _missing(each)
    if fields[ANCHOR] != "created_at":
        problem = "A file expires after its creation: the anchor is 'created_at'."
        raise refused(problem, "invalid_value", param=ANCHOR)
    written = fields[SECONDS]
    if not (written.isascii() and written.isdecimal() and len(written) < 16):
        raise refused("Say seconds as a whole number.", "invalid_value", param=SECONDS)
    return float(written)


def _missing(param: str) -> Exception:
    return refused(
        f"Missing required parameter: {param!r}.", "missing_required_parameter", param=param
    )
