"""Clicks of members on their own pages: one permission less, a pause, a stop."""

import os
import time
from typing import Final

import httpx2

from bench.population import Member
from bench.subject import Subject
from valetkey.jose import base64url
from valetkey.jose.seal import digest
from valetkey.server.http import cookies
from valetkey.server.http.cookies import Cookies
from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.environment import Env
from valetkey.server.model.user import Session, password_mark
from valetkey.server.store.port import Store

WAYS: Final[tuple[tuple[str, dict[str, str | list[str]]], ...]] = (
    ("", {"action": "save", "permission": ["chirps.read", "offline_access"]}),
    ("", {"action": "pause"}),
    ("/stop", {}),
)
"""Where below an app's page, and what its form says; in turns."""


class Clicks:
    """Browsers in which members are signed in."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._http = httpx2.AsyncClient(base_url=subject.issuer, timeout=30)
        self._cookies = Cookies(subject.issuer)

    async def close(self) -> None:
        """Closes them."""
        await self._http.aclose()

    async def signed_in(self, member: Member, store: Store) -> dict[str, str]:
        """The cookies of a browser in which the member is signed in."""
        env, secret = Env(int(time.time()), os.urandom), base64url.encode(os.urandom(32))
        session = Session(
            id=ids.owned_id(env, owner=member.user.id),
            digest=digest(secret),
            user=member.user.id,
            auth_time=env.now,
            proved=password_mark(member.user),
            expires=env.now + 3600,
        )
        await store.commit([Create(session)])
        return {
            self._cookies.browser: base64url.encode(os.urandom(32)),
            self._cookies.session: f"{session.id}.{secret}",
        }

    async def click(self, member: Member, browser: dict[str, str], *, way: int) -> float:
        """Sends the form of that way; when it was sent, by the machine's monotonic clock."""
        below, fields = WAYS[way % len(WAYS)]
        path = f"/apps/{member.grant.id}{below}"
        token = cookies.form_token(
            self._subject.keyring,
            browser=browser[self._cookies.browser],
            session=browser[self._cookies.session].partition(".")[0],
            purpose=path,
        )
        cookie = "; ".join(f"{name}={value}" for name, value in browser.items())
        clicked = time.monotonic()
        answer = await self._http.post(
            path, data={"csrf": token, **fields}, headers={"Cookie": cookie}
        )
        if answer.status_code != 303:
            raise RuntimeError(f"the page answered {answer.status_code}")
        return clicked
