"""The guide to APIs: both programs as they are shown, in front of real keys."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.browser import Asking, authorize
from tests.docs.markdown import ROOT, Block, blocks
from tests.installation import CHIRP, SECRETS
from tests.live import Live, live

GUIDE = ROOT / "docs" / "howto" / "protect-an-api.md"
(CATALOG,) = [one.text for one in blocks("toml") if one.page == GUIDE]
PROGRAMS = [one for one in blocks("python") if one.page == GUIDE and "app = " in one.text]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("guide")) as running:
        yield running


@pytest.fixture(params=PROGRAMS, ids=["starlette", "fastapi"])
def api(
    request: pytest.FixtureRequest,
    server: Live,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[TestClient]:
    program: Block = request.param
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHIRP_SECRET", SECRETS["chirp"])
    Path("catalog.toml").write_text(CATALOG.replace("https://api.chirp.example", CHIRP), "utf-8")
    text = program.text.replace("https://id.chirp.example", server.issuer)
    names: dict[str, Any] = {"__name__": "shown"}
    exec(compile(text, str(program), "exec", dont_inherit=True), names)
    with TestClient(names["app"], base_url=CHIRP) as client:
        yield client


def key(server: Live, scope: str) -> dict[str, str]:
    asking = Asking(scope=scope)
    code = authorize(server.browser(), asking)
    answer = server.http.post("/token", data=asking.redemption(code)).json()
    return {"Authorization": f"Bearer {answer['access_token']}"}


def test_a_key_opens_it(server: Live, api: TestClient) -> None:
    posted = api.post("/chirps", json={"text": "Hello"}, headers=key(server, "openid chirps"))
    assert posted.status_code == 201
    assert posted.json() == {"by": server.users["miko"].id, "text": "Hello"}


def test_a_key_without_the_permission_does_not(server: Live, api: TestClient) -> None:
    refused = api.post("/chirps", json={"text": "x"}, headers=key(server, "openid chirps.read"))
    assert refused.status_code == 403
    assert 'scope="chirps.write"' in refused.headers["www-authenticate"]


def test_without_a_key_it_says_where_to_get_one(api: TestClient) -> None:
    refused = api.post("/chirps", json={"text": "x"})
    assert refused.status_code == 401
    address = f"{CHIRP}/.well-known/oauth-protected-resource"
    assert refused.headers["www-authenticate"] == f'Bearer resource_metadata="{address}"'
    assert api.get(address).json()["resource"] == CHIRP
