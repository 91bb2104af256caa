"""client_secret_jwt: a client proves that it knows its secret (OpenID Connect Core 9; ATTACKS A19,
A29, A45, A48)."""

from typing import Any

import msgspec
import pytest
from tests.jose.corpus import BAD, Bad, Honest, prefixes_and_suffixes
from tests.jose.forge import Shared
from tests.keys import key
from tests.rows import row
from tests.server.oauth.clients.apps import (
    MINE,
    SHARED,
    SIGNER,
    assertion,
    claims,
    sharer,
    with_assertion,
)
from tests.server.oauth.world import KEYRING, World

from valetkey.server.model.client import Client
from valetkey.server.model.keys import RawKey
from valetkey.server.model.policy import PROFILES
from valetkey.server.model.query import Rule
from valetkey.server.oauth.clients import credentials
from valetkey.server.oauth.clients.authentication import authenticate
from valetkey.server.oauth.clients.registration import mistakes
from valetkey.server.oauth.core.decision import Answer
from valetkey.server.oauth.core.feature import Call
from valetkey.server.oauth.endpoints.discovery import server_metadata
from valetkey.server.oauth.features import switched
from valetkey.spec.errors import InvalidClient
from valetkey.wire import assertion as wire

ON = switched(("client_secret_jwt",))


def world(**changed: Any) -> World:
    it = World(ON)
    it.put(SIGNER, msgspec.structs.replace(sharer(KEYRING, it.env), **changed))
    return it


def text_of(it: World, by: Any = SHARED, **changed: Any) -> str:
    return assertion(it, by=by, **({"iss": "sharer", "sub": "sharer"} | changed))


def proves(it: World, call: Call) -> str:
    def rule() -> Rule[Answer]:
        by = yield from authenticate(call, it.context)
        return Answer(document=by.client.id)

    return str(it.settle(rule).document)


def refused(it: World, call: Call) -> None:
    before = it.digest()
    with pytest.raises(InvalidClient) as caught:
        proves(it, call)
    # An empty parameter is an absent one (RFC 6749 3.2).
    unsaid = not call.form.keys() & {"client_assertion", "client_id"}
    said = "the client did not authenticate" if unsaid else InvalidClient.says
    assert caught.value.description == said
    assert it.digest() == before


@pytest.mark.parametrize("typ", ["client-authentication+jwt", "JWT"])
def test_an_assertion_counts_once(typ: str) -> None:
    it = world()
    text = assertion(it, by=SHARED, typ=typ, iss="sharer", sub="sharer")
    assert proves(it, with_assertion(text, client_id="sharer")) == "sharer"
    refused(it, with_assertion(text))
    it.later(89)
    refused(it, with_assertion(text))


WRONG: list[Any] = [
    row("A19", "for another endpoint than the one called", {"aud": "https://id.example/par"}),
    row("A19", "for the issuer and others", {"aud": ["https://id.example", "https://x.example"]}),
    row("A19", "for another issuer", {"aud": "https://evil.example"}),
    row("A48", "no sub", {"sub": ...}),
    row("7523 3", "no iss", {"iss": ...}),
    row("7523 3", "another iss", {"iss": "signer"}),
    row("7523 3", "in the name of an app with keys", {"iss": "signer", "sub": "signer"}),
    row("7523 3", "in the name of an app with a digest", {"iss": "web", "sub": "web"}),
    row("7523 3", "in the name of a public app", {"iss": "kite", "sub": "kite"}),
    row("7523 3", "in the name of an API", {"iss": "chirp", "sub": "chirp"}),
    row("7523 3", "no jti", {"jti": ...}),
    row("A49", "over", {"exp": 1}),
    row("A49", "without end", {"exp": ...}),
]


@pytest.mark.parametrize("changed", WRONG)
def test_what_it_has_to_say(changed: dict[str, Any]) -> None:
    it = world()
    refused(it, with_assertion(text_of(it, **changed)))


@pytest.mark.parametrize("bad", BAD)
def test_what_nobody_honest_makes(bad: Bad) -> None:
    it = world()
    said = claims(it, iss="sharer", sub="sharer")
    refused(it, with_assertion(bad(Honest(SHARED, said, wire.TYPE))))
    assert proves(it, with_assertion(Honest(SHARED, said, wire.TYPE).token())) == "sharer"


def test_pieces() -> None:
    it = world()
    for piece in prefixes_and_suffixes(text_of(it)):
        with pytest.raises(InvalidClient):
            proves(it, with_assertion(piece))


def kept(it: World) -> Any:
    return it.need(Client, "sharer").secrets[0]


SECRETS: list[Any] = [
    row("A45", "another's secret", lambda it: Shared(b"another secret, as long as it has to be")),
    row("A82", "the digest that is kept", lambda it: Shared(kept(it).digest.encode())),
    row("A82", "what is sealed", lambda it: Shared(kept(it).sealed)),
    row("A45", "no secret", lambda it: Shared(b"")),
    row("A45", "a key pair", lambda it: MINE),
    row("A45", "a key pair of RSA", lambda it: key("RS256")),
]


