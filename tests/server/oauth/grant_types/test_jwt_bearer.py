"""JWT assertions as grants (RFC 7523 2.1, 3), rule by rule; ATTACKS A45, A48, A56 in part."""

from typing import Any

import msgspec
import pytest
from tests.jose.corpus import BAD, BY_NAME, Bad, Honest, prefixes_and_suffixes
from tests.keys import key
from tests.rows import row
from tests.server.oauth.clients.apps import jwks
from tests.server.oauth.world import ISSUER, World

from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.limits import limits
from valetkey.server.model.policy import Policy, TrustedIssuer
from valetkey.server.model.user import User
from valetkey.server.oauth.endpoints.discovery import server_metadata
from valetkey.server.oauth.features import FEATURES
from valetkey.spec import names
from valetkey.spec.errors import (
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    OAuthError,
    UnauthorizedClient,
)

PARTNER = "https://partner.example"
THEIRS = key("ES256", "the partner's")
TYPES = ("authorization_code", "refresh_token", names.JWT_BEARER)
JAG = "oauth-id-jag+jwt"


def trusting(*, jag: bool = False, subject: str = "username") -> World:
    """A world in which `web` may bring what the partner signs, and Miko has said yes to `web`."""
    off = () if jag else ("identity assertion",)
    world = World(tuple(one for one in FEATURES if one.name not in off))
    partner = TrustedIssuer(issuer=PARTNER, jwks=jwks(THEIRS), subject=subject)  # type: ignore[arg-type]
    policy = Policy(name="partners", pkce="optional", trusts=(partner,))
    world.at = msgspec.structs.replace(world.at, policies={"partners": policy})
    world.change(Client, "web", grant_types=TYPES, policy="partners")
    world.connect("web", scope="openid offline_access chirps")
    return world


_COUNT = iter(range(1_000_000))


def claims(world: World, **changed: Any) -> dict[str, Any]:
    given = {
        "iss": PARTNER,
        "sub": "miko",
        "aud": ISSUER,
        "jti": f"a-{next(_COUNT)}",
        "iat": world.now,
        "exp": world.now + 300,
    }
    return {name: value for name, value in (given | changed).items() if value is not ...}


def brought(world: World, text: str, client: str = "web", **parameters: Any) -> dict[str, Any]:
    given = {"grant_type": names.JWT_BEARER, "assertion": text}
    return world.token(client, **(given | parameters))


def says(world: World, *, typ: str = "JWT", **changed: Any) -> str:
    return Honest(THEIRS, claims(world, **changed), typ).token()


def test_a_trusted_server_says_who_the_user_is() -> None:
    world = trusting()
    told = brought(world, says(world))
    assert set(told["scope"].split()) == {"openid", "chirps.read", "chirps.write"}
    assert told.keys() == {"access_token", "token_type", "expires_in", "scope"}
    seen = world.introspect(told["access_token"])
    assert (seen.sub, seen.client_id) == (world.miko.id, "web")
    assert seen.grant_id == world.grant("web").id
    assert not world.family("web").refreshable


def test_the_subject_may_be_an_id() -> None:
    world = trusting(subject="id")
    assert brought(world, says(world, sub=world.miko.id))["access_token"]
    with pytest.raises(InvalidGrant):
        brought(world, says(world, sub="miko"))


def test_it_counts_once() -> None:
    world = trusting()
    text = says(world)
    brought(world, text)
    with pytest.raises(InvalidGrant):
        brought(world, text)


def test_it_may_be_narrowed_not_widened() -> None:
    world = trusting()
    assert brought(world, says(world), scope="chirps.read")["scope"] == "chirps.read"
    with pytest.raises(InvalidScope):
        brought(world, says(world), scope="photos.read")


def test_it_opens_nothing_that_the_user_was_never_asked() -> None:
    world = trusting()
    with pytest.raises(InvalidGrant):
        brought(world, says(world, sub="noor"))


def test_a_yes_for_once_is_not_had_again() -> None:
    """A78: the code that it was for is all that comes of it."""
    world = trusting()
    grant = world.grant("web")
    world.change(Grant, grant.id, limits=limits(until=world.now + 300, once=True))
    with pytest.raises(InvalidGrant):
        brought(world, says(world))


REFUSED: list[tuple[str, str, dict[str, Any]]] = [
    ("3", "another server's", {"iss": "https://evil.example"}),
    ("3", "no issuer", {"iss": ...}),
    ("3", "about nobody", {"sub": ""}),
    ("3", "no subject", {"sub": ...}),
    ("3", "an unknown user", {"sub": "nobody"}),
    ("7519 4.1.2", "a user in capitals", {"sub": "MIKO"}),
    ("7519 4.1.2", "a user with a space", {"sub": " miko"}),
    ("7519 4.1.2", "a user in wide letters", {"sub": "\uff4diko"}),
    ("7519 4.1.2", "a user with a point that is not seen", {"sub": "mi\u200dko"}),
    ("3", "for another server", {"aud": "https://other.example"}),
    ("3", "for the token endpoint", {"aud": f"{ISSUER}/token"}),
    ("3", "for several", {"aud": [ISSUER, "https://other.example"]}),
    ("3", "no audience", {"aud": ...}),
    ("3", "without an end", {"exp": ...}),
    ("3", "over", {"exp": 1}),
    ("3", "ends far off", {"exp": 1_700_000_000 + 100_000}),
    ("3", "not begun", {"nbf": 1_700_000_000 + 3000}),
    ("A56", "without a jti", {"jti": ...}),
    ("A56", "with an empty jti", {"jti": ""}),
    ("A56", "with a long jti", {"jti": "j" * 600}),
    ("A56", "for another client", {"client_id": "machine"}),
]


