"""`valetkey client`."""

import json
from pathlib import Path

import msgspec
import pytest
from tests.cli.line import Line
from tests.installation import CLIENTS
from tests.rows import row
from tests.server.oauth.clients.apps import MINE, jwks

from valetkey.cli.apps.client_options import HELP, option_of
from valetkey.cli.clients import add
from valetkey.cli.declaration import TABLES
from valetkey.jose.seal import digest
from valetkey.server.model.client import Client, Suspension
from valetkey.server.model.event import Event
from valetkey.server.model.pending import Pending
from valetkey.wire import opaque

NATIVE = (
    "client", "add", "--id", "stefapp", "--name", "stefApp", "--public",
    "--redirect-uri", "http://127.0.0.1/callback", "--scope", "openid profile",
)  # fmt: skip


def kept(line: Line) -> Client:
    (client,) = line.every(Client)
    return client


def test_a_public_client(line: Line) -> None:
    more = ("--required", "openid", "--reason", "profile=To greet you = a bit.")
    assert line.ok(*NATIVE, *more) == "client_id  stefapp\n"
    client = kept(line)
    assert client.created > 1_700_000_000
    assert client == Client(
        id="stefapp",
        name="stefApp",
        redirect_uris=("http://127.0.0.1/callback",),
        scope=("openid", "profile"),
        required=("openid",),
        reasons={"profile": "To greet you = a bit."},
        created=client.created,
        version=1,
    )


def test_a_confidential_client_gets_a_secret_once(line: Line) -> None:
    words = ("client", "add", "--id", "web", "--redirect-uri", "https://a.example/cb")
    result = line.run(*words, "--scope", "openid", "--auth-method", "client_secret_post")
    assert result.exit_code == 0, result.output
    name, secret = (part.split() for part in result.stdout.splitlines())
    assert name == ["client_id", "web"]
    assert secret[0] == "client_secret"
    assert len(opaque.read("cs", secret[1])) == 32
    assert "displayed only once" in result.stderr
    client = kept(line)
    assert client.auth_method == "client_secret_post"
    assert [one.digest for one in client.secrets] == [digest(secret[1])]
    assert secret[1].encode() not in line.database.read_bytes()
    for look in (("client", "list"), ("client", "show", "web")):
        for shown in (line.ok(*look), line.ok(*look, "--json")):
            assert secret[1] not in shown
            assert client.secrets[0].digest not in shown


def test_a_client_without_redirects_acts_for_itself(line: Line) -> None:
    line.furnish()
    answer = line.json("client", "add", "--id", "robot", "--scope", "chirps.read")
    assert answer["client_id"] == "robot"
    assert opaque.read("cs", answer["client_secret"])
    shown = line.json("client", "show", "robot")
    assert shown["grant_types"] == ["client_credentials"]
    assert shown["auth_method"] == "client_secret_basic"
    assert shown["name"] == "robot"


ROBOT = ("client", "add", "--id", "robot", "--scope", "chirps.read")


def test_a_client_that_signs_gets_no_secret(line: Line) -> None:
    line.furnish()
    keys = jwks(MINE)
    (line.folder / "robot.json").write_text(json.dumps(keys))
    by_key = ("--auth-method", "private_key_jwt")
    answer = line.json(*ROBOT, *by_key, "--jwks-file", "robot.json")
    assert answer == {"client_id": "robot"}
    assert line.json("client", "show", "robot")["jwks"] == keys
    other = line.json(*ROBOT[:3], "other", *ROBOT[4:], *by_key, "--jwks-uri", "https://a.example/k")
    assert other == {"client_id": "other"}


@pytest.mark.parametrize("text", ["[]", "{", '{"keys": 1, "keys": 2}'])
def test_a_file_of_keys_that_is_none(line: Line, text: str) -> None:
    line.furnish()
    (line.folder / "robot.json").write_text(text)
    words = ("--auth-method", "private_key_jwt", "--jwks-file")
    assert "--jwks-file: robot.json: " in line.fails(*ROBOT, *words, "robot.json", status=2)
    assert "--jwks-file: none.json: cannot be" in line.fails(*ROBOT, *words, "none.json", status=2)


WRONG = [
    row("name", "taken", ("--id", "stefapp"), "client stefapp: there is one of that name already"),
    row("scope", "unknown", ("--scope", "x"), "scope: 'x' is in no catalog"),
    row("redirect", "http", ("--redirect-uri", "http://a.b/"), "'http://a.b/' must use https, or"),
    row("policy", "unknown", ("--policy", "x"), "policy: there is no policy 'x'"),
    row("A24", "password grant", ("--grant-type", "password"), "'password' is not offered here"),
]


@pytest.mark.parametrize("words,said", WRONG)
def test_a_mistake_is_said_and_nothing_is_written(
    line: Line, words: tuple[str, ...], said: str
) -> None:
    line.furnish()
    before = line.every(Client)
    told = line.fails(*NATIVE[:2], "--id", "new", *NATIVE[4:], *words, status=2)
    assert "nothing was changed:\n  - client " in told
    assert said in told
    assert line.every(Client) == before


