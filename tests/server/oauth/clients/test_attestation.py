"""attest_jwt_client_auth: a copy of an app proves that its publisher vouches for it
(draft-ietf-oauth-attestation-based-client-auth)."""

from typing import Any

import msgspec
import pytest
from tests.jose.corpus import BAD, BY_NAME, Bad, Honest, prefixes_and_suffixes
from tests.keys import key
from tests.rows import row
from tests.server.oauth.forms import VERIFIER, form, pushed, request
from tests.server.oauth.world import ISSUER, World

from valetkey.server.model.client import Client
from valetkey.server.oauth.authorize.par import push
from valetkey.server.oauth.clients import attestation
from valetkey.server.oauth.clients.attestation import STEP
from valetkey.server.oauth.clients.registration import mistakes
from valetkey.server.oauth.core.decision import Answer, Issued
from valetkey.server.oauth.core.feature import Call, RequestInfo
from valetkey.server.oauth.endpoints.introspection import introspect
from valetkey.server.oauth.features import switched
from valetkey.server.oauth.grant_types.token import token
from valetkey.server.oauth.issue.tokens import response
from valetkey.spec.errors import (
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    UseAttestationChallenge,
    UseFreshAttestation,
)
from valetkey.wire import client_attestation as wire

ATTESTER, COPY, OTHER = key("ES256", "attests"), key("ES256", "copy"), key("ES256", "other copy")
CB = "https://wallet.example/cb"
WALLET = Client(
    id="wallet",
    name="Wallet",
    auth_method="attest_jwt_client_auth",
    jwks={"keys": [ATTESTER.public().jwk()]},
    redirect_uris=(CB,),
    scope=("openid", "offline_access", "chirps.read"),
)


def world() -> World:
    it = World(switched(("client attestation",)))
    it.put(WALLET)
    return it


def holding(of: Any = COPY) -> dict[str, Any]:
    members = of.public().jwk()
    return {"jwk": {name: members[name] for name in ("kty", "crv", "x", "y")}}


def attested(it: World, **changed: Any) -> str:
    """An attestation, its claims changed; `...` leaves one out."""
    typ, by = changed.pop("typ", wire.TYPE), changed.pop("by", ATTESTER)
    claims = {"sub": "wallet", "iat": it.now, "exp": it.now + 3600, "cnf": holding()} | changed
    kept = {name: value for name, value in claims.items() if value is not ...}
    return Honest(by, kept, typ).token()


_COUNT = iter(range(10**6))


def popped(it: World, **changed: Any) -> str:
    """A proof for it, its claims changed."""
    typ, by = changed.pop("typ", wire.POP_TYPE), changed.pop("by", COPY)
    claims = {
        "aud": ISSUER,
        "jti": f"jti {next(_COUNT)}",
        "iat": it.now,
        "challenge": attestation.challenge(it.context),
    } | changed
    kept = {name: value for name, value in claims.items() if value is not ...}
    return Honest(by, kept, typ).token()


def call(it: World, one: str | None = None, proof: str | None = None, **parameters: Any) -> Call:
    headers = {
        wire.HEADER.lower(): (attested(it) if one is None else one,),
        wire.POP_HEADER.lower(): (popped(it) if proof is None else proof,),
    }
    return Call(form=form(parameters), request=RequestInfo(path="/token", headers=headers))


def asked(it: World, one: str | None = None, proof: str | None = None, **parameters: Any) -> Any:
    """Whether the client is let in, asked where it costs nothing."""
    return it.post(introspect, call(it, one, proof, token="x", **parameters))


def code(it: World) -> str:
    return it.agree({**request("kite"), "client_id": "wallet", "redirect_uri": CB}).code


def tokens(
    it: World, *, one: str | None = None, proof: str | None = None, **parameters: Any
) -> dict[str, Any]:
    issued = it.post(token, call(it, one, proof, **parameters))
    assert isinstance(issued, Issued)
    return response(issued, it.context)


def redeemed(it: World, text: str, **how: Any) -> dict[str, Any]:
    given = {"grant_type": "authorization_code", "code": text, "code_verifier": VERIFIER}
    return tokens(it, **given, **how)


def test_an_attested_copy_is_the_client() -> None:
    it = world()
    assert isinstance(asked(it), Answer)
    assert isinstance(asked(it, client_id="wallet"), Answer)
    one = attested(it)
    for _ in range(3):
        assert isinstance(asked(it, one), Answer), "an attestation is used again, a proof never"


