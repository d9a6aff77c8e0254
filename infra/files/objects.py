"""Files in object stores: S3 (and what speaks its protocol), Google Cloud Storage, Azure."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from domain.errors import FileTooLarge, StorageUnavailable

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import (
        AzureConfig,
        AzureStore,
        ClientConfig,
        GCSConfig,
        GCSStore,
        RetryConfig,
        S3Config,
        S3Store,
    )

    ObjectStore = AzureStore | GCSStore | S3Store

PIECE = 8 * 1024 * 1024  # bytes of an object that are asked for at once when it is copied
KEPT = 64  # buckets whose connections and credentials are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """How to reach the stores; what is None is left to the machine's own configuration."""

    s3_endpoint: str | None = None
    s3_region: str | None = None
    s3_access_key_id: str | None = None
    s3_secret_access_key: str | None = None
    s3_session_token: str | None = None
    gs_service_account: str | None = None
    az_account: str | None = None
    az_access_key: str | None = None
    az_endpoint: str | None = None

    @property
    def over_http(self) -> bool:
        """Only an endpoint that the operator wrote with http:// is spoken to without TLS."""
        endpoints = (self.s3_endpoint, self.az_endpoint)
        return any(each is not None and each.startswith("http://") for each in endpoints)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An object; its etag changes with its content."""

    key: str
    size: int
    etag: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    credentials: Credentials
    timeout: timedelta
    piece: int = PIECE
    _stores: dict[tuple[str, str], "ObjectStore"] = field(default_factory=dict)

    async def read(self, scheme: str, bucket: str, key: str, limit: int) -> bytes | None:
        """The object's content, or None; raises FileTooLarge, StorageUnavailable."""
        import obstore  # 0.1 s that only servers with such folders need

        where = f"{scheme}://{bucket}"
        try:
            with _answering(where):
                found = await obstore.get_async(self._store(scheme, bucket), key)
                if found.meta["size"] > limit:
                    raise FileTooLarge(file=key, limit=limit)
                content = bytearray()
                async for chunk in found.stream():
                    content += chunk
                    if len(content) > limit:
                        raise FileTooLarge(file=key, limit=limit)
        except FileNotFoundError:
            return None
        return bytes(content)

    async def list(self, scheme: str, bucket: str, prefix: str) -> Sequence[Stored]:
        """All objects beneath the folder `prefix`, by key; raises StorageUnavailable."""
        import obstore

        found = []
        with _answering(f"{scheme}://{bucket}"):
            async for batch in obstore.list(self._store(scheme, bucket), prefix or None):
                found += [
                    Stored(key=each["path"], size=each["size"], etag=each["e_tag"])
                    for each in batch
                ]
        return sorted(found, key=lambda each: each.key)

    async def pieces(self, scheme: str, bucket: str, stored: Stored) -> AsyncIterator[bytes]:
        """The object's content, as it was listed; raises StorageUnavailable also if it changed since.

        Each piece is a request of its own, which has the store's whole time.
        """
        import obstore
        from obstore.exceptions import PreconditionError

        where = f"{scheme}://{bucket}/{stored.key}"
        for start in range(0, stored.size, self.piece):
            options: GetOptions = {"range": (start, min(start + self.piece, stored.size))}
            if stored.etag is not None:
                options["if_match"] = stored.etag
            try:
                with _answering(where):
                    store = self._store(scheme, bucket)
                    found = await obstore.get_async(store, stored.key, options=options)
                    yield bytes(await found.bytes_async())
            except (FileNotFoundError, PreconditionError) as error:
                raise StorageUnavailable(where=where, problem="it changed meanwhile") from error

    def _store(self, scheme: str, bucket: str) -> "ObjectStore":
        place = (scheme, bucket)
        if place not in self._stores:
            if len(self._stores) >= KEPT:
                self._stores.pop(next(iter(self._stores)))
            client: ClientConfig = {"timeout": self.timeout, "connect_timeout": self.timeout}
            client["allow_http"] = self.credentials.over_http
            retries: RetryConfig = {"max_retries": 2, "retry_timeout": self.timeout}
            self._stores[place] = OPENERS[scheme](self.credentials, bucket, client, retries)
        return self._stores[place]


@contextmanager
def _answering(where: str) -> Iterator[None]:
    """The store's errors as ours; what isn't there stays FileNotFoundError."""
    from obstore.exceptions import (
        BaseError,
        PermissionDeniedError,
        PreconditionError,
        UnauthenticatedError,
    )

    try:
        yield
    except (FileNotFoundError, PreconditionError):
        raise
    except (PermissionDeniedError, UnauthenticatedError, PermissionError) as error:
        raise StorageUnavailable(where=where, problem="access denied") from error
    except (BaseError, OSError) as error:
        raise StorageUnavailable(where=where, problem="it failed") from error


def _s3(
    said: Credentials, bucket: str, client: "ClientConfig", retries: "RetryConfig"
) -> "ObjectStore":
    from obstore.store import S3Store

    config = {
        "endpoint": said.s3_endpoint,
        "region": said.s3_region,
        "access_key_id": said.s3_access_key_id,
        "secret_access_key": said.s3_secret_access_key,
        "session_token": said.s3_session_token,
    }
    return S3Store(
        bucket, config=cast("S3Config", _said(config)), client_options=client, retry_config=retries
    )


def _gs(
    said: Credentials, bucket: str, client: "ClientConfig", retries: "RetryConfig"
) -> "ObjectStore":
    from obstore.store import GCSStore

    config = {"service_account": said.gs_service_account}
    return GCSStore(
        bucket, config=cast("GCSConfig", _said(config)), client_options=client, retry_config=retries
    )


def _az(
    said: Credentials, bucket: str, client: "ClientConfig", retries: "RetryConfig"
) -> "ObjectStore":
    from obstore.store import AzureStore

    config = {
        "account_name": said.az_account,
        "account_key": said.az_access_key,
        "endpoint": said.az_endpoint,
    }
    return AzureStore(
        bucket,
        config=cast("AzureConfig", _said(config)),
        client_options=client,
        retry_config=retries,
    )


def _said(config: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in config.items() if value is not None}


OPENERS: Mapping[str, Callable[..., "ObjectStore"]] = {"s3": _s3, "gs": _gs, "az": _az}
