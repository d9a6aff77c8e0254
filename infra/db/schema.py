"""All tables: importing this fills METADATA."""

from typing import Any

from infra.db import (
    access,
    answers,
    autoscaling,
    deployments,
    events,
    folders,
    gateways,
    installation,
    leases,
    looks,
    place_ports,
    replicas,
    rollouts,
    secrets,
    templates,
)
from infra.db.noun import METADATA, Noun

NOUNS: tuple[Noun[Any], ...] = (
    access.PROJECTS,
    access.KEYS,
    secrets.SECRETS,
    folders.FOLDERS,
    templates.TEMPLATES,
    deployments.DEPLOYMENTS,
    deployments.REVISIONS,
    rollouts.ROLLOUTS,
    replicas.GROUPS,
    replicas.REPLICAS,
    autoscaling.RULES,
)
TABLES = (
    *(noun.table for noun in NOUNS),
    secrets.SECRET_USE,
    answers.ANSWERS,
    looks.LOOKS,
    leases.PLANES,
    leases.SHARD_OWNERS,
    gateways.GATEWAYS,
    place_ports.PLACE_PORTS,
    installation.INSTALLATION,
    events.EVENTS,
    events.EVENT_HEAD,
)

__all__ = ["METADATA", "NOUNS", "TABLES"]
