"""Split access tokens: who gets which half, what each is worth, and that no row is kept."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from tests.installation import CHIRP, PHOTOS, RESOURCE_SERVERS
from tests.proofs import MINE, OTHER
from tests.rows import row
from tests.server.oauth.forms import VERIFIER, call
from tests.server.oauth.senders import bound, brought, code, proving, redeem, refresh, tokens
from tests.server.oauth.world import ISSUER, World

from valetkey.jose import jwt, seal
from valetkey.server.model.client import Client
from valetkey.server.model.grant import TokenFamily
from valetkey.server.model.keys import RawKey
from valetkey.server.model.query import Rule
from valetkey.server.oauth.core.decision import Answer, Outcome
from valetkey.server.oauth.core.feature import RequestInfo
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.endpoints.api_half import answer_api_half
from valetkey.server.oauth.endpoints.userinfo import userinfo
from valetkey.server.oauth.features import switched
from valetkey.server.oauth.grants.changes import StatusChange, change_status
from valetkey.server.oauth.senders.binding import check_presented
from valetkey.server.oauth.tokens import state
from valetkey.server.oauth.tokens.state import Dead, token_state
from valetkey.spec import names
from valetkey.spec.errors import (
    InvalidClient,
    InvalidDpopProof,
    InvalidRequest,
    InvalidToken,
    OAuthError,
)
from valetkey.wire import access_token, split_token
from valetkey.wire.access_token import AccessToken
from valetkey.wire.split_token import ApiHalfAnswer

SCOPE = "openid chirps photos.read"


def world(*splits: str, features: Any = None) -> World:
    """A world in which these APIs hold a half of their tokens: Chirp, unless others are named."""
    found = World(features or switched())
    named = splits or ("chirp",)
    servers = [replace(one, split=one.id in named) for one in RESOURCE_SERVERS]
    found.at = replace(found.at, offer=Offer(ISSUER, servers))
    return found


def split_one(at: World, client: str = "kite", **parameters: Any) -> str:
    """The app's half of a token."""
    text = redeem(at, client, code(at, client, **parameters))["access_token"]
    assert split_token.is_app_half(text)
    return str(text)


def asked(at: World, text: str, by: str = "chirp") -> ApiHalfAnswer:
    """What an API is told of it."""
    outcome = at.post(answer_api_half, call(by, token=text))
    assert isinstance(outcome, Answer)
    assert isinstance(outcome.document, ApiHalfAnswer)
    return outcome.document


def other(at: World, text: str, by: str = "chirp") -> AccessToken:
    """The API's half, proved."""
    told = asked(at, text, by)
    assert told.active
    return jwt.prove(
        told.access_token_half,
        AccessToken,
        keys=at.at.keyring.published,
        typ=(split_token.OF_API,),
        issuer=ISSUER,
    )


def worthless(at: World, text: str) -> bool:
    return isinstance(at.ask(token_state(text, at.context)), Dead)


# What is issued.


ISSUED: list[Any] = [
    row("-", "for an API that holds halves", ("chirp",), "openid chirps.read", (), True),
    row("-", "for it and others", ("chirp",), SCOPE, (), True),
    row("-", "for another one", ("chirp",), "photos.read", (), False),
    row("-", "for the server itself", ("chirp",), "openid profile", (), False),
    row("8707 2", "narrowed to it", ("chirp",), SCOPE, (CHIRP,), True),
    row("8707 2", "narrowed to another", ("chirp",), SCOPE, (PHOTOS,), False),
    row("-", "where all hold halves", ("chirp", "photos"), "photos.read", (), True),
]


@pytest.mark.parametrize("splits,scope,resource,halves", ISSUED)
def test_what_an_app_gets(
    splits: tuple[str, ...], scope: str, resource: tuple[str, ...], halves: bool
) -> None:
    at = world(*splits)
    given: dict[str, Any] = {"code": code(at, scope=scope), "code_verifier": VERIFIER}
    if resource:
        given["resource"] = resource
    sent = call("kite", grant_type="authorization_code", **given)
    text = tokens(at, proving(at, sent))["access_token"]
    assert split_token.is_app_half(text) is halves


def test_nothing_can_be_read_in_the_apps_half() -> None:
    at = world()
    raw = split_token.read(split_one(at)).sealed
    for told in (at.miko.id, "kite", "chirps.read", at.grant().id, at.family().id):
        assert told.encode() not in raw


def test_no_token_has_a_row() -> None:
    at = world()
    text = redeem(at, "kite", code(at, scope="openid chirps offline_access"))
    before = at.digest().keys()
    for _ in range(3):
        at.later(1)
        text = refresh(at, "kite", text["refresh_token"])
        assert asked(at, text["access_token"]).active
    assert {one for one in at.digest().keys() - before if not one.startswith("once DPoP")} == set()


def test_a_token_that_is_bound_to_nobody_is_not_issued() -> None:
    """RFC 9449: whoever reads the app's half in a log would show it as the app does. The code is
    good still, for an app that proves what it holds."""
    at = world()
    text = code(at)
    before = at.digest()
    with pytest.raises(InvalidRequest, match="bound"):
        at.redeem("kite", text)
    assert at.digest() == before
    assert split_token.is_app_half(redeem(at, "kite", text)["access_token"])


