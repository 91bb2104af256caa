"""A57: introspection as an oracle (RFC 7662 4).

Attack: An API or a client asks about tokens that don't concern it.
Defense: It learns only that the token is inactive, whether the response is signed or not.
"""

import httpx2
import pytest
from tests.attacks.play import claims, tokens
from tests.installation import SECRETS
from tests.live import Live
from tests.rows import row

from valetkey.wire.introspection import MEDIA

FORMS = [row("7662 2.2", "plain", ""), row("9701 5", "signed", MEDIA)]


def asked(server: Live, token: str, by: str, accept: str) -> httpx2.Response:
    headers = {"accept": accept} if accept else {}
    auth = (by, SECRETS[by])
    return server.http.post("/introspect", data={"token": token}, headers=headers, auth=auth)


def said(answer: httpx2.Response) -> dict[str, object]:
    """What is said of the token."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    if answer.headers["content-type"] == MEDIA:
        found: dict[str, object] = claims(answer.text)["token_introspection"]
        return found
    assert answer.headers["content-type"] == "application/json"
    plain: dict[str, object] = answer.json()
    return plain


@pytest.mark.parametrize("accept", FORMS)
def test_only_to_whom_it_concerns(accept: str, server: Live) -> None:
    token = tokens(server)["access_token"]
    mine = said(asked(server, token, "chirp", accept))
    assert (mine["active"], mine["client_id"]) == (True, "stefapp")
    for other in ("photos", "web", "machine"):
        assert said(asked(server, token, other, accept)) == {"active": False}
    assert said(asked(server, token + "x", "chirp", accept)) == {"active": False}


@pytest.mark.parametrize("accept", FORMS)
def test_not_to_who_does_not_prove_who_they_are(accept: str, server: Live) -> None:
    token = tokens(server)["access_token"]
    headers = {"accept": accept} if accept else {}
    form = {"token": token}
    for answer in (
        server.http.post("/introspect", data=form, headers=headers, auth=("chirp", "wrong")),
        server.http.post("/introspect", data={**form, "client_id": "stefapp"}, headers=headers),
    ):
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