def test_what_the_publisher_and_the_copy_write_is_what_is_read() -> None:
    it = world()
    one = wire.write("wallet", COPY.public(), key=ATTESTER, now=it.now, seconds=60)
    proof = wire.write_pop(
        issuer=ISSUER, key=COPY, jti="j", now=it.now, challenge=attestation.challenge(it.context)
    )
    assert isinstance(asked(it, one, proof), Answer)


ATTESTATIONS: list[Any] = [
    row("7.1", "of another client", {"sub": "kite"}),
    row("7.1", "of nobody", {"sub": ...}),
    row("7.1", "of an empty name", {"sub": ""}),
    row("7.1", "without an end", {"exp": ...}),
    row("7.1", "that ends in a year", {"exp": 10**10}),
    row("7.1", "of the future", {"iat": 10**10}),
    row("7.1", "without a key", {"cnf": ...}),
    row("7.1", "with a thumbprint alone", {"cnf": {"jkt": "x" * 43}}),
    row("7.1", "with a private key", {"cnf": {"jwk": {**holding()["jwk"], "d": "AAAA"}}}),
    row("7.1", "with a shared key", {"cnf": {"jwk": {"kty": "oct", "k": "AAAA"}}}),
    row("7.1", "with no key at all", {"cnf": {"jwk": {}}}),
    row("7.1", "of another type", {"typ": "jwt"}),
    row("7.1", "of the type of a client assertion", {"typ": "client-authentication+jwt"}),
    row("7.1", "of the type of its own proof", {"typ": wire.POP_TYPE}),
    row("7.1", "signed by the copy itself", {"by": COPY}),
    row("7.1", "signed by a stranger", {"by": OTHER}),
]


@pytest.mark.parametrize("changed", ATTESTATIONS)
def test_an_attestation_that_proves_nothing(changed: dict[str, Any]) -> None:
    it = world()
    before = it.digest()
    with pytest.raises(InvalidClient):
        asked(it, attested(it, **changed))
    assert it.digest() == before


PROOFS: list[Any] = [
    row("7.2", "by another key", {"by": OTHER}),
    row("7.2", "by the attester", {"by": ATTESTER}),
    row("7.2", "for another server", {"aud": "https://other.example"}),
    row("7.2", "for several", {"aud": [ISSUER, "https://other.example"]}),
    row("7.2", "for the endpoint", {"aud": f"{ISSUER}/token"}),
    row("7.2", "for nobody", {"aud": ...}),
    row("7.2", "without a name", {"jti": ...}),
    row("7.2", "with an empty name", {"jti": ""}),
    row("7.2", "with a name without end", {"jti": "x" * 513}),
    row("7.2", "without a time", {"iat": ...}),
    row("7.2", "of two minutes ago", {"iat": -120}),
    row("7.2", "of in two minutes", {"iat": 120}),
    row("7.2", "of another type", {"typ": "dpop+jwt"}),
    row("7.2", "of no type", {"typ": "jwt"}),
]


@pytest.mark.parametrize("changed", PROOFS)
def test_a_proof_that_proves_nothing(changed: dict[str, Any]) -> None:
    it = world()
    if isinstance(changed.get("iat"), int):
        changed = {"iat": it.now + changed["iat"]}
    before = it.digest()
    with pytest.raises(InvalidClient):
        asked(it, proof=popped(it, **changed))
    assert it.digest() == before


@pytest.mark.parametrize("bad", BAD)
def test_malformed(bad: Bad) -> None:
    """ATTACKS A59, A60: both of them, out of the one corpus."""
    it = world()
    claims = {"sub": "wallet", "exp": it.now + 3600, "cnf": holding()}
    with pytest.raises(InvalidClient):
        asked(it, bad(Honest(ATTESTER, claims, wire.TYPE)))
    claims = {"aud": ISSUER, "jti": "j", "iat": it.now}
    claims |= {"challenge": attestation.challenge(it.context)}
    with pytest.raises(InvalidClient):
        asked(it, proof=bad(Honest(COPY, claims, wire.POP_TYPE)))


@pytest.mark.parametrize("bad", BY_NAME)
def test_by_a_key_of_nobody(bad: Bad) -> None:
    """An attester's key is found by its name; that of the proof is in the attestation."""
    it = world()
    claims = {"sub": "wallet", "exp": it.now + 3600, "cnf": holding()}
    with pytest.raises(InvalidClient):
        asked(it, bad(Honest(ATTESTER, claims, wire.TYPE)))


