"""Secrets."""

from resolvers import lists
from resolvers.context import Info
from resolvers.errors import mending
from resolvers.inputs import own_id
from schema import versions
from schema.relay import DEFAULT_FIRST, After, Connection, First
from schema.secrets import (
    ORDER_KINDS,
    CreateSecretInput,
    CreateSecretPayload,
    DeleteSecretInput,
    DeleteSecretPayload,
    Secret,
    SecretFilter,
    SecretOrder,
)


@versions.type(added="0.1.0")
class SecretQueries:
    @versions.field
    async def secrets(
        self,
        info: Info,
        first: First = DEFAULT_FIRST,
        after: After = None,
        filter: SecretFilter | None = None,
        order_by: SecretOrder | None = None,
    ) -> Connection[Secret]:
        """The project's secrets, without their values, oldest first unless ordered."""
        return await lists.in_project(
            info.context,
            info.context.services.reads.secrets,
            Secret.of,
            ORDER_KINDS,
            first=first,
            after=after,
            filter=filter,
            order_by=order_by,
        )


@versions.type(added="0.1.0")
class SecretMutations:
    @versions.field
    async def create_secret(
        self, info: Info, input: CreateSecretInput
    ) -> CreateSecretPayload | None:
        """Seals a value that environments name; needs an admin of the project."""
        payload = CreateSecretPayload()
        with mending(payload):
            secrets = info.context.services.secrets
            created = await secrets.create(info.context.caller, input.name, input.value)
            payload.secret = Secret.of(created)
        return payload

    @versions.field
    async def delete_secret(
        self, info: Info, input: DeleteSecretInput
    ) -> DeleteSecretPayload | None:
        """Deletes a secret; revisions that name it stay, and will not start without it."""
        payload = DeleteSecretPayload()
        with mending(payload):
            own = own_id("Secret", input.secret_id, "secret_id")
            secrets = info.context.services.secrets
            payload.secret = Secret.of(await secrets.delete(info.context.caller, own))
        return payload