def test_a_public_client_has_no_method(line: Line) -> None:
    told = line.fails(*NATIVE, "--auth-method", "client_secret_post", status=2)
    assert "a public client does not authenticate" in told


WHOLE = """
[[client]]
id = "whole"
name = "Whole"
auth_method = "private_key_jwt"
jwks_uri = "https://whole.example/keys"
redirect_uris = ["https://whole.example/cb", "https://whole.example/other"]
post_logout_redirect_uris = ["https://whole.example/bye"]
grant_types = ["authorization_code", "refresh_token", "client_credentials"]
scope = "openid chirps.write chirps.read"
required = ["chirps.read"]
reasons = { "chirps.write" = "To post." }
limits = { permissions = { "chirps.write" = { often = { day = 10 } } } }
uri = "https://whole.example"
logo_uri = "https://whole.example/logo.png"
policy_uri = "https://whole.example/privacy"
tos_uri = "https://whole.example/terms"
software_id = "whole"
software_version = "1"
default_max_age = 0
dpop_bound_access_tokens = true
frontchannel_logout_uri = "https://whole.example/gone"
understands = ["grant_management", "shared_signals"]
verified = false
"""

WHOLE_LINE = (
    "client", "add", "--id", "whole", "--name", "Whole", "--auth-method", "private_key_jwt",
    "--jwks-uri", "https://whole.example/keys",
    "--redirect-uri", "https://whole.example/cb", "--redirect-uri", "https://whole.example/other",
    "--post-logout-redirect-uri", "https://whole.example/bye",
    "--grant-type", "authorization_code", "--grant-type", "refresh_token",
    "--grant-type", "client_credentials", "--scope", "openid chirps.write chirps.read",
    "--required", "chirps.read", "--reason", "chirps.write=To post.",
    "--limits", '{"permissions": {"chirps.write": {"often": {"day": 10}}}}',
    "--uri", "https://whole.example", "--logo-uri", "https://whole.example/logo.png",
    "--policy-uri", "https://whole.example/privacy", "--tos-uri", "https://whole.example/terms",
    "--software-id", "whole", "--software-version", "1", "--default-max-age", "0",
    "--dpop-bound-access-tokens", "--frontchannel-logout-uri", "https://whole.example/gone",
    "--understands", "grant_management", "--understands", "shared_signals", "--unverified",
)  # fmt: skip


def test_add_and_apply_make_the_same_client(line: Line) -> None:
    line.furnish()
    line.ok(*WHOLE_LINE)
    added = {one.id: one for one in line.every(Client)}["whole"]
    line.ok("client", "remove", "whole", "--yes")
    (line.folder / "state.toml").write_text(WHOLE)
    line.ok("apply", "-f", "state.toml")
    applied = {one.id: one for one in line.every(Client)}["whole"]
    assert msgspec.structs.replace(added, created=applied.created) == applied


def test_each_field_that_apply_takes_has_an_option() -> None:
    given = {name: one for one in add.params for name in one.opts}
    table = TABLES["client"]
    for field in (*table.fields, *table.also):
        assert given[option_of(field)].name == field
    assert set(HELP) == {*table.fields, *table.also}


def test_a_secret_that_it_has_already(line: Line) -> None:
    line.furnish()
    words = ("client", "add", "--id", "old", "--redirect-uri", "https://old.example/cb")
    kept = digest("a secret that it has had for years")
    answer = line.json(*words, "--scope", "openid", "--secret-sha256", kept)
    assert answer == {"client_id": "old"}
    client = {one.id: one for one in line.every(Client)}["old"]
    assert [one.digest for one in client.secrets] == [kept]


MALFORMED = [
    row("json", "cut", ("--limits", "{"), "--limits: is not JSON"),
    row("json", "of another type", ("--exchange", "[]"), "--exchange: expected object"),
    row("json", "a number", ("--default-max-age", "-1"), "--default-max-age: expected int >= 0"),
    row("secret", "no digest", ("--secret-sha256", "x"), "--secret_sha256: is no SHA-256"),
    row("shards", "no number", ("--key-shards", "two of a b"), "--key-shards 'two of a b': begin"),
]


@pytest.mark.parametrize("words,said", MALFORMED)
def test_an_option_that_cannot_be_read(line: Line, words: tuple[str, ...], said: str) -> None:
    line.furnish()
    before = line.every(Client)
    assert said.replace("_", "-") in line.fails(*WHOLE_LINE, *words, status=2)
    assert line.every(Client) == before


def test_list_and_show(line: Line) -> None:
    line.furnish()
    text = line.ok("client", "list")
    everybody = sorted(client.id for client in CLIENTS)
    assert [words.split()[0] for words in text.splitlines()] == ["id", *everybody]
    listed = {one["id"]: one for one in line.json("client", "list")}
    assert listed["web"] == line.json("client", "show", "web")
    assert listed["web"]["secrets"] == [{"created": 0, "until": 0}]
    text = line.ok("client", "show", "stefapp")
    assert "chirps.write: To post what you write here." in text
    assert "http://127.0.0.1/callback com.example.stefapp:/callback" in text


