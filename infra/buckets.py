"""Buckets of S3 (and what speaks its protocol), Google Cloud Storage and Azure: how they are opened, and
what their errors mean. For model folders and for objects alike."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from domain.errors import StorageFull, StorageUnavailable

if TYPE_CHECKING:
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

    Bucket = AzureStore | GCSStore | S3Store

_FULL = re.compile(r"StorageFull|QuotaExceeded|InsufficientStorage|\b507\b")  # MinIO, Ceph, others
_NAME = re.compile(r"[a-z0-9][-a-z0-9._]{1,61}[a-z0-9]")
MENDED = 2  # times that a request is tried again by itself


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


def is_name(bucket: str) -> bool:
    return _NAME.fullmatch(bucket) is not None


def opened(credentials: Credentials, scheme: str, bucket: str, timeout: timedelta) -> "Bucket":
    """Nothing is asked of it yet; `timeout` is for one request."""
    client: ClientConfig = {"timeout": timeout, "connect_timeout": timeout}
    client["allow_http"] = credentials.over_http
    retries: RetryConfig = {"max_retries": MENDED, "retry_timeout": timeout}
    return OPENERS[scheme](credentials, bucket, client, retries)


@contextmanager
def answering(where: str) -> Iterator[None]:
    """A bucket's errors as ours, but FileNotFoundError and PreconditionError (it changed meanwhile)."""
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
    except (BaseError, OSError) as error:
        if _FULL.search(str(error)):
            raise StorageFull(where=where, problem="its quota is used up") from error
        denied = (PermissionDeniedError, UnauthenticatedError, PermissionError)
        problem = "access denied" if isinstance(error, denied) else "it failed"
        raise StorageUnavailable(where=where, problem=problem) from error


def _s3(said: Credentials, bucket: str, client: "ClientConfig", retries: "RetryConfig") -> "Bucket":
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


def _gs(said: Credentials, bucket: str, client: "ClientConfig", retries: "RetryConfig") -> "Bucket":
    from obstore.store import GCSStore

    config = {"service_account": said.gs_service_account}
    return GCSStore(
        bucket, config=cast("GCSConfig", _said(config)), client_options=client, retry_config=retries
    )


def _az(said: Credentials, bucket: str, client: "ClientConfig", retries: "RetryConfig") -> "Bucket":
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


OPENERS: Mapping[str, Callable[..., "Bucket"]] = {"s3": _s3, "gs": _gs, "az": _az}
