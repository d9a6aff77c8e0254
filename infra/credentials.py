"""What the settings say of reaching the object stores."""

from pydantic import SecretStr

from infra.buckets import Credentials
from infra.settings import Settings, SettingsRefused


def credentials_of(settings: Settings) -> Credentials:
    account = settings.gs_service_account
    return Credentials(
        s3_endpoint=settings.s3_endpoint,
        s3_region=settings.s3_region,
        s3_access_key_id=settings.s3_access_key_id,
        s3_secret_access_key=_plain(settings.s3_secret_access_key),
        s3_session_token=_plain(settings.s3_session_token),
        gs_service_account=None if account is None else str(account),
        az_account=settings.az_account,
        az_access_key=_plain(settings.az_access_key),
        az_endpoint=settings.az_endpoint,
    )


def google_key(settings: Settings) -> str | None:
    """What pods that fetch from its store get a copy of. Raises SettingsRefused."""
    file = settings.gs_service_account
    try:
        return None if file is None else file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsRefused(problem=f"gs_service_account can't be read: {error}") from error


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
