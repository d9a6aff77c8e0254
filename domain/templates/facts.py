"""What is recorded of templates."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateCreated:
    template_id: str
    name: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateUpdated:
    template_id: str
    name: str
    version: int
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateDeleted:
    template_id: str
    name: str
    version: int


Fact = TemplateCreated | TemplateUpdated | TemplateDeleted
