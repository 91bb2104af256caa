"""`valetkey import dot`: apps and grants of django-oauth-toolkit come whole, or with a reason."""

import json
from typing import Any

import msgspec
import pytest
from tests.cli.line import Line
from tests.cli.test_import_users import HASH, django_hash, forget_answers, write
from tests.live import Live
from tests.rows import row

from valetkey.cli.imports.apps import moving
from valetkey.server.model.client import Client
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant
from valetkey.server.model.receipt import Receipt

SECRET = "a secret of the app, as long as it likes"
HASHED = django_hash(SECRET)
LATER, BEFORE = "2099-01-01T00:00:00Z", "2001-01-01T00:00:00Z"


def user(pk: int, name: str) -> dict[str, Any]:
    return {"model": "auth.user", "pk": pk, "fields": {"username": name, "password": HASH}}


def app(pk: int = 1, **fields: Any) -> dict[str, Any]:
    whole = {
        "client_id": "chirper",
        "user": None,
        "redirect_uris": "https://chirper.example/cb https://chirper.example/other",
        "post_logout_redirect_uris": "https://chirper.example/",
        "client_type": "confidential",
        "authorization_grant_type": "authorization-code",
        "client_secret": HASHED,
        "hash_client_secret": True,
        "name": "Chirper",
        "skip_authorization": False,
        "algorithm": "RS256",
        "allowed_origins": "",
    }
    fields = {name: one for name, one in (whole | fields).items() if one is not ...}
    return {"model": "oauth2_provider.application", "pk": pk, "fields": fields}


def token(pk: int, of: Any, scope: str = "chirps.read", **fields: Any) -> dict[str, Any]:
    whole = {
        "user": of,
        "application": 1,
        "token": f"access{pk}",
        "scope": scope,
        "expires": LATER,
        "created": "2024-05-06T07:08:09Z",
    }
    return {"model": "oauth2_provider.accesstoken", "pk": pk, "fields": whole | fields}


def refresh(of: int, **fields: Any) -> dict[str, Any]:
    whole = {"user": 1, "token": f"refresh{of}", "access_token": of, "revoked": None}
    return {"model": "oauth2_provider.refreshtoken", "pk": of, "fields": whole | fields}


@pytest.fixture
def furnished(line: Line) -> Line:
    line.furnish()
    return line


def report(line: Line, *records: Any, words: tuple[str, ...] = (), status: int = 0) -> Any:
    path = line.folder / "dump.json"
    path.write_text(json.dumps(records))
    result = line.run("import", "dot", str(path), *words, "--json")
    assert result.exit_code == status, result.output
    for secret in (SECRET, HASHED, HASH):
        assert secret not in result.output
    return msgspec.json.decode(result.stdout)


def client(line: Line, name: str = "chirper") -> Client:
    return next(one for one in line.every(Client) if one.id == name)


def grants(line: Line, name: str = "chirper") -> list[Grant]:
    return [one for one in line.every(Grant) if one.client == name]


WHOLE = (user(7, "pilo"), app(), token(1, 7), token(2, 7, "chirps.write gone"))


def test_an_app_comes_with_its_hash_its_addresses_and_its_scopes(furnished: Line) -> None:
    done = report(furnished, *WHOLE)
    assert (done["users"]["added"], done["apps"]["added"], done["grants"]["added"]) == (1, 1, 1)
    assert done["apps"]["not_imported"] == {"the scope 'gone'": 1}
    one = client(furnished)
    assert one.redirect_uris == ("https://chirper.example/cb", "https://chirper.example/other")
    assert one.post_logout_redirect_uris == ("https://chirper.example/",)
    assert (one.name, one.auth_method) == ("Chirper", "client_secret_basic")
    assert one.grant_types == ("authorization_code", "refresh_token")
    assert set(one.scope) == {"chirps.read", "chirps.write"}
    assert one.secrets[0].digest.startswith("$pbkdf2-sha256$i=1000$")
    assert not one.verified


