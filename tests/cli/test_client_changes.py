"""`valetkey client edit`, `rotate-secret`, `secrets` and `revoke-secret`."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.cli.line import Line
from tests.cli.test_workers import until
from tests.live import Live, live

from valetkey.jose.seal import digest
from valetkey.server.http import background
from valetkey.server.model.change import Create
from valetkey.server.model.client import Client, StoredSecret
from valetkey.server.model.event import Event

CREATED = (
    *("client", "add", "--id", "backup", "--name", "Backup", "--scope", "openid"),
    *("--redirect-uri", "https://backup.example/callback"),
)


def client(line: Line) -> Client:
    (one,) = line.every(Client)
    return one


def test_edit_changes_the_fields_that_are_named(line: Line) -> None:
    line.ok(*CREATED, "--uri", "https://backup.example")
    before = client(line)
    done = line.json(
        *("client", "edit", "backup", "--name", "Backups", "--clear", "uri"),
        "--dpop-bound-access-tokens",
    )
    assert done == {
        "client_id": "backup",
        "changed": ["dpop_bound_access_tokens", "name", "uri"],
    }
    after = client(line)
    assert after == replace(
        before, name="Backups", uri="", dpop_bound_access_tokens=True, version=after.version
    )
    assert "like that already" in line.ok("client", "edit", "backup", "--name", "Backups")
    line.ok("client", "edit", "backup", "--clear", "dpop-bound-access-tokens")
    assert not client(line).dpop_bound_access_tokens


WRONG = [
    ((), 2, "nothing to change"),
    (("--scope", "nothing"), 2, "is in no catalog"),
    (("--uri", "https://a.example", "--clear", "uri"), 2, "only one of them"),
    (("--auth-method", "private_key_jwt"), 2, "needs jwks or jwks_uri"),
    (("--clear", "name"), 2, "--clear"),
]


@pytest.mark.parametrize("words, status, said", WRONG, ids=[one[2] for one in WRONG])
def test_a_mistake_changes_nothing(
    line: Line, words: tuple[str, ...], status: int, said: str
) -> None:
    line.ok(*CREATED)
    before = client(line)
    assert said in line.fails("client", "edit", "backup", *words, status=status)
    assert client(line) == before


def test_nobody_is_edited_into_being(line: Line) -> None:
    line.ok(*CREATED)
    for words in (("edit", "x", "--name", "X"), ("rotate-secret", "x"), ("secrets", "x")):
        assert "there is no client 'x'" in line.fails("client", *words, status=1)
    assert len(line.every(Client)) == 1


def test_secrets_overlap_and_the_old_one_ends(line: Line) -> None:
    line.ok(*CREATED)
    old = client(line).secrets[0]
    now = int(time.time())
    made = line.json("client", "rotate-secret", "backup", "--keep-old", "12h")
    new, kept = client(line).secrets
    assert new.matches(made["client_secret"], now)
    assert made["id"] == new.id != old.id
    assert new.last_four == made["client_secret"][-4:]
    assert kept == replace(old, until=kept.until)
    assert now + 12 * 3600 <= kept.until <= now + 12 * 3600 + 60
    assert made["old_until"] == kept.until
    # A shorter time counts for all old ones, a longer one brings none back.
    line.ok("client", "rotate-secret", "backup", "--keep-old", "1h")
    assert [one.until for one in client(line).secrets][1:] == [
        pytest.approx(now + 3600, abs=60),
        pytest.approx(now + 3600, abs=60),
    ]
    assert [one.kind for one in line.every(Event)] == ["secret-rotated"] * 2
    told = line.ok("client", "rotate-secret", "backup", "--keep-old", "0", "--yes")
    assert "works until" not in told
    assert len(client(line).secrets) == 1


def test_five_at_a_time(line: Line) -> None:
    line.ok(*CREATED)
    for _ in range(4):
        line.ok("client", "rotate-secret", "backup")
    assert "revoke one of them first" in line.fails("client", "rotate-secret", "backup", status=1)
    assert len(client(line).secrets) == 5


def test_revoke(line: Line) -> None:
    line.ok(*CREATED)
    (only,) = client(line).secrets
    said = line.fails("client", "revoke-secret", "backup", only.id, "--yes", status=1)
    assert "the only secret of backup that works" in said
    line.ok("client", "rotate-secret", "backup")
    assert "no secret 'nope'" in line.fails(
        "client", "revoke-secret", "backup", "nope", "--yes", status=1
    )
    line.fails("client", "revoke-secret", "backup", only.id, status=2)
    line.ok("client", "revoke-secret", "backup", only.last_four, "--yes")
    assert only.id not in [one.id for one in client(line).secrets]


def test_a_public_app_has_no_secret_to_rotate(line: Line) -> None:
    line.ok(*CREATED, "--public")
    assert "needs no secret" in line.fails("client", "rotate-secret", "backup", status=1)


@pytest.mark.parametrize("span", ["7", "x", "1y", "-1d", "91d", "٣d", ""])
def test_a_time_span_has_a_unit(line: Line, span: str) -> None:
    line.ok(*CREATED)
    line.fails("client", "rotate-secret", "backup", "--keep-old", span, status=2)


def test_a_shared_secret_is_sealed_again(line: Line) -> None:
    line.ok(
        *CREATED,
        *("--auth-method", "client_secret_jwt", "--set", "enable=client_secret_jwt"),
    )
    line.ok("client", "rotate-secret", "backup", "--set", "enable=client_secret_jwt")
    assert all(one.sealed for one in client(line).secrets)


def test_a_secret_of_before_has_a_name_too(line: Line) -> None:
    line.ok(*CREATED)
    (one,) = client(line).secrets
    old = Client(
        id="old",
        name="Old",
        auth_method="client_secret_basic",
        secrets=(StoredSecret(digest("x" * 43), one.created),),
        grant_types=("client_credentials",),
    )
    line.store(lambda store: store.commit([Create(old)]))
    (listed,) = line.json("client", "secrets", "old")
    assert listed == {
        "id": f"{one.created:x}",
        "last_four": "",
        "created": one.created,
        "until": 0,
        "used": 0,
    }
    line.ok("client", "rotate-secret", "old")
    line.ok("client", "revoke-secret", "old", listed["id"], "--yes")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    monkeypatch.setattr(background, "SECONDS", 0.05)
    with live(tmp_path) as running:
        yield running


def test_apps_move_from_one_secret_to_the_next(server: Live, line: Line) -> None:
    """A running server takes both, says which is in use, and refuses the one that was revoked."""

    def token(secret: str) -> int:
        form = {"grant_type": "client_credentials", "scope": "chirps.read"}
        answer = server.http.post("/token", data=form, auth=("machine", secret))
        return answer.status_code

    new = line.json("client", "rotate-secret", "machine")
    old = next(one for one in line.json("client", "secrets", "machine") if one["id"] != new["id"])
    until(lambda: token(new["client_secret"]) == 200)

    def used() -> dict[str, int]:
        return {one["id"]: one["used"] for one in line.json("client", "secrets", "machine")}

    until(lambda: used()[new["id"]] > 0)
    assert used()[old["id"]] == 0
    line.ok("client", "revoke-secret", "machine", new["id"], "--yes")
    until(lambda: token(new["client_secret"]) == 401)
