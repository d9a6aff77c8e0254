"""What is recorded of secrets."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretCreated:
    secret_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretDeleted:
    secret_id: str
    name: str


Fact = SecretCreated | SecretDeleted