def test_consents_to_an_app_become_one_grant_of_what_the_catalog_has(furnished: Line) -> None:
    report(furnished, *WHOLE)
    (grant,) = grants(furnished)
    assert grant.permissions == ("chirps.read", "chirps.write")
    assert grant.created == 1714979289
    assert grant.status == "active"
    # Nobody has seen a consent page here, so there is no receipt of one.
    assert not furnished.every(Receipt)
    (event,) = [one for one in furnished.every(Event) if one.grant == grant.id]
    assert (event.kind, event.by, event.note) == ("granted", "administrator", "imported")


def test_again_it_changes_nothing(furnished: Line) -> None:
    report(furnished, *WHOLE)
    before = (furnished.every(Client), furnished.every(Grant), furnished.every(Event))
    done = report(furnished, *WHOLE)
    for noun in ("users", "apps", "grants"):
        assert (done[noun]["added"], done[noun]["unchanged"]) == (0, 1), noun
    assert (furnished.every(Client), furnished.every(Grant), furnished.every(Event)) == before


def test_a_dry_run_says_the_same_and_writes_nothing(furnished: Line) -> None:
    before = (furnished.every(Client), furnished.every(Grant))
    preview = report(furnished, *WHOLE, words=("--dry-run",))
    assert (furnished.every(Client), furnished.every(Grant)) == before
    done = report(furnished, *WHOLE)
    assert {**preview, "dry_run": False} == done


@pytest.mark.parametrize(
    "tokens, permissions",
    [
        row("import", "living", [token(1, 7)], ("chirps.read",)),
        row("import", "expired", [token(1, 7, expires=BEFORE)], None),
        row(
            "import",
            "can be refreshed",
            [token(1, 7, expires=BEFORE), refresh(1)],
            ("chirps.read",),
        ),
        row(
            "import",
            "refresh token revoked",
            [token(1, 7, expires=BEFORE), refresh(1, revoked=BEFORE)],
            None,
        ),
        row("import", "of a client, not a user", [token(1, None)], None),
        row(
            "import",
            "a set of permissions",
            [token(1, 7, "chirps")],
            ("chirps.read", "chirps.write"),
        ),
        row("import", "a name that is another one here", [token(1, 7, "read")], ("photos.read",)),
        row("import", "a natural key", [token(1, ["pilo"])], ("chirps.read",)),
    ],
)
def test_which_tokens_are_a_consent(
    tokens: list[Any], permissions: tuple[str, ...] | None, furnished: Line
) -> None:
    words = ("--scope", "read=photos.read")
    report(furnished, user(7, "pilo"), app(), *tokens, words=words)
    got = [one.permissions for one in grants(furnished)]
    assert got == ([] if permissions is None else [permissions])


@pytest.mark.parametrize(
    "fields, field, why",
    [
        row(
            "import",
            "a wildcard",
            {"redirect_uris": "https://*.example/"},
            "redirect_uris",
            "wildcard",
        ),
        row(
            "import", "plain http", {"redirect_uris": "http://a.example/"}, "redirect_uris", "https"
        ),
        row("import", "a script", {"redirect_uris": "javascript:alert(1)"}, "redirect_uris", ""),
        row("import", "no address", {"redirect_uris": ""}, "redirect_uris", "at least one"),
        row(
            "import",
            "one bad of two",
            {"redirect_uris": "https://a.example/ ftp://b"},
            "redirect_uris",
            "",
        ),
        row(
            "import",
            "implicit",
            {"authorization_grant_type": "implicit"},
            "authorization_grant_type",
            "",
        ),
        row(
            "import",
            "password",
            {"authorization_grant_type": "password"},
            "authorization_grant_type",
            "",
        ),
        row("import", "an id with a space", {"client_id": "a b"}, "id", ""),
        row("import", "no id", {"client_id": ...}, "client_id", "missing"),
        row("import", "a number as id", {"client_id": 7}, "client_id", "expected"),
        row("import", "no hash", {"client_secret": "secret"}, "client_secret", "known form"),
        row("import", "no secret", {"client_secret": ""}, "client_secret", ""),
        row(
            "import",
            "an absurd cost",
            {"client_secret": HASHED.replace("$1000$", "$999999999$")},
            "client_secret",
            "too costly",
        ),
        row(
            "import",
            "an absurd cost, unmarked",
            {"client_secret": HASHED.replace("$1000$", "$999999999$"), "hash_client_secret": ...},
            "client_secret",
            "too costly",
        ),
        row(
            "import",
            "too cheap",
            {"client_secret": HASHED.replace("$1000$", "$1$")},
            "client_secret",
            "",
        ),
        row("import", "an escape", {"name": "\x1b[2J"}, "name", ""),
    ],
)
def test_what_is_wrong_with_an_app_is_named_and_the_rest_goes_on(
    fields: dict[str, Any], field: str, why: str, furnished: Line
) -> None:
    before = len(furnished.every(Client))
    other = app(2, client_id="other")
    done = report(furnished, app(1, **fields), other, token(9, 7, application=2), status=1)
    (refusal,) = done["apps"]["refusals"]
    assert refusal["place"] == "[1]"
    assert refusal["field"] == field
    assert why in refusal["why"]
    assert done["apps"]["added"] == 1
    assert len(furnished.every(Client)) == before + 1