def test_a_client_that_acts_for_itself_gets_a_half_too() -> None:
    at = world()
    sent = call("machine", grant_type="client_credentials", scope="chirps.read")
    text = tokens(at, proving(at, sent))["access_token"]
    assert other(at, text).sub == "client:machine"
    with pytest.raises(InvalidRequest, match="bound"):
        at.token("machine", grant_type="client_credentials", scope="chirps.read")


def test_switched_off_all_tokens_are_whole_and_no_half_is_worth_anything() -> None:
    at = world()
    text = split_one(at)
    at.at = replace(at.at, features=switched(off=[state.NAME]))
    assert not split_token.is_app_half(redeem(at, "kite", code(at))["access_token"])
    assert worthless(at, text)
    assert not at.introspect(text).active


# What the API is told.


def test_the_halves_are_a_token() -> None:
    at = world()
    text = split_one(at, scope=SCOPE)
    whole = split_token.join(text, other(at, text))
    assert (whole.sub, whole.client_id, whole.cnf) == (at.miko.id, "kite", bound())
    assert (whole.grant_id, whole.family_id) == (at.grant().id, at.family().id)
    assert whole.exp == at.now + at.at.lifetimes.access_token


def test_an_api_learns_nothing_of_what_concerns_others() -> None:
    at = world()
    text = split_one(at, scope=SCOPE)
    mine, photos = other(at, text), other(at, text, "photos")
    assert (mine.aud, photos.aud) == ((CHIRP,), (PHOTOS,))
    assert mine.scopes == frozenset(("chirps", "chirps.read", "chirps.write"))
    assert photos.scopes == frozenset(("photos.read",))


def test_it_is_the_same_whatever_became_of_the_grant() -> None:
    """An API learns of that in the way that it chose, as with a whole token."""
    at = world()
    text = split_one(at, scope="openid chirps")
    before = other(at, text)
    at.change(type(at.grant()), at.grant().id, permissions=("openid", "chirps.read"))
    assert other(at, text) == before


def _turned(way: StatusChange) -> Callable[[World, str], object]:
    def act(at: World, text: str) -> None:
        name = at.grant().id
        at.settle(lambda: change_status(name, way, user=at.miko.id, by="user", context=at.context))

    return act


def _other_key(at: World, text: str) -> None:
    ring = at.at.keyring
    at.at = replace(at.at, keyring=replace(ring, sealing=(RawKey("5ea10002", bytes(32)),)))


def _gone(at: World, text: str) -> None:
    ring = at.at.keyring
    at.at = replace(at.at, keyring=replace(ring, published=ring.published[1:]))


OVER: list[Any] = [
    row("-", "the grant is paused", _turned("pause")),
    row("-", "the grant is stopped", _turned("stop")),
    row("-", "expired", lambda at, text: at.later(at.at.lifetimes.access_token)),
    row("7009", "revoked by the app's half", lambda at, text: at.revoke("kite", text)),
    row(
        "-",
        "the device is disconnected",
        lambda at, text: at.change(TokenFamily, at.family().id, status="closed"),
    ),
    row(
        "-",
        "the client is suspended",
        lambda at, text: at.change(Client, "kite", status="suspended"),
    ),
    row("-", "the key that sealed it is gone", _other_key),
    row("-", "the key that signed it is gone", _gone),
]


@pytest.mark.parametrize("act", OVER)
def test_of_what_is_over_nothing_is_told(act: Callable[[World, str], object]) -> None:
    at = world()
    text = split_one(at)
    act(at, text)
    assert asked(at, text) == split_token.NOTHING
    assert not at.introspect(text).active


def test_of_what_is_not_for_it_an_api_is_told_nothing() -> None:
    at = world()
    assert asked(at, split_one(at), "photos") == split_token.NOTHING


@pytest.mark.parametrize("by", [row("-", "an app", "web"), row("-", "the app itself", "kite")])
def test_only_apis_are_told(by: str) -> None:
    at = world()
    with pytest.raises(InvalidClient):
        asked(at, split_one(at), by)


def test_a_whole_token_has_no_other_half() -> None:
    at = world("photos")
    text = redeem(at, "kite", code(at))["access_token"]
    assert asked(at, text) == split_token.NOTHING


# What the app's half is good for, and who else has nothing of it.


def test_introspection_takes_the_apps_half() -> None:
    at = world()
    told = at.introspect(split_one(at, scope="openid chirps"))
    assert (told.active, told.token_type, told.cnf) == (True, "DPoP", bound())
    assert "chirps.read" in told.scope.split()


def test_userinfo_takes_the_apps_half() -> None:
    at = world()
    said = at.ask(userinfo(split_one(at), at.context))
    assert isinstance(said, Answer)
    assert isinstance(said.document, dict)
    assert said.document["sub"] == at.miko.id


