"""All tables: importing this fills METADATA."""

from typing import Any

from infra.db import (
    access,
    answers,
    autoscaling,
    deployments,
    events,
    files,
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
    webhooks,
)
from infra.db.batches import (
    batch,
    dedicated,
    external_endpoints,
    profiles,
    segments,
    shards,
    workers,
)
from infra.db.batches import looks as batch_looks
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
    files.FILES,
    batch.BATCHES,
    profiles.PROFILES,
    external_endpoints.EXTERNAL_ENDPOINTS,
    dedicated.DEDICATED,
    webhooks.WEBHOOKS,
    webhooks.DELIVERIES,
)
TABLES = (
    *(noun.table for noun in NOUNS),
    secrets.SECRET_USE,
    answers.ANSWERS,
    looks.LOOKS,
    shards.SHARDS.table,
    segments.SEGMENTS.table,
    batch_looks.BATCH_LOOKS,
    workers.BATCH_WORKERS,
    leases.PLANES,
    leases.SHARD_OWNERS,
    gateways.GATEWAYS,
    place_ports.PLACE_PORTS,
    installation.INSTALLATION,
    events.EVENTS,
    events.EVENT_HEAD,
)

__all__ = ["METADATA", "NOUNS", "TABLES"]
