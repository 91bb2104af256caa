"""private_key_jwt: a client signs that it is itself (RFC 7523; ATTACKS A19, A45, A49)."""

from typing import Any

import msgspec
import pytest
from tests.jose.corpus import BAD, BY_NAME, Bad, Honest, prefixes_and_suffixes
from tests.keys import key
from tests.rows import row
from tests.server.oauth.clients.apps import MINE, SIGNER, assertion, claims, jwks, with_assertion
from tests.server.oauth.forms import basic
from tests.server.oauth.world import ISSUER, World

from valetkey.jose.jwk import CLIENT_ALGORITHMS, Algorithm
from valetkey.server.model.client import Client
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.policy import Policy
from valetkey.server.model.query import Document, DocumentRequest, Rule, Unreachable
from valetkey.server.oauth.clients.authentication import authenticate
from valetkey.server.oauth.core.decision import Answer
from valetkey.server.oauth.core.feature import Call
from valetkey.server.oauth.endpoints.introspection import introspect
from valetkey.server.oauth.features import switched
from valetkey.server.oauth.grant_types.token import token
from valetkey.spec import names
from valetkey.spec.errors import InvalidClient, InvalidGrant, InvalidRequest, TemporarilyUnavailable
from valetkey.wire import assertion as wire
from valetkey.wire.form import Form
from valetkey.wire.token_response import APP_SUSPENDED

HOUR = 3600


def world(client: Client = SIGNER, **policy: Any) -> World:
    it = World()
    it.put(client)
    if policy:
        it.at = msgspec.structs.replace(
            it.at, policies={"default": Policy(name="default", **policy)}
        )
    return it


def proves(it: World, call: Call) -> str:
    """The id of the client that makes the call. Raises InvalidClient."""

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


@pytest.mark.parametrize("algorithm", CLIENT_ALGORITHMS)
def test_each_algorithm(algorithm: Algorithm) -> None:
    mine = key(algorithm, "an app's")
    it = world(msgspec.structs.replace(SIGNER, jwks=jwks(mine)))
    text = wire.write("signer", issuer=ISSUER, key=mine, jti="j", now=it.now)
    assert proves(it, with_assertion(text)) == "signer"


@pytest.mark.parametrize("typ", ["client-authentication+jwt", "JWT", "jwt"])
def test_its_own_type_and_the_old_one(typ: str) -> None:
    it = world()
    assert proves(it, with_assertion(assertion(it, typ=typ), client_id="signer")) == "signer"


def test_it_needs_no_type() -> None:
    it = world()
    honest = Honest(MINE, claims(it), "")
    assert proves(it, with_assertion(honest.token())) == "signer"


def test_an_assertion_counts_once() -> None:
    it = world()
    text = assertion(it)
    proves(it, with_assertion(text))
    refused(it, with_assertion(text))
    it.later(89)
    refused(it, with_assertion(text))
    # For as long as it would be good by a clock that goes slow, and no longer.
    it.later(60)
    it.sweep()
    assert [one for one in it.all(SingleUse) if one.purpose == "client assertion"] == []
    refused(it, with_assertion(text))


def test_the_same_jti_of_two_clients_is_two() -> None:
    it = world()
    it.put(msgspec.structs.replace(SIGNER, id="other"))
    text = assertion(it, jti="same")
    assert proves(it, with_assertion(text)) == "signer"
    other = assertion(it, iss="other", sub="other", jti="same")
    assert proves(it, with_assertion(other)) == "other"


def test_it_is_used_up_even_where_what_it_came_with_is_refused() -> None:
    it = world()
    text = assertion(it)
    call = with_assertion(text, grant_type="refresh_token", refresh_token="x")
    with pytest.raises(InvalidGrant):
        it.settle(lambda: token(call, it.context))
    refused(it, with_assertion(text))


def test_two_nodes_share_what_came() -> None:
    """A race: both see nothing, one commits."""
    it = world()
    text = assertion(it)
    first, second = (authenticate(with_assertion(text), it.context) for _ in range(2))

    def as_rule(rule: Any) -> Rule[Answer]:
        by = yield from rule
        return Answer(document=by.client.id)

    assert it.settle(lambda: as_rule(first)).document == "signer"
    with pytest.raises(InvalidClient):
        it.settle(lambda: as_rule(second))


def test_at_introspection() -> None:
    it = world()
    call = with_assertion(assertion(it), token="x")
    assert isinstance(it.settle(lambda: introspect(call, it.context)), Answer)


