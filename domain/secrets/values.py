from collections.abc import Collection, Mapping
from dataclasses import dataclass

from domain.secrets.ports import Sealer
from domain.secrets.service import sealing_context
from domain.work import Reads


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSecrets:
    """The values of secrets, for what runs replicas (domain.deployments.ports.SecretValues)."""

    reads: Reads
    sealer: Sealer

    async def open(self, project_id: str, names: Collection[str]) -> Mapping[str, str]:
        if not names:
            return {}
        found = await self.reads.secrets.named(project_id, names)
        return {
            name: self.sealer.open(secret.sealed, context=sealing_context(project_id, name))
            for name, secret in found.items()
        }
