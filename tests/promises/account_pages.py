"""The pages on which users look after their accounts, and the platform that says who may come
in."""

import contextlib
import re
import time
from collections.abc import Iterator
from typing import Final

import httpx2
import msgspec
from tests.authenticator import Authenticator
from tests.browser import Form
from tests.installation import secret
from tests.mail_server import Mailbox, text
from tests.promises.client import client, expect
from tests.promises.furnished import WORD
from tests.promises.ledger import Refused, Unavailable, Violation
from tests.promises.visitor import Profile

from valetkey.jose import base64url
from valetkey.jose.seal import digest
from valetkey.server.model.client import Client, Provisioning, StoredSecret

SECRET: Final = secret()
DIRECTORY: Final = Client(
    id="directory",
    name="Directory",
    auth_method="client_secret_basic",
    secrets=(StoredSecret(digest(SECRET), 0),),
    grant_types=("client_credentials",),
    scope=("scim",),
    scim=Provisioning(),
)
"""The platform's directory."""

PATCH: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
PATIENCE: Final = 10.0
"""Seconds in which a mail comes, or its sender was killed."""


class Account(msgspec.Struct):
    """What its user has of an account: also what is over, which must open nothing. `resets` are the
    browsers and forms in which it was done, and their codes. `restore` is the code that cancels the
    last deletion, `restored` are those of earlier ones."""

    name: str
    user: str
    words: list[str] = msgspec.field(default_factory=lambda: [WORD])
    passkeys: dict[str, Authenticator] = {}
    apps: list[str] = []
    codes: list[str] = []
    spent_codes: list[str] = []
    forgotten: int = 0
    resets: list[tuple[Profile, Form, str]] = []
    restore: str = ""
    restored: list[str] = []

    @property
    def address(self) -> str:
        """The verified e-mail address."""
        return f"{self.name}@chirp.example"


class AccountPages:
    """The pages at one node."""

    def __init__(self, url: str, box: Mailbox) -> None:
        self.url = url
        self._box = box

    @contextlib.contextmanager
    def browser(self) -> Iterator[Profile]:
        """A new browser profile."""
        page = Profile(self.url)
        with page.http:
            yield page

    @contextlib.contextmanager
    def signed_in(
        self, word: str, account: Account, device: Authenticator | None
    ) -> Iterator[Profile]:
        """A new browser, in which the user has just signed in: with the passkey, if there is one.
        Raises Violation."""
        with self.browser() as page:
            if device is not None:
                reply = self._by_passkey(page, device)
            else:
                page.open("/sign-in")
                reply = page.send("sign-in", username=account.name, password=word)
            if reply.status_code != 303:
                raise Violation(f"{account.name} cannot sign in: {reply.status_code}")
            yield page

    def opens(self, name: str, word: str) -> bool:
        """Whether the password passes the first stage."""
        with self.browser() as page:
            page.open("/sign-in")
            reply = page.send("sign-in", username=name, password=word)
        return reply.status_code == 303 or (reply.status_code == 200 and "code" in reply.text)

    def passes(self, name: str, word: str, code: str) -> httpx2.Response:
        """The reply to a code in the second stage. Raises Refused."""
        with self.browser() as page:
            page.open("/sign-in")
            page.page = expect(page.send("sign-in", username=name, password=word), 200)
            reply = page.send("continue", code=code)
        if reply.status_code == 400:
            raise Refused("the code")
        return expect(reply, 303)

    def takes_passkey(self, device: Authenticator) -> bool:
        """Whether the passkey signs in."""
        with self.browser() as page:
            return self._by_passkey(page, device).status_code == 303

    def _by_passkey(self, page: Profile, device: Authenticator) -> httpx2.Response:
        page.open("/sign-in")
        form = page.form("passkey")
        asked = expect(page.http.get(form.action), 200).json()
        made = {"challenge": asked["challenge"], "response": device.get(asked["options"])}
        return answered(page.http.post(form.action, data=form.fields | made))

    def mailed_code(self, page: Profile) -> str:
        """The code that was mailed for the request on the page, "" for none."""
        link = re.compile(rf"{re.escape(page.page.request.url.path)}\?code=([A-Z]+)")
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            for mail in self._box.mails:
                if found := link.search(text(mail)):
                    return found[1]
            time.sleep(0.05)
        return ""

    def scim(self, account: Account, *, active: bool) -> httpx2.Response:
        """The answer to the platform, which lets the user in, or no longer."""
        with client(self.url) as http:
            form = {"grant_type": "client_credentials", "scope": "scim"}
            reply = expect(http.post("/token", data=form, auth=("directory", SECRET)), 200)
            operation = {"op": "replace", "path": "active", "value": active}
            return answered(
                http.patch(
                    f"/scim/v2/Users/{account.user}",
                    json={"schemas": [PATCH], "Operations": [operation]},
                    headers={"Authorization": f"Bearer {reply.json()['access_token']}"},
                )
            )


def passkey_pages(page: Profile) -> dict[str, str]:
    """The pages of the user's passkeys, by the name of the credential."""
    shown = expect(page.open("/security/passkeys"), 200).text
    found = re.search(r'data-accepted="([^"]*)"', shown)
    links = re.findall(r'href="(/security/passkeys/[0-9a-v]{20,})"', shown)
    return dict(zip(found[1].split() if found else (), links, strict=True))


def shown_apps(page: Profile) -> dict[str, str]:
    """The buttons that remove the user's authenticator apps, by the names of these."""
    shown = expect(page.open("/security"), 200).text
    names = re.findall(r'<bdi id="factor-\d+">([^<]+)</bdi>', shown)
    return dict(zip(names, re.findall(r'name="factor" value="([^"]+)"', shown), strict=True))


def recovery_codes(reply: httpx2.Response) -> list[str]:
    """The codes that the page displays."""
    return re.findall(r"<code>([a-z2-7-]{19})</code>", reply.text)


def credential(device: Authenticator) -> str:
    """The name of its passkey."""
    return base64url.encode(device.credential_id)


def accepted(reply: httpx2.Response) -> httpx2.Response:
    """The reply, which did as asked: a page, or the way on. Raises as `answered` does."""
    if answered(reply).status_code not in (200, 303):
        raise Violation(f"{reply.request.url.path} answered {reply.status_code}")
    return reply


def answered(reply: httpx2.Response) -> httpx2.Response:
    """The reply. Raises Unavailable for a 503, and Violation for any other failure."""
    path = reply.request.url.path
    if reply.status_code == 503:
        raise Unavailable(path)
    if reply.status_code >= 500:
        raise Violation(f"{path} answered {reply.status_code}")
    return reply