def test_pieces() -> None:
    it = world()
    for piece in prefixes_and_suffixes(attested(it)):
        with pytest.raises(InvalidClient):
            asked(it, piece)
    for piece in prefixes_and_suffixes(popped(it)):
        with pytest.raises(InvalidClient):
            asked(it, proof=piece)


def test_a_proof_counts_once() -> None:
    it = world()
    proof = popped(it)
    asked(it, proof=proof)
    with pytest.raises(InvalidClient):
        asked(it, proof=proof)


def test_an_attestation_that_is_over() -> None:
    """7.4: the app is told to get a fresh one."""
    it = world()
    with pytest.raises(UseFreshAttestation):
        asked(it, attested(it, iat=it.now - 7200, exp=it.now - 60))


@pytest.mark.parametrize("challenge", [..., "", "made up"])
def test_a_challenge_that_is_not_ours(challenge: Any) -> None:
    """7.4."""
    it = world()
    with pytest.raises(UseAttestationChallenge):
        asked(it, proof=popped(it, challenge=challenge))


def test_a_challenge_is_good_for_a_minute_or_two() -> None:
    it = world()
    old = attestation.challenge(it.context)
    it.later(STEP)
    asked(it, proof=popped(it, challenge=old))
    it.later(STEP)
    with pytest.raises(UseAttestationChallenge):
        asked(it, proof=popped(it, challenge=old))


HEADERS = [
    row("7.1", "two attestations", 2, 1),
    row("7.2", "two proofs", 1, 2),
    row("7.2", "no proof", 1, 0),
]


@pytest.mark.parametrize("attestations, proofs", HEADERS)
def test_one_of_each(attestations: int, proofs: int) -> None:
    it = world()
    headers = {
        wire.HEADER.lower(): (attested(it),) * attestations,
        wire.POP_HEADER.lower(): (popped(it),) * proofs,
    }
    with pytest.raises(InvalidClient):
        it.post(introspect, Call(form=form({"token": "x"}), request=RequestInfo(headers=headers)))


def test_a_name_beside_it_that_is_another() -> None:
    it = world()
    with pytest.raises(InvalidRequest):
        asked(it, client_id="kite")


def test_two_ways_at_once() -> None:
    """ATTACKS A29."""
    it = world()
    with pytest.raises(InvalidRequest):
        asked(it, client_id="wallet", client_secret="x")


def test_a_name_alone_is_not_enough() -> None:
    it = world()
    with pytest.raises(InvalidClient):
        it.post(introspect, Call(form=form({"token": "x", "client_id": "wallet"})))


def test_switched_off_nobody_looks_at_it() -> None:
    it = World()
    it.put(WALLET)
    with pytest.raises(InvalidClient):
        asked(it)
    assert mistakes(WALLET, it.at)


def test_registration() -> None:
    it = world()
    assert mistakes(WALLET, it.at) == []
    assert mistakes(msgspec.structs.replace(WALLET, jwks={}), it.at)


# What a copy is given is its own (11.3, 11.4).


def test_a_refresh_token_is_of_one_copy() -> None:
    it = world()
    mine = redeemed(it, code(it))["refresh_token"]
    given = {"grant_type": "refresh_token", "refresh_token": mine}
    assert tokens(it, **given)["access_token"]
    theirs = {"one": attested(it, cnf=holding(OTHER)), "proof": popped(it, by=OTHER)}
    with pytest.raises(InvalidGrant):
        tokens(it, **theirs, **given)
    assert it.family("wallet").status == "open"
    assert tokens(it, **given)["access_token"]


def test_a_pushed_request_binds_the_code_to_the_copy() -> None:
    it = world()
    given = {**pushed("kite"), "client_id": "wallet", "redirect_uri": CB}
    answer = it.post(push, call(it, **given))
    assert isinstance(answer, Answer)
    document: Any = answer.document
    text = it.agree({"client_id": "wallet", "request_uri": document["request_uri"]}).code
    with pytest.raises(InvalidGrant):
        redeemed(it, text, one=attested(it, cnf=holding(OTHER)), proof=popped(it, by=OTHER))
    with pytest.raises(InvalidGrant):
        redeemed(it, text)  # Burnt: it was in other hands.


def test_another_copy_takes_its_own_code() -> None:
    it = world()
    theirs = {"one": attested(it, cnf=holding(OTHER)), "proof": popped(it, by=OTHER)}
    assert redeemed(it, code(it), **theirs)["access_token"]
    assert it.family("wallet").instance == OTHER.public().thumbprint()
