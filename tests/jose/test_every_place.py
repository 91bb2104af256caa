"""Every place that takes a JWT is shown the one malformed corpus (ATTACKS A45, A59 to A61), each
proper prefix and suffix of a good one. A place that is new has to be listed here: it is looked for
in the code."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from msgspec.structs import replace
from tests.jose.corpus import BAD, BY_NAME, Bad, Honest, prefixes_and_suffixes
from tests.keys import key
from tests.server.oauth.grant_types.elsewhere import asks
from tests.server.oauth.grant_types.test_token_exchange import exchange
from tests.server.oauth.world import ISSUER, World

from valetkey.jose import base64url
from valetkey.server.model.client import Client
from valetkey.server.oauth.core import subjects
from valetkey.server.oauth.core.context import Registration
from valetkey.server.oauth.endpoints import software_statement
from valetkey.spec import names
from valetkey.spec.errors import OAuthError
from valetkey.wire import (
    access_token,
    change_log,
    child_key,
    dpop,
    id_token,
    introspection,
    status_list,
)
from valetkey.wire.access_token import AccessToken, Confirmation
from valetkey.wire.change_log import Piece

ROOT: Final = Path(__file__).parents[2]
SRC: Final = ROOT / "src" / "valetkey"
CHIRP: Final = "https://chirp.example"
ES, RS = key("ES256"), key("RS256")
PUBLIC = (ES.public(), RS.public())
PUBLISHER: Final = key("ES256", "a publisher's")
ADDRESS: Final = f"{ISSUER}/token"


class Refused(ValueError):
    """The place did not take it."""


class Place(NamedTuple):
    """Where a JWT is taken: what an honest one is in this world, and how it is shown. `but` are
    rows of the corpus that say nothing there."""

    honest: Callable[[World], Honest]
    takes: Callable[[World, str], object]
    but: frozenset[str] = frozenset()


def claims_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64url.decode(token.split(".")[1]))
    return found


def of_access_token(world: World) -> Honest:
    return Honest(ES, claims_of(world.connect("web")["access_token"]), access_token.TYPE)


def of_id_token(client: str) -> Callable[[World], Honest]:
    def make(world: World) -> Honest:
        claims = claims_of(world.connect("web", scope="openid chirps")["id_token"])
        return Honest(RS, claims | {"aud": client}, "JWT")

    return make


def _introspected(world: World, text: str) -> None:
    if not world.introspect(text).active:
        raise Refused


def _hinted(world: World, text: str) -> None:
    subjects.read(text, world.context, client=world.need(Client, "web"))


def _exchanged(world: World, text: str) -> None:
    world.change(Client, "agent", exchange=replace(_policy(world), clients=("web",)))
    exchange(world, text, subject_token_type=names.TYPE_ID_TOKEN, scope="chirps.read")


def _policy(world: World) -> Any:
    return world.need(Client, "agent").exchange


def of_statement(world: World) -> Honest:
    claims = {"iss": "publisher", "iat": world.now, "client_name": "An app"}
    return Honest(PUBLISHER, claims, "software-statement+jwt")


def _stated(world: World, text: str) -> None:
    jwks = {"keys": [PUBLISHER.public().jwk()]}
    world.at = replace(world.at, registration=Registration(publishers=jwks))
    software_statement.with_statement({"software_statement": text}, world.context)


def _at_the_api(world: World, text: str) -> None:
    access_token.verify(text, keys=PUBLIC, issuer=ISSUER, audience=CHIRP, now=world.now)


def of_introspection(world: World) -> Honest:
    said = {"iss": ISSUER, "aud": "chirp", "iat": 1, "token_introspection": {"active": True}}
    return Honest(ES, said, introspection.TYPE)


def _introspection_verified(world: World, text: str) -> None:
    introspection.verify(text, keys=PUBLIC, issuer=ISSUER, audience="chirp", now=1)


def of_piece(world: World) -> Honest:
    piece = Piece(iss=ISSUER, aud=CHIRP, after=0, to=0, head=0, at=1, node="n")
    return Honest(ES, claims_of(change_log.write(piece, key=ES)), change_log.TYPE)


def _followed(world: World, text: str) -> None:
    change_log.read(text, keys=PUBLIC, issuer=ISSUER, audience=CHIRP)


def of_list(world: World) -> Honest:
    packed = status_list.pack({})
    claims = {
        "iss": ISSUER,
        "sub": f"{ISSUER}/list",
        "iat": world.now,
        "exp": world.now + 60,
        "ttl": 30,
        "status_list": {"bits": packed.bits, "lst": packed.lst},
    }
    return Honest(ES, claims, status_list.TYPE)


def _looked_up(world: World, text: str) -> None:
    status_list.read(text, keys=PUBLIC, issuer=ISSUER, uri=f"{ISSUER}/list", now=world.now)


def of_sign_in(world: World) -> Honest:
    claims = {
        "iss": ISSUER,
        "sub": "miko",
        "aud": "stefapp",
        "iat": world.now,
        "exp": world.now + 60,
        "nonce": "n",
        "at_hash": id_token.at_hash("access"),
    }
    return Honest(ES, claims, "JWT")


def _signed_in(world: World, text: str) -> None:
    id_token.verify(
        text,
        keys=PUBLIC,
        issuer=ISSUER,
        client_id="stefapp",
        nonce="n",
        access_token="access",
        now=world.now,
    )


def of_proof(world: World) -> Honest:
    claims = {"jti": "j", "htm": "POST", "htu": ADDRESS, "iat": world.now}
    return Honest(ES, claims, dpop.TYPE, {"jwk": ES.public().bare()})


def _proved(world: World, text: str) -> None:
    dpop.check(text, method="POST", addresses=(ADDRESS,), now=world.now)


def of_child(world: World) -> Honest:
    shown, bound_token = _delegated(world)
    claims = {
        "parent": dpop.token_hash(shown),
        "cnf": {"jkt": key("ES256", "the next hand").public().thumbprint()},
        "scope": bound_token.scope,
        "iat": world.now,
        "exp": bound_token.exp,
    }
    return Honest(ES, claims, child_key.TYPE, {"jwk": ES.public().bare()})


def _delegated(world: World) -> tuple[str, AccessToken]:
    """A token, bound to a key, that is handed on."""
    bound_token = AccessToken(
        iss=ISSUER,
        sub="miko",
        aud=(CHIRP,),
        client_id="web",
        jti="1",
        scope="chirps.read",
        iat=world.now,
        exp=world.now + 300,
        cnf=Confirmation(jkt=ES.public().thumbprint()),
    )
    return "token", bound_token


def _checked(world: World, text: str) -> None:
    shown, bound_token = _delegated(world)
    child_key.check(shown + child_key.SEPARATOR + text, bound_token, depth=1, now=world.now)


LONG: Final = frozenset({"A61 oversize"})
"""It takes longer ones than a token may be."""

OF_KEYS: Final = frozenset({"A59 a stranger's key in jwk", *(one.id for one in BY_NAME)})
"""It takes the key out of the header: whose it is, is known from elsewhere."""

PLACES: Final[dict[str, Place]] = {
    "server/oauth/tokens/state.py": Place(of_access_token, _introspected),
    "server/oauth/core/subjects.py": Place(of_id_token("web"), _hinted),
    "server/oauth/grant_types/ciba.py": Place(
        of_id_token("till"), lambda world, text: asks(world, login_hint="", id_token_hint=text)
    ),
    "server/oauth/grant_types/token_exchange.py": Place(of_id_token("web"), _exchanged),
    "server/oauth/endpoints/software_statement.py": Place(of_statement, _stated),
    "wire/access_token.py": Place(of_access_token, _at_the_api),
    "wire/introspection.py": Place(of_introspection, _introspection_verified),
    "wire/change_log.py": Place(of_piece, _followed, LONG),
    "wire/status_list.py": Place(of_list, _looked_up, LONG),
    "wire/id_token.py": Place(of_sign_in, _signed_in),
    "wire/dpop.py": Place(of_proof, _proved, OF_KEYS),
    "wire/child_key.py": Place(of_child, _checked, OF_KEYS),
}

OWN_TESTS: Final = {
    "server/oauth/authorize/jar.py": "tests/server/oauth/authorize/test_jar.py",
    "server/oauth/clients/client_assertion.py": (
        "tests/server/oauth/clients/test_client_secret_jwt.py"
    ),
    "server/oauth/clients/attestation.py": "tests/server/oauth/clients/test_attestation.py",
    "wire/client_attestation.py": "tests/server/oauth/clients/test_attestation.py",
    "server/oauth/sign_in/backchannel_logout.py": "tests/server/test_upstream.py",
    "server/oauth/sign_in/signed_answer.py": "tests/attacks/test_a103_forged_answers.py",
    "server/oauth/grant_types/jwt_bearer.py": "tests/server/oauth/grant_types/test_jwt_bearer.py",
}
"""Places whose own tests go through the corpus."""

PRIVATE_KEY_TESTS: Final = "tests/server/oauth/clients/test_private_key_jwt.py"
"""The other half of `client_assertion.py`."""

THROUGH: Final = {
    "server/oauth/clients/keys.py": "what a client signs, for those that ask it",
    "server/oauth/sign_in/identity.py": "wire/id_token.py",
    "resource/admission.py": "wire/access_token.py",
    "resource/api_halves.py": "wire/access_token.py",
    "client/endpoints.py": "wire/id_token.py",
    "resource/token_status.py": "wire/introspection.py",
}
"""Modules that hand a JWT on to one of the others."""

HEADLESS: Final = {"wire/split_token.py": "tests/wire/test_split_token.py"}
"""Places whose header nobody can send, and their own tests."""

TAKES: Final = frozenset(
    {
        ("jws", "verify"),
        ("jws", "verify_shared"),
        ("jws", "verify_embedded"),
        ("jwt", "verify"),
        ("jwt", "prove"),
        ("keys", "verify"),
        ("keys", "verify_with"),
        ("access_token", "verify"),
        ("_verified_tokens", "verify"),
        ("id_token", "verify"),
        ("introspection", "verify"),
    }
)


_CALL: Final = re.compile(r"(\w+)\.(\w+)\(")


def _takers() -> Counter[str]:
    """The modules in which a JWT is taken, and in how many lines of each."""
    return Counter(
        name
        for file in SRC.rglob("*.py")
        if not (name := file.relative_to(SRC).as_posix()).startswith("jose/")
        for call in _CALL.findall(file.read_text("utf-8"))
        if call in TAKES
    )


def test_every_place_is_listed() -> None:
    """Once each, so that a second one in the same module does not hide behind the first."""
    listed = Counter([*PLACES, *OWN_TESTS, *THROUGH, *HEADLESS])
    twice = Counter(["server/oauth/clients/client_assertion.py", "server/oauth/clients/keys.py"])
    found = _takers()
    assert found == listed + twice, (
        f"a JWT is verified in {[*found - listed - twice]} too: add a row to PLACES in {__file__}, "
        "with an honest token and a call, so that each bad token of the corpus is tried there (a "
        "module that only hands it on goes to THROUGH); "
        f"it is no longer verified in {[*listed + twice - found]}: remove these rows"
    )


@pytest.mark.parametrize("file", sorted({*OWN_TESTS.values(), PRIVATE_KEY_TESTS}))
def test_the_others_go_through_the_corpus(file: str) -> None:
    text = (ROOT / file).read_text("utf-8")
    assert re.search(r'parametrize\("bad", .*\bBAD\b', text)
    assert "in prefixes_and_suffixes(" in text, "every proper prefix and suffix"
    # A shared secret is found by the client, and by no name in the header.
    assert "BY_NAME" in text or "Shared" in text


@pytest.mark.parametrize("name", PLACES)
def test_an_honest_one_is_taken(name: str) -> None:
    world = World()
    PLACES[name].takes(world, PLACES[name].honest(world).token())


@pytest.mark.parametrize("name", PLACES)
def test_a_bad_one_is_not(name: str) -> None:
    world = World()
    place, honest = PLACES[name], PLACES[name].honest(world)
    rows: dict[str, Bad] = {one.id: one.values[0] for one in (*BAD, *BY_NAME)}
    tried = {what: bad for what, bad in rows.items() if what not in place.but}
    assert not [what for what, bad in tried.items() if _is_taken(place, world, bad(honest))]


@pytest.mark.parametrize("name", PLACES)
def test_a_piece_of_it_is_not(name: str) -> None:
    world = World()
    place = PLACES[name]
    text = place.honest(world).token()
    assert not [piece for piece in prefixes_and_suffixes(text) if _is_taken(place, world, piece)]


def _is_taken(place: Place, world: World, text: str) -> bool:
    try:
        place.takes(world, text)
    except (OAuthError, ValueError):
        return False
    return True