WRONG: list[Any] = [
    row("A19", "for another endpoint than the one called", {"aud": f"{ISSUER}/par"}),
    row("A19", "for the backchannel endpoint", {"aud": f"{ISSUER}/backchannel"}),
    row("A19", "for the issuer and others", {"aud": [ISSUER, "https://evil.example"]}),
    row("A19", "for another issuer, in a list", {"aud": ["https://evil.example"]}),
    row("A19", "for the token endpoint of another", {"aud": "https://evil.example/token"}),
    row("A19", "for nobody, in a list", {"aud": []}),
    row("A19", "for a list in a list", {"aud": [[ISSUER]]}),
    row("A19", "for another issuer", {"aud": "https://evil.example"}),
    row("A19", "for the issuer with a slash", {"aud": f"{ISSUER}/"}),
    row("A19", "for the issuer in other case", {"aud": ISSUER.upper()}),
    row("A19", "for nobody", {"aud": ...}),
    row("A19", "for an empty name", {"aud": ""}),
    row("7523 3", "no iss", {"iss": ...}),
    row("7523 3", "another iss", {"iss": "web"}),
    row("7523 3", "iss a list", {"iss": ["signer"]}),
    row("A48", "no sub", {"sub": ...}),
    row("7523 3", "another sub", {"sub": "web"}),
    row("7523 3", "another client in both", {"iss": "web", "sub": "web"}),
    row("7523 3", "no jti", {"jti": ...}),
    row("7523 3", "an empty jti", {"jti": ""}),
    row("7523 3", "a jti that is a number", {"jti": 7}),
    row("7523 3", "a jti without end", {"jti": "a" * 513}),
]


@pytest.mark.parametrize("changed", WRONG)
def test_what_it_has_to_say(changed: dict[str, Any]) -> None:
    it = world()
    refused(it, with_assertion(assertion(it, **changed)))


TOKEN, PAR, BACKCHANNEL = (f"{ISSUER}{path}" for path in ("/token", "/par", "/backchannel"))
CERTIFIED = "https://mtls.id.example"
"""Where certificates are asked for."""

HELD: dict[str, Client] = {
    "oidc": msgspec.structs.replace(SIGNER, policy="oidc"),
    "fapi2": msgspec.structs.replace(SIGNER, policy="fapi2"),
    "message signing": msgspec.structs.replace(SIGNER, policy="fapi2-message-signing"),
    "unknown": msgspec.structs.replace(SIGNER, policy="of tomorrow"),
    "ciba": msgspec.structs.replace(SIGNER, policy="fapi2", grant_types=(names.CIBA,)),
    "codes and ciba": msgspec.structs.replace(
        SIGNER, policy="fapi2", grant_types=(names.AUTHORIZATION_CODE, names.CIBA)
    ),
}

AUDIENCES: list[Any] = [
    # cite, what it tries, who, where it calls, aud, whether it is taken
    row("OIDC Core 9", "the issuer", "oidc", "/token", ISSUER, True),
    row("OIDC Core 9", "the token endpoint", "oidc", "/token", TOKEN, True),
    row("OIDC Core 9", "the token endpoint, at PAR", "oidc", "/par", TOKEN, True),
    row("9126 2", "the PAR endpoint, at PAR", "oidc", "/par", PAR, True),
    row("7523bis", "a list of one", "oidc", "/token", [ISSUER], True),
    row("7523 3", "a list of both", "oidc", "/token", [ISSUER, TOKEN], True),
    row("8705 5", "the token endpoint's alias", "oidc", "/token", f"{CERTIFIED}/token", True),
    row("7523 3", "the PAR endpoint, at the token endpoint", "oidc", "/token", PAR, False),
    row("7523 3", "a list with another one", "oidc", "/token", [TOKEN, "https://x.example"], False),
    row("FAPI2 5.3.2.1", "the issuer", "fapi2", "/par", ISSUER, True),
    row("FAPI2 5.3.2.1", "the issuer in a list", "fapi2", "/par", [ISSUER], False),
    row("FAPI2 5.3.2.1", "a list of both", "fapi2", "/par", [ISSUER, TOKEN], False),
    row("FAPI2 5.3.2.1", "the token endpoint", "fapi2", "/token", TOKEN, False),
    row("FAPI2 5.3.2.1", "the PAR endpoint", "fapi2", "/par", PAR, False),
    row("FAPI2 5.3.2.1", "signed messages", "message signing", "/token", TOKEN, False),
    row("FAPI2 5.3.2.1", "a policy nobody knows", "unknown", "/token", TOKEN, False),
    row("FAPI2 5.3.2.1", "an app with codes", "codes and ciba", "/token", TOKEN, False),
    *(
        row("CIBA 7.1", f"{aud} at {path}", "ciba", path, aud, True)
        for path in ("/backchannel", "/token")
        for aud in (ISSUER, TOKEN, BACKCHANNEL)
    ),
    row("CIBA 7.1", "another's", "ciba", "/backchannel", "https://x.example/backchannel", False),
]


