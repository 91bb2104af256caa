"""The settings: where they may stand, which wins, and every mistake at once."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.tls import write_pair

from valetkey.jose import base64url
from valetkey.server.model.keys import Secret
from valetkey.server.model.policy import Lifetimes
from valetkey.server.settings import Settings, SettingsError, load, read
from valetkey.server.settings.describe import describe, masked, schema
from valetkey.server.settings.tree import LEAVES, SECRETS

KEY = base64url.encode(bytes(range(32)))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def mistakes_of(
    *, flags: dict[str, object] | None = None, environ: dict[str, str] | None = None, toml: str = ""
) -> list[str]:
    Path("valetkey.toml").write_text(toml)
    with pytest.raises(SettingsError) as caught:
        load(flags or {}, environ or {}, None)
    return caught.value.mistakes


def test_defaults_hold() -> None:
    settings = load({}, {}, None)
    assert settings == Settings()
    assert settings.key_file == Path("valetkey.db.key")
    assert settings.address == "http://127.0.0.1:8000"


def test_a_flag_wins_over_the_environment_over_the_file_over_the_default() -> None:
    Path("valetkey.toml").write_text(
        'name = "file"\nhost = "file"\nport = 1\nunthrottled = ["10.0.0.0/8"]\n'
        "[lifetimes]\ncode = 30\n"
    )
    environ = {"VALETKEY_NAME": "environ", "VALETKEY_HOST": "environ", "PATH": "/bin"}
    settings, origins = read({"name": "flag", "issuer": None}, environ, None)
    assert (settings.name, settings.host, settings.port) == ("flag", "environ", 1)
    assert settings.lifetimes == Lifetimes(code=30)
    assert settings.unthrottled == ("10.0.0.0/8",)
    wanted = ("name", "host", "port", "issuer", "lifetimes.code", "lifetimes.session")
    assert {name: origins[name] for name in wanted} == {
        "name": "the command line",
        "host": "VALETKEY_HOST",
        "port": "valetkey.toml",
        "issuer": "default",
        "lifetimes.code": "valetkey.toml",
        "lifetimes.session": "default",
    }


def test_the_environment_is_text_for_any_type() -> None:
    settings = load(
        {"port": "81"},
        {
            "VALETKEY_LIFETIMES__ACCESS_TOKEN": "120",
            "VALETKEY_TRUSTED_PROXIES": "10.0.0.1, 10.1.0.0/16",
            "VALETKEY_UNTHROTTLED": "",
            "VALETKEY_MASTER_KEY": KEY,
            "VALETKEY_MASTER_KEY_FILE": "keys/master",
        },
        None,
    )
    assert settings.port == 81
    assert settings.lifetimes.access_token == 120
    assert settings.trusted_proxies == ("10.0.0.1", "10.1.0.0/16")
    assert settings.unthrottled == ()
    assert settings.master_key == Secret(KEY)
    assert settings.key_file == Path("keys/master")


def test_a_path_in_a_file_is_meant_from_its_folder(folder: Path) -> None:
    (folder / "etc").mkdir()
    file = folder / "etc" / "own.toml"
    file.write_text('database = "keys.db"\nmaster_key_file = "/run/master"\n')
    for settings in (load({}, {}, file), load({}, {"VALETKEY_CONFIG": "etc/own.toml"}, None)):
        assert isinstance(settings.database.at, Path)
        assert settings.database.at.resolve() == folder / "etc" / "keys.db"
        assert settings.key_file == Path("/run/master")


ISSUERS = {
    "https": ("https://id.example.com", ""),
    "https, with a port": ("https://example.com:8443", ""),
    "http on loopback": ("http://127.0.0.1:8000", ""),
    "http on IPv6 loopback": ("http://[::1]:8000", ""),
    "http on localhost": ("http://localhost:8000", ""),
    "http on a name for tests": ("http://id.test", ""),
    "http beyond": ("http://id.example.com", "uses http beyond this machine"),
    "http on a name that looks local": ("http://localhost.example.com", "uses http beyond"),
    "a slash at the end": ("https://example.com/", "ends with /"),
    "a path": ("https://example.com/oauth", ""),
    "a longer path": ("https://example.com/tenants/a_b-1~2.3", ""),
    "a path with a slash at the end": ("https://example.com/oauth/", "ends with /"),
    "an empty segment": ("https://example.com/a//b", "has a path with more than letters"),
    "a dot segment": ("https://example.com/a/../b", "has a path with more than letters"),
    "a dot at the end": ("https://example.com/a/.", "has a path with more than letters"),
    "an escape": ("https://example.com/%6fauth", "has a path with more than letters"),
    "a parameter": ("https://example.com/a;b", "has a path with more than letters"),
    "well-known": ("https://example.com/.well-known/a", "has a path with more than letters"),
    "a path, then a query": ("https://example.com/a?x=1", "has a query or a fragment"),
    "a query": ("https://example.com?x=1", "has a query or a fragment"),
    "an empty query": ("https://example.com?", "has a query or a fragment"),
    "a fragment": ("https://example.com#x", "has a query or a fragment"),
    "a user": ("https://me@example.com", "holds a user name"),
    "upper case": ("https://Example.com", "has no proper host"),
    "no host": ("https://", "has no proper host"),
    "no scheme": ("example.com", "does not begin with https://"),
    "another scheme": ("ftp://example.com", "does not begin with https://"),
    "the default port, named": ("https://example.com:443", "names the port that is the default"),
    "a port beyond all": ("https://example.com:99999", "is not a URL"),
    "a space": ("https://example.com/a b", "holds a stray character"),
    "a backslash": ("https://example.com/a\\b", "holds a stray character"),
    "empty": ("", "does not begin with https://"),
}


@pytest.mark.parametrize("issuer,why", ISSUERS.values(), ids=ISSUERS)
def test_issuer(issuer: str, why: str) -> None:
    """RFC 8414 2."""
    if not why:
        assert load({"issuer": issuer}, {}, None).issuer == issuer
        return
    (mistake,) = mistakes_of(flags={"issuer": issuer})
    assert mistake.startswith(f"issuer = {issuer!r} (from the command line): {why}")
    assert mistake.endswith("it should be " + describe("issuer"))


WRONG = {
    "port, no number": ({"VALETKEY_PORT": "http"}, "", "port = 'http' (from VALETKEY_PORT): "),
    "port, too large": ({"VALETKEY_PORT": "65536"}, "", "expected int <= 65535"),
    "port, as text in a file": (
        {},
        'port = "80"',
        "port = '80' (from valetkey.toml): expected int",
    ),
    "name, blank": ({"VALETKEY_NAME": "  "}, "", "cannot be read"),
    "name, with a control character": ({"VALETKEY_NAME": "a\x1b[31m"}, "", "cannot be read"),
    "host, empty": ({"VALETKEY_HOST": ""}, "", "host = '' (from VALETKEY_HOST): is empty"),
    "database, no folder": ({"VALETKEY_DATABASE": "no/a.db"}, "", "there is no folder no;"),
    "database, empty": ({"VALETKEY_DATABASE": ""}, "", "expected some text"),
    "master key, short": ({"VALETKEY_MASTER_KEY": KEY[:-3]}, "", "has 30 bytes"),
    "master key, of another alphabet": ({"VALETKEY_MASTER_KEY": "+" * 43}, "", "is not base64url"),
    "lifetime, zero": ({"VALETKEY_LIFETIMES__SESSION": "0"}, "", "expected int >= 1"),
    "lifetime, negative in a file": ({}, "[lifetimes]\ncode = -1", "lifetimes.code = -1 (from va"),
    "lifetimes, not a table": ({}, "lifetimes = 3", "is a table of settings, not a value"),
    "networks, no list in a file": ({}, 'unthrottled = "10.0.0.0/8"', "expected array, got str"),
    "networks, host bits": ({"VALETKEY_UNTHROTTLED": "10.0.0.1/8"}, "", "10.0.0.1/8 has host bits"),
    "proxies, a name": ({"VALETKEY_TRUSTED_PROXIES": "proxy"}, "", "'proxy' does not appear to be"),
    "fetches, a network": ({"VALETKEY_FETCH_LOCAL": "10.0.0.0/8"}, "", "is no host:port in lower"),
    "fetches, no port": ({"VALETKEY_FETCH_LOCAL": "localhost"}, "", "is no host:port in lower"),
    "authorities, no file": ({"VALETKEY_FETCH_CA_FILE": "no"}, "", "holds no certificates in PEM"),
    "hosts, an address": (
        {"VALETKEY_CLIENT_DOCUMENTS_ALLOW": "https://a.example"},
        "",
        "'https://a.example' is no host in lower case",
    ),
    "publishers, no file": ({"VALETKEY_REGISTRATION_PUBLISHERS_FILE": "no"}, "", "cannot be read"),
    "registration, another word": ({"VALETKEY_REGISTRATION": "all"}, "", "invalid enum value"),
    "enable, nobody's": ({"VALETKEY_ENABLE": "x"}, "", "'x' is none of private_key_jwt, "),
    "disable, a core": ({"VALETKEY_DISABLE": "token endpoint"}, "", "'token endpoint' is none of"),
    "together: on and off": (
        {"VALETKEY_ENABLE": "userinfo", "VALETKEY_DISABLE": "userinfo"},
        "",
        "disable = ['userinfo'] (from VALETKEY_DISABLE): 'userinfo' is in enable as well",
    ),
    "link": ({"VALETKEY_TERMS_URL": "javascript:1"}, "", "is not a web address"),
    "unknown variable": ({"VALETKEY_ISUER": "x"}, "", "did you mean VALETKEY_ISSUER?"),
    "unknown nested": ({"VALETKEY_LIFETIMES__CDOE": "1"}, "", "mean VALETKEY_LIFETIMES__CODE?"),
    "unknown key": (
        {},
        "isuer = 1",
        "isuer (from valetkey.toml): there is no such setting; did you",
    ),
    "unknown, like nothing": ({}, "zzzz = 1", "`valetkey config schema` lists them"),
    "no TOML": ({}, "port = ", "valetkey.toml: is not TOML: "),
    "named file missing": ({"VALETKEY_CONFIG": "no.toml"}, "", "no.toml: cannot be read: No such"),
    "together: code": ({"VALETKEY_LIFETIMES__CODE": "61"}, "", "CODE): must be at most 60"),
    "together: certificate alone": ({"VALETKEY_TLS_CERTIFICATE": "a"}, "", "needs tls_key beside"),
    "together: key alone": ({"VALETKEY_TLS_KEY": "a"}, "", "needs tls_certificate beside it"),
    "together: no pair": (
        {"VALETKEY_TLS_KEY": "a", "VALETKEY_TLS_CERTIFICATE": "b"},
        "",
        "are no certificate and its key in PEM files",
    ),
}


@pytest.mark.parametrize("environ,toml,said", WRONG.values(), ids=WRONG)
def test_a_mistake_says_what_and_where(environ: dict[str, str], toml: str, said: str) -> None:
    (mistake,) = mistakes_of(environ=environ, toml=toml)
    assert said in mistake


def test_fetching_from_inside_is_for_trying_out() -> None:
    environ = {"VALETKEY_FETCH_LOCAL": "localhost:8443,[::1]:8443"}
    for issuer in ("https://id.test", "http://localhost:8000", "https://127.0.0.1"):
        assert load({"issuer": issuer}, environ, None).fetch_local
    (mistake,) = mistakes_of(flags={"issuer": "https://id.example"}, environ=environ)
    assert mistake.startswith("fetch_local = ['localhost:8443', '[::1]:8443'] (from VALETKEY_FETCH")
    assert mistake.endswith("only allowed if the issuer itself is this machine or ends with .test")


def test_every_mistake_is_said_at_once() -> None:
    """One from each source, one that only shows together, none hidden by another that wins."""
    mistakes = mistakes_of(
        flags={"port": "0"},
        environ={"VALETKEY_PORT": "x", "VALETKEY_ISSUER": "http://example.com"},
        toml='host = 1\nnmae = "x"\n[lifetimes]\nrefresh_window = 301\n',
    )
    places = [mistake.partition(":")[0] for mistake in mistakes]
    assert places == [
        "host = 1 (from valetkey.toml)",
        "nmae (from valetkey.toml)",
        "issuer = 'http",
        "port = 'x' (from VALETKEY_PORT)",
        "port = '0' (from the command line)",
        "lifetimes.refresh_window = 301 (from valetkey.toml)",
    ]
    assert str(SettingsError(mistakes)).startswith("6 mistakes in the settings:\n  - host = 1")


SECRET_PLACES: dict[str, tuple[dict[str, object], str]] = {
    "in the file": ({}, f'master_key = "{KEY}"'),
    "on the command line": ({"master_key": KEY}, ""),
}


@pytest.mark.parametrize("flags,toml", SECRET_PLACES.values(), ids=SECRET_PLACES)
def test_a_secret_stands_in_the_environment_or_a_file_of_its_own(
    flags: dict[str, object], toml: str
) -> None:
    (mistake,) = mistakes_of(flags=flags, toml=toml)
    assert "a secret belongs in VALETKEY_MASTER_KEY, or in the file that" in mistake
    assert KEY not in mistake


def test_no_secret_is_shown() -> None:
    settings = load({}, {"VALETKEY_MASTER_KEY": KEY}, None)
    assert KEY not in repr(settings)
    assert masked(settings)["master_key"] == "(secret)"
    (mistake,) = mistakes_of(environ={"VALETKEY_MASTER_KEY": f"{KEY}{KEY}"})
    assert KEY not in mistake


def test_a_certificate_goes_with_its_key(folder: Path) -> None:
    certificate, key = write_pair(folder, "one")
    _, other = write_pair(folder, "other")
    settings = load({"tls_certificate": str(certificate), "tls_key": str(key)}, {}, None)
    assert settings.address == "https://127.0.0.1:8000"
    (mistake,) = mistakes_of(flags={"tls_certificate": str(certificate), "tls_key": str(other)})
    assert "are no certificate and its key" in mistake


def test_the_schema_has_every_setting_that_a_file_may_hold() -> None:
    document = schema()
    top = document["properties"]
    assert _leaves(top) == LEAVES.keys() - SECRETS
    assert document["additionalProperties"] is False
    assert top["port"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 65535,
        "default": 8000,
        "description": "the TCP port to listen on, from 1 to 65535",
    }
    json.dumps(document)


def _leaves(level: dict[str, Any], prefix: str = "") -> set[str]:
    """The settings that a level of the schema has, by their full names."""
    names: set[str] = set()
    for name, value in level.items():
        inside = value.get("properties")
        names |= {prefix + name} if inside is None else _leaves(inside, f"{prefix}{name}.")
    return names


LAZY = {"sign_in.lazy.url": "https://chirp.example/check"}


def test_lazy_migration_needs_a_day_a_client_and_a_secret(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        load(LAZY, {}, None)
    assert [one.partition(": ")[2] for one in refused.value.mistakes] == [
        "needs until, the day from which nothing is asked",
        "needs client_id",
        "needs VALETKEY_SIGN_IN__LAZY__SECRET or secret_file",
    ]
    whole = LAZY | {"sign_in.lazy.until": "2027-03-01", "sign_in.lazy.client_id": "valetkey"}
    lazy = load(whole, {"VALETKEY_SIGN_IN__LAZY__SECRET": "secret"}, None).sign_in.lazy
    assert (lazy.until, lazy.secret) == (date(2027, 3, 1), Secret("secret"))
    file = tmp_path / "secret"
    file.write_text("secret\n")
    file.chmod(0o644)
    with pytest.raises(SettingsError, match="readable by others"):
        load(whole | {"sign_in.lazy.secret_file": str(file)}, {}, None)
    toml = tmp_path / "valetkey.toml"
    toml.write_text('[sign_in.lazy]\nuntil = 2027-03-01\nsecret = "secret"\n')
    with pytest.raises(SettingsError, match="a secret belongs in VALETKEY_SIGN_IN__LAZY__SECRET,"):
        load({}, {}, toml)


@pytest.mark.parametrize("url", ["http://chirp.example/check", "https://user@chirp.example", "x"])
def test_lazy_migration_goes_over_https(url: str) -> None:
    with pytest.raises(SettingsError, match=r"sign_in\.lazy\.url"):
        load({"sign_in.lazy.url": url}, {}, None)


def test_codes_by_mail_need_a_mail_server_and_one_factor_to_be_enough() -> None:
    codes = {"accounts.mail_codes": "true"}
    with pytest.raises(SettingsError, match=r"needs mail\.host"):
        load(codes, {}, None)
    mail = {"mail.host": "smtp.chirp.example", "mail.sender": "no-reply@chirp.example"}
    assert load(codes | mail, {}, None).accounts.mail_codes
    with pytest.raises(SettingsError, match="is of no use where every sign-in needs two factors"):
        load(codes | mail | {"accounts.second_factor": "required"}, {}, None)


def test_a_short_password_needs_a_second_factor_beside_it() -> None:
    settings = load({"accounts.password_min_length": "15"}, {}, None)
    assert settings.accounts.password_min_length == 15
    with pytest.raises(SettingsError) as raised:
        load({"accounts.password_min_length": "14"}, {}, None)
    assert "a password can be the only factor here" in str(raised.value)
    both = {"accounts.password_min_length": "8", "accounts.second_factor": "required"}
    assert load(both, {}, None).accounts.password_min_length == 8
    with pytest.raises(SettingsError):
        load(both | {"accounts.password_min_length": "7"}, {}, None)


def test_unused_accounts_are_disabled_only_where_their_users_are_warned() -> None:
    mail = {"mail.host": "smtp.chirp.example", "mail.sender": "no-reply@chirp.example"}
    assert load({}, {}, None).accounts.unused_days == 0
    assert load({"accounts.unused_days": "60"} | mail, {}, None).accounts.unused_days == 60
    for more, why in (
        ({}, "needs mail.host or webhook.url"),
        (mail | {"notices.account_unused": "false"}, "needs mail.host or webhook.url"),
        (mail | {"accounts.unused_days": "59"}, "must be 0, or 60 or more"),
        (mail | {"accounts.unused_days": "731"}, "is longer than lifetimes.event"),
        (mail | {"accounts.unused_days": "3651"}, "3650"),
    ):
        with pytest.raises(SettingsError, match=why):
            load({"accounts.unused_days": "365"} | more, {}, None)
