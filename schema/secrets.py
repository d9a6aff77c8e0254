"""Secrets: everything of them but their values."""

from asyncio import gather
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import strawberry

from domain.secrets import secret
from schema import versions
from schema.context import Info
from schema.errors import Payload
from schema.lists import DateTimeFilter, IDFilter, OrderDirection, StringFilter
from schema.relay import Node, global_id

if TYPE_CHECKING:
    from schema.deployments import ModelDeployment


@versions.type(added="0.1.0")
class Secret(Node):
    """A value that replicas get by its name; nobody can read it."""

    name: str = versions.field(description="What environments name it by; unique in the project.")
    created_at: datetime
    created_by: str = versions.field(description="Who sealed it, e.g. key:ci.")
    held: strawberry.Private[secret.Secret]

    @versions.load
    async def used_by(
        self, info: Info
    ) -> list[Annotated["ModelDeployment", strawberry.lazy("schema.deployments")]]:
        """The deployments with a revision that names the secret."""
        from schema.deployments import ModelDeployment

        loads = info.context.loads
        users = await gather(*map(loads.deployment, await loads.secret_users(self.held)))
        return [ModelDeployment.of(value) for value in users if value is not None]

    @classmethod
    def of(cls, value: secret.Secret) -> "Secret":
        return cls(
            id=global_id("Secret", value.id),
            name=value.name,
            created_at=value.created_at,
            created_by=value.created_by,
            held=value,
        )


class SecretOrderField(Enum):
    CREATED_AT = "created_at"
    NAME = "name"


versions.enum(SecretOrderField, added="0.1.0")
ORDER_KINDS: dict[str, type] = {"created_at": datetime, "name": str}


@versions.input(added="0.1.0")
class SecretOrder:
    field: SecretOrderField
    direction: OrderDirection | None = versions.field(description="ASC unless said.")


@versions.input(added="0.1.0")
class SecretFilter:
    """All that is said must hold."""

    id: IDFilter | None
    name: StringFilter | None
    created_by: StringFilter | None
    created_at: DateTimeFilter | None
    and_: list["SecretFilter"] | None = versions.field(name="and")
    or_: list["SecretFilter"] | None = versions.field(name="or")
    not_: "SecretFilter | None" = versions.field(name="not")


@versions.input(added="0.1.0")
class CreateSecretInput:
    """A value is never replaced: delete the secret and create it again."""

    name: str = versions.field(description="What environments name it by; unique in the project.")
    value: str = versions.field(description="Sealed at once, and never shown again.")


@versions.input(added="0.1.0")
class DeleteSecretInput:
    secret_id: strawberry.ID = versions.field(description="The secret to delete.")


@versions.type(added="0.1.0")
class CreateSecretPayload(Payload):
    secret: Secret | None = versions.field(
        default=None,
        description="The sealed secret, without its value; null where there are user errors.",
    )


@versions.type(added="0.1.0")
class DeleteSecretPayload(Payload):
    secret: Secret | None = versions.field(default=None, description="As it was.")
