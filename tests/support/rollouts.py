"""Deployments in the middle of something, for tests of the plan: rows with ids that can be read."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from domain.deployments.deployment import Deployment, DeploymentStatus
from domain.deployments.plan import decide
from domain.deployments.ports import Observed, Sight
from domain.deployments.replica import Endpoint, Replica, ReplicaGroup, ReplicaStatus
from domain.deployments.rollout import Rollout, RolloutKind, RolloutStatus
from domain.deployments.situation import Decision, Situation
from domain.deployments.strategy import Rolling, Strategy

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