@pytest.mark.parametrize("who,path,aud,taken", AUDIENCES)
def test_for_whom_it_may_be(who: str, path: str, aud: object, taken: bool) -> None:
    it = world(HELD[who])
    it.at = msgspec.structs.replace(it.at, mtls_address=CERTIFIED)
    call = with_assertion(assertion(it, aud=aud), path=path)
    if taken:
        assert proves(it, call) == "signer"
    else:
        refused(it, call)


MOMENTS: list[Any] = [
    # name, seconds from now, whether it will do
    *(("exp", seconds, True) for seconds in (-29, 0, 1, 60, HOUR, HOUR + 30)),
    *(("exp", seconds, False) for seconds in (-300, -60, -30, HOUR + 31, 2 * HOUR, 10**9)),
    *(("nbf", seconds, True) for seconds in (-HOUR, -60, 0, 8, 10, 30)),
    *(("nbf", seconds, False) for seconds in (31, 60, 61, HOUR, -HOUR - 31)),
    *(("iat", seconds, True) for seconds in (-HOUR, 0, 8, 10, 30, 0.5)),
    *(("iat", seconds, False) for seconds in (31, 60, 61, HOUR, -HOUR - 31)),
]


@pytest.mark.parametrize("name,seconds,fits", MOMENTS)
def test_the_moment(name: str, seconds: float, fits: bool) -> None:
    """A49."""
    it = world()
    call = with_assertion(assertion(it, changed={name: it.now + seconds}))
    if fits:
        assert proves(it, call) == "signer"
    else:
        refused(it, call)


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", ["soon", "1700000000", -1, 0, 1e300, [], {}, True])
def test_a_moment_that_is_none(name: str, value: object) -> None:
    it = world()
    refused(it, with_assertion(assertion(it, changed={name: value})))


def test_it_has_to_end() -> None:
    it = world()
    refused(it, with_assertion(assertion(it, exp=...)))


@pytest.mark.parametrize("bad", [*BAD, *BY_NAME])
def test_what_nobody_honest_signs(bad: Bad) -> None:
    it = world()
    refused(it, with_assertion(bad(Honest(MINE, claims(it), wire.TYPE))))


def test_pieces() -> None:
    it = world()
    for piece in prefixes_and_suffixes(assertion(it)):
        with pytest.raises(InvalidClient):
            proves(it, with_assertion(piece))


ALGORITHMS: list[Any] = [
    row("A45", "RS256 where the policy forbids it", "RS256", "", ("ES256", "PS256"), False),
    row("A45", "PS256 where it allows it", "PS256", "", ("ES256", "PS256"), True),
    row("A45", "what the client did not register", "ES256", "PS256", CLIENT_ALGORITHMS, False),
    row("A45", "what it registered", "PS256", "PS256", CLIENT_ALGORITHMS, True),
    row("A45", "what it registered and may not", "RS256", "RS256", ("ES256",), False),
]


@pytest.mark.parametrize("algorithm,registered,allowed,fits", ALGORITHMS)
def test_the_algorithm_is_the_policys_choice(
    algorithm: Algorithm, registered: Any, allowed: tuple[Algorithm, ...], fits: bool
) -> None:
    mine = key(algorithm, "an app's")
    client = msgspec.structs.replace(SIGNER, jwks=jwks(mine, MINE), auth_algorithm=registered)
    it = world(client, client_algorithms=allowed)
    call = with_assertion(assertion(it, by=mine))
    if fits:
        assert proves(it, call) == "signer"
    else:
        refused(it, call)


def test_a_key_of_another_client() -> None:
    it = world()
    theirs = key("ES256", "another app's")
    it.put(msgspec.structs.replace(SIGNER, id="other", jwks=jwks(theirs)))
    refused(it, with_assertion(assertion(it, by=theirs)))


CALLS: list[Any] = [
    row("7521 4.2", "no type", lambda text: Call(form=Form({"client_assertion": text}))),
    row("7521 4.2", "another type", lambda text: with_assertion(text, client_assertion_type="x")),
]


@pytest.mark.parametrize("made", CALLS)
def test_the_call_says_what_it_brings(made: Any) -> None:
    it = world()
    with pytest.raises(InvalidClient):
        proves(it, made(assertion(it)))


@pytest.mark.parametrize(
    "more",
    [{"client_id": "web"}, {"client_secret": "x", "client_id": "signer"}],
    ids=["another client_id", "a secret as well"],
)
def test_two_ways_at_once(more: dict[str, str]) -> None:
    """A29."""
    it = world()
    with pytest.raises(InvalidRequest):
        proves(it, with_assertion(assertion(it), **more))


