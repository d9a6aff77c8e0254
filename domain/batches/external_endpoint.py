from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalEndpoint:
    """An OpenAI-compatible server that is not ours. `base_url` takes the place of `/v1` and has no slash
    at its end; `models` are those it serves; `api_key_secret` names a secret of the project, sent as
    bearer token."""

    id: str
    project_id: str
    name: str
    base_url: str
    models: tuple[str, ...]
    api_key_secret: str | None
    created_at: datetime
    created_by: str
    updated_at: datetime
