"""`valetkey doctor`: checks an installation."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from tests.cli.line import Line
from tests.client.serving import METADATA, serving
from tests.live import free_port, live
from tests.mmdb import write_mmdb
from tests.tls import write_pair

from valetkey.cli.checks.installation import MANY_FAIL, open_files, sqlite
from valetkey.jose import base64url
from valetkey.server.accounts import password
from valetkey.server.accounts.throttle import FAILED, WINDOW
from valetkey.server.http.sign_in_failures import HIDDEN
from valetkey.server.model.change import Count, Create
from valetkey.server.model.counters import Throttle
from valetkey.server.model.factor import PasskeyDomain

KEY = base64url.encode(bytes(range(32)))


def look(line: Line, *words: str, status: int = 0, **environ: str) -> dict[str, dict[str, str]]:
    """What the doctor found, by check."""
    here = ("--set", f"issuer=http://127.0.0.1:{free_port()}")
    result = line.run("doctor", "--json", *here, *words, **environ)
    assert result.exit_code == status, result.output
    return {row["what"]: row for row in msgspec.json.decode(result.stdout)}


def test_an_empty_folder_is_no_failure(line: Line) -> None:
    found = look(line)
    assert {what: row["verdict"] for what, row in found.items()} == {
        "Argon2id": "ok",
        "SQLite": "ok",
        "open files": "ok",
        "settings": "ok",
        "database": "warn",
        "master key": "warn",
        "clock": "ok",
        "proxies": "ok",
        "sign-ins": "ok",
        "notices": "warn",
        "port": "warn",
        "issuer": "warn",
    }
    assert "`valetkey serve` creates it" in found["database"]["says"]
    assert list(line.folder.iterdir()) == []


@pytest.mark.parametrize(
    "soft, hard, verdict, says",
    [
        (1024, 524_288, "ok", "up to 65536"),
        (1024, -1, "ok", "up to 65536"),
        (1024, 1024, "warn", "at most 1024"),
    ],
)
def test_open_files(soft: int, hard: int, verdict: str, says: str) -> None:
    row = open_files(soft, hard)
    assert row.verdict == verdict
    assert says in row.says


def test_a_sound_installation(line: Line) -> None:
    line.ok("key", "rotate")
    found = look(line)
    assert found["database"]["verdict"] == "ok"
    assert found["master key"] == {
        "what": "master key",
        "verdict": "ok",
        "says": "valetkey.db.key opens 12 keys",
    }


def test_the_table_for_people(line: Line) -> None:
    text = line.ok("doctor", "--set", f"issuer=http://127.0.0.1:{free_port()}")
    assert "ok    Argon2id" in text
    assert "warn  database" in text


def test_each_mistake_in_the_settings_is_a_row(line: Line) -> None:
    result = line.run("doctor", VALETKEY_PORT="x", VALETKEY_NOPE="1")
    assert result.exit_code == 1
    assert result.stdout.count("fail  settings") == 2
    assert "did you mean" in result.stdout or "there is no such setting" in result.stdout


def widen_key(line: Line) -> None:
    (line.folder / "valetkey.db.key").chmod(0o644)


def lose_key(line: Line) -> None:
    (line.folder / "valetkey.db.key").unlink()


def swap_key(line: Line) -> None:
    (line.folder / "valetkey.db.key").write_text(KEY)


def garble(line: Line) -> None:
    line.database.write_text("no database" * 1000)


def strange(line: Line) -> None:
    line.sql("INSERT INTO migrations VALUES (999, 'later', '0', 999, 0)")


def altered(line: Line) -> None:
    line.sql("UPDATE migrations SET checksum = '0'")


FAILURES: dict[str, tuple[Callable[[Line], None], str, str]] = {
    "the key is open to all": (widen_key, "master key", "(mode 0644): chmod 600"),
    "the key is lost": (lose_key, "master key", "is missing, and only it opens the keys"),
    "the key is another": (swap_key, "master key", "the master key does not open key"),
    "no database": (garble, "database", "is not a database"),
    "a newer version's database": (strange, "database", "step 999 (later) of a newer valetkey"),
    "an altered database": (altered, "database", "step 1 (first) was changed after it was run"),
}


@pytest.mark.parametrize("spoil,what,said", FAILURES.values(), ids=FAILURES)
def test_what_is_spoilt_fails(
    line: Line, spoil: Callable[[Line], None], what: str, said: str
) -> None:
    line.ok("key", "rotate")
    spoil(line)
    row = look(line, status=1)[what]
    assert row["verdict"] == "fail"
    assert said in row["says"]


def test_a_database_that_others_may_read(line: Line) -> None:
    line.ok("key", "rotate")
    line.database.chmod(0o644)
    row = look(line)["file modes"]
    assert row["verdict"] == "warn"
    assert row["says"] == "valetkey.db is readable by others: chmod 600 valetkey.db"


def test_a_database_of_an_older_version(line: Line) -> None:
    line.ok("key", "rotate")
    line.sql("UPDATE migrations SET number = number - 99, oldest = oldest - 99")
    row = look(line)["database"]
    assert (row["verdict"], "at the next start" in row["says"]) == ("warn", True)


def test_a_clock_in_the_past(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 86400.0)
    row = look(line, status=1)["clock"]
    assert row["says"] == "1970-01-02 00:00:00+00:00 is in the past; tokens would be wrong"


def test_a_clock_behind_the_newest_key(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    line.ok("key", "rotate")
    since = line.json("key", "list")[0]["since"]
    monkeypatch.setattr("time.time", lambda: since - 3600.0)
    assert look(line, status=1)["clock"]["verdict"] == "fail"


CERTIFICATES = {"good": (60, "ok", 0), "soon over": (3, "warn", 0), "over": (-1, "fail", 1)}


@pytest.mark.parametrize("days,verdict,status", CERTIFICATES.values(), ids=CERTIFICATES)
def test_the_certificate(line: Line, days: int, verdict: str, status: int) -> None:
    certificate, key = write_pair(line.folder, "own", days=days)
    words = ("--set", f"tls_certificate={certificate}", "--set", f"tls_key={key}")
    row = look(line, *words, status=status)["certificate"]
    assert row["verdict"] == verdict
    assert row["says"].startswith("good until 20")


def test_https_behind_nobody_known(line: Line) -> None:
    words = ("--set", "issuer=https://127.0.0.1:1")
    assert look(line, *words)["proxies"]["verdict"] == "warn"
    found = look(line, *words, "--set", "trusted_proxies=10.0.0.1")
    assert (found["proxies"]["verdict"], found["proxies"]["says"]) == ("ok", "10.0.0.1")


PORTS = [
    (("issuer=http://127.0.0.1:9000", "port=9000"), "ok"),
    (("issuer=http://127.0.0.1:9000", "port=9001"), "warn"),
    (("issuer=http://127.0.0.1:9000", "port=9001", "trusted_proxies=127.0.0.1"), "ok"),
    (("issuer=https://id.example", "port=9001"), "ok"),
]


@pytest.mark.parametrize("given, verdict", PORTS)
def test_the_port_of_the_issuer(line: Line, given: tuple[str, ...], verdict: str) -> None:
    words = [word for one in given for word in ("--set", one)]
    assert look(line, *words)["port"]["verdict"] == verdict


def test_the_running_server(line: Line, tmp_path: Path) -> None:
    with live(tmp_path) as server:
        at = ("--set", f"issuer={server.issuer}")
        master = base64url.encode(server.master_key)
        found = look(line, *at, VALETKEY_MASTER_KEY=master)
        assert found["issuer"]["says"] == f"{server.issuer} answers"
        assert found["master key"]["says"] == "VALETKEY_MASTER_KEY opens 9 keys"
        other = ("--set", f"issuer=http://localhost:{server.port}")
        row = look(line, *other, status=1, VALETKEY_MASTER_KEY=master)["issuer"]
        assert (row["verdict"], "but as another server" in row["says"]) == ("fail", True)


def test_a_proxy_that_forwards_the_path_alone(line: Line) -> None:
    """Apps look for the metadata at the root of the host (RFC 8414 3.1)."""
    with serving() as proxy:
        issuer = f"{proxy.url}/oauth"
        proxy.replies[f"/oauth{METADATA}"] = proxy.metadata(issuer=issuer)
        row = look(line, "--set", f"issuer={issuer}", status=1)["issuer"]
        assert row["verdict"] == "fail"
        assert f"{proxy.url}{METADATA}/oauth is not the server's" in row["says"]
        proxy.replies[f"{METADATA}/oauth"] = proxy.metadata(issuer=issuer)
        assert look(line, "--set", f"issuer={issuer}")["issuer"]["says"] == f"{issuer} answers"


VERSIONS = {"3.51.2": "fail", "3.8.11.1": "fail", "3.51.3": "ok", "3.54.1": "ok", "4.0.0": "ok"}


@pytest.mark.parametrize("version,verdict", VERSIONS.items())
def test_versions_of_sqlite(version: str, verdict: str) -> None:
    assert sqlite(version).verdict == verdict


def test_without_argon2(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(*args: Any, **named: Any) -> Any:
        raise UnsupportedAlgorithm("Argon2id is not supported")

    monkeypatch.setattr(password, "Argon2id", lacking)
    row = look(line, status=1)["Argon2id"]
    assert "OpenSSL before 3.2" in row["says"]
    told = line.fails("serve", status=1)
    assert "Argon2id: this build of cryptography lacks it" in told


def test_a_proxy_that_hides_who_calls(line: Line) -> None:
    line.ok("key", "rotate")
    assert look(line)["proxies"]["verdict"] == "ok"
    counted(line, HIDDEN, 1)
    found = look(line)["proxies"]
    assert found["verdict"] == "warn"
    assert "trusted_proxies" in found["says"]


def test_sign_ins_that_fail(line: Line) -> None:
    line.ok("key", "rotate")
    assert look(line)["sign-ins"] == {
        "what": "sign-ins",
        "verdict": "ok",
        "says": "0 failed recently",
    }
    counted(line, FAILED, MANY_FAIL - 1)
    assert look(line)["sign-ins"]["verdict"] == "ok"
    counted(line, FAILED, 1)
    found = look(line)["sign-ins"]
    assert found["verdict"] == "warn"
    assert found["says"].startswith(f"{MANY_FAIL} failed within 15 minutes")


def test_what_failed_long_ago_is_over(line: Line) -> None:
    line.ok("key", "rotate")
    counted(line, FAILED, MANY_FAIL, since=1)
    assert look(line)["sign-ins"]["verdict"] == "ok"


def counted(line: Line, bucket: str, tried: int, *, since: int = 0) -> None:
    """So many, since now or another second."""
    since = since or int(time.time())
    row = Throttle(bucket=bucket, tried=tried, since=since, expires=since + WINDOW)
    line.store(lambda store: store.commit([Count(row)]))


@pytest.mark.parametrize(
    "until,verdict,says",
    [
        ("2020-01-01", "warn", "off since 2020-01-01: remove [sign_in.lazy], or set another day"),
        ("2099-01-01", "ok", "on for "),
    ],
)
def test_lazy_migration_has_an_end(
    line: Line, monkeypatch: pytest.MonkeyPatch, until: str, verdict: str, says: str
) -> None:
    monkeypatch.setenv("VALETKEY_SIGN_IN__LAZY__SECRET", "secret")
    Path("valetkey.toml").write_text(
        f'[sign_in.lazy]\nurl = "https://a.example/"\nclient_id = "b"\nuntil = {until}\n'
    )
    found = look(line)["lazy migration"]
    assert found["verdict"] == verdict
    assert found["says"].startswith(says)


def test_passkeys_stay_in_their_domain(line: Line) -> None:
    """A start elsewhere would lock out everybody who has nothing but a passkey."""
    line.ok("key", "rotate")
    at = ("--set", "issuer=http://localhost:8000")
    row = look(line, *at)["passkeys"]
    assert (row["verdict"], row["says"]) == ("ok", "they belong to localhost")
    domain = PasskeyDomain(rp_id="id.chirp.example", since=1)
    line.store(lambda store: store.commit((Create(domain),)))
    row = look(line, *at, status=1)["passkeys"]
    assert row["verdict"] == "fail"
    assert "id.chirp.example" in row["says"]
    assert "id.chirp.example" in line.fails("serve", *at, "--port", str(free_port()), status=2)
    off = ("--set", "accounts.passkeys=false")
    assert "passkeys" not in look(line, *at, *off)


def test_a_database_of_countries_and_its_age(line: Line, tmp_path: Path) -> None:
    now, code = int(time.time()), {"203.0.113.0/24": {"country": {"iso_code": "DE"}}}
    file = write_mmdb(tmp_path / "countries.mmdb", code, kind="GeoLite2-Country", made=now)
    setting = ("--set", f"accounts.countries_file={file}")
    found = look(line, *setting)["countries"]
    assert (found["verdict"], found["says"][:19]) == ("ok", "GeoLite2-Country of")
    write_mmdb(file, code, made=now - 61 * 86400)
    found = look(line, *setting)["countries"]
    assert found["verdict"] == "warn"
    assert "61 days old" in found["says"]
    file.write_bytes(b"<html>")
    found = look(line, *setting, status=1)["settings"]
    assert "accounts.countries_file" in found["says"]
    assert "is no database in MaxMind's format" in found["says"]
