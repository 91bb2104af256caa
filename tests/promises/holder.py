"""A user who looks after an account, and leaves it; each act is recorded in the ledger."""

import re
from typing import Any, Final

import pyotp
from tests.authenticator import Authenticator
from tests.promises.account_ledger import AccountHolder
from tests.promises.account_pages import accepted, credential, passkey_pages, shown_apps
from tests.promises.client import expect
from tests.promises.visitor import Profile

RESETS: Final = 2
"""Of one account: it gets few mails in an hour."""

MOST: Final = 3
"""Passkeys of an account, and authenticator apps."""


BACK: Final[dict[str | None, str]] = {"waiting": "cancel_deletion", "inactive": "activate"}
"""How an account is open again."""


class Holder(AccountHolder):
    """Asks for one thing after the other. Where `erases`, an account is erased as soon as its user
    says so."""

    def __init__(self, *given: Any, erases: bool = False, **named: Any) -> None:
        super().__init__(*given, **named)
        self._erases = erases

    def possible(self) -> dict[str, int]:
        """What can be asked now, and how often it is."""
        mine = self._account
        state = self._state("account")
        if state in BACK:
            return {BACK[state]: 1}
        passkeys, apps = len(self._there(mine.passkeys)), len(self._there(mine.apps))
        is_open = self._state("session") == "open"
        return {
            "change_password": 3,
            "reset_password": 3 if mine.forgotten < RESETS else 0,
            "add_passkey": 4 if passkeys < MOST else 0,
            "remove_passkey": 2 if passkeys > 1 or (passkeys and not apps) else 0,
            "add_authenticator": 3 if passkeys and apps < MOST else 0,
            "remove_authenticator": 2 if apps else 0,
            "use_recovery_code": 5 if mine.codes and passkeys else 0,
            "make_codes": 1 if passkeys and len(mine.codes) < MOST else 0,
            "open_session": 0 if is_open else 3,
            "end_sessions": 4 if is_open else 0,
            "deactivate": 1,
            "erase" if self._erases else "request_deletion": 1,
        }

    def act(self, wanted: str) -> None:
        """Asks for one thing, rather what is wanted if it can be. Raises Violation for a refusal,
        httpx2.TransportError once the server is gone."""
        if not self._is_usable():
            self._over.append(self._account)
            self._account = next(self._left)
        weights = {what: weight for what, weight in self.possible().items() if weight}
        if wanted in weights:
            weights[wanted] += 12
        (what,) = self.random.choices(list(weights), list(weights.values()))
        getattr(self, what)()

    def change_password(self) -> None:
        """Has another password from now on; the other sessions end."""
        word = self._new_word()
        with self._signed_in() as page:
            page.open("/security/password")
            with self._asking("password", "change_password", after=word, ends=True):
                expect(page.send("change-password", password=word), 303)

    def reset_password(self) -> None:
        """Has forgotten it; all sessions end. The browser is kept, which tries it again later."""
        mine, page, word = self._account, Profile(self._pages.url), self._new_word()
        self._open.append(page)
        page.open("/forgot")
        page.press("send", username=mine.name)
        mine.forgotten += 1
        code = self._pages.mailed_code(page)
        if not code:
            return
        form = page.form("reset")
        sent = form.fields | {"code": code, "password": word}
        with self._asking("password", "reset_password", after=word, ends=True):
            expect(page.http.post(form.action, data=sent), 303)
        mine.resets.append((page, form, code))

    def add_passkey(self) -> None:
        """Makes another passkey; recovery codes come with the first."""
        device, key = Authenticator(self._issuer), f"passkey {next(self._numbers)}"
        with self._signed_in() as page:
            page.open("/security/passkeys/add")
            asked = expect(page.http.get("/security/passkeys/new"), 200).json()
            form = page.form("add-passkey")
            made = {"challenge": asked["challenge"], "response": device.create(asked["options"])}
            self._account.passkeys[key] = device
            with self._asking(key, "add_passkey", after="there", ends=True):
                reply = accepted(page.http.post(form.action, data=form.fields | made))
            self._keep_codes(reply)

    def remove_passkey(self) -> None:
        """Removes a passkey; with the last factor, the recovery codes go."""
        key = self.random.choice(self._there(self._account.passkeys))
        with self._signed_in() as page:
            page.open(passkey_pages(page)[credential(self._account.passkeys[key])])
            with self._asking(key, "remove_passkey", after=None, ends=True):
                expect(page.send("remove"), 303)

    def add_authenticator(self) -> None:
        """Sets up another authenticator app."""
        name = f"app {next(self._numbers)}"
        with self._signed_in() as page:
            page.open("/security/authenticator")
            found = re.search(r'id="secret"[^>]*>([A-Z2-7 ]+)<', page.page.text)
            assert found
            code = pyotp.TOTP(found[1].replace(" ", "")).now()
            self._account.apps.append(name)
            with self._asking(name, "add_authenticator", after="there", ends=True):
                reply = accepted(page.send("confirm", code=code, name=name))
            self._keep_codes(reply)

    def remove_authenticator(self) -> None:
        """Removes an authenticator app."""
        name = self.random.choice(self._there(self._account.apps))
        with self._signed_in() as page:
            button = shown_apps(page)[name]
            with self._asking(name, "remove_authenticator", after=None, ends=True):
                expect(page.send(button), 303)

    def use_recovery_code(self) -> None:
        """Signs in without a passkey at hand."""
        self._use(self._account.codes.pop(), "use_recovery_code")

    def make_codes(self) -> None:
        """Makes new recovery codes, which replace the old ones."""
        with self._signed_in() as page:
            page.open("/security")
            self._forget_codes()
            with self._asking(f"codes {next(self._numbers)}", "make_codes", after="made"):
                reply = expect(page.send("new-codes"), 200)
            self._keep_codes(reply)

    def open_session(self) -> None:
        """Signs in elsewhere."""
        with self._asking("session", "open_session", after="open"), self._signed_in() as page:
            self._elsewhere.http.cookies.clear()
            self._elsewhere.http.cookies.update(page.http.cookies)

    def end_sessions(self) -> None:
        """Ends the session elsewhere."""
        with self._signed_in() as page:
            page.open("/security/sessions")
            with self._asking("session", "end_sessions", after=None):
                expect(page.send("end-others"), 303)

    def request_deletion(self) -> None:
        """Deletes the account, after a grace."""
        with self._signed_in() as page:
            page.open("/profile/delete")
            if self._account.restore:
                self._account.restored.append(self._account.restore)
            self._account.restore = ""
            with self._asking("account", "request_deletion", after="waiting", ends=True):
                reply = expect(page.send("delete"), 200)
            found = re.search(r'id="code"[^>]*>([0-9A-Z-]+)<', reply.text)
            assert found
            self._account.restore = found[1]

    def cancel_deletion(self) -> None:
        """Gets it back."""
        with self._pages.browser() as page:
            page.open("/restore")
            with self._asking("account", "cancel_deletion", after="open"):
                expect(page.send("restore", code=self._account.restore), 200)

    def erase(self) -> None:
        """Deletes the account at once."""
        with self._signed_in() as page:
            page.open("/profile/delete")
            with self._asking("account", "erase", after="erased", ends=True):
                expect(page.send("delete"), 200)

    def deactivate(self) -> None:
        """The platform lets the user in no longer."""
        with self._asking("account", "deactivate", after="inactive", ends=True):
            expect(self._pages.scim(self._account, active=False), 200)

    def activate(self) -> None:
        """The platform lets the user in again."""
        with self._asking("account", "activate", after="open"):
            expect(self._pages.scim(self._account, active=True), 200)
