"""The documents that an operator trusts: JSON files, read once at the start.

{"<sha256>": "<document>", …}                                    graphql-codegen, Relay
{"format": "apollo-persisted-query-manifest", "operations": [{"id": "<sha256>", "body": "<document>"}]}
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from domain.errors import ModelyardError
from infra.http.persisted import digest

APOLLO = "apollo-persisted-query-manifest"
PREFIX = "sha256:"


@dataclass(eq=False, kw_only=True)
class ManifestRefused(ModelyardError):
    """The trusted documents in {file} can't be used: {problem}."""

    file: str
    problem: str


def read(places: Iterable[Path]) -> Mapping[str, str]:
    """The documents by their hashes; a folder's are those of its *.json files.

    Raises ManifestRefused.
    """
    found: dict[str, str] = {}
    for place in places:
        files = sorted(place.glob("*.json")) if place.is_dir() else [place]
        if not files:
            raise ManifestRefused(file=str(place), problem="the folder has no *.json file")
        for file in files:
            found |= _documents(file)
    return found


def _documents(file: Path) -> Iterator[tuple[str, str]]:
    for name, text in _entries(file, _written(file)):
        said = name.removeprefix(PREFIX).lower() if isinstance(name, str) else None
        if not isinstance(text, str):
            raise ManifestRefused(file=str(file), problem=f"{name!r} has no text")
        if said != digest(text):
            problem = (
                f"{name!r} is not the SHA-256 of its document (codegen: hashAlgorithm: 'sha256')"
            )
            raise ManifestRefused(file=str(file), problem=problem)
        yield said, text


def _entries(file: Path, written: object) -> Iterable[tuple[Any, Any]]:
    match written:
        case {"format": str() as form, "operations": list() as operations} if form == APOLLO:
            return [
                (each.get("id"), each.get("body")) if isinstance(each, dict) else (each, None)
                for each in operations
            ]
        case dict():
            return written.items()
    raise ManifestRefused(file=str(file), problem="it is no JSON object of hashes and documents")


def _written(file: Path) -> object:
    try:
        return orjson.loads(file.read_bytes())
    except OSError as error:
        raise ManifestRefused(file=str(file), problem=str(error.strerror)) from error
    except orjson.JSONDecodeError as error:
        raise ManifestRefused(file=str(file), problem="it is no JSON") from error
