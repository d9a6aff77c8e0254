"""Identifiers: 32 lower-case hex digits, drawn by whoever composes the application."""

from collections.abc import Callable
from uuid import uuid4

NewId = Callable[[], str]


def new_id() -> str:
    return uuid4().hex
