"""Every setting, as `modelyard settings` lists it."""

import os
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from infra.client import variables
from infra.settings import PREFIX, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A setting as `modelyard settings` lists it."""

    name: str
    type: str
    default: str
    meaning: str


def describe() -> list[Described]:
    return _own() + [
        Described(name=name, type="text", default="", meaning=meaning)
        for name, meaning in variables.MEANINGS.items()
    ]


def _own() -> list[Described]:
    return [
        Described(
            name=PREFIX + name.upper(),
            type=_type(field.annotation),
            default=_shown(field.default),
            meaning=field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]


def _type(annotation: Any) -> str:
    plain = {
        bool: "true or false",
        int: "integer",
        str: "text",
        Path: "path",
        timedelta: "duration",
        SecretStr: "secret",
    }
    members = [a for a in getattr(annotation, "__args__", (annotation,)) if a is not type(None)]
    first = members[0]
    if members == [int, int]:
        return "range of ports"
    if getattr(annotation, "__origin__", None) is tuple:
        return f"list of {'paths' if first is Path else 'texts'}"
    if issubclass(first, StrEnum):
        return " or ".join(first)
    return plain[first]


def _shown(default: Any) -> str:
    match default:
        case None | ():
            return ""
        case bool():
            return str(default).lower()
        case timedelta(days=days) if days:
            return f"{days}d"
        case timedelta():
            return f"{default.seconds}s"
        case (int(first), int(last)):
            return f"{first}-{last}"
        case tuple():
            return os.pathsep.join(str(part) for part in default)
        case _:
            return str(default)
