"""Whom a token is for, in either form that RFC 7519 4.1.3 lets it have: other servers write it
otherwise than ours."""

import json
import time
from typing import Any

import pytest
from tests.keys import key
from tests.rows import row

from valetkey.jose import jws, jwt
from valetkey.wire import access_token, id_token

KEY = key("ES256", "of a server")
NOW = int(time.time())
AUDIENCES = {"iss": "https://id.example", "iat": NOW, "exp": NOW + 60, "sub": "miko"}
API, APP = "https://api.example", "stefapp"


def signed(typ: str, aud: Any, **more: Any) -> str:
    payload = json.dumps({**AUDIENCES, "aud": aud, **more}).encode()
    return jws.sign(payload, key=KEY, typ=typ)


def of_access(aud: Any) -> object:
    text = signed(access_token.TYPE, aud, client_id=APP, jti="1")
    return access_token.verify(
        text, keys=(KEY.public(),), issuer=str(AUDIENCES["iss"]), audience=API, now=NOW
    ).claims.aud


def of_sign_in(aud: Any) -> object:
    text = signed(id_token.TYPE, aud, nonce="n")
    return id_token.verify(
        text,
        keys=(KEY.public(),),
        issuer=str(AUDIENCES["iss"]),
        client_id=APP,
        nonce="n",
        access_token="a",
        now=NOW,
    ).claims.aud


ACCEPTED = [
    row("9068 4", "one alone", of_access, API, (API,)),
    row("9068 4", "a list of one", of_access, [API], (API,)),
    row("9068 4", "of several", of_access, ["a", API], ("a", API)),
    row("OIDC 2", "one alone", of_sign_in, APP, APP),
    row("OIDC 2", "a list of one", of_sign_in, [APP], APP),
]


@pytest.mark.parametrize("reads,aud,expected", ACCEPTED)
def test_it_is_for_us(reads: Any, aud: Any, expected: Any) -> None:
    assert reads(aud) == expected


REFUSED = [
    row("9068 4", "another", of_access, "https://other.example"),
    row("9068 4", "a part of the name", of_access, API[:-1]),
    row("9068 4", "a longer name", of_access, f"{API}.evil.example"),
    row("9068 4", "nobody", of_access, []),
    row("9068 4", "a list in a list", of_access, [[API]]),
    row("9068 4", "a number", of_access, 1),
    row("OIDC 3.1.3.7", "another", of_sign_in, "other"),
    row("OIDC 3.1.3.7", "another, in a list", of_sign_in, ["other"]),
    row("OIDC 3.1.3.7", "for others too", of_sign_in, [APP, "other"]),
    row("OIDC 3.1.3.7", "nobody", of_sign_in, []),
    row("OIDC 3.1.3.7", "a list in a list", of_sign_in, [[APP]]),
]


@pytest.mark.parametrize("reads,aud", REFUSED)
def test_it_is_not(reads: Any, aud: Any) -> None:
    with pytest.raises(jwt.BadToken):
        reads(aud)
