"""The setting `database`, which may hold a password: its two names, and what is wrong with them."""

from pathlib import Path
from typing import Final

import pytest

from valetkey.jose import base64url
from valetkey.server.settings import SettingsError, read
from valetkey.server.settings.describe import schema

KEY: Final = base64url.encode(bytes(range(32)))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings_of(environ: dict[str, str], flags: dict[str, object] | None = None) -> dict[str, str]:
    """The database, and where it came from."""
    settings, origins = read(flags or {}, {"VALETKEY_MASTER_KEY": KEY, **environ}, None)
    return {str(settings.database): origins["database"]}


def test_the_last_of_its_names_counts() -> None:
    secret = Path("secret")
    secret.write_text("postgresql://u:p@db/n")
    secret.chmod(0o600)
    Path("valetkey.toml").write_text('database_file = "secret"')
    assert settings_of({}) == {"postgresql://u:…@db/n": "valetkey.toml"}
    environ = {"VALETKEY_DATABASE": "own.db"}
    assert settings_of(environ) == {"own.db": "VALETKEY_DATABASE"}
    assert settings_of(environ, {"database": "flag.db"}) == {"flag.db": "the command line"}
    environ = {"VALETKEY_DATABASE_FILE": "secret"}
    assert settings_of(environ) == {"postgresql://u:…@db/n": "VALETKEY_DATABASE_FILE"}
    assert settings_of(environ, {"database": "flag.db"}) == {"flag.db": "the command line"}
    settings = read({"database": "flag.db"}, environ, None).settings
    assert settings.database_file is None


MISTAKES = {
    "open to all": (
        0o644,
        "postgresql://u:s3cret@db/n",
        "is readable by others (mode 0644): chmod 600",
    ),
    "not there": (0o000, "", "cannot be read: No such file"),
    "not a URL": (0o600, "postgresql://u:s3/cret@db/n", "to be written as %XX"),
    "keywords": (0o600, "host=db password=s3cret", "is a list of keywords"),
}


@pytest.mark.parametrize("mode,text,said", MISTAKES.values(), ids=MISTAKES)
def test_a_file_that_will_not_do(mode: int, text: str, said: str) -> None:
    if mode:
        Path("secret").write_text(text)
        Path("secret").chmod(mode)
    with pytest.raises(SettingsError) as caught:
        settings_of({"VALETKEY_DATABASE_FILE": "secret"})
    (mistake,) = caught.value.mistakes
    assert mistake.startswith("database_file = 'secret' (from VALETKEY_DATABASE_FILE): ")
    assert said in mistake
    assert "cret@" not in mistake
    assert "s3" not in mistake


def test_both_names_in_one_place() -> None:
    secret = Path("secret")
    secret.write_text("postgresql://db/n")
    secret.chmod(0o600)
    with pytest.raises(SettingsError, match="only one of them"):
        settings_of({"VALETKEY_DATABASE": "own.db", "VALETKEY_DATABASE_FILE": "secret"})


WRONG = {
    "a URL with a mistake": ("postgresql://u:s3/cret@db/n", "'postgresql://…'", "written as %XX"),
    "another database": ("mysql://u:s3cret@db/n", "'mysql://…'", "that begins with postgresql://"),
    "keywords": ("host=db password=s3cret", "'…'", "write it as postgresql://user@host/name"),
    "nothing": ("", "''", "expected some text"),
    "no folder": ("no/such.db", "'no/such.db'", "there is no folder no"),
}


@pytest.mark.parametrize("text,shown,said", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("place", ["VALETKEY_DATABASE", "the command line", "valetkey.toml"])
def test_a_mistake_shows_no_password(text: str, shown: str, said: str, place: str) -> None:
    environ = {place: text} if place == "VALETKEY_DATABASE" else {}
    flags: dict[str, object] = {"database": text} if place == "the command line" else {}
    if place == "valetkey.toml":
        Path(place).write_text(f'database = "{text}"')
    with pytest.raises(SettingsError) as caught:
        settings_of(environ, flags)
    (mistake,) = caught.value.mistakes
    assert mistake.startswith(f"database = {shown} (from {place}): ")
    assert said in mistake
    assert "s3" not in mistake
    assert "cret" not in mistake.replace("secret", "")


def test_a_postgresql_needs_its_master_key_named() -> None:
    with pytest.raises(SettingsError, match="the master key cannot be a file beside a PostgreSQL"):
        read({"database": "postgresql://db/n"}, {}, None)
    settings = read({"database": "postgresql://db/n", "master_key_file": "key"}, {}, None).settings
    assert settings.key_file == Path("key")
    settings = read({"database": "postgresql://db/n"}, {"VALETKEY_MASTER_KEY": KEY}, None).settings
    assert settings.key_file is None


def test_the_schema_calls_it_text() -> None:
    assert schema()["properties"]["database"]["type"] == "string"
    assert schema()["properties"]["database"]["default"] == "valetkey.db"
