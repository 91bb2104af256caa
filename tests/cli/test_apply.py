"""`valetkey apply`: applies the state that a file declares."""

import textwrap
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from tests.cli.line import Line
from tests.installation import CHIRP_CATALOG
from tests.rows import row

from valetkey.jose.seal import digest
from valetkey.server.accounts import password
from valetkey.server.accounts.sign_in import MARKER
from valetkey.server.model.change import Update
from valetkey.server.model.client import Client
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.keys import Secret
from valetkey.server.model.policy import Policy
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.user import User, with_rehashed_password

SECRET = "vk_cs_a_secret_of_the_machine_that_is_long"
API_SECRET = "another_secret_that_has_more_than_32_characters"
WORD = "correct horse battery"

WHOLE = """
[[policy]]
name = "oidc"
pkce = "optional"
access_token = 120

[[resource_server]]
id = "notes"
secret_env = "NOTES_SECRET"

[resource_server.catalog]
resource = "https://notes.example"
name = "Notes"
permissions = [
    { id = "notes.read", can = "read your notes" },
    { id = "notes.write", can = "change your notes", risk = "medium" },
]

[[resource_server]]
id = "chirp"
catalog_file = "apis/chirp.json"
secret_sha256 = "%s"

[[client]]
id = "stefapp"
name = "stefApp"
redirect_uris = ["http://127.0.0.1/callback"]
scope = "openid chirps notes.read"
required = ["chirps.read"]
reasons = { "chirps.write" = "To post." }
policy = "oidc"

[[client]]
id = "machine"
auth_method = "client_secret_basic"
grant_types = ["client_credentials"]
scope = ["notes.read"]
secret_file = "machine.secret"

[[user]]
username = "miko"
email = "miko@example.org"
email_verified = true
claims = { name = "Miko" }
password_file = "miko.password"

[[user]]
username = "noor"
password_env = "NOOR_PASSWORD"
""" % digest(API_SECRET)  # noqa: UP031

ENVIRON = {"NOTES_SECRET": API_SECRET, "NOOR_PASSWORD": WORD + "!"}


def write(line: Line, text: str = WHOLE) -> None:
    """A folder of declared state, which is not the working directory."""
    state = line.folder / "state"
    (state / "apis").mkdir(parents=True, exist_ok=True)
    (state / "all.toml").write_text(textwrap.dedent(text))
    (state / "apis" / "chirp.json").write_bytes(msgspec.json.encode(CHIRP_CATALOG))
    (state / "machine.secret").write_text(SECRET + "\n")
    (state / "miko.password").write_text(WORD + "\n")


APPLY = ("apply", "-f", "state/all.toml")


def every(line: Line) -> list[tuple[object, ...]]:
    return [line.every(kind) for kind in (Policy, ResourceServer, Client, User)]


def test_everything_from_nothing(line: Line) -> None:
    write(line)
    text = line.ok(*APPLY, **ENVIRON)
    assert text.splitlines()[-1] == "7 added, 0 changed, 0 unchanged"
    assert [words for words in text.splitlines() if words.startswith("+")] == [
        "+ policy oidc",
        "+ resource_server notes",
        "+ resource_server chirp",
        "+ client stefapp",
        "+ client machine",
        "+ user miko",
        "+ user noor",
    ]
    (policy,) = line.every(Policy)
    assert (policy.pkce, policy.access_token) == ("optional", 120)
    chirp, notes = line.every(ResourceServer)
    assert chirp.catalog == CHIRP_CATALOG
    assert [one.secrets[0].digest for one in (chirp, notes)] == [digest(API_SECRET)] * 2
    assert notes.catalog.permissions[1].risk == "medium"
    machine, native = line.every(Client)
    assert machine.secrets[0].digest == digest(SECRET)
    assert native.scope == ("openid", "chirps", "notes.read")
    assert native.reasons == {"chirps.write": "To post."}
    users = {one.username: one for one in line.every(User)}
    assert password.fits(Secret(WORD), users["miko"].password)
    assert password.fits(Secret(WORD + "!"), users["noor"].password)
    assert users["miko"].claims == {"name": "Miko"}


def test_again_it_changes_nothing(line: Line) -> None:
    """Not even a password or a secret, which are kept in a form that differs each time."""
    write(line)
    line.ok(*APPLY, **ENVIRON)
    before = every(line)
    text = line.ok(*APPLY, **ENVIRON)
    assert text.splitlines()[-1] == "0 added, 0 changed, 7 unchanged"
    assert every(line) == before