def test_it_stops_at_the_first_mistake_if_asked(furnished: Line) -> None:
    bad = app(1, redirect_uris="http://a.example/")
    words = ("--on-error", "stop", "--allow-scope", "openid")
    done = report(furnished, bad, app(2, client_id="other"), words=words, status=1)
    assert (done["apps"]["refused"], done["apps"]["added"]) == (1, 0)


def test_an_app_without_any_scope_is_refused_unless_one_is_allowed(furnished: Line) -> None:
    done = report(furnished, app(), status=1)
    assert done["apps"]["refusals"][0]["field"] == "scope"
    report(furnished, app(), words=("--allow-scope", "openid chirps"))
    assert client(furnished).scope == ("openid", "chirps")


def test_other_addresses_may_be_given(furnished: Line) -> None:
    words = ("--allow-scope", "openid", "--redirect-uri", "chirper=https://chirper.example/new")
    report(furnished, app(redirect_uris="https://*.chirper.example/cb"), words=words)
    assert client(furnished).redirect_uris == ("https://chirper.example/new",)


@pytest.mark.parametrize(
    "on_existing, verdict, secret_too",
    [
        row("import", "by default", "skip", "kept", False),
        row("import", "update", "update", "changed", False),
        row("import", "replace", "replace", "changed", True),
        row("import", "fail", "fail", "refused", False),
    ],
)
def test_an_app_that_exists_keeps_its_secret_and_its_addresses_unless_replaced(
    on_existing: str, verdict: str, secret_too: bool, furnished: Line
) -> None:
    report(furnished, *WHOLE)
    before = client(furnished)
    changed = app(
        redirect_uris="https://evil.example/",
        name="Changed",
        client_secret=django_hash("another secret"),
    )
    words = ("--on-existing", on_existing)
    done = report(
        furnished, WHOLE[0], changed, *WHOLE[2:], words=words, status=int(verdict == "refused")
    )
    after = client(furnished)
    assert done["apps"][verdict] == 1
    assert (after.secrets != before.secrets) is secret_too
    assert (after.redirect_uris != before.redirect_uris) is secret_too
    assert (after.name == "Changed") is (verdict == "changed")


def test_a_grant_that_was_removed_here_never_comes_back(furnished: Line) -> None:
    report(furnished, *WHOLE)
    (grant,) = grants(furnished)
    furnished.ok("grant", "stop", grant.id, "--yes")
    done = report(furnished, *WHOLE)
    assert (done["grants"]["added"], done["grants"]["kept"]) == (0, 1)
    assert [one.status for one in grants(furnished)] == ["stopped"]