@pytest.mark.parametrize("verb", ["show", "remove"])
def test_nobody(line: Line, verb: str) -> None:
    line.furnish()
    words = ("--yes",) if verb == "remove" else ()
    told = line.fails("client", verb, "nobody", *words, status=1)
    assert "there is no client 'nobody'" in told


def test_remove_asks_first(line: Line) -> None:
    line.furnish()
    told = line.fails("client", "remove", "spa", status=2)
    assert "Without a terminal, confirm with --yes" in told
    assert len(line.every(Client)) == len(CLIENTS)
    assert line.ok("client", "remove", "spa", "--yes") == "removed spa\n"
    assert line.json("client", "remove", "web", "--yes") == {"removed": "web", "stopped": 0}
    left = {client.id for client in CLIENTS} - {"spa", "web"}
    assert {one.id for one in line.every(Client)} == left


def test_an_invitation(line: Line) -> None:
    line.furnish()
    told = line.json("client", "invite", "--uses", "3", "--days", "2", "--scope", "openid")
    token = told["initial_access_token"]
    assert opaque.read("iat", token)
    (kept,) = line.every(Pending)
    assert kept.parameters == {"policy": "default", "scope": "openid", "uses": "3"}
    assert kept.expires == told["expires"]
    assert token not in repr(kept)


@pytest.mark.parametrize(
    "words", [("--scope", "x"), ("--policy", "x"), ("--uses", "0"), ("--days", "366")]
)
def test_an_invitation_to_what_is_not_there(line: Line, words: tuple[str, ...]) -> None:
    line.furnish()
    line.fails("client", "invite", *words, status=2)
    assert line.every(Pending) == ()


def test_a_shared_secret_is_sealed_and_shown_once(line: Line) -> None:
    """OpenID Connect Core 9: client_secret_jwt."""
    words = ("client", "add", "--id", "web", "--redirect-uri", "https://a.example/cb")
    more = ("--scope", "openid", "--auth-method", "client_secret_jwt")
    assert "is not offered here" in line.fails(*words, *more, status=2)
    result = line.run(*words, *more, VALETKEY_ENABLE="client_secret_jwt")
    assert result.exit_code == 0, result.output
    secret = result.stdout.split()[-1]
    assert "it is stored sealed" in result.stderr
    (one,) = kept(line).secrets
    assert one.digest == digest(secret)
    assert len(one.sealed) > len(secret)
    assert secret.encode() not in line.database.read_bytes()
    for look in (("client", "list"), ("client", "show", "web")):
        for shown in (line.ok(*look), line.ok(*look, "--json")):
            assert secret not in shown
            assert "sealed" not in shown


def test_suspend_says_why_and_restore_brings_it_back(line: Line) -> None:
    line.ok(*NATIVE)
    assert line.ok("client", "suspend", "stefapp", "--reason", "spam") == "suspended stefapp\n"
    assert (kept(line).status, kept(line).suspension) == (
        "suspended",
        Suspension(since=line.every(Event)[-1].at, reason="spam"),
    )
    line.ok("client", "suspend", "stefapp")
    assert line.json("client", "suspend", "stefapp", "--reason", "worse") == {
        "client_id": "stefapp",
        "status": "suspended",
    }
    assert "worse" in line.ok("client", "show", "stefapp")
    assert line.ok("client", "restore", "stefapp", "--reason", "mended") == "restored stefapp\n"
    assert (kept(line).status, kept(line).suspension) == ("active", None)
    line.ok("client", "restore", "stefapp")
    history = [(one.kind, one.client, one.by, one.reason) for one in line.every(Event)]
    assert history == [
        ("app-suspended", "stefapp", "administrator", "spam"),
        ("app-suspended", "stefapp", "administrator", "worse"),
        ("app-restored", "stefapp", "administrator", "mended"),
    ]
    assert "there is no client" in line.fails("client", "suspend", "nobody", status=1)
    assert "--reason" in line.fails("client", "suspend", "stefapp", "--reason", "a\nb", status=2)


def test_a_declaration_that_says_nothing_of_it_restores_no_app(line: Line) -> None:
    state = Path("state.toml")
    state.write_text(
        '[[client]]\nid = "web"\nname = "Web"\nscope = ["openid"]\n'
        'redirect_uris = ["https://a.example/cb"]\n'
    )
    line.ok("apply", "-f", str(state))
    line.ok("client", "suspend", "web", "--reason", "spam")
    state.write_text(state.read_text() + 'uri = "https://a.example"\n')
    line.ok("apply", "-f", str(state))
    assert (kept(line).uri, kept(line).status) == ("https://a.example", "suspended")
    state.write_text(state.read_text() + 'status = "active"\n')
    line.ok("apply", "-f", str(state))
    assert (kept(line).status, kept(line).suspension) == ("active", None)