def test_a_dry_run_shows_all_and_writes_nothing(line: Line) -> None:
    write(line)
    text = line.ok(*APPLY, "--dry-run", **ENVIRON)
    assert text.splitlines()[-1] == "7 added, 0 changed, 0 unchanged; nothing was written"
    assert not line.database.exists()
    line.ok(*APPLY, **ENVIRON)
    before = every(line)
    changed = WHOLE.replace('"stefApp"', '"Stef"').replace("read your notes", "see your notes")
    write(line, changed)
    text = line.ok(*APPLY, "--dry-run", **ENVIRON)
    assert '    name: "stefApp" -> "Stef"' in text
    assert '    catalog.permissions.notes.read.can: "read your notes" -> "see your notes"' in text
    assert text.splitlines()[-1] == "0 added, 2 changed, 5 unchanged; nothing was written"
    assert every(line) == before
    line.ok(*APPLY, **ENVIRON)
    assert line.json("client", "show", "stefapp")["name"] == "Stef"


def test_a_new_password_and_a_new_secret_are_kept_and_not_shown(line: Line) -> None:
    write(line)
    line.ok(*APPLY, **ENVIRON)
    (line.folder / "state" / "miko.password").write_text("another horse entirely")
    (line.folder / "state" / "machine.secret").write_text("n" * 40)
    text = line.ok(*APPLY, **ENVIRON)
    assert '    password: "(secret)" -> "(secret)"' in text
    assert '    secrets: "(secret)" -> "(secret)"' in text
    assert "horse" not in text
    assert "n" * 40 not in text
    miko = next(one for one in line.every(User) if one.username == "miko")
    assert password.fits(Secret("another horse entirely"), miko.password)
    machine = next(one for one in line.every(Client) if one.id == "machine")
    assert [one.digest for one in machine.secrets] == [digest("n" * 40)]


def test_what_the_file_does_not_name_is_not_touched(line: Line) -> None:
    """Neither another record, nor another field of a record that it names."""
    line.furnish()
    before = every(line)
    write(line, '[[client]]\nid = "stefapp"\nuri = "https://new.example"\n')
    assert line.ok(*APPLY) == (
        "~ client stefapp\n"
        '    uri: "https://stef.example" -> "https://new.example"\n'
        "0 added, 1 changed, 0 unchanged\n"
    )
    after = every(line)
    assert [before[at] == after[at] for at in range(4)] == [True, True, False, True]
    changed = [(old, new) for old, new in zip(before[2], after[2], strict=True) if old != new]
    ((old, new),) = changed
    assert isinstance(old, Client)
    assert new == msgspec.structs.replace(old, uri="https://new.example", version=2)


def test_a_kept_hash_may_stand_in_the_file(line: Line) -> None:
    kept = password.hash_password(Secret(WORD), salt=bytes(16))
    write(line, f'[[user]]\nusername = "miko"\npassword_hash = "{kept}"\n')
    line.ok(*APPLY)
    assert line.every(User)[0].password == kept
    assert line.ok(*APPLY).endswith("0 added, 0 changed, 1 unchanged\n")


def _imported(word: str, *, memory: int = 7168, passes: int = 5, salt: int = 16) -> str:
    argon2 = Argon2id(salt=bytes(salt), length=32, iterations=passes, lanes=1, memory_cost=memory)
    return argon2.derive_phc_encoded(word.encode())


def test_a_hash_that_was_kept_anew_since_is_no_change(line: Line) -> None:
    kept = _imported(WORD)
    write(line, f'[[user]]\nusername = "miko"\npassword_hash = "{kept}"\n')
    line.ok(*APPLY)
    assert [one.key for one in line.every(SingleUse)] == [MARKER.key]
    (user,) = line.every(User)
    renewed = with_rehashed_password(user, password.hash_password(Secret(WORD), salt=bytes(16)))
    line.store(lambda store: store.commit([Update(renewed)]))
    assert line.ok(*APPLY).endswith("0 added, 0 changed, 1 unchanged\n")
    write(line, f'[[user]]\nusername = "miko"\npassword_hash = "{_imported("another")}"\n')
    assert "0 added, 1 changed, 0 unchanged" in line.ok(*APPLY)
    assert line.every(User)[0].password == _imported("another")


HASH = "$argon2id$v=19$m={m},t={t},p={p}${salt}${hash}"
PARTS = {"m": 19456, "t": 2, "p": 1, "salt": "A" * 22, "hash": "A" * 43}
HASHES = [
    row("A71", "ours", {}, ""),
    row("A71", "OWASP's cheapest", {"m": 7168, "t": 5}, ""),
    row("A71", "argon2-cffi's", {"m": 65536, "t": 3, "p": 4}, ""),
    row("A71", "PHP's", {"m": 65536, "t": 4}, ""),
    row("A71", "little memory", {"m": 4096, "t": 50}, "has less than m=7168"),
    row("A71", "one pass too few", {"m": 7168, "t": 4}, "is too weak"),
    row("A71", "no memory to speak of", {"m": 8, "t": 1}, "has less than m=7168"),
    row("A71", "no pass", {"t": 0}, "has less than"),
    row("A71", "a whole gigabyte", {"m": 1048576, "t": 1}, "is too costly"),
    row("A71", "too many lanes", {"p": 17}, "has more than p=16"),
    row("A71", "a short salt", {"salt": "A" * 8}, "has a salt of less than 8 bytes"),
    row("A71", "a short hash", {"hash": "A" * 20}, "has a hash of less than 16 bytes"),
]


