import json
from pathlib import Path

import pytest

from infra import manifests
from infra.http.persisted import LONGEST, Kept, digest
from infra.http.refusals import RequestRefused
from infra.http.requests import Said
from infra.manifests import ManifestRefused

TEXT = "query A {name}"


def said(text: str | None, sha256: str | None = None) -> Said:
    return Said(query=text, variables=None, operation_name=None, sha256=sha256)


def keep(kept: Kept, text: str, owner: str | None = "me") -> None:
    assert kept.text(said(text, digest(text)), owner) == text


def has(kept: Kept, text: str, owner: str | None = "me") -> bool:
    try:
        return kept.text(said(None, digest(text)), owner) == text
    except RequestRefused as refused:
        return refused.code != "PERSISTED_QUERY_NOT_FOUND"


def test_what_was_used_least_lately_makes_room() -> None:
    kept = Kept(documents=3)
    for text in ("a", "b", "c"):
        keep(kept, text)
    assert has(kept, "a")
    keep(kept, "d")
    assert [has(kept, text) for text in ("a", "b", "c", "d")] == [True, False, True, True]


def test_a_text_that_is_sent_again_was_used() -> None:
    kept = Kept(documents=3)
    for text in ("a", "b", "c", "a", "d"):
        keep(kept, text)
    assert [has(kept, text) for text in ("a", "b", "c", "d")] == [True, False, True, True]


def test_all_that_is_kept_has_only_so_many_bytes() -> None:
    kept = Kept(size=100)
    for number in range(10):
        keep(kept, f"{number:040}")
    assert [has(kept, f"{number:040}") for number in range(10)] == [False] * 8 + [True] * 2
    keep(kept, "ä" * 51)
    assert not has(kept, "ä" * 51)
    assert has(kept, f"{9:040}")


def test_a_very_long_document_is_executed_but_not_kept() -> None:
    kept = Kept()
    keep(kept, "x" * LONGEST)
    keep(kept, "x" * (LONGEST + 1))
    assert has(kept, "x" * LONGEST)
    assert not has(kept, "x" * (LONGEST + 1))


def test_who_floods_the_store_loses_their_own_documents_alone() -> None:
    kept = Kept(documents=100, size=10_000)
    for text in ("mine", "mine, too"):
        keep(kept, text, "quiet")
    for number in range(1_000):
        keep(kept, f"{number:090}", "loud")
    assert has(kept, "mine", "quiet")
    assert has(kept, "mine, too", "quiet")
    assert has(kept, f"{999:090}", "loud")
    assert not has(kept, f"{0:090}", "loud")


def test_a_text_without_a_hash_is_not_kept() -> None:
    kept = Kept()
    assert kept.text(said(TEXT), "me") == TEXT
    assert not has(kept, TEXT)


def test_manifests_of_codegen_and_of_apollo_are_read_from_files_and_folders(
    tmp_path: Path,
) -> None:
    (tmp_path / "codegen.json").write_text(json.dumps({digest(TEXT): TEXT}))
    operation = {"id": digest("{a}"), "body": "{a}", "name": "A", "type": "query"}
    written = {"format": manifests.APOLLO, "version": 1, "operations": [operation]}
    apart = tmp_path / "apart"
    apart.mkdir()
    (apart / "apollo.json").write_text(json.dumps(written))
    (apart / "prefixed.json").write_text(json.dumps({f"sha256:{digest('{b}').upper()}": "{b}"}))
    (apart / "read.me").write_text("no manifest")
    found = manifests.read([tmp_path / "codegen.json", apart])
    assert found == {digest(text): text for text in (TEXT, "{a}", "{b}")}


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("", "no JSON"),
        ("[]", "no JSON object"),
        ("7", "no JSON object"),
        (json.dumps({digest(TEXT): f"{TEXT} "}), "is not the SHA-256"),
        (json.dumps({"f" * 40: TEXT}), "hashAlgorithm: 'sha256'"),
        (json.dumps({digest(TEXT): 7}), "has no text"),
        (json.dumps({"format": manifests.APOLLO, "operations": [7]}), "has no text"),
        (json.dumps({"format": manifests.APOLLO, "operations": [{"body": TEXT}]}), "SHA-256"),
    ],
)
def test_a_manifest_that_can_not_be_right_is_refused_with_its_name(
    tmp_path: Path, written: str, problem: str
) -> None:
    file = tmp_path / "documents.json"
    file.write_text(written)
    with pytest.raises(ManifestRefused, match=problem) as refused:
        manifests.read([tmp_path])
    assert str(file) in refused.value.message


def test_manifests_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestRefused, match="No such file"):
        manifests.read([tmp_path / "gone.json"])
    with pytest.raises(ManifestRefused, match=r"no \*\.json"):
        manifests.read([tmp_path])