@pytest.mark.parametrize("by", SECRETS)
def test_only_by_its_own_secret(by: Any) -> None:
    it = world()
    refused(it, with_assertion(text_of(it, by(it))))


@pytest.mark.parametrize("used", [0, 1])
def test_which_of_its_secrets_it_uses_is_known(used: int) -> None:
    it = world()
    newer = b"vk_cs_another_secret_that_the_two_share_by_now"
    both = (it.need(Client, "sharer"), sharer(KEYRING, it.env, newer))
    over = msgspec.structs.replace(both[0].secrets[0], until=it.now)
    secrets = tuple(one.secrets[0] for one in both)
    it.change(Client, "sharer", secrets=(over, *secrets))
    proves(it, with_assertion(text_of(it, Shared((SHARED.secret, newer)[used]))))
    assert it.at.secret_uses == {("sharer", secrets[used].digest): secrets[used]}


def test_a_secret_that_is_over() -> None:
    it = world()
    one = it.need(Client, "sharer").secrets[0]
    it.change(Client, "sharer", secrets=(msgspec.structs.replace(one, until=it.now),))
    refused(it, with_assertion(text_of(it)))


def test_what_is_sealed_for_one_is_of_no_use_to_another() -> None:
    it = world()
    it.put(msgspec.structs.replace(it.need(Client, "sharer"), id="other", version=0))
    refused(it, with_assertion(text_of(it, iss="other", sub="other")))


def test_what_is_sealed_elsewhere() -> None:
    it = world()
    salt = RawKey("another", bytes(32))
    it.at = msgspec.structs.replace(it.at, keyring=msgspec.structs.replace(KEYRING, salt=salt))
    refused(it, with_assertion(text_of(it)))


def test_the_secret_stands_in_no_record() -> None:
    it = world()
    assert SHARED.secret.decode() not in repr(it.all(Client))
    assert SHARED.secret not in msgspec.json.encode(it.need(Client, "sharer"))


def test_it_is_off_by_itself() -> None:
    it = World()
    it.put(sharer(KEYRING, it.env))
    refused(it, with_assertion(text_of(it)))
    assert (
        "HS256" not in server_metadata(it.context).token_endpoint_auth_signing_alg_values_supported
    )


def test_discovery_says_so() -> None:
    told = server_metadata(world().context)
    assert "client_secret_jwt" in told.token_endpoint_auth_methods_supported
    assert told.token_endpoint_auth_signing_alg_values_supported[-1] == "HS256"


def test_both_ways_are_told_apart_by_the_registration() -> None:
    it = world()
    assert proves(it, with_assertion(assertion(it))) == "signer"
    assert proves(it, with_assertion(text_of(it))) == "sharer"
    # A public key is no secret, also where an app has both (A45).
    it.change(Client, "sharer", jwks=SIGNER.jwks)
    refused(it, with_assertion(text_of(it, MINE)))


MISTAKES: list[Any] = [
    row("Core 9", "HS256", {"auth_algorithm": "HS256"}, ""),
    row("Core 9", "no algorithm", {}, ""),
    row("Core 9", "another", {"auth_algorithm": "ES256"}, "allows only HS256"),
    row("Core 9", "no secret", {"secrets": ()}, "needs one"),
    row("FAPI 5.3.2.1", "where the profile forbids it", {"policy": "fapi2"}, "not client_secret"),
]


@pytest.mark.parametrize("changed,why", MISTAKES)
def test_what_is_registered(changed: dict[str, Any], why: str) -> None:
    assert "fapi2" in PROFILES
    it = world()
    found = mistakes(msgspec.structs.replace(it.need(Client, "sharer"), **changed), it.at)
    assert (why in " ".join(found)) if why else not found


def test_a_digest_alone_is_not_enough() -> None:
    it = world()
    client = it.need(Client, "sharer")
    bare = tuple(msgspec.structs.replace(one, sealed=b"") for one in client.secrets)
    found = mistakes(msgspec.structs.replace(client, secrets=bare), it.at)
    assert ["the secret itself" in one for one in found] == [True]


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_whoever_shows_the_secret_has_it_sealed_no_longer(method: Any) -> None:
    it = world()
    client = msgspec.structs.replace(it.need(Client, "sharer"), auth_method=method)
    (one,) = credentials.usable_secrets(client)
    assert (one.sealed, one.digest) == (b"", client.secrets[0].digest)


@pytest.mark.parametrize("algorithm", ["ES256", "HS256"])
def test_an_app_with_keys_registers_no_hmac(algorithm: Any) -> None:
    it = world()
    found = mistakes(msgspec.structs.replace(SIGNER, auth_algorithm=algorithm), it.at)
    assert bool(found) is (algorithm == "HS256")