@pytest.mark.parametrize("parts,why", HASHES)
def test_a_weak_hash_is_refused(parts: dict[str, Any], why: str, line: Line) -> None:
    kept = HASH.format(**{**PARTS, **parts})
    write(line, f'[[user]]\nusername = "miko"\npassword_hash = "{kept}"\n')
    result = line.run(*APPLY)
    assert (result.exit_code == 0) is not bool(why), result.output
    assert why in result.output
    assert bool(line.every(User)) is not bool(why)


def test_json(line: Line) -> None:
    write(line, '[[policy]]\nname = "a"\npkce = "optional"\n')
    answer = line.json(*APPLY)
    assert answer["dry_run"] is False
    (step,) = answer["steps"]
    assert (step["kind"], step["name"], step["verdict"]) == ("policy", "a", "added")
    assert step["differences"]["pkce"] == {"was": None, "will_be": "optional"}
    assert line.json(*APPLY, "--dry-run") == {
        "dry_run": True,
        "steps": [{"kind": "policy", "name": "a", "verdict": "unchanged", "differences": {}}],
    }


CLIENT = '[[client]]\nid = "a"\nredirect_uris = ["https://a.example/"]\nscope = "openid"\n'
USER = '[[user]]\nusername = "miko"\n'
API = '[[resource_server]]\nid = "notes"\n'
POLICY = '[[policy]]\nname = "p"\n'

MISTAKES = {
    "no TOML": ("[[client]", "is not TOML: "),
    "an unknown table": (
        "[[clients]]\nid = 1",
        "[[clients]]: is unknown here; did you mean",
    ),
    "one where many are": ('client = "x"', "client: begin each one with [[client]]"),
    "a table where many are": ('[client]\nid = "x"', "client: begin each one with [[client]]"),
    "no name": ('[[user]]\nemail = "a@b.c"', "[[user]] 1: username is missing"),
    "a name of another type": ("[[client]]\nid = 3", "[[client]] 1: id is missing"),
    "an unknown field": (
        f'{CLIENT}scopes = ["x"]',
        "[[client]] 1 (a), scopes: is unknown here",
    ),
    "a field of another type": (
        f"{CLIENT}name = 3",
        "1 (a), name: expected str, got int",
    ),
    "a method that is none": (f'{CLIENT}auth_method = "x"', "(a), auth_method: invalid enum value"),
    "a lifetime of nothing": (
        f"{POLICY}access_token = 0",
        "[[policy]] 1 (p), access_token: exp",
    ),
    "a lifetime too long": (
        f"{POLICY}access_token = 3601",
        "1 (p): access_token: at most",
    ),
    "its own rules": (f'{CLIENT}policy = "x"', "[[client]] 1 (a): policy: there is no policy 'x'"),
    "twice": (CLIENT + CLIENT, "[[client]] 2 (a): 'a' stands 2 times"),
    "a secret in the clear": (
        f'{CLIENT}secret = "x"',
        "secret: must not be here in the clear",
    ),
    "a password in the clear": (
        f'{USER}password = "x"',
        "password: must not be here in the clear; use password_file, password_env, password_hash",
    ),
    "no file": (f'{USER}password_file = "no"', "(miko), password_file: no cannot be read: No such"),
    "no variable": (
        f'{USER}password_env = "NO"',
        "password_env: the variable NO is not set",
    ),
    "two ways": (
        f'{USER}password_env = "A"\npassword_file = "b"',
        "[[user]] 1 (miko): password_file, password_env: only one of them",
    ),
    "no hash": (f'{USER}password_hash = "x"', "password_hash: is no password hash of a known form"),
    "a short password": (f'{USER}password_file = "short"', "a password has at least 15 characters"),
    "a short secret": (f'{CLIENT}secret_file = "short"', "a secret has 32 characters or more"),
    "no digest": (
        f'{CLIENT}secret_sha256 = "ABC"',
        "secret_sha256: is no SHA-256 in 64 lower",
    ),
    "a secret that is no text": (f"{CLIENT}secret_env = 3", "secret_env: expected str, got int"),
    "a public client with a secret": (f'{CLIENT}secret_file = "long"', "secrets: a public client"),
    "the data of an account": (f'{USER}email = "x"', "[[user]] 1 (miko): email: is not an address"),
    "an id for a user": (f'{USER}id = "x"', "[[user]] 1 (miko), id: is unknown here"),
    "no catalog": (API, "[[resource_server]] 1 (notes): catalog: is missing"),
    "no catalog file": (f'{API}catalog_file = "no.toml"', "catalog_file: "),
    "two catalogs": (
        f'{API}catalog_file = "no.toml"\ncatalog = {{}}',
        "(notes): catalog and catalog_file: only one of them",
    ),
    "two sets of keys": (
        f'{CLIENT}jwks_file = "no.json"\njwks = {{}}',
        "jwks and jwks_file: only one of them",
    ),
    "no file of keys": (f'{CLIENT}jwks_file = "no.json"', "jwks_file: "),
    "no address to come back to": (
        CLIENT.replace("https://a.example/", "https://[") + 'subject_type = "pairwise"',
        "redirect_uris: 'https://[' is not a URI",
    ),
    "no address to be told at": (
        f'{CLIENT}frontchannel_logout_uri = "https://["',
        "frontchannel_logout_uri: is not a URI",
    ),
    "a catalog's own types": (
        f'{API}catalog = {{resource = "a", name = "b", permissions = [{{id = 3}}]}}',
        "(notes), catalog: expected str, got int - at $.permissions[0].id",
    ),
}


