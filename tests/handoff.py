"""A platform that signs its users in, as a raw client of the hand-off's endpoints."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx2
from tests.browser import Asking, Browser
from tests.installation import secret
from tests.live import Live, live

from valetkey.jose.seal import digest
from valetkey.server.model.change import Create
from valetkey.server.model.client import Client, StoredSecret
from valetkey.server.settings.ways import HandoffSettings, SignInSettings

LOGIN: Final = "https://platform.example/login?from=valetkey"
LOGOUT: Final = "https://platform.example/logout"
GOLD: Final = "urn:platform:gold"
SCOPE: Final = "interactions.answer"

OPEN: Final = SignInSettings(handoff=HandoffSettings(url=LOGIN))
"""Beside passwords of the server: its address turns the feature on."""

SECRETS: Final = {name: secret() for name in ("platform", "other", "plain")}


def clients(*, jwks: dict[str, Any] | None = None) -> tuple[Client, ...]:
    """Two clients that may answer, and one that may not."""
    return tuple(
        Client(
            id=name,
            name=name.title(),
            auth_method="client_secret_basic",
            secrets=(StoredSecret(digest(SECRETS[name]), 0),),
            grant_types=("client_credentials",),
            scope=("chirps",) if name == "plain" else ("chirps", SCOPE),
            jwks=(jwks or {}) if name == "platform" else {},
        )
        for name in SECRETS
    )


@contextmanager
def handing_off(
    folder: Path, *, handoff: dict[str, Any] | None = None, **settings: Any
) -> Iterator[Live]:
    """A server whose users sign in at the platform, and nowhere else."""
    jwks = settings.pop("jwks", None)
    at = {"url": LOGIN, "name": "Platform", "acr": (GOLD,), "logout_url": LOGOUT}
    page = HandoffSettings(**(at | (handoff or {})))
    password = settings.pop("password", False)
    sign_in = SignInSettings(password=password, handoff=page)
    with live(folder, sign_in=sign_in, **settings) as server:
        server.run(server.store.commit(tuple(Create(one) for one in clients(jwks=jwks))))
        yield server


def handle_of(response: httpx2.Response) -> str:
    """The handle with which a browser is sent to the platform; nothing else travels."""
    assert response.status_code == 303, response.text
    address = urlsplit(response.headers["location"])
    query = parse_qs(address.query, strict_parsing=True)
    (handle,) = query.pop("interaction")
    assert len(handle) <= 64
    assert query == {"from": ["valetkey"]}
    assert f"{address.scheme}://{address.netloc}{address.path}" == LOGIN.partition("?")[0]
    return handle


class Platform:
    """The platform, as one of its clients."""

    def __init__(self, server: Live, name: str = "platform") -> None:
        self._server = server
        self._auth = (name, SECRETS[name])

    def post(self, path: str, **form: str) -> httpx2.Response:
        """Post a form, authenticated."""
        return self._server.http.post(path, data=form, auth=self._auth)

    def read(self, handle: str) -> dict[str, Any]:
        """What is asked."""
        answer = self.post("/interaction", interaction=handle)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def accept(self, handle: str, subject: str = "u-1", **more: Any) -> httpx2.Response:
        """Say who is there."""
        form = {
            "interaction": handle,
            "subject": subject,
            "auth_time": str(int(time.time())),
            "amr": "pwd",
            **{
                name: one if isinstance(one, str) else json.dumps(one) for name, one in more.items()
            },
        }
        return self.post("/interaction/accept", **form)

    def accepted(self, handle: str, subject: str = "u-1", **more: Any) -> str:
        """The address at which the browser comes back."""
        answer = self.accept(handle, subject, **more)
        assert answer.status_code == 200, answer.text
        found: str = answer.json()["redirect_to"]
        return found

    def reject(self, handle: str, error: str = "access_denied", **more: str) -> httpx2.Response:
        """Say why nobody is."""
        return self.post("/interaction/reject", interaction=handle, error=error, **more)

    def sign_in(self, browser: Browser, subject: str = "u-1", **more: Any) -> httpx2.Response:
        """Sign the user in who was just sent here, and send their browser back."""
        return browser.open(self.accepted(handle_of(browser.page), subject, **more))


def begin(server: Live, asking: Asking, browser: Browser | None = None) -> tuple[Browser, str]:
    """A browser that an app has sent, and the handle that it brings to the platform."""
    browser = browser or server.browser()
    return browser, handle_of(browser.open(asking.path()))
