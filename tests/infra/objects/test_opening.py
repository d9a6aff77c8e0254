"""Which store a setting names."""

from datetime import timedelta
from pathlib import Path

import pytest

from infra.buckets import Credentials
from infra.objects.local import LocalObjects
from infra.objects.opening import ObjectStoreRefused, opened
from infra.objects.remote import RemoteObjects
from infra.objects.spans import GAP, cut, over

CREDENTIALS = Credentials(s3_region="us-east-1", az_account="me", az_access_key="a2V5")
TIMEOUT = timedelta(seconds=1)


def test_without_a_setting_objects_lie_in_the_data_dir(tmp_path: Path) -> None:
    found = opened(None, tmp_path / "objects", CREDENTIALS, TIMEOUT)
    assert found == LocalObjects(root=tmp_path / "objects", disk=found.disk)  # type: ignore[attr-defined] # of a local one
    assert (tmp_path / "objects" / "tmp").is_dir()


@pytest.mark.parametrize("form", ["{}", "file://{}", "file://localhost{}"])
def test_a_folder_is_a_path_or_a_file_url(tmp_path: Path, form: str) -> None:
    found = opened(form.format(tmp_path / "else"), tmp_path, CREDENTIALS, TIMEOUT)
    assert isinstance(found, LocalObjects)
    assert found.root == tmp_path / "else"


@pytest.mark.parametrize(
    ("url", "prefix"), [("s3://bucket", ""), ("s3://bucket/", ""), ("az://bucket/a/b/", "a/b/")]
)
def test_a_bucket_may_have_a_prefix(tmp_path: Path, url: str, prefix: str) -> None:
    found = opened(url, tmp_path, CREDENTIALS, TIMEOUT)
    assert isinstance(found, RemoteObjects)
    assert found.prefix == prefix


@pytest.mark.parametrize(
    "url",
    [
        "ftp://bucket",
        "s3://",
        "s3://UPPER",
        "s3://a b",
        "s3://bucket/../x",
        "s3://bucket/a//b",
        "file://elsewhere/x",
        "file://",
        "file:///x?y",
    ],
)
def test_what_names_no_store_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ObjectStoreRefused):
        opened(url, tmp_path, CREDENTIALS, TIMEOUT)


def test_ranges_that_lie_close_are_one_request() -> None:
    ranges = [(10, 20), (0, 5), (15, 30), (40 + GAP, 50 + GAP), (7, 7)]
    assert over(ranges) == [(0, 30), (40 + GAP, 50 + GAP)]
    content = bytes(range(100))
    contents = {(0, 30): content[:30], (40 + GAP, 50 + GAP): b"0123456789"}
    assert cut(ranges, contents) == [
        content[10:20],
        content[:5],
        content[15:30],
        b"0123456789",
        b"",
    ]


def test_a_span_does_not_grow_without_end() -> None:
    step = 3 * 1024 * 1024
    ranges = [(place, place + step) for place in range(0, 10 * step, step)]
    assert max(end - start for start, end in over(ranges)) <= 8 * 1024 * 1024
    assert sum(end - start for start, end in over(ranges)) == 10 * step
