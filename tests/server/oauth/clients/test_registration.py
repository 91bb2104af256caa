"""What a client's registration has to hold to (RFC 7591 2)."""

from typing import Any

import msgspec
import pytest
from tests.installation import CHIRP_CATALOG, CLIENTS, PHOTOS_CATALOG, POLICIES
from tests.rows import row
from tests.server.oauth.clients.apps import MINE, SIGNER

from valetkey.server.model.client import Client, StoredSecret
from valetkey.server.model.keys import Keyring
from valetkey.server.model.limits import Bounds, Proposal
from valetkey.server.model.policy import Lifetimes, Policy
from valetkey.server.model.resource import ResourceServer
from valetkey.server.oauth.clients.registration import mistakes
from valetkey.server.oauth.core.context import Installation
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.features import FEATURES

SERVERS = (
    ResourceServer(id="chirp", catalog=CHIRP_CATALOG),
    ResourceServer(id="photos", catalog=PHOTOS_CATALOG),
)
STRONG = Policy(name="strong", client_algorithms=("ES256",))
AT = Installation(
    issuer="https://id.example",
    lifetimes=Lifetimes(),
    keyring=Keyring(signing={}, published=(), sealing=(), macs=()),
    offer=Offer("https://id.example", SERVERS),
    features=FEATURES,
    policies={policy.name: policy for policy in (*POLICIES, STRONG)},
)
NATIVE = next(client for client in CLIENTS if client.id == "stefapp")
MACHINE = next(client for client in CLIENTS if client.id == "machine")
WEB = next(client for client in CLIENTS if client.id == "web")
SECRET = StoredSecret("0" * 64, 0)
USES = Bounds(often={"day": 3})
JWK = MINE.public().jwk()


def jwk(**changed: object) -> dict[str, object]:
    """A set of one key, as changed."""
    return {"keys": [JWK | changed]}


def many(count: int) -> dict[str, object]:
    """A set of so many keys."""
    return {"keys": [JWK | {"kid": str(number)} for number in range(count)]}


FAR = msgspec.structs.replace(SIGNER, id="far", jwks={}, jwks_uri="https://signer.example/keys")


@pytest.mark.parametrize("client", [*CLIENTS, SIGNER, FAR], ids=lambda client: client.id)
def test_a_proper_client_has_no_mistake(client: Client) -> None:
    assert mistakes(client, AT) == []