def test_an_exchange_takes_the_apps_half_and_gives_one() -> None:
    at = world()
    mine = {
        "subject_token": split_one(at, scope="openid chirps"),
        "subject_token_type": names.TYPE_ACCESS_TOKEN,
    }
    sent = call("agent", grant_type=names.TOKEN_EXCHANGE, audience=CHIRP, **mine)
    with pytest.raises(InvalidRequest):
        tokens(at, proving(at, sent, by=OTHER))
    text = str(tokens(at, proving(at, sent))["access_token"])
    assert other(at, text).delegates == ("client:agent",)


def _shown(at: World, text: str, scheme: str = "DPoP", **wish: Any) -> None:
    _presented(at, scheme, replace(brought(at, "/userinfo", token=text, **wish), token=text))


def _presented(at: World, scheme: str, given: RequestInfo) -> None:
    def rule() -> Rule[Outcome]:
        yield from check_presented(scheme, given, at.context)
        return Outcome()

    at.settle(rule)


def _crossed(at: World, text: str) -> None:
    _presented(at, "DPoP", replace(brought(at, "/userinfo", token=split_one(at)), token=text))


SHOWN: list[Any] = [
    row("A11", "without a proof", lambda at, text: _shown(at, text, "Bearer"), InvalidToken),
    row("A11", "by a thief's key", lambda at, text: _shown(at, text, by=OTHER), InvalidToken),
    row("9449 4.3", "with the proof of another token", _crossed, InvalidDpopProof),
]


@pytest.mark.parametrize("show,error", SHOWN)
def test_the_apps_half_out_of_a_log_opens_nothing(
    show: Callable[[World, str], None], error: type[OAuthError]
) -> None:
    at = world()
    text = split_one(at)
    _shown(at, text, by=MINE)
    with pytest.raises(error):
        show(at, text)


def _api_half(at: World, text: str) -> str:
    return asked(at, text).access_token_half


def _sealed_by_none(at: World, text: str) -> str:
    """What a thief of the signing key can make, and no more."""
    key = at.at.keyring.signing["ES256"]
    return split_token.write(split_token.read(text).sealed[::-1], exp=at.now + 60, key=key)


def _signed_by_none(at: World, text: str) -> str:
    """What a thief of the sealing key can make, and no more."""
    half = split_token.read(text)
    return split_token.write(half.sealed, exp=half.exp, key=OTHER)


def _of_a_code(at: World, text: str) -> str:
    """Sealed by the very key, for another purpose."""
    ring = at.at.keyring
    plain = msgspec.msgpack.encode(at.ask(token_state(text, at.context)))
    own = seal.mac(ring.sealing[0].raw, state.PURPOSE, bytes(state.SALT))
    sealed = seal.seal(own, plain, nonce=bytes(12), purpose=b"authorization code")
    whole = bytes.fromhex(ring.sealing[0].kid) + bytes(state.SALT) + sealed
    return split_token.write(whole, exp=at.now + 60, key=ring.signing["ES256"])


def _of_another(at: World, text: str) -> str:
    elsewhere = world()
    elsewhere.at = replace(elsewhere.at, issuer="https://other.example")
    token = AccessToken(
        iss="https://other.example",
        iat=at.now,
        exp=at.now + 60,
        sub=at.miko.id,
        aud=(CHIRP,),
        client_id="kite",
        jti="1",
        cnf=bound(),
    )
    return state.write(token, elsewhere.context)


def _claims_signed_whole(at: World, text: str) -> str:
    """The API's half as a token, without the server's key."""
    return jwt.sign(other(at, text), key=OTHER, typ=access_token.TYPE)


ALONE: list[Any] = [
    row("A48", "the API's half", _api_half),
    row(
        "-", "the API's half in the app's clothes", lambda at, text: "vk_at_" + _api_half(at, text)
    ),
    row("-", "both, one behind the other", lambda at, text: text + _api_half(at, text)),
    row("-", "both, joined", lambda at, text: f"{text}.{_api_half(at, text)}"),
    row("-", "the app's half without its end", lambda at, text: text[:-1]),
    row("-", "the app's half without its beginning", lambda at, text: "vk_at_" + text[7:]),
    row("A59", "signed, and sealed by nobody", _sealed_by_none),
    row("A59", "sealed, and signed by nobody", _signed_by_none),
    row("A81", "what was sealed for another purpose", _of_a_code),
    row("-", "another issuer's under the same keys", _of_another),
    row("A59", "the API's half, signed by a stranger as a whole token", _claims_signed_whole),
]


@pytest.mark.parametrize("make", ALONE)
def test_what_is_no_token_at_the_server(make: Callable[[World, str], str]) -> None:
    at = world()
    text = make(at, split_one(at))
    assert worthless(at, text)
    assert not at.introspect(text).active
    assert asked(at, text) == split_token.NOTHING
    before = at.digest()
    at.revoke("kite", text)
    assert at.digest() == before


def test_a_half_ends_with_its_time_and_not_with_what_it_says_outside() -> None:
    """The end that an API reads is signed: nobody can move it."""
    at = world()
    text = split_one(at)
    half = split_token.read(text)
    key = at.at.keyring.signing["ES256"]
    longer = split_token.write(half.sealed, exp=half.exp + 9999, key=key)
    at.later(at.at.lifetimes.access_token)
    assert worthless(at, longer)
