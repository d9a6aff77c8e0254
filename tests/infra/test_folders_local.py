import os
import stat
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from domain.errors import FileTooLarge, FolderRefused, OutsideFolder, StorageUnavailable
from infra.buckets import Credentials
from infra.files.folders import Folders, real_roots
from infra.files.objects import Objects

LIMIT = 1_024
SECRET = b"what lies outside"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A model root with the folder `llama`; beside the root lies a file that is nobody's business."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(SECRET)
    folder = tmp_path / "root" / "llama"
    folder.mkdir(parents=True)
    (folder / "model-definition.yaml").write_bytes(b"models: []")
    return tmp_path / "root"


@pytest.fixture
def llama(root: Path) -> Path:
    return root / "llama"


@pytest.fixture
def folders(root: Path) -> Folders:
    timeout = timedelta(seconds=5)
    objects = Objects(credentials=Credentials(), timeout=timeout)
    return Folders(roots=real_roots((root,)), objects=objects, timeout=timeout)


async def test_a_file_is_read_whole(folders: Folders, llama: Path) -> None:
    assert await folders.read(llama.as_uri(), "model-definition.yaml", LIMIT) == b"models: []"


@pytest.mark.parametrize("missing", ["other.yaml", "model-definition.yaml/x", "a/b", "n" * 300, ""])
async def test_what_is_not_there_is_none(folders: Folders, llama: Path, missing: str) -> None:
    assert await folders.read(llama.as_uri(), missing, LIMIT) is None


async def test_a_file_of_exactly_the_limit_is_read(folders: Folders, llama: Path) -> None:
    (llama / "full").write_bytes(b"x" * LIMIT)
    assert await folders.read(llama.as_uri(), "full", LIMIT) == b"x" * LIMIT


async def test_a_file_over_the_limit_is_refused(folders: Folders, llama: Path) -> None:
    with (llama / "huge").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(FileTooLarge):
        await folders.read(llama.as_uri(), "huge", LIMIT)


@pytest.mark.parametrize(
    "path", ["../../outside/secret", "/etc/passwd", "a/../../llama/x", "..", "x\0y"]
)
async def test_a_path_that_leaves_the_folder_is_refused(
    folders: Folders, llama: Path, path: str
) -> None:
    (llama / "a").mkdir()
    with pytest.raises(OutsideFolder):
        await folders.read(llama.as_uri(), path, LIMIT)


async def test_dots_that_stay_inside_are_followed(folders: Folders, llama: Path) -> None:
    (llama / "a").mkdir()
    assert await folders.read(llama.as_uri(), "./a/../model-definition.yaml", LIMIT) is not None


@pytest.mark.parametrize("target", ["../../outside/secret", "{outside}/secret"])
async def test_a_link_that_leaves_the_folder_is_refused(
    folders: Folders, root: Path, llama: Path, target: str
) -> None:
    (llama / "link").symlink_to(target.format(outside=root.parent / "outside"))
    with pytest.raises(OutsideFolder) as refused:
        await folders.read(llama.as_uri(), "link", LIMIT)
    assert "outside" not in str(refused.value)


async def test_a_folder_on_the_way_that_links_outside_is_refused(
    folders: Folders, llama: Path
) -> None:
    (llama / "sub").symlink_to("../../outside")
    with pytest.raises(OutsideFolder):
        await folders.read(llama.as_uri(), "sub/secret", LIMIT)


async def test_links_within_the_folder_are_followed_as_a_config_map_has_them(
    folders: Folders, llama: Path
) -> None:
    (llama / "..2026").mkdir()
    (llama / "..2026" / "m.yaml").write_bytes(b"mounted")
    (llama / "..data").symlink_to("..2026")
    (llama / "m.yaml").symlink_to("..data/m.yaml")
    assert await folders.read(llama.as_uri(), "m.yaml", LIMIT) == b"mounted"


async def test_a_circle_of_links_is_no_file(folders: Folders, llama: Path) -> None:
    (llama / "a").symlink_to("b")
    (llama / "b").symlink_to("a")
    assert await folders.read(llama.as_uri(), "a", LIMIT) is None


async def test_a_fifo_neither_blocks_nor_counts_as_a_file(folders: Folders, llama: Path) -> None:
    os.mkfifo(llama / "fifo")
    assert await folders.read(llama.as_uri(), "fifo", LIMIT) is None


