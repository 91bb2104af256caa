"""`valetkey import users`: users of other systems come with their passwords, each once."""

import base64
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.cli.line import Line
from tests.rows import row

from valetkey.cli import context
from valetkey.cli.imports import users as import_command
from valetkey.server.accounts import password
from valetkey.server.accounts.sign_in import MARKER
from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event
from valetkey.server.model.keys import Secret
from valetkey.server.model.user import Identity, Session, User
from valetkey.server.store.database_url import Database
from valetkey.server.store.port import Store, Unavailable
from valetkey.server.store.sqlite.store import SQLiteStore

ENV = Env(1_700_000_000, os.urandom)
IMPORT = ("import", "users")


def django_hash(word: str) -> str:
    raw = hashlib.pbkdf2_hmac("sha256", word.encode(), b"abcdefgh1234", 1000)
    return f"pbkdf2_sha256$1000$abcdefgh1234${base64.b64encode(raw).decode()}"


HASH = django_hash("correct horse")


def write(line: Line, name: str, *records: Any) -> str:
    """A file of one record a line."""
    path = line.folder / name
    path.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in records))
    return str(path)


def users(line: Line) -> dict[str, User]:
    return {one.username: one for one in line.every(User)}


def report(line: Line, *words: str, status: int = 0, **environ: str) -> dict[str, Any]:
    result = line.run(*IMPORT, *words, "--json", **environ)
    assert result.exit_code == status, result.output
    document: dict[str, Any] = msgspec.json.decode(result.stdout)
    return document


def counts(document: dict[str, Any]) -> dict[str, int]:
    names = ("added", "changed", "unchanged", "kept", "refused")
    return {name: document[name] for name in names if document[name]}


MIKO = {
    "username": "miko",
    "password_hash": HASH,
    "email": "miko@chirp.example",
    "email_verified": True,
    "phone_number": "+49 30 123456",
    "address": {"country": "DE"},
    "name": "Miko",
    "claims": {"locale": "de"},
    "status": "active",
    "created": "2020-01-02T03:04:05Z",
}


def test_a_user_comes_whole_and_only_once(line: Line) -> None:
    file = write(line, "users", MIKO, {"username": "Noor"})
    assert counts(report(line, file)) == {"added": 2}
    there = users(line)
    miko = there["miko"]
    assert miko == User(
        version=1,
        id=miko.id,
        username="miko",
        password=miko.password,
        email="miko@chirp.example",
        email_verified=True,
        phone_number="+49 30 123456",
        address={"country": "DE"},
        claims={"name": "Miko", "locale": "de"},
        created=1577934245,
        changed=miko.changed,
    )
    assert password.fits(Secret("correct horse"), miko.password)
    assert [one.key for one in line.every(SingleUse)] == [MARKER.key]
    assert counts(report(line, file)) == {"unchanged": 2}
    for mode in ("skip", "update", "fail"):
        assert counts(report(line, file, "--on-existing", mode)) == {"unchanged": 2}
    assert users(line) == there


def test_without_hashes_nobody_waits_at_a_refusal(line: Line) -> None:
    report(line, write(line, "users", {"username": "noor"}))
    assert line.every(SingleUse) == ()


def test_a_dry_run_writes_nothing(line: Line) -> None:
    file = write(line, "users", MIKO, "kaputt")
    document = report(line, file, "--dry-run", status=1)
    assert document["dry_run"]
    assert counts(document) == {"added": 1, "refused": 1}
    assert not line.database.exists()


def test_users_who_exist(line: Line) -> None:
    before = write(line, "before", {"username": "miko", "password_hash": HASH, "name": "Miko"})
    after = {"username": "MIKO", "email": "m@chirp.example", "password_hash": django_hash("other")}
    file = write(line, "after", after | {"status": "disabled"}, {"username": "noor"})
    report(line, before)
    there = users(line)["miko"]
    document = report(line, file, "--on-existing", "fail", "--dry-run", status=1)
    assert document["refusals"][0]["why"] == "a user with this name exists"
    assert counts(report(line, file, "--dry-run")) == {"added": 1, "kept": 1}
    assert counts(report(line, file, "--on-existing", "update")) == {"added": 1, "changed": 1}
    now = users(line)["miko"]
    assert (now.id, now.claims, now.email, now.status) == (
        there.id,
        {"name": "Miko"},
        "m@chirp.example",
        "disabled",
    )
    assert password.fits(Secret("other"), now.password)


