"""From the settings to what may be asked."""

import json
from pathlib import Path

import pytest

from domain.access.access import Role
from infra import app, settings
from infra.http.persisted import Kept, Trusted, digest
from infra.http.refusals import RequestRefused
from infra.http.requests import Said
from infra.manifests import ManifestRefused
from infra.settings import Introspection, Settings
from tests.support.build import a_caller, a_server_admin
from tests.support.toy import Toy

ASKS = "{__schema {queryType {name}}}"
WHO = {
    "viewer": a_caller("p1", Role.VIEWER),
    "editor": a_caller("p1", Role.EDITOR),
    "admin": a_caller("p1", Role.ADMIN),
    "server admin": a_server_admin("p1"),
}


def said(query: str | None) -> Said:
    return Said(query=query, variables=None, operation_name=None)


@pytest.mark.parametrize(
    ("setting", "may"),
    [
        (Introspection.EVERYONE, ["viewer", "editor", "admin", "server admin"]),
        (Introspection.ADMINS, ["admin", "server admin"]),
        (Introspection.NOBODY, []),
    ],
)
def test_who_may_ask_for_the_schema_is_set(setting: Introspection, may: list[str]) -> None:
    rules, operations = app.rules(Settings(introspection=setting)), Toy().operations()
    version = operations.find("{name}", None).view.version
    for name, caller in WHO.items():
        assert rules.find(operations, said("{__typename name}"), caller, version).errors == ()
        if name in may:
            assert rules.find(operations, said(ASKS), caller, version).introspects
            continue
        with pytest.raises(RequestRefused) as refused:
            rules.find(operations, said(ASKS), caller, version)
        assert refused.value.code == "INTROSPECTION_FORBIDDEN"


def test_the_limits_are_those_of_the_settings() -> None:
    rules = app.rules(
        Settings(operations_per_request=3, operations_per_socket=4, subscriptions_per_key=1)
    )
    assert (rules.of_request, rules.of_socket) == (3, 4)
    with rules.subscribers.place("k"), pytest.raises(RequestRefused):
        rules.subscribers.check("k")


def test_what_is_not_set_is_as_without_rules() -> None:
    rules = app.rules(Settings())
    assert isinstance(rules.documents, Kept)
    assert (rules.of_request, rules.of_socket) == (1, 100)


def test_manifests_make_a_server_that_trusts_no_other_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "documents.json"
    file.write_text(json.dumps({digest(ASKS): ASKS}))
    monkeypatch.setenv("MODELYARD_TRUSTED_DOCUMENTS", str(file))
    rules = app.rules(settings.load())
    assert rules.documents == Trusted({digest(ASKS): ASKS})
    file.write_text("{")
    with pytest.raises(ManifestRefused, match=r"documents\.json"):
        app.rules(settings.load())


@pytest.mark.parametrize("written", ["", ":"])
def test_manifests_that_are_said_to_be_none_do_not_make_every_document_trusted(
    written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELYARD_TRUSTED_DOCUMENTS", written)
    with pytest.raises(settings.SettingsRefused, match="TRUSTED_DOCUMENTS is wrong: it is empty"):
        settings.load()


@pytest.mark.parametrize(
    "name",
    [
        "QUERY_COST_LIMIT",
        "OPERATIONS_PER_REQUEST",
        "OPERATIONS_PER_SOCKET",
        "SUBSCRIPTIONS_PER_KEY",
    ],
)
def test_a_limit_of_nothing_is_no_limit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"MODELYARD_{name}", "0")
    with pytest.raises(settings.SettingsRefused, match=name):
        settings.load()