def test_a_header_as_well() -> None:
    it = world()
    call = msgspec.structs.replace(
        with_assertion(assertion(it)), authorization=basic("signer", "x")
    )
    with pytest.raises(InvalidRequest):
        proves(it, call)


@pytest.mark.parametrize("client", ["web", "post", "kite", "nobody", "chirp"])
def test_whoever_is_not_registered_for_it(client: str) -> None:
    it = world()
    refused(it, with_assertion(assertion(it, iss=client, sub=client)))


def test_its_name_alone_is_no_proof() -> None:
    it = world()
    refused(it, Call(form=Form({"client_id": "signer"})))


def test_a_suspended_client() -> None:
    it = world()
    it.change(Client, "signer", status="suspended")
    with pytest.raises(InvalidClient) as caught:
        proves(it, with_assertion(assertion(it)))
    assert caught.value.reason == APP_SUSPENDED


def test_where_it_is_switched_off() -> None:
    it = World(switched(off=("private_key_jwt",)))
    it.put(SIGNER)
    with pytest.raises(InvalidClient, match="not offered"):
        proves(it, with_assertion(assertion(it)))


# Keys that are published elsewhere.

URI = "https://signer.example/keys"
FAR = msgspec.structs.replace(SIGNER, jwks={}, jwks_uri=URI)


def asked(it: World, call: Call, *answers: Document | Unreachable) -> list[DocumentRequest]:
    """What the rule wants from outside, answered in this order; raises what it raises."""
    wants: list[DocumentRequest] = []
    rule = authenticate(call, it.context)
    given = list(answers)
    found: Any = None
    try:
        while True:
            wanted = rule.send(found)
            outside = [one for one in wanted if isinstance(one, DocumentRequest)]
            inside = tuple(one for one in wanted if not isinstance(one, DocumentRequest))
            wants += outside
            found = it.read(*inside).with_documents({one: given.pop(0) for one in outside})
    except StopIteration:
        return wants


def published(*keys: Any) -> Document:
    return Document(msgspec.json.encode(jwks(*keys)), 0)


def test_published_keys_are_fetched() -> None:
    it = world(FAR)
    call = with_assertion(assertion(it))
    assert asked(it, call, published(MINE)) == [DocumentRequest(url=URI, kind="keys")]


def test_an_unknown_kid_is_looked_for_once_more() -> None:
    it = world(FAR)
    call, old = with_assertion(assertion(it)), published(key("ES256", "an old one"))
    wants = asked(it, call, old, published(MINE))
    assert [one.again for one in wants] == [False, True]
    with pytest.raises(InvalidClient) as caught:
        asked(it, call, old, old)
    assert "no key" in caught.value.detail


@pytest.mark.parametrize(
    "answer",
    [
        row("A51", "unreachable", Unreachable("it redirects, and nobody follows")),
        row("7517 5", "no object", Document(b"[]", 0)),
        row("7517 5", "no keys", Document(b"{}", 0)),
        row("7517 5", "keys are no list", Document(b'{"keys":{"a":1}}', 0)),
        row("7517 5", "keys are no objects", Document(b'{"keys":["a",null,1]}', 0)),
    ],
)
def test_what_is_no_key_set(answer: Document | Unreachable) -> None:
    it = world(FAR)
    with pytest.raises(InvalidClient) as caught:
        asked(it, with_assertion(assertion(it)), answer, answer)
    assert caught.value.description == InvalidClient.says


@pytest.mark.parametrize("before", [(), (published(key("ES256", "an old one")),)])
def test_a97_keys_that_cannot_be_had_in_time_refuse_nobody(before: tuple[Document, ...]) -> None:
    """Nobody knows yet whether the signature is good: 503, and not 401."""
    it = world(FAR)
    late = Unreachable("it takes longer than 3 s", temporary=True)
    with pytest.raises(TemporarilyUnavailable) as caught:
        asked(it, with_assertion(assertion(it)), *before, late)
    assert caught.value.status == 503


PARTIES = [
    row("A97", "the operator's", "declared", {}),
    row("A97", "registered, unused", "stranger", {"origin": "registered", "unused_until": 9}),
    row("A97", "registered, used", "known", {"origin": "registered"}),
]


@pytest.mark.parametrize("party, changed", PARTIES)
def test_for_whom_its_keys_are_fetched(party: str, changed: dict[str, Any]) -> None:
    it = world(msgspec.structs.replace(FAR, **changed))
    wants = asked(it, with_assertion(assertion(it)), published(MINE))
    assert [one.party for one in wants] == [party]


def test_nothing_is_fetched_for_an_algorithm_that_will_not_do() -> None:
    it = world(FAR)
    honest = Honest(MINE, claims(it), wire.TYPE)
    with pytest.raises(InvalidClient):
        asked(it, with_assertion(honest.token(alg="HS256")))