WRONG = [
    row(
        "8.1",
        "http",
        WEB,
        {"sector_identifier_uri": "http://a.example/"},
        "sector_identifier_uri: must begin",
    ),
    row(
        "8.1",
        "an API",
        WEB,
        {"subject_type": "pairwise"},
        "subject_type: pairwise is only for apps",
    ),
    row(
        "start",
        "http",
        WEB,
        {"initiate_login_uri": "http://a.example/"},
        "initiate_login_uri: must begin",
    ),
    row(
        "A69",
        "a script",
        WEB,
        {"post_logout_redirect_uris": ("javascript:alert(1)",)},
        "post_logout_redirect_uris: 'javascript",
    ),
    row(
        "A01",
        "a wildcard",
        WEB,
        {"post_logout_redirect_uris": ("https://web.example/*",)},
        "post_logout_redirect_uris: 'https://web.example/*' may hold",
    ),
    row(
        "front",
        "elsewhere",
        WEB,
        {"frontchannel_logout_uri": "https://evil.example/"},
        "frontchannel_logout_uri: is not on the host",
    ),
    row(
        "front",
        "another port",
        WEB,
        {"frontchannel_logout_uri": "https://web.example:8443/"},
        "frontchannel_logout_uri: is not on the host",
    ),
    row(
        "front",
        "its own sid",
        WEB,
        {"frontchannel_logout_uri": "https://web.example/?sid=1"},
        "frontchannel_logout_uri: may not hold",
    ),
    row(
        "A51",
        "not https",
        WEB,
        {"backchannel_logout_uri": "http://127.0.0.1/"},
        "backchannel_logout_uri: must begin",
    ),
    row(
        "limits",
        "of what it does not ask for",
        NATIVE,
        {"limits": Proposal(permissions={"account.delete": USES})},
        "limits: 'account.delete' is not among",
    ),
    row(
        "limits",
        "of what is not counted",
        NATIVE,
        {"limits": Proposal(permissions={"chirps.read": USES})},
        "limits: 'chirps.read' cannot be limited",
    ),
    row(
        "limits",
        "of what is in no catalog",
        NATIVE,
        {"limits": Proposal(permissions={"cakes.eat": USES})},
        "limits: 'cakes.eat' is not among",
    ),
    row(
        "limits",
        "amounts of what has none",
        NATIVE,
        {"limits": Proposal(permissions={"chirps.write": Bounds(much={"day": 3})})},
        "limits: 'chirps.write' has no amounts",
    ),
    row(
        "limits",
        "that bound nothing",
        NATIVE,
        {"limits": Proposal(permissions={"chirps.write": Bounds()})},
        "limits: chirps.write: bounds nothing",
    ),
    row("id", "with a space", NATIVE, {"id": "a b"}, "id: must be letters, digits"),
    row("id", "with a slash", NATIVE, {"id": "a/b"}, "id: must be letters, digits"),
    row("id", "beyond ASCII", NATIVE, {"id": "käse"}, "id: must be letters, digits"),
    row("id", "empty", NATIVE, {"id": ""}, "id: must be letters, digits"),
    row("id", "with a dot first", NATIVE, {"id": ".a"}, "id: must be letters, digits"),
    row("id", "too long", NATIVE, {"id": "a" * 129}, "id: must be letters, digits"),
    row("A16", "like a user's sub", NATIVE, {"id": "0" * 26}, "id: has the form of a user id"),
    row("name", "blank", NATIVE, {"name": " "}, "name: is empty"),
    row("name", "too long", NATIVE, {"name": "a" * 101}, "name: is longer than 100 characters"),
    row("name", "two lines", NATIVE, {"name": "a\nb"}, "name: holds U+000A, which is invisible"),
    row("A52", "bidi override", NATIVE, {"name": "a\u202eb"}, "name: holds U+202E, which is inv"),
    row("A52", "zero width", NATIVE, {"name": "Goo\u200bgle"}, "name: holds U+200B, which is inv"),
    row("secrets", "public with one", NATIVE, {"secrets": (SECRET,)}, "secrets: a public client"),
    row(
        "secrets",
        "confidential without",
        NATIVE,
        {"auth_method": "client_secret_post"},
        "secrets: client_secret_post needs one",
    ),
    row("secrets", "of no use", SIGNER, {"secrets": (SECRET,)}, "secrets: of no use with private"),
    row("jwks", "missing", SIGNER, {"jwks": {}}, "auth_method: private_key_jwt needs jwks or"),
    row("jwks", "no set", SIGNER, {"jwks": {"kty": "EC"}}, "jwks: is not a JWK Set"),
    row("jwks", "no objects", SIGNER, {"jwks": {"keys": ["a"]}}, "jwks: is not a JWK Set"),
    row("jwks", "no keys", SIGNER, {"jwks": {"keys": []}}, "jwks: has no key for ES256, PS256"),
    row("jwks", "too many", SIGNER, {"jwks": many(21)}, "jwks: has more than 20 keys"),
    row("jwks", "one kid twice", SIGNER, {"jwks": {"keys": [JWK] * 2}}, "jwks: has two keys with"),
    row("jwks", "a kid that is a number", SIGNER, {"jwks": jwk(kid=7)}, "jwks: has a kid that is"),
    row("jwks", "private", SIGNER, {"jwks": jwk(d="AAAA")}, "jwks: has a private or shared key"),
    row(
        "jwks", "shared", SIGNER, {"jwks": jwk(kty="oct", k="AA")}, "jwks: has a private or shared"
    ),
    row("jwks", "another curve", SIGNER, {"jwks": jwk(crv="P-384")}, "jwks: has no key for ES256"),
    row("jwks", "for encryption", SIGNER, {"jwks": jwk(use="enc")}, "jwks: has no key for ES256"),
    row("jwks", "no point", SIGNER, {"jwks": jwk(x="AAAA")}, "jwks: has no key for ES256"),
    row(
        "jwks",
        "in two places",
        SIGNER,
        {"jwks_uri": "https://a.example/k"},
        "jwks: and jwks_uri cannot",
    ),
    row("jwks_uri", "http", FAR, {"jwks_uri": "http://a.example/k"}, "jwks_uri: has to begin with"),
    row("A51", "an odd host", FAR, {"jwks_uri": "https://0x7f.1/k"}, "jwks_uri: has no proper"),
    row(
        "auth", "of no use", MACHINE, {"auth_algorithm": "ES256"}, "auth_algorithm: of no use with"
    ),
    row(
        "auth",
        "not by this policy",
        SIGNER,
        {"auth_algorithm": "RS256", "policy": "strong"},
        "auth_algorithm: the policy strong allows only ES256",
    ),
    row("redirect_uris", "none", NATIVE, {"redirect_uris": ()}, "redirect_uris: authorization"),
    row(
        "redirect_uris",
        "of no use",
        MACHINE,
        {"redirect_uris": ("https://a.example/",)},
        "redirect_uris: of no use without the grant type authorization_code",
    ),
    row(
        "A31",
        "plain http",
        NATIVE,
        {"redirect_uris": ("http://a.example/",)},
        "redirect_uris: 'http://a.example/' must use https, or http on 127.0.0.1, [::1] or "
        "localhost",
    ),
    row(
        "A33",
        "localhost with a dot",
        NATIVE,
        {"redirect_uris": ("http://localhost./callback",)},
        "redirect_uris: 'http://localhost./callback' must use https, or http on 127.0.0.1",
    ),
    row(
        "A52",
        "javascript",
        NATIVE,
        {"redirect_uris": ("javascript:alert(1)",)},
        "redirect_uris: 'javascript:alert(1)' must use https or a private scheme with a dot",
    ),
    row(
        "redirect_uris",
        "twice",
        NATIVE,
        {"redirect_uris": ("a.b:/c", "a.b:/c")},
        "redirect_uris: 'a.b:/c' is repeated",
    ),
    row(
        "A24",
        "the password grant",
        NATIVE,
        {"grant_types": ("authorization_code", "password")},
        "grant_types: 'password' is not offered here; authorization_code, refresh_token, cl",
    ),
    row("grant_types", "none", MACHINE, {"grant_types": ()}, "grant_types: at least one is needed"),
    row(
        "grant_types",
        "refresh alone",
        MACHINE,
        {"grant_types": ("refresh_token",)},
        "grant_types: refresh_token needs another grant type that issues one",
    ),
    row(
        "RFC 6749 4.4",
        "client credentials without a secret",
        NATIVE,
        {"grant_types": ("authorization_code", "client_credentials")},
        "grant_types: a public client may not use client_credentials",
    ),
    row(
        "grant_types",
        "twice",
        MACHINE,
        {"grant_types": ("client_credentials", "client_credentials")},
        "grant_types: 'client_credentials' is repeated",
    ),
    row("scope", "unknown", MACHINE, {"scope": ("chirps", "x")}, "scope: 'x' is in no catalog"),
    row("scope", "empty", MACHINE, {"scope": ()}, "scope: is empty, so the app could"),
    row("scope", "twice", MACHINE, {"scope": ("chirps", "chirps")}, "scope: 'chirps' is repeated"),
    row(
        "scope",
        "about a user, for a machine",
        MACHINE,
        {"scope": ("openid",)},
        "scope: 'openid' is about a user, and client_credentials has none",
    ),
    row(
        "required",
        "beyond the scope",
        NATIVE,
        {"required": ("photos.read",)},
        "required: 'photos.read' is not among the permissions of its scope",
    ),
    row(
        "required",
        "a scope instead of a permission",
        NATIVE,
        {"required": ("chirps",)},
        "required: 'chirps' is not among the permissions of its scope",
    ),
    row(
        "reasons",
        "beyond the scope",
        NATIVE,
        {"reasons": {"photos.read": "To see."}},
        "reasons: 'photos.read' is not among the permissions of its scope",
    ),
    row(
        "reasons",
        "blank",
        NATIVE,
        {"reasons": {"chirps.read": ""}},
        "reasons: the one for 'chirps.read' is empty",
    ),
    row("uri", "javascript", NATIVE, {"uri": "javascript:1"}, "uri: must begin with https://"),
    row("uri", "plain http", NATIVE, {"uri": "http://a.example"}, "uri: must use https, or http"),
    row("policy", "unknown", NATIVE, {"policy": "lax"}, "policy: there is no policy 'lax'"),
]


@pytest.mark.parametrize("client,fields,said", WRONG)
def test_one_mistake(client: Client, fields: dict[str, Any], said: str) -> None:
    found = mistakes(msgspec.structs.replace(client, **fields), AT)
    assert len(found) == 1, found
    assert found[0].startswith(said)


def test_every_mistake_is_said_at_once() -> None:
    """An implied permission counts as asked: `dms.send` brings `dms.read`."""
    fields = {"id": "a b", "name": "", "scope": ("dms.send", "x"), "required": ("dms.read",)}
    wrong = msgspec.structs.replace(NATIVE, **fields, reasons={}, redirect_uris=("http://a",))
    places = [mistake.partition(":")[0] for mistake in mistakes(wrong, AT)]
    assert places == ["id", "name", "redirect_uris", "scope"]


def test_a_name_may_need_a_joiner() -> None:
    """Persian writes with U+200C."""
    named = msgspec.structs.replace(NATIVE, name="می\u200cنویسم")
    assert mistakes(named, AT) == []
