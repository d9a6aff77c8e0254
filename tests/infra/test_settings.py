import os
from datetime import timedelta
from pathlib import Path

import pytest

from domain.errors import NoKubernetes
from infra import settings, settings_listing
from infra.credentials import google_key
from infra.settings import Driver, SettingsRefused
from infra.wiring import no_jobs


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and an environment without settings."""
    for name in list(os.environ):
        if name.startswith(settings.PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_word_everything_has_its_default(folder: Path) -> None:
    found = settings.load()
    assert found.model_roots == (Path(),)
    assert found.event_retention == timedelta(days=90)
    assert found.driver is Driver.PROCESS
    assert found.database == f"sqlite+aiosqlite:///{folder}/.modelyard/modelyard.db"


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "modelyard.toml").write_text('port = 1\nhost = "file"\ndriver = "kubernetes"\n')
    monkeypatch.setenv("MODELYARD_PORT", "2")
    monkeypatch.setenv("MODELYARD_HOST", "environment")
    found = settings.load(port=3, host=None)
    assert (found.port, found.host, found.driver) == (3, "environment", Driver.KUBERNETES)


@pytest.mark.parametrize("key", ["model_roots", "MODEL_ROOTS", "MODELYARD_MODEL_ROOTS"])
def test_the_file_may_spell_a_name_in_either_case_and_with_the_prefix(
    folder: Path, key: str
) -> None:
    (folder / "modelyard.toml").write_text(f'{key} = ["/a", "/b"]\n')
    assert settings.load().model_roots == (Path("/a"), Path("/b"))


def test_a_list_is_separated_like_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELYARD_PROCESS_INHERIT_ENV", "HF_HOME:CUDA_X")
    assert settings.load().process_inherit_env == ("HF_HOME", "CUDA_X")


def test_ports_are_a_range_with_both_ends(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.load().replica_ports == (20_000, 29_999)
    (folder / "modelyard.toml").write_text("replica_ports = [300, 400]")
    assert settings.load().replica_ports == (300, 400)
    monkeypatch.setenv("MODELYARD_REPLICA_PORTS", "100-200")
    assert settings.load().replica_ports == (100, 200)
    shown = {each.name: each for each in settings_listing.describe()}["MODELYARD_REPLICA_PORTS"]
    assert (shown.type, shown.default) == ("range of ports", "20000-29999")


@pytest.mark.parametrize("written", ["5", "9-3", "a-b", "0-5", "1-70000", "", "-5-9"])
def test_what_is_no_range_of_ports_is_refused(
    monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.setenv("MODELYARD_REPLICA_PORTS", written)
    with pytest.raises(SettingsRefused, match="write it as 20000-29999"):
        settings.load()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("90d", timedelta(days=90)),
        ("12h", timedelta(hours=12)),
        ("2.5", timedelta(seconds=2.5)),
        ("P1D", timedelta(days=1)),
    ],
)
def test_a_duration_has_a_unit_or_is_in_seconds(
    monkeypatch: pytest.MonkeyPatch, written: str, meant: timedelta
) -> None:
    monkeypatch.setenv("MODELYARD_EVENT_RETENTION", written)
    assert settings.load().event_retention == meant


def test_an_unknown_variable_is_refused_with_the_nearest_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MODELYARD_MODEL_ROTS", "/a")
    with pytest.raises(SettingsRefused, match=r"MODEL_ROTS\. Did you mean MODELYARD_MODEL_ROOTS"):
        settings.load()


def test_an_unknown_key_of_the_file_is_refused_with_the_nearest_name(folder: Path) -> None:
    (folder / "modelyard.toml").write_text('data-dir = "x"\n')
    with pytest.raises(
        SettingsRefused, match=r"data-dir in modelyard\.toml. Did you mean data_dir"
    ):
        settings.load()


def test_the_variables_of_the_test_suite_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELYARD_TEST_POSTGRES_URL", "postgresql://x")
    assert settings.load().database_url is None


@pytest.mark.parametrize("name", ["SERVER", "API_KEY", "PROJECT"])
def test_the_variables_of_a_client_are_no_settings_of_a_server(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"MODELYARD_{name}", "x")
    assert settings.load().database_url is None
    assert f"MODELYARD_{name}" in {each.name for each in settings_listing.describe()}
    (folder / "modelyard.toml").write_text(f'{name.lower()} = "x"\n')
    with pytest.raises(SettingsRefused, match=f"a client's: set MODELYARD_{name} in its env"):
        settings.load()


def test_a_misspelt_variable_of_a_client_is_refused_with_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MODELYARD_SERVR", "http://x")
    with pytest.raises(SettingsRefused, match=r"SERVR\. Did you mean MODELYARD_SERVER\?"):
        settings.load()


@pytest.mark.parametrize(
    ("variable", "value"),
    [("PORT", "http"), ("PORT", "70000"), ("DRIVER", "vm"), ("STORE_TIMEOUT", "0"), ("HOST", " ")],
)
def test_a_wrong_value_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(f"MODELYARD_{variable}", value)
    with pytest.raises(SettingsRefused, match=f"MODELYARD_{variable} is wrong"):
        settings.load()


@pytest.mark.parametrize(
    "url", ["mysql://u:swordfish@h/d", "swordfish", "postgresql://u:p@h:swordfish/d"]
)
def test_a_database_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("MODELYARD_DATABASE_URL", url)
    with pytest.raises(SettingsRefused, match="MODELYARD_DATABASE_URL is wrong") as refused:
        settings.load()
    assert "swordfish" not in str(refused.value)


def test_a_database_url_needs_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELYARD_DATABASE_URL", "postgresql://u@h/d")
    assert settings.load().database == "postgresql+asyncpg://u@h/d"


def test_a_wrong_secret_is_not_repeated(folder: Path) -> None:
    (folder / "modelyard.toml").write_text('secret_key = ["swordfish"]\n')
    with pytest.raises(SettingsRefused) as refused:
        settings.load()
    assert "swordfish" not in str(refused.value)


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELYARD_DATABASE_URL", "postgresql+asyncpg://u:swordfish@h/d")
    found = settings.load()
    assert "swordfish" not in f"{found!r}{found.model_dump_json()}"
    assert found.database.endswith("u:swordfish@h/d")


@pytest.mark.parametrize("text", ["port = ", "port = 1\nPORT = 2"])
def test_a_malformed_file_is_refused(folder: Path, text: str) -> None:
    (folder / "modelyard.toml").write_text(text)
    with pytest.raises(SettingsRefused, match=r"modelyard\.toml"):
        settings.load()


def test_a_file_that_is_named_must_be_there(folder: Path) -> None:
    with pytest.raises(SettingsRefused, match=r"no settings file .*other\.toml"):
        settings.load(folder / "other.toml")


def test_every_setting_is_listed_with_type_and_meaning() -> None:
    listed = settings_listing.describe()
    assert {each.name for each in listed} >= {"MODELYARD_DATABASE_URL", "MODELYARD_MODEL_ROOTS"}
    assert all(each.type and each.meaning for each in listed)
    assert {each.name: each.default for each in listed}["MODELYARD_EVENT_RETENTION"] == "90d"


def test_a_lease_that_clocks_would_eat_up_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELYARD_BATCH_LEASE", "3.9")
    with pytest.raises(SettingsRefused, match="at least 4 s"):
        settings.load()
    monkeypatch.setenv("MODELYARD_BATCH_LEASE", "4")
    assert settings.load().batch_lease == timedelta(seconds=4)


def test_what_a_cluster_tells_of_a_service_called_modelyard_is_no_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = settings.load()
    assert settings.server_url(own) is None
    told = {
        "MODELYARD_PORT": "tcp://10.96.0.7:80",
        "MODELYARD_PORT_80_TCP": "tcp://10.96.0.7:80",
        "MODELYARD_SERVICE_HOST": "10.96.0.7",
        "MODELYARD_SERVICE_PORT": "80",
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert settings.load().port == own.port
    assert settings.server_url(settings.load()) is None
    monkeypatch.setenv("MODELYARD_KUBERNETES_SERVER_URL", "https://yard.example/")
    assert settings.server_url(settings.load()) == "https://yard.example"


def test_kubernetes_jobs_need_a_cluster_an_image_and_a_way_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert isinstance(no_jobs(settings.load()), NoKubernetes)
    monkeypatch.setenv("MODELYARD_DRIVER", "kubernetes")
    refused = no_jobs(settings.load())
    assert refused is not None
    assert "MODELYARD_KUBERNETES_IMAGE and MODELYARD_KUBERNETES_SERVER_URL" in refused.message
    monkeypatch.setenv("MODELYARD_KUBERNETES_IMAGE", "modelyard:1")
    monkeypatch.setenv("MODELYARD_KUBERNETES_SERVER_URL", "http://modelyard:8470")
    assert no_jobs(settings.load()) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NAMESPACE", "My models"),
        ("NAMESPACE", "a/../b"),
        ("NAMESPACE", "x" * 64),
        ("SERVER_URL", "modelyard:8400"),
        ("SERVER_URL", "modelyard.modelyard.svc"),
        ("SERVER_URL", "http://"),
        ("SERVER_URL", "http://yard:port"),
        ("SERVER_URL", "ftp://yard"),
    ],
)
def test_what_no_cluster_could_use_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"MODELYARD_KUBERNETES_{name}", value)
    with pytest.raises(SettingsRefused, match=f"MODELYARD_KUBERNETES_{name} is wrong"):
        settings.load()


@pytest.mark.parametrize(
    "url",
    ["http://modelyard.modelyard.svc:8400", "https://yard.example/api/", "http://[fd00::1]:80"],
)
def test_where_pods_reach_the_server_is_a_url(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("MODELYARD_KUBERNETES_SERVER_URL", url)
    assert settings.server_url(settings.load()) == url.rstrip("/")


def test_a_key_of_google_s_that_is_not_there_is_told(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    own = settings.load(gs_service_account=file)
    with pytest.raises(SettingsRefused, match=r"gs_service_account can't be read: .*key\.json"):
        google_key(own)
    file.write_text("{}")
    assert google_key(own) == "{}"
    assert google_key(settings.load()) is None