def test_an_update_leaves_a_password_that_was_used_here_and_enables_nobody(line: Line) -> None:
    own = password.hash_password(Secret("new one here"), salt=bytes(16))
    write(line, "u", {"username": "miko", "password_hash": own, "status": "disabled"})
    report(line, str(line.folder / "u"))
    file = write(line, "users", {"username": "miko", "password_hash": HASH, "status": "active"})
    assert counts(report(line, file, "--on-existing", "update")) == {"unchanged": 1}
    assert users(line)["miko"].password == own
    assert users(line)["miko"].status == "disabled"


def test_the_same_name_twice_in_a_file(line: Line) -> None:
    file = write(line, "users", {"username": "miko"}, {"username": "Miko ".strip()}, MIKO)
    assert counts(report(line, file)) == {"added": 1, "unchanged": 1, "kept": 1}
    assert len(users(line)) == 1


A = {"username": "a"}
CLAIMS = {f"claim{n}": "" for n in range(10000)}
COSTLY = "$2b$20$" + "a" * 53
REFUSED = [
    row("A142", "no JSON", "kaputt", "record", "Expecting value"),
    row("A142", "no object", "[]", "record", "not a JSON object"),
    row("A142", "deep nesting", '{"username": ' + "[" * 5000, "record", "nested too deep"),
    row("A142", "half a character", '{"username": "a\\ud800"}', "record", "surrogate"),
    row("A142", "a NUL", '{"username": "a\\u0000"}', "record", "zero byte"),
    row("A142", "a member twice", '{"username": "a", "username": "b"}', "record", "repeated"),
    row("A142", "a number", '{"username": 7}', "username", "expected str, got int"),
    row("A142", "an unknown member", {"username": "a", "is_admin": True}, "is_admin", "unknown"),
    row("A142", "no name", {"email": "a@b.example"}, "username", "missing required"),
    row("A142", "an empty name", {"username": " "}, "username", "is empty"),
    row("A142", "invisible characters", {"username": "a\u200b"}, "username", "cannot be seen"),
    row("A142", "a name of the terminal", {"username": "a\x1b[2J"}, "username", "cannot be seen"),
    row("A142", "mixed scripts", {"username": "miк"}, "username", "mixes scripts"),
    row("A142", "a Latin look", {"username": "сосо"}, "username", "Latin"),  # noqa: RUF001
    row("A142", "a look of another's", {"username": "rniko"}, "username", "that of another"),
    row("A142", "10,000 claims", {"username": "a", "claims": CLAIMS}, "claims", "not among"),
    row("A142", "no address", {"username": "a", "email": "x"}, "email", "not an address"),
    row("A142", "MD5", A | {"password_hash": "md5$x$"}, "password_hash", "known form"),
    row("A142", "costly", A | {"password_hash": COSTLY}, "password_hash", "too costly"),
    row("A142", "a time", {"username": "a", "created": "yesterday"}, "created", "no time"),
    row("A142", "a far time", {"username": "a", "created": 10**15}, "created", "no time"),
]  # fmt: skip


@pytest.mark.parametrize("record,field,why", REFUSED)
def test_a_record_that_is_refused_does_not_stop_the_others(
    line: Line, record: Any, field: str, why: str
) -> None:
    file = write(line, "users", {"username": "miko"}, record, {"username": "noor"})
    full = line.folder / "refused"
    document = report(line, file, "--format", "ndjson", "--report", str(full), status=1)
    assert counts(document) == {"added": 2, "refused": 1}
    (refusal,) = document["refusals"]
    assert (refusal["place"], refusal["field"]) == ("line 2", field)
    assert why in refusal["why"]
    assert msgspec.json.decode(full.read_bytes()) == refusal
    assert full.stat().st_mode & 0o777 == 0o600
    assert all(len(value) <= 200 and value.isprintable() for value in refusal.values())


def test_it_stops_at_the_first_refusal_if_told_so(line: Line) -> None:
    file = write(line, "users", {"username": "a"}, "kaputt", {"username": "b"})
    words = (*IMPORT, file, "--on-error", "stop", "--format", "ndjson")
    result = line.run(*words)
    assert result.exit_code == 1
    assert "refused line 2: record: " in result.stdout
    assert users(line).keys() == {"a"}


THERE = {"username": "miko", "email": "miko@mail.example"}
MANY = [{"username": f"user{n}"} for n in range(1200)]


