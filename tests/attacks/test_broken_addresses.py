"""A52: hostile client metadata, with malformed addresses.

Attack: Somebody writes something that is not an address wherever an address is expected.
Defense: The server refuses it, and nothing breaks.
"""

from collections.abc import Iterator
from typing import Any

import httpx2
import msgspec
import pytest
from tests.attacks.play import asking, call, planned, stayed
from tests.installation import CHIRP_CATALOG, PHOTOS_CATALOG
from tests.live import Live, live
from tests.server.oauth.clients.registering import APP, post
from tests.server.oauth.clients.test_documents import CB, URL, page
from tests.server.oauth.world import World
from tests.wire.broken import BROKEN

from valetkey.client import server
from valetkey.client.errors import Aborted
from valetkey.resource import ResourceServer
from valetkey.server.model.policy import TrustedIssuer
from valetkey.server.oauth.admin.apply_plan import DesiredRecord
from valetkey.server.oauth.clients import documents
from valetkey.server.oauth.features import FEATURES
from valetkey.server.oauth.logout.end_session import PATH
from valetkey.server.settings.load import SettingsError, load
from valetkey.spec.errors import InvalidClient
from valetkey.wire import dpop

LISTED = ("redirect_uris", "post_logout_redirect_uris", "request_uris")
SINGLE = (
    *("client_uri", "logo_uri", "policy_uri", "tos_uri", "jwks_uri", "sector_identifier_uri"),
    *("initiate_login_uri", "frontchannel_logout_uri", "backchannel_logout_uri"),
)
FIELDS = (*((name, True) for name in LISTED), *((name, False) for name in SINGLE))
OURS = {"client_uri": "uri"}
FOR_PEOPLE = ("client_uri", "logo_uri", "policy_uri", "tos_uri")


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(
        tmp_path_factory.mktemp("open"),
        enable=("registration", "client id metadata documents", "request_uri fetching"),
        registration="open",
        trusted_proxies=("127.0.0.1",),
    ) as server:
        yield server


def changed(name: str, listed: bool, text: str) -> dict[str, Any]:
    pairwise = {"subject_type": "pairwise", "scope": "openid"}
    return pairwise | {name: [text] if listed else text}


@pytest.mark.parametrize("text", BROKEN)
def test_at_registration(open_server: Live, text: str) -> None:
    for name, listed in FIELDS:
        answer = post(open_server, APP | changed(name, listed, text))
        assert answer.status_code == 400, (name, answer.text)
        code = "redirect_uri" if name == "redirect_uris" else "client_metadata"
        # Nobody reads JSON with a zero byte in it.
        code = "request" if "\x00" in text else code
        assert answer.json()["error"] == f"invalid_{code}", name


@pytest.mark.parametrize("text", BROKEN)
def test_in_a_document(text: str) -> None:
    it = World(FEATURES)
    for name, listed in FIELDS:
        document = page(**{"redirect_uris": [CB], **changed(name, listed, text)})
        body = msgspec.json.encode(document)
        droppable = name in FOR_PEOPLE or name == "post_logout_redirect_uris"
        if droppable and "\x00" not in text:
            found = documents.read(URL, body, None, context=it.context)
            kept = getattr(found, OURS.get(name, name))
            assert kept == ("https://agent.example" if name == "client_uri" else type(kept)())
        else:
            with pytest.raises(InvalidClient):
                documents.read(URL, body, None, context=it.context)


@pytest.mark.parametrize("text", BROKEN)
def test_in_what_an_administrator_declares(open_server: Live, text: str) -> None:
    for name, listed in FIELDS:
        field, value = OURS.get(name, name), (text,) if listed else text
        fields = {"scope": ("openid",), "redirect_uris": ("https://app.example/cb",), field: value}
        for subject_type in ("public", "pairwise"):
            given = {**fields, "subject_type": subject_type}
            wish = DesiredRecord(place="here", kind="client", key="new", fields=given)
            assert planned(open_server, wish).mistakes, name
    catalog = msgspec.structs.replace(CHIRP_CATALOG, resource=text)
    wish = DesiredRecord(
        place="here", kind="resource_server", key="new", fields={"catalog": catalog}
    )
    assert any("catalog.resource" in one for one in planned(open_server, wish).mistakes)
    trusts = (TrustedIssuer(issuer="https://bank.example", jwks_uri=text),)
    wish = DesiredRecord(place="here", kind="policy", key="new", fields={"trusts": trusts})
    assert planned(open_server, wish).mistakes


def told(answer: httpx2.Response, code: str, text: str) -> None:
    """The app is told the code; nobody reads a form with a zero byte in it."""
    if "\x00" in text:
        stayed(answer)
    else:
        assert f"error={code}" in answer.headers["location"]


@pytest.mark.parametrize("text", BROKEN)
def test_in_a_request(open_server: Live, text: str) -> None:
    asked = asking(redirect_uri=text).parameters()
    stayed(open_server.http.get("/authorize", params=asked))
    assert call(open_server, "/par", asked).status_code == 400
    asked = asking(client_id=text).parameters()
    stayed(open_server.http.get("/authorize", params=asked))
    pushed = open_server.http.post("/par", data=asked)
    code = "invalid_request" if "\x00" in text else "invalid_client"
    # A document that describes no app is no proof that failed (RFC 6749 5.2).
    status = 400 if "\x00" in text or text.startswith("https:") else 401
    assert (pushed.status_code, pushed.json()["error"]) == (status, code)
    asked = asking(request_uri=text).parameters()
    told(open_server.http.get("/authorize", params=asked), "invalid_request", text)
    asked = asking(resource=text).parameters()
    told(open_server.http.get("/authorize", params=asked), "invalid_target", text)
    for more in ({}, {"client_id": "stefapp"}):
        left = open_server.http.get(PATH, params={"post_logout_redirect_uri": text, **more})
        if "\x00" in text:
            stayed(left)
        else:
            assert (left.status_code, left.headers["location"]) == (303, "/signed-out")
    form = {"grant_type": "authorization_code", "code": "x", "redirect_uri": text, "resource": text}
    assert call(open_server, "/token", form).status_code == 400
    # A proof is for an address, too.
    with pytest.raises(dpop.BadProof):
        dpop.normal(text)


@pytest.mark.parametrize("name", ["issuer", "mtls_address", "privacy_url", "terms_url"])
@pytest.mark.parametrize("text", BROKEN)
def test_in_a_setting(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({name: text}, {}, None)
    assert any(one.startswith(f"{name} = ") for one in caught.value.mistakes)


@pytest.mark.parametrize("text", BROKEN)
def test_in_the_kit(text: str) -> None:
    with pytest.raises(ValueError, match="is not https"):
        ResourceServer(issuer=text, catalog=CHIRP_CATALOG)
    catalog = msgspec.structs.replace(PHOTOS_CATALOG, resource=text)
    with pytest.raises(ValueError, match="is no web address"):
        ResourceServer(issuer="https://id.example", catalog=catalog)


@pytest.mark.parametrize("text", BROKEN)
def test_in_the_sdk(text: str) -> None:
    with pytest.raises(Aborted, match="is no web address"):
        next(server.discover(text))
