"""A171: the token with the signing keys is lost in the middle of a request (CWE-460, CWE-703).

Attack: A device fails, or somebody pulls it out, while apps redeem codes and refresh tokens: each
is spent for an answer that can't be signed, and every user has to start again.
Defense: What a token signs is signed before anything is committed. Until it is back, the server
answers 503 with Retry-After, and is not ready; then the same code and the same refresh token work.
"""

import os
import time
from collections.abc import Iterator

import pytest
from tests.attacks.play import AS_WEB, STEFAPP, call, every, redeem
from tests.browser import Asking, authorize
from tests.installation import SECRETS
from tests.live import Live, live
from tests.server.admin.play import ALL, list_app, machine
from tests.softhsm import LABEL, MODULE, PIN, SoftHsm, softhsm

pytest.importorskip("pkcs11", reason="the extra `pkcs11` is not installed")

from valetkey.jose.jwk import ALGORITHMS
from valetkey.server.custody.pkcs11_token import PAUSE, Pkcs11Token, TokenTerms
from valetkey.server.model.grant import TokenFamily
from valetkey.server.model.keys import Secret, SigningKey
from valetkey.server.oauth.admin.keys import USES
from valetkey.server.store.master_key import MasterKeys


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    with softhsm(tmp_path_factory.mktemp("token") / "hsm") as found:
        yield found


@pytest.fixture(scope="module")
def server(device: SoftHsm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    terms = TokenTerms(module=MODULE, label=LABEL, pin=Secret(PIN), algorithms=ALGORITHMS)
    master = MasterKeys(os.urandom(32), tokens=[Pkcs11Token(terms)])
    with live(
        tmp_path_factory.mktemp("server"), master_key=master, enable=("administration",)
    ) as running:
        yield running


def back(device: SoftHsm) -> None:
    device.give_back()
    time.sleep(PAUSE + 0.1)


def test_the_keys_are_in_the_token(server: Live) -> None:
    signing = [one for one in every(server, SigningKey) if one.use in ALGORITHMS]
    assert {one.store for one in signing} == {"pkcs11"}
    assert server.http.get("/readyz").status_code == 200
    assert len(server.http.get("/jwks").json()["keys"]) == 4
    list_app(server, "machine", *ALL)
    stores = {one["use"]: one["store"] for one in machine(server).get("/keys")["items"]}
    assert stores == {use: "pkcs11" if use in ALGORITHMS else "database" for use in USES}


@pytest.mark.parametrize("by", [STEFAPP, AS_WEB], ids=["public", "confidential"])
def test_a_code_is_not_spent(server: Live, device: SoftHsm, by: Asking) -> None:
    code = authorize(server.browser(), by)
    families = len(every(server, TokenFamily))
    device.take_away()
    for _ in range(3):
        refused = redeem(server, code, by)
        assert refused.status_code == 503
        assert refused.json()["error"] == "temporarily_unavailable"
        assert refused.headers["retry-after"] == "1"
        assert str(MODULE) not in refused.text
    assert server.http.get("/readyz").status_code == 503
    assert len(every(server, TokenFamily)) == families
    back(device)
    assert server.http.get("/readyz").status_code == 200
    tokens = redeem(server, code, by).json()
    assert tokens["id_token"]
    refresh(server, device, tokens["refresh_token"], by)


def refresh(server: Live, device: SoftHsm, text: str, by: Asking) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": text}
    before = every(server, TokenFamily)
    device.take_away()
    for _ in range(2):
        assert call(server, "/token", form, by).status_code == 503
    assert every(server, TokenFamily) == before
    back(device)
    assert call(server, "/token", form, by).status_code == 200


def test_what_is_published_stays(server: Live, device: SoftHsm) -> None:
    form = {"grant_type": "client_credentials", "scope": "chirps.read"}
    machine = ("machine", SECRETS["machine"])
    device.take_away()
    assert server.http.post("/token", data=form, auth=machine).status_code == 503
    assert server.http.get("/jwks").status_code == 200
    assert server.http.get("/healthz").status_code == 200
    back(device)
    assert server.http.post("/token", data=form, auth=machine).status_code == 200