class Forgetful(SQLiteStore):
    """Every second commit is written, and its answer lost."""

    answers = 0

    async def commit(self, changes: Sequence[Change], events: Sequence[Event] = ()) -> Any:
        found = await super().commit(changes, events)
        Forgetful.answers += 1
        if Forgetful.answers % 2:
            raise Unavailable("the answer was lost")
        return found


def forget_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command works on a forgetful store from now on."""

    async def forgetful(database: Database) -> Store:
        assert isinstance(database.at, Path)
        return Forgetful(database.at)

    monkeypatch.setattr(context, "open_store", forgetful)
    monkeypatch.setattr(import_command, "PAUSES", (0.001,) * 6 + (0.0,))


A1, A2 = {"username": "a", "email": "a@mail.example"}, {"username": "a", "name": "A"}
LOST = [
    row("A142", "one added", [A1], "skip", {"added": 1}),
    row("A142", "twice in the file", [A1, A1], "skip", {"added": 1, "unchanged": 1}),
    row("A142", "twice, and differs", [A1, A2], "skip", {"added": 1, "kept": 1}),
    row("A142", "there before", [THERE, A1], "skip", {"added": 1, "unchanged": 1}),
    row("A142", "there before, and fails", [THERE, A1], "fail", {"added": 1, "unchanged": 1}),
    row("A142", "changed", [THERE | {"name": "M"}, A1], "update", {"added": 1, "changed": 1}),
    row("A142", "three batches", MANY, "skip", {"added": len(MANY)}),
]


@pytest.mark.parametrize("records,existing,wanted", LOST)
def test_a_user_whose_commit_lost_its_answer_is_counted_once(
    line: Line, records: Any, existing: str, wanted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit is found at the next attempt: its users were added, not there before."""
    report(line, write(line, "before", THERE))

    forget_answers(monkeypatch)
    found = report(line, write(line, "users", *records), "--on-existing", existing)
    assert counts(found) == wanted
    names = {one["username"] for one in (THERE, *records)}
    assert users(line).keys() == names
    again = report(line, write(line, "users", *records), "--on-existing", existing)
    assert counts(again).get("added", 0) == 0


def test_a_file_that_breaks_off_is_imported_up_to_there(line: Line) -> None:
    file = write(line, "realm.json", '{"realm": "x", "users": [{"username": "a"}, {"username": "b"')
    result = line.run(*IMPORT, file)
    assert result.exit_code == 1
    assert "ends within a value; what was read before is imported" in result.stderr
    assert users(line).keys() == {"a"}


CREDENTIAL = {
    "type": "password",
    "secretData": json.dumps({"value": HASH.rpartition("$")[2], "salt": "YWJjZGVmZ2gxMjM0"}),
    "credentialData": json.dumps({"hashIterations": 1000, "algorithm": "pbkdf2-sha256"}),
}
KEYCLOAK = {
    "id": "5d1c7f0e-0000-4000-8000-000000000000",
    "createdTimestamp": 1577934245000,
    "username": "miko",
    "enabled": True,
    "totp": True,
    "emailVerified": True,
    "firstName": "Miko",
    "lastName": "Lang",
    "email": "miko@chirp.example",
    "attributes": {"locale": ["de"], "phoneNumber": ["+49 30 123456"], "shoe": ["43"]},
    "credentials": [CREDENTIAL, {"type": "otp", "secretData": "{}", "credentialData": "{}"}],
    "requiredActions": [],
    "realmRoles": ["default-roles-chirp"],
    "groups": ["/staff"],
}
ROBOT = {"username": "service-account-robot", "serviceAccountClientId": "robot", "enabled": True}
DJANGO = {
    "model": "auth.user",
    "pk": 1,
    "fields": {
        "password": HASH,
        "last_login": None,
        "is_superuser": True,
        "username": "miko",
        "first_name": "Miko",
        "last_name": "Lang",
        "email": "miko@chirp.example",
        "is_staff": False,
        "is_active": True,
        "date_joined": "2020-01-02T03:04:05.123Z",
        "groups": [],
        "user_permissions": [],
    },
}
AUTH0 = {
    "_id": {"$oid": "60425dc43519d90068f82973"},
    "email": "miko@chirp.example",
    "email_verified": True,
    "passwordHash": "$2b$04$" + "a" * 53,
    "tenant": "chirp",
    "connection": "Username-Password-Authentication",
}
DEVISE = {
    "id": 1,
    "email": "miko@chirp.example",
    "encrypted_password": "$2a$04$" + "a" * 53,
    "confirmed_at": "2020-01-02T03:04:05",
    "created_at": "2020-01-02 03:04:05 UTC",
    "name": "Miko Lang",
}
FIREBASE_HASH = (
    "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
)
FIREBASE = {
    "localId": "1",
    "email": "miko@chirp.example",
    "emailVerified": True,
    "passwordHash": FIREBASE_HASH,
    "salt": "42xEC+ixf3L2lw==",
    "displayName": "Miko Lang",
    "createdAt": "1577934245000",
    "providerUserInfo": [],
}  # fmt: skip
FIREBASE_CONFIG = (
    "algorithm: SCRYPT, base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmd"
    "ZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==, base64_salt_separator: Bw==, rounds: 8, mem_cost: 14"
)
CSV = (
    "username,password_hash,email,email_verified,name,address.country,created\n"
    f'miko,"{HASH}",miko@chirp.example,true,Miko Lang,DE,2020-01-02T03:04:05Z'
)