@pytest.mark.parametrize("text,said", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_says_what_and_where(line: Line, text: str, said: str) -> None:
    write(line, text)
    Path("state/short").write_text("short")
    Path("state/long").write_text("l" * 40)
    told = line.fails(*APPLY, status=2)
    assert "nothing was changed: state/all.toml has mistakes:\n  - " in told
    assert said in told
    assert not line.database.exists()


def test_no_file(line: Line) -> None:
    assert "cannot be read: No such file" in line.fails("apply", "-f", "no.toml", status=2)


def test_every_mistake_is_said_at_once(line: Line) -> None:
    """What the file alone shows, and what only the database shows; but nothing that merely follows
    from another mistake."""
    line.furnish()
    before = every(line)
    write(
        line,
        """
        [[user]]
        username = "miko"
        email = "x"
        [[client]]
        id = "spa"
        nmae = "x"
        scope = "nothing"
        [[client]]
        id = "web"
        scope = "openid notes.read"
        [[user]]
        username = "noor"
        password_env = "NO"
        """,
    )
    told = line.fails(*APPLY, status=2)
    assert told.splitlines()[1:] == [
        "  - [[client]] 1 (spa), nmae: is unknown here; did you mean name?",
        "  - [[user]] 2 (noor), password_env: the variable NO is not set",
        "  - [[client]] 2 (web): scope: 'notes.read' is in no catalog",
        "  - [[user]] 1 (miko): email: is not an address",
    ]
    assert every(line) == before


def test_a_client_is_not_blamed_for_a_broken_catalog(line: Line) -> None:
    write(line, WHOLE.replace('can = "read your notes"', "can = 3"))
    told = line.fails(*APPLY, status=2, **ENVIRON)
    (mistake,) = told.splitlines()[1:]
    assert "[[resource_server]] 1 (notes), catalog: expected str, got int" in mistake


SHARING = """
[[client]]
id = "sharer"
auth_method = "client_secret_jwt"
grant_types = ["client_credentials"]
scope = ["notes.read"]
"""


def test_a_shared_secret_is_sealed_once(line: Line) -> None:
    """OpenID Connect Core 9: client_secret_jwt."""
    on = {"VALETKEY_ENABLE": "client_secret_jwt", "SHARED": SECRET, **ENVIRON}
    apis = WHOLE.partition("[[client]]")[0]

    def apply(client: str, *more: str) -> str:
        write(line, apis + client)
        result = line.run(*APPLY, *more, **on)
        return str(result.output)

    def kept() -> Client:
        (client,) = line.every(Client)
        return client

    with_secret = SHARING + 'secret_env = "SHARED"\n'
    assert "nothing was written" in apply(with_secret, "--dry-run")
    assert not line.database.exists()
    assert "4 added" in apply(with_secret)
    sealed = kept()
    assert sealed.secrets[0].sealed
    assert SECRET.encode() not in line.database.read_bytes()
    assert "0 added, 0 changed" in apply(with_secret)
    assert kept() == sealed
    # From then on it is shown, so it is sealed no longer; and there is no way back but a new one.
    assert "1 changed" in apply(SHARING.replace("_jwt", "_post"))
    assert [(one.digest, one.sealed) for one in kept().secrets] == [(digest(SECRET), b"")]
    assert "needs one" in apply(SHARING)
    assert "needs the secret itself" in apply(SHARING + f'secret_sha256 = "{digest(SECRET)}"\n')
    assert kept().auth_method == "client_secret_post"
