"""A100: a self-registered client acts for itself.

Attack: Anyone registers an app, and requests tokens without a user.
Defense: A self-registered app gets no token without a user, and no permission of high risk.
"""

import os
import time
from collections.abc import Iterator

import pytest
from tests.attacks.play import applied
from tests.installation import CHIRP
from tests.jose.corpus import Honest
from tests.live import Live, live
from tests.outside import Host, outside
from tests.rows import row
from tests.server.oauth.clients.apps import MINE, jwks
from tests.server.oauth.clients.registering import APP, every, kept, managed, post, registered

from valetkey.jose.seal import digest
from valetkey.server.model.change import Create
from valetkey.server.model.client import Client, Exchange, StoredSecret
from valetkey.server.model.resource import ResourceServer
from valetkey.server.oauth.admin.apply_plan import DesiredRecord
from valetkey.server.oauth.clients.documents import allowed_scope
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.features import FEATURES
from valetkey.wire.assertion import ASSERTION_TYPE, TYPE
from valetkey.wire.catalog import Catalog, Permission

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
CIBA = "urn:openid:params:grant-type:ciba"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"

FORMS: dict[str, dict[str, str]] = {
    "authorization_code": {"code": "x", "redirect_uri": APP["redirect_uris"][0]},
    "refresh_token": {"refresh_token": "x"},
    DEVICE: {"device_code": "x"},
    "client_credentials": {"scope": "chirps.read"},
    EXCHANGE: {"subject_token": "x", "subject_token_type": ACCESS_TOKEN},
    BEARER: {"assertion": "x"},
    CIBA: {"auth_req_id": "x"},
}
"""A request of each grant type, without anything that a user gave."""

BY_CONSENT = ("authorization_code", "refresh_token", DEVICE)
"""Those that give nothing without a user's consent, so anyone may register for them."""

GRANTS = [row("A100", name, name) for name in FORMS if name not in BY_CONSENT]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with outside(tmp_path_factory.mktemp("agent")) as host:
        yield host


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory, host: Host) -> Iterator[Live]:
    with live(
        tmp_path_factory.mktemp("open"),
        enable=("registration", "client id metadata documents"),
        registration="open",
        trusted_proxies=("127.0.0.1",),
        fetch_local=(host.place,),
        fetch_ca_file=host.ca,
    ) as server:
        yield server


def test_every_grant_type_is_tried() -> None:
    offered = {one.name for feature in FEATURES for one in feature.grant_types}
    assert offered == {*FORMS}, (
        f"add a request of {sorted(offered - {*FORMS})} to FORMS in {__file__}, remove "
        f"{sorted({*FORMS} - offered)}; the tests below then try it as a client that registered "
        "itself"
    )


