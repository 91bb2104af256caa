"""A platform of real programs: the authorization server and Chirp, as the demo starts them."""

import contextlib
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from tests.browser import PATIENCE
from tests.live import free_port

from valetkey.demo.miko.http import HttpBody
from valetkey.demo.miko.person import Miko
from valetkey.demo.programs import Programs
from valetkey.demo.stage import USER, Stage
from valetkey.wire import pkce

PERMISSIONS = (
    "chirps.read",
    "chirps.write",
    "profile.read",
    "profile.write",
    "dms.read",
    "dms.send",
    "account.delete",
)


class Platform:
    """The running programs, and an app that may ask for everything."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.http, self.server = (
            httpx2.Client(base_url=one, trust_env=False, timeout=PATIENCE)
            for one in (stage.addresses.chirp, stage.addresses.server)
        )
        self._refresh_token = ""

    def connect(self) -> None:
        """Registers the app, and lets Miko say yes to everything."""
        self.stage.programs.run(
            *("valetkey", "client", "add", "--public", "--id", "all"),
            *("--redirect-uri", "http://127.0.0.1/callback"),
            *("--scope", " ".join((*PERMISSIONS, "offline_access"))),
        )
        nobody, verifier = f"http://127.0.0.1:{free_port()}/callback", pkce.verifier(b"v" * 32)
        pushed = self.server.post(
            "/par",
            data={
                "response_type": "code",
                "client_id": "all",
                "redirect_uri": nobody,
                "scope": " ".join((*PERMISSIONS, "offline_access")),
                "code_challenge": pkce.challenge(verifier),
                "code_challenge_method": "S256",
            },
        ).json()
        uri = pushed["request_uri"]
        with contextlib.closing(HttpBody()) as body:
            miko = Miko(body, username=USER, password=self.stage.password)
            miko.opens(f"{self.stage.addresses.server}/authorize?client_id=all&request_uri={uri}")
            miko.signs_in()
            # So broad a request comes with nothing ticked that is risky.
            for choice in miko.reads().can:
                if not choice.required:
                    miko.chooses(choice.id, on=True)
            with contextlib.suppress(httpx2.ConnectError):
                miko.presses("allow")
            location = miko.latest("POST", "/continue/").headers["location"]
        (code,) = parse_qs(urlsplit(location).query)["code"]
        self._redeem(grant_type="authorization_code", code=code, code_verifier=verifier)

    def key(self, *permissions: str) -> dict[str, str]:
        """The header with a token for these permissions only."""
        scope = " ".join((*permissions, "offline_access"))
        token = self._redeem(
            grant_type="refresh_token", refresh_token=self._refresh_token, scope=scope
        )
        return {"authorization": f"Bearer {token}"}

    def _redeem(self, **form: str) -> str:
        answer = self.server.post("/token", data={**form, "client_id": "all"}).json()
        self._refresh_token = answer["refresh_token"]
        token: str = answer["access_token"]
        return token


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The platform, and Miko's yes to everything."""
    folder = tmp_path_factory.mktemp("platform")
    with contextlib.closing(Programs(folder)) as programs:
        stage = Stage(folder, programs)
        stage.set_up()
        stage.start_server()
        stage.start_chirp()
        platform = Platform(stage)
        with platform.http, platform.server:
            platform.connect()
            yield platform