WHEN = "2020-01-02T03:04:05.000Z"
REALM = {"realm": "chirp", "users": [KEYCLOAK, ROBOT]}


def text(*records: Any) -> str:
    return "\n".join(json.dumps(one) for one in records)


FORMATS = [
    row("ndjson", "lines", text(MIKO | {"name": "Miko Lang"})),
    row("csv", "rows", CSV),
    row("keycloak", "a realm", json.dumps(REALM, indent=2)),
    row("keycloak", "realms", json.dumps([{"realm": "x"}, REALM])),
    row("django", "dumpdata", json.dumps([DJANGO, {"model": "a.b", "fields": {}}])),
    row("django", "dumpdata, lines", text(DJANGO)),
    row("auth0", "hashes", text(AUTH0 | {"name": "Miko Lang", "created_at": WHEN})),
    row("devise", "lines", text(DEVISE)),
    row("devise", "rows", ",".join(DEVISE) + "\n" + ",".join(map(str, DEVISE.values()))),
    row("firebase", "an export", json.dumps({"users": [FIREBASE, {"localId": "2"}]})),
]  # fmt: skip


@pytest.mark.parametrize("content", FORMATS)
def test_every_format_is_recognized_and_read(line: Line, content: str) -> None:
    file = write(line, "users", content)
    document = report(line, file, FIREBASE_HASH_CONFIG=FIREBASE_CONFIG)
    assert counts(document) == {"added": 1}
    (miko,) = users(line).values()
    assert miko.username in {"miko", "miko@chirp.example"}
    assert (miko.email, miko.claims["name"]) == ("miko@chirp.example", "Miko Lang")
    assert miko.email_verified is ("auth.user" not in content)
    assert miko.created == 1577934245
    assert miko.password.startswith("$")
    if "pbkdf2" in content:
        assert password.fits(Secret("correct horse"), miko.password)


def test_the_report_says_what_has_no_counterpart(line: Line) -> None:
    document = report(line, write(line, "u", json.dumps(REALM)))
    assert document["skipped"] == {"service accounts": 1}
    assert document["not_imported"] == {
        "one-time password secrets": 1,
        "roles": 1,
        "groups": 1,
        "attributes": 1,
    }
    (miko,) = users(line).values()
    assert (miko.phone_number, miko.claims["locale"]) == ("+49 30 123456", "de")


def test_ids_of_a_source_become_identities(line: Line) -> None:
    source = "https://id.chirp.example/realms/chirp"
    file = write(line, "users", json.dumps(REALM))
    assert counts(report(line, file, "--source", source)) == {"added": 1}
    (miko,), (identity,) = users(line).values(), line.every(Identity)
    assert (identity.user, identity.source, identity.subject) == (miko.id, source, KEYCLOAK["id"])
    assert counts(report(line, file, "--source", source)) == {"unchanged": 1}
    renamed = write(line, "renamed", json.dumps({"users": [KEYCLOAK | {"username": "mika"}]}))
    words = (renamed, "--source", source, "--format", "keycloak", "--on-existing", "update")
    assert counts(report(line, *words)) == {"unchanged": 1}, "the id says who it is"
    report(line, write(line, "mika", {"username": "mika"}))
    document = report(line, *words, status=1)
    assert document["refusals"][0]["field"] == "id"


