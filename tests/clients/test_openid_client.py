"""openid-client, a client that others wrote, unchanged: FAPI 2.0 with DPoP, PAR, JAR and JARM."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from joserfc.jwk import ECKey
from tests.attacks.play import applied
from tests.clients.person import agree
from tests.clients.test_oauth4webapi import FOLDER, NODE, Script
from tests.keys import key
from tests.live import Live, caught_up, live
from tests.rows import row

from valetkey.server.model.change import Create
from valetkey.server.model.policy import PROFILES
from valetkey.server.oauth.admin.apply_plan import DesiredRecord

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(NODE is None, reason="Node.js is not installed"),
    pytest.mark.skipif(
        not (FOLDER / "node_modules/openid-client").exists(),
        reason="npm packages are not installed: scripts/node-packages.sh tests/clients/node",
    ),
]

CALLBACK = "https://bank.example/callback"
MINE = key("ES256", "a bank's")


@pytest.fixture(scope="module", params=["", "/oauth"], ids=["no path", "a path"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    """A server on which a bank is registered, once for proofs with nonces. Its issuer has a path,
    or none."""
    with live(tmp_path_factory.mktemp("openid-client"), path=request.param) as server:
        strict = msgspec.structs.replace(
            PROFILES["fapi2-message-signing"], name="nonces", dpop_nonce="required"
        )
        server.run(server.store.commit((Create(strict),)))
        fields = {
            "auth_method": "private_key_jwt",
            "jwks": {"keys": [MINE.public().jwk()]},
            "redirect_uris": (CALLBACK,),
            "scope": ("openid", "email", "offline_access"),
            "dpop_bound_access_tokens": True,
        }
        for policy in ("fapi2-message-signing", "nonces"):
            wish = DesiredRecord(
                place=policy, kind="client", key=policy, fields=fields | {"policy": policy}
            )
            applied(server, wish)
        caught_up()
        yield server


def private_jwk() -> dict[str, Any]:
    pem = MINE.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return dict(ECKey.import_key(pem).as_dict(private=True)) | {"kid": MINE.kid}


@pytest.fixture
def script() -> Iterator[Script]:
    script = Script("fapi.mjs")
    yield script
    script.end()


@pytest.mark.parametrize(
    "client_id, jarm",
    [
        row("FAPI 2.0", "plain answers", "fapi2-message-signing", False),
        row("FAPI 2.0", "signed answers", "fapi2-message-signing", True),
        row("FAPI 2.0", "proofs with nonces", "nonces", False),
    ],
)
def test_the_way_of_fapi(script: Script, server: Live, client_id: str, jarm: bool) -> None:
    setup = {
        "issuer": server.issuer,
        "client_id": client_id,
        "key": private_jwk(),
        "redirect_uri": CALLBACK,
        "scope": "openid email offline_access",
        "jarm": jarm,
    }
    address = script.tell(setup)["open"]
    assert "request_uri=urn" in address
    assert "scope" not in address
    outcome = script.tell({"callback": agree(server.browser(), address)})
    miko = server.users["miko"].id
    for claims in (outcome["claims"], outcome["again"]):
        assert (claims["sub"], claims["email"]) == (miko, "miko@example.org")
    assert outcome["type"] == "dpop"
    assert outcome["answer"] == (["response"] if jarm else ["code", "iss", "state"])
    assert outcome["same_refresh_token"]
    assert outcome["stolen"] == 401
    assert outcome["unsigned"] == "invalid_request"
    assert outcome["unbound"] == "invalid_request"
