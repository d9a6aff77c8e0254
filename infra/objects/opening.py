"""Which store of objects a setting names."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from domain.errors import ModelyardError
from domain.files.ports import Objects
from infra import buckets
from infra.buckets import OPENERS, Credentials
from infra.objects.local import LocalObjects
from infra.objects.remote import RemoteObjects


@dataclass(eq=False, kw_only=True)
class ObjectStoreRefused(ModelyardError):
    """Files can't be kept at {url!r} (MODELYARD_OBJECT_STORE): {problem}."""

    url: str
    problem: str


def opened(url: str | None, folder: Path, credentials: Credentials, timeout: timedelta) -> Objects:
    """The store at `url`: `s3://`, `gs://` or `az://bucket/prefix`, `file:///path` or a path; without one,
    `folder`. Buckets are not asked yet; folders are made.

    Raises ObjectStoreRefused, StorageUnavailable, StorageFull.
    """
    if url is None:
        return LocalObjects(root=folder.absolute()).prepared()
    scheme, separator, rest = url.partition("://")
    if not separator:
        return LocalObjects(root=Path(url).absolute()).prepared()
    if scheme == "file":
        return LocalObjects(root=_folder(url)).prepared()
    if scheme not in OPENERS:
        known = ", ".join(f"{each}://" for each in ("file", *OPENERS))
        raise ObjectStoreRefused(url=url, problem=f"use one of {known}")
    bucket, _, beneath = rest.partition("/")
    if not buckets.is_name(bucket):
        raise ObjectStoreRefused(url=url, problem=f"{bucket!r} is no bucket's name")
    return RemoteObjects(
        bucket=buckets.opened(credentials, scheme, bucket, timeout),
        where=f"{scheme}://{bucket}",
        prefix=_prefix(url, beneath),
        timeout=timeout,
    )


def _folder(url: str) -> Path:
    parts = urlsplit(url)
    path = unquote(parts.path)
    if parts.netloc not in ("", "localhost") or parts.query or parts.fragment:
        raise ObjectStoreRefused(url=url, problem="write it as file:///path")
    if not path.startswith("/") or "\0" in path:
        raise ObjectStoreRefused(url=url, problem="it names no folder")
    return Path(path)


def _prefix(url: str, beneath: str) -> str:
    plain = beneath.strip("/")
    parts = plain.split("/") if plain else []
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise ObjectStoreRefused(url=url, problem="its path has an empty part, '.' or '..'")
    return "".join(f"{part}/" for part in parts)