def test_an_update_adds_an_identity_to_a_user_of_that_name(line: Line) -> None:
    report(line, write(line, "users", {"username": "miko"}))
    file = write(line, "more", {"username": "miko", "id": 7}, {"username": "noor", "id": "7"})
    words = (file, "--source", "platform")
    assert counts(report(line, *words, "--dry-run")) == {"kept": 1, "added": 1}
    assert line.every(Identity) == ()
    document = report(line, *words, "--on-existing", "update", status=1)
    assert counts(document) == {"added": 1, "refused": 1}
    (identity,) = line.every(Identity)
    assert identity.user == users(line)["noor"].id


def test_who_is_disabled_by_an_update_is_signed_out(line: Line) -> None:
    line.furnish()
    miko = line.users["miko"]
    session = Session(
        id=ids.owned_id(ENV, owner=miko.id), digest="x", user=miko.id, auth_time=1, expires=2**40
    )
    line.store(lambda store: store.commit([Create(session)]))
    file = write(line, "users", {"username": "miko", "status": "disabled"})
    assert counts(report(line, file, "--on-existing", "update")) == {"changed": 1}
    assert users(line)["miko"].status == "disabled"
    assert line.every(Session) == ()
    assert counts(report(line, file, "--on-existing", "update")) == {"unchanged": 1}


def test_a_folder_of_keycloak(line: Line) -> None:
    folder = line.folder / "export"
    folder.mkdir()
    (folder / "chirp-realm.json").write_text('{"realm": "chirp"}')
    for number in range(11):
        users_of_file = [KEYCLOAK | {"username": f"user{number}"}]
        (folder / f"chirp-users-{number}.json").write_text(json.dumps({"users": users_of_file}))
    assert counts(report(line, str(folder))) == {"added": 11}
    (folder / "master-users-0.json").write_text('{"users": []}')
    assert "users of 2 realms, chirp, master" in line.fails(*IMPORT, str(folder), status=2)
    (folder / "master-users-0.json").unlink()
    (folder / "chirp-users-2.json").write_text('{"users": [{"username": 7}]}')
    document = report(line, str(folder), status=1)
    assert document["refusals"][0]["place"] == "chirp-users-2.json, users[1]"


def test_auth0s_two_exports_become_one_user(line: Line) -> None:
    profile = {
        "user_id": "auth0|60425dc43519d90068f82973",
        "email": "miko@chirp.example",
        "name": "M",
    }
    report(line, write(line, "profiles", profile))
    assert counts(report(line, write(line, "hashes", AUTH0), "--on-existing", "update")) == {
        "changed": 1
    }
    (miko,) = users(line).values()
    assert (miko.claims["name"], bool(miko.password)) == ("M", True)


USAGE = [
    row("", "no clear format", "hello", "name it with --format"),
    row("", "no clear JSON", '{"a": 1}', "name it with --format"),
    row("", "no file of a folder", None, "holds no file like REALM-users-0.json"),
]


@pytest.mark.parametrize("content,says", USAGE)
def test_usage_errors(line: Line, content: str | None, says: str) -> None:
    path = line.folder / "x"
    path.mkdir() if content is None else path.write_text(content)
    assert says in line.fails(*IMPORT, str(path), status=2)
    assert not line.database.exists()


def test_hash_parameters_of_others_are_secret(line: Line) -> None:
    file = write(line, "users", json.dumps({"users": [FIREBASE]}))
    parameters = line.folder / "parameters"
    parameters.write_text(FIREBASE_CONFIG)
    parameters.chmod(0o644)
    words = (*IMPORT, file, "--hash-config", str(parameters))
    assert f"chmod 600 {parameters}" in line.fails(*words, status=2)
    parameters.chmod(0o600)
    assert "1 added" in line.ok(*words)
    document = report(
        line,
        write(line, "v", json.dumps({"users": [FIREBASE | {"email": "a@b.example"}]})),
        status=1,
    )
    assert "--hash-config" in document["refusals"][0]["why"]


def test_refusals_of_a_large_file_are_counted_and_listed_apart(line: Line) -> None:
    file = write(line, "users", *(["kaputt"] * 1200), {"username": "miko"})
    full = line.folder / "refused"
    result = line.run(*IMPORT, file, "--format", "ndjson", "--report", str(full))
    assert result.exit_code == 1
    assert result.stdout.count("\nrefused line ") == 19
    assert "… and 1180 more" in result.stdout
    assert "1 added, 0 changed, 0 unchanged, 0 kept, 1200 refused" in result.stdout
    assert len(full.read_bytes().splitlines()) == 1200
    assert Path(file).read_text() not in result.stdout
