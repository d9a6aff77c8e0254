"""All tables: importing this fills METADATA."""

from typing import Any

from infra.db import access, answers, deployments, events, folders, secrets, templates
from infra.db.noun import METADATA, Noun

NOUNS: tuple[Noun[Any], ...] = (
    access.PROJECTS,
    access.KEYS,
    secrets.SECRETS,
    folders.FOLDERS,
    templates.TEMPLATES,
    deployments.DEPLOYMENTS,
    deployments.REVISIONS,
)
TABLES = (
    *(noun.table for noun in NOUNS),
    secrets.SECRET_USE,
    answers.ANSWERS,
    events.EVENTS,
    events.EVENT_HEAD,
)

__all__ = ["METADATA", "NOUNS", "TABLES"]
