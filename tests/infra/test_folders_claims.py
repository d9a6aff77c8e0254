"""Model folders in claims of the cluster's."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from domain.errors import FolderRefused
from infra.buckets import Credentials
from infra.files.folders import Folders
from infra.files.local import LocalCopies
from infra.files.objects import Objects


@pytest.fixture
def folders() -> Folders:
    timeout = timedelta(seconds=5)
    objects = Objects(credentials=Credentials(), timeout=timeout)
    return Folders(roots=(), objects=objects, timeout=timeout, claims=True)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("pvc://weights", "pvc://weights"),
        ("PVC://weights/", "pvc://weights"),
        ("pvc://my.claim/llama/größe 7/", "pvc://my.claim/llama/größe 7"),
    ],
)
async def test_a_claim_is_a_folder_where_replicas_are_pods(
    folders: Folders, written: str, canonical: str
) -> None:
    assert await folders.usable(written) == canonical


@pytest.mark.parametrize(
    "uri", ["pvc://", "pvc:///x", "pvc://Weights", "pvc://a/../b", "pvc://a//b"]
)
async def test_what_names_no_claim_is_refused(folders: Folders, uri: str) -> None:
    with pytest.raises(FolderRefused):
        await folders.usable(uri)


async def test_a_claim_holds_no_definition_file_that_we_could_read(folders: Folders) -> None:
    assert await folders.read("pvc://weights/llama", "model-definition.yaml", 1_024) is None


async def test_where_replicas_are_processes_no_claim_can_be_had(
    folders: Folders, tmp_path: Path
) -> None:
    here = replace(folders, claims=False)
    with pytest.raises(FolderRefused, match="replicas are processes here"):
        await here.usable("pvc://weights")
    with pytest.raises(FolderRefused):
        await LocalCopies(folders=here, data_dir=tmp_path).local("pvc://weights")