@pytest.mark.parametrize("changed", [row(a, b, rest) for a, b, rest in REFUSED])
def test_what_is_refused(changed: dict[str, Any]) -> None:
    world = trusting()
    with pytest.raises(InvalidGrant):
        brought(world, says(world, **changed))
    assert len(world.all(TokenFamily)) == 1


@pytest.mark.parametrize("bad", [*BAD, *BY_NAME])
def test_malformed(bad: Bad) -> None:
    """ATTACKS A45, A59 to A61."""
    world = trusting()
    text = bad(Honest(THEIRS, claims(world), "JWT"))
    # RFC 7523 3.1; an empty parameter is an absent one.
    with pytest.raises(InvalidGrant if text else InvalidRequest):
        brought(world, text)


@pytest.mark.parametrize("algorithms, taken", [(("ES256",), False), (("ES256", "RS256"), True)])
def test_in_what_its_profile_processes(algorithms: Any, taken: bool) -> None:
    """FAPI 2.0 Security Profile 5.4.1: who speaks of a client's users signs no weaker than it."""
    world = trusting()
    theirs = key("RS256", "the partner's other")
    partner = TrustedIssuer(issuer=PARTNER, jwks=jwks(theirs))
    policy = msgspec.structs.replace(
        world.at.policies["partners"], trusts=(partner,), client_algorithms=algorithms
    )
    world.at = msgspec.structs.replace(world.at, policies={"partners": policy})
    text = Honest(theirs, claims(world), "JWT").token()
    if taken:
        assert brought(world, text)
        return
    with pytest.raises(InvalidGrant):
        brought(world, text)


def test_pieces() -> None:
    world = trusting()
    for piece in prefixes_and_suffixes(says(world)):
        with pytest.raises(InvalidGrant if piece else InvalidRequest):
            brought(world, piece)


@pytest.mark.parametrize(
    "typ", ["at+jwt", "logout+jwt", "client-authentication+jwt", "dpop+jwt", JAG, "secevent+jwt"]
)
def test_tokens_of_other_kinds_are_no_assertions(typ: str) -> None:
    """ATTACKS A48."""
    world = trusting()
    with pytest.raises(InvalidGrant):
        brought(world, says(world, typ=typ))


def test_by_another_key() -> None:
    world = trusting()
    with pytest.raises(InvalidGrant):
        brought(world, Honest(key("ES256", "a thief's"), claims(world), "JWT").token())


def test_who_may_bring_one() -> None:
    world = trusting()
    text = says(world)
    with pytest.raises(UnauthorizedClient):
        brought(world, text, "machine")
    world.change(Client, "machine", grant_types=(names.JWT_BEARER,))
    with pytest.raises(InvalidGrant):
        brought(world, text, "machine")  # Its policy trusts nobody.
    world.change(Client, "kite", grant_types=(names.JWT_BEARER,), policy="partners")
    with pytest.raises(UnauthorizedClient):
        brought(world, text, "kite")


def _grant(world: Any) -> str:
    return str(world.grant("web").id)


DEAD: list[Any] = [
    row("A56", "user disabled", User, lambda world: world.miko.id, "disabled", InvalidGrant),
    row("A56", "grant paused", Grant, _grant, "paused", InvalidGrant),
    row("A56", "grant stopped", Grant, _grant, "stopped", InvalidGrant),
    row("A56", "client suspended", Client, lambda world: "web", "suspended", InvalidClient),
]


@pytest.mark.parametrize("kind,key_of,status,error", DEAD)
def test_who_is_dead_gets_nothing(
    kind: type[Any], key_of: Any, status: str, error: type[OAuthError]
) -> None:
    world = trusting()
    text = says(world)
    world.change(kind, key_of(world), status=status)
    with pytest.raises(error):
        brought(world, text)
    assert len(world.all(TokenFamily)) == 1


def test_an_issuer_that_is_no_longer_trusted() -> None:
    world = trusting()
    text = says(world)
    none = Policy(name="partners", pkce="optional")
    world.at = msgspec.structs.replace(world.at, policies={"partners": none})
    with pytest.raises(InvalidGrant):
        brought(world, text)


@pytest.mark.parametrize("typ", [JAG, JAG.upper(), f"application/{JAG}", f"Application/{JAG}"])
def test_an_identity_assertion_is_for_the_client_that_it_names(typ: str) -> None:
    """Whichever way its type is written (RFC 7515 4.1.9)."""
    world = trusting(jag=True)
    told = brought(world, says(world, typ=typ, client_id="web", scope="chirps.read"))
    assert told["scope"] == "chirps.read"
    for changed in ({}, {"client_id": "machine"}, {"client_id": ""}):
        with pytest.raises(InvalidGrant):
            brought(world, says(world, typ=typ, **changed))


def test_identity_assertions_are_off_unless_switched_on() -> None:
    assert server_metadata(trusting(jag=True).context).authorization_grant_profiles_supported
    world = trusting()
    assert not server_metadata(world.context).authorization_grant_profiles_supported
    with pytest.raises(InvalidGrant):
        brought(world, says(world, typ=JAG, client_id="web"))