async def test_a_folder_is_no_file(folders: Folders, llama: Path) -> None:
    (llama / "m.yaml").mkdir()
    assert await folders.read(llama.as_uri(), "m.yaml", LIMIT) is None


async def test_a_device_is_no_file(folders: Folders, llama: Path) -> None:
    made = llama / "zero"
    try:
        os.mknod(made, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except PermissionError:  # only root makes devices; a socket is refused by the same check
        os.mknod(made, stat.S_IFSOCK | 0o666)
    assert await folders.read(llama.as_uri(), "zero", LIMIT) is None


async def test_a_folder_replaced_by_a_link_leads_nowhere(folders: Folders, llama: Path) -> None:
    uri = await folders.usable(str(llama))
    llama.rename(llama.with_name("before"))
    llama.symlink_to("../outside")
    with pytest.raises(OutsideFolder):
        await folders.read(uri, "secret", LIMIT)


async def test_a_link_swapped_in_while_reading_never_shows_what_lies_outside(
    folders: Folders, llama: Path
) -> None:
    sub, good, bad = llama / "sub", llama / "good", llama / "bad"
    good.mkdir()
    (good / "secret").write_bytes(b"inside")
    bad.symlink_to("../../outside")
    good.rename(sub)
    done = threading.Event()

    def swap() -> None:
        while not done.is_set():
            sub.rename(good)
            bad.rename(sub)
            sub.rename(bad)
            good.rename(sub)

    swapping = threading.Thread(target=swap)
    swapping.start()
    seen = set()
    try:
        for _ in range(1_000):
            try:
                seen.add(await folders.read(llama.as_uri(), "sub/secret", LIMIT))
            except OutsideFolder:
                seen.add(None)
    finally:
        done.set()
        swapping.join()
    assert seen <= {b"inside", None}
    assert b"inside" in seen


async def test_a_folder_outside_the_roots_is_not_read(folders: Folders, root: Path) -> None:
    with pytest.raises(StorageUnavailable, match="model roots"):
        await folders.read((root.parent / "outside").as_uri(), "secret", LIMIT)


@pytest.mark.parametrize(
    "written", ["{llama}", "file://{llama}", "{llama}/../llama/.", "file://localhost{llama}"]
)
async def test_a_usable_folder_has_one_canonical_uri(
    folders: Folders, llama: Path, written: str
) -> None:
    assert await folders.usable(written.format(llama=llama)) == llama.resolve().as_uri()


async def test_a_relative_path_starts_at_the_working_folder(
    folders: Folders, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    assert await folders.usable("llama") == (root / "llama").resolve().as_uri()


async def test_a_name_that_uris_escape_survives_the_way_there_and_back(
    folders: Folders, root: Path
) -> None:
    (root / "größe 7#b?").mkdir()
    (root / "größe 7#b?" / "f").write_bytes(b"x")
    uri = await folders.usable(str(root / "größe 7#b?"))
    assert "%23" in uri
    assert await folders.read(uri, "f", LIMIT) == b"x"


@pytest.mark.parametrize("place", ["outside", "nowhere", "root/out", "root/out/nowhere"])
async def test_a_folder_outside_is_refused_alike_whether_it_exists_or_not(
    folders: Folders, root: Path, place: str
) -> None:
    (root / "out").symlink_to("../outside")
    with pytest.raises(FolderRefused) as refused:
        await folders.usable(str(root.parent / place))
    assert refused.value.problem == "it lies under none of the model roots"


@pytest.mark.parametrize("missing", ["nothing", "llama/model-definition.yaml", "x" * 300])
async def test_what_is_no_folder_is_refused(folders: Folders, root: Path, missing: str) -> None:
    with pytest.raises(FolderRefused, match="no such folder"):
        await folders.usable(str(root / missing))


@pytest.mark.parametrize(
    "uri", ["file://host/x", "file:///x?y", "http://h/x", "memory://x", "", "a\0b", "file://[x/y"]
)
async def test_a_uri_of_another_kind_is_refused(folders: Folders, uri: str) -> None:
    with pytest.raises(FolderRefused) as refused:
        await folders.usable(uri)
    assert refused.value.path == ("uri",)