@pytest.mark.parametrize("name", [row("A100", name, name) for name in BY_CONSENT])
def test_no_user_no_token(open_server: Live, name: str) -> None:
    app = registered(open_server, grant_types=[*{"authorization_code", name}])
    form = {"grant_type": name, **FORMS[name]}
    answer = open_server.http.post(
        "/token", data=form, auth=(app["client_id"], app["client_secret"])
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("name", GRANTS)
@pytest.mark.parametrize("beside", [(), ("authorization_code", "refresh_token")])
def test_nobody_registers_for_it(open_server: Live, name: str, beside: tuple[str, ...]) -> None:
    before = every(open_server)
    answer = post(open_server, APP | {"grant_types": [*beside, name]})
    assert (answer.status_code, answer.json()["error"]) == (
        400,
        "invalid_redirect_uri" if not beside else "invalid_client_metadata",
    ), f"{name} needs declared_only=True in its GrantType, or belongs in BY_CONSENT of {__file__}"
    assert every(open_server) == before


@pytest.mark.parametrize("name", GRANTS)
def test_nobody_adds_it_later(open_server: Live, name: str) -> None:
    app = registered(open_server)
    document = managed(open_server, app, "GET").json()
    document["grant_types"] = ["authorization_code", name]
    answer = managed(open_server, app, "PUT", document)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")


@pytest.mark.parametrize("name", GRANTS)
def test_the_token_endpoint_refuses_who_registered_before_that_was_a_rule(
    open_server: Live, name: str
) -> None:
    secret = os.urandom(16).hex()
    client = Client(
        id=f"old-{os.urandom(4).hex()}",
        name="Old",
        auth_method="client_secret_basic",
        secrets=(StoredSecret(digest(secret), 0),),
        grant_types=tuple(FORMS),
        redirect_uris=("https://old.example/cb",),
        scope=("chirps.read",),
        exchange=Exchange(clients=("web",), audiences=(CHIRP,)),
        origin="registered",
        created=int(time.time()),
    )
    open_server.run(open_server.store.commit([Create(client)]))
    form = {"grant_type": name, **FORMS[name]}
    answer = open_server.http.post("/token", data=form, auth=(client.id, secret))
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
    asked = open_server.http.post(
        "/backchannel", data={"scope": "openid", "login_hint": "miko"}, auth=(client.id, secret)
    )
    assert (asked.status_code, asked.json()["error"]) == (400, "unauthorized_client")


@pytest.mark.parametrize("name", GRANTS)
@pytest.mark.parametrize("method", ["none", "private_key_jwt"])
def test_a_document_does_not_help(open_server: Live, host: Host, name: str, method: str) -> None:
    path = f"/{method}.json"
    document = {
        "client_id": host.url(path),
        "client_name": "Helper",
        "redirect_uris": ["http://127.0.0.1/cb"],
        "grant_types": [*FORMS],
        "token_endpoint_auth_method": method,
        **({"jwks": jwks(MINE)} if method == "private_key_jwt" else {}),
    }
    client = host.publish(path, document)
    form = {"grant_type": name, "client_id": client, **FORMS[name]}
    if method == "private_key_jwt":
        now = int(time.time())
        claims = {
            "iss": client,
            "sub": client,
            "aud": open_server.issuer,
            "jti": os.urandom(8).hex(),
            "iat": now,
            "exp": now + 60,
        }
        form |= {
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": Honest(MINE, claims, TYPE).token(),
        }
    answer = open_server.http.post("/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


def test_who_asks_for_everything_gets_nothing_of_high_risk(open_server: Live) -> None:
    metadata = open_server.http.get("/.well-known/oauth-authorization-server").json()
    app = registered(open_server, scope=" ".join(metadata["scopes_supported"]))
    names = app["scope"].split()
    assert "chirps.write" in names
    assert not {"dms.read", "dms.send", "account.delete"} & {*names}
    assert kept(open_server, app["client_id"]).scope == tuple(names)


def test_what_implies_high_risk_is_of_high_risk() -> None:
    catalog = Catalog(
        resource=CHIRP,
        name="Chirp",
        permissions=(
            Permission(id="inbox", can="see your inbox", implies=("dms.read",)),
            Permission(id="dms.read", can="read your direct messages", risk="high"),
            Permission(id="chirps.read", can="read your timeline"),
        ),
    )
    offer = Offer("https://id.example", [ResourceServer(id="chirp", catalog=catalog)])
    allowed = allowed_scope((), offer)
    assert "chirps.read" in allowed
    assert not {"inbox", "dms.read"} & {*allowed}
    # An administrator may say otherwise, in so many words.
    assert allowed_scope(("inbox",), offer) == ("inbox",)


def test_an_administrator_takes_a_registration_over(open_server: Live) -> None:
    """By `apply`, with `origin = "declared"`: then the app no longer changes it."""
    app = registered(open_server, scope="chirps.read")
    fields = {"origin": "declared", "grant_types": ("authorization_code", "client_credentials")}
    applied(
        open_server, DesiredRecord(place="here", kind="client", key=app["client_id"], fields=fields)
    )
    answer = open_server.http.post(
        "/token",
        data={"grant_type": "client_credentials"},
        auth=(app["client_id"], app["client_secret"]),
    )
    assert (answer.status_code, answer.json()["scope"]) == (200, "chirps.read")
    for method in ("GET", "DELETE"):
        assert managed(open_server, app, method).status_code == 401