def test_a_grant_is_never_widened(furnished: Line) -> None:
    words = ("--allow-scope", "chirps")
    less = (user(7, "pilo"), app(), token(1, 7))
    report(furnished, *less, words=words)
    done = report(furnished, *less, token(2, 7, "chirps.write"), words=words)
    assert (done["grants"]["added"], done["grants"]["kept"]) == (0, 1)
    (grant,) = grants(furnished)
    assert grant.permissions == ("chirps.read",)


def test_a_consent_of_nobody_or_to_nothing_is_refused(furnished: Line) -> None:
    done = report(furnished, app(), token(1, 99), token(2, 7, application=5), status=1)
    whys = {(one["field"], one["why"]) for one in done["grants"]["refusals"]}
    assert whys == {("user", "is not here"), ("client", "there is no app '5' here")}
    assert not grants(furnished)


def test_no_scope_of_administrators_is_granted(furnished: Line) -> None:
    scope = "chirps.read admin.users.read admin:users"
    report(furnished, user(7, "pilo"), app(), token(1, 7, scope))
    assert client(furnished).scope == ("chirps.read",)
    assert grants(furnished)[0].permissions == ("chirps.read",)


@pytest.mark.parametrize(
    "hashed", [row("import", "hashed", True), row("import", "in the clear", False)]
)
def test_the_app_goes_on_with_its_own_secret(hashed: bool, furnished: Line) -> None:
    machine = app(
        authorization_grant_type="client-credentials",
        redirect_uris="",
        post_logout_redirect_uris="",
        hash_client_secret=hashed,
        client_secret=HASHED if hashed else SECRET,
    )
    report(furnished, machine, words=("--allow-scope", "chirps.read"))
    server = Live(furnished.database)
    server.start(furnished=False)
    form = {"grant_type": "client_credentials"}
    try:
        for _ in range(2):
            assert server.http.post("/token", data=form, auth=("chirper", "x")).status_code == 401
            right = server.http.post("/token", data=form, auth=("chirper", SECRET))
            assert right.status_code == 200, right.text
        assert server.http.post("/token", data=form, auth=("chirper", HASHED)).status_code == 401
    finally:
        server.stop()
    # From the first use on it is a MAC, and not slow.
    (kept,) = client(furnished).secrets
    assert kept.digest.startswith("$hmac-sha256$") is hashed
    done = report(furnished, machine, words=("--allow-scope", "chirps.read"))
    assert done["apps"]["unchanged"] == 1


def test_a_broken_file_says_so(furnished: Line) -> None:
    path = write(furnished, "half.json", '[{"model": "auth.user"')
    result = furnished.run("import", "dot", path)
    assert result.exit_code == 1
    assert "half.json" in result.stderr
    assert "Traceback" not in result.output


def test_an_interrupted_move_goes_on_where_it_stopped(
    furnished: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [user(n, f"p{n}") for n in range(10, 15)]
    records = (*people, app(), *(token(n, n) for n in range(10, 15)))
    write_grants, batches = moving.Move._write_grants, []

    async def interrupted(move: Any, store: Any, batch: Any) -> bool:
        batches.append(len(batch))
        if len(batches) == 2:
            raise KeyboardInterrupt
        return await write_grants(move, store, batch)

    monkeypatch.setattr(moving, "BATCH", 2)
    monkeypatch.setattr(moving.Move, "_write_grants", interrupted)
    done = report(furnished, *records, status=1)
    assert (done["grants"]["added"], len(grants(furnished))) == (2, 2)
    done = report(furnished, *records)
    assert (done["grants"]["added"], done["grants"]["unchanged"]) == (3, 2)
    assert len(grants(furnished)) == 5
    assert batches == [2, 2, 2, 2, 1]


def test_what_was_written_although_its_answer_was_lost_is_counted_once(
    furnished: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_answers(monkeypatch)
    done = report(furnished, *WHOLE)
    assert [done[one]["added"] for one in ("users", "apps", "grants")] == [1, 1, 1]
    assert (client(furnished).id, len(grants(furnished))) == ("chirper", 1)
    again = report(furnished, *WHOLE)
    assert [again[one].get("added", 0) for one in ("users", "apps", "grants")] == [0, 0, 0]
