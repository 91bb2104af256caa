"""What the ledger says of a user's account, compared with what the server does."""

import contextlib
import itertools
import random
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Final

import httpx2
from tests.mail_server import Mailbox
from tests.promises.account_pages import (
    Account,
    AccountPages,
    answered,
    credential,
    passkey_pages,
    recovery_codes,
    shown_apps,
)
from tests.promises.ledger import Ledger, Refused, Violation
from tests.promises.visitor import Profile

CLOSED: Final = frozenset({"waiting", "inactive", "erased"})
"""States of an account that no password opens."""


class AccountHolder:
    """One user with one account after the other, and the ledger of their acts."""

    def __init__(
        self,
        name: str,
        accounts: Iterable[Account],
        *,
        url: str,
        issuer: str,
        ledger: Ledger,
        box: Mailbox,
        seed: int,
    ) -> None:
        self.random = random.Random(f"{seed} {name}")
        self._issuer, self._ledger = issuer, ledger
        self._pages = AccountPages(url, box)
        self._numbers = itertools.count()
        self._left = iter(accounts)
        self._account = next(self._left)
        self._over: list[Account] = []
        self._elsewhere = Profile(url)
        self._open: list[Profile] = [self._elsewhere]

    def close(self) -> None:
        """Closes its connections."""
        for browser in self._open:
            browser.http.close()

    def move(self, url: str) -> None:
        """Asks another node from now on."""
        self._pages.url = url
        for browser in self._open:
            browser.url, browser.http.base_url = url, httpx2.URL(url)

    def check(self) -> None:
        """Compares what the server does with the ledger, key by key. Raises Violation."""
        self._check_account()
        self._check_session()
        if self._state("account") == "open":
            self._check_factors()
            self._check_codes()

    def finish(self) -> None:
        """Comes back to the accounts that are over."""
        for account in self._over:
            if self._ledger.states(f"account of {account.name}") != {"erased"}:
                continue
            if any(self._pages.opens(account.name, word) for word in account.words[-2:]):
                raise Violation(f"{account.name} was erased, and is back")
            if self._pages.scim(account, active=True).status_code != 404:
                raise Violation(f"{account.name} was erased, and the platform brings it back")

    def _check_account(self) -> None:
        mine, key = self._account, self._key("password")
        may = {mine.words[0] if one is None else str(one) for one in self._ledger.states(key)}
        tried = {word: self._pages.opens(mine.name, word) for word in {*may, *mine.words[-3:]}}
        opening = {word for word, opens in tried.items() if opens}
        shown = frozenset({None, "open"}) if opening else CLOSED
        self._ledger.seen(self._key("account"), shown, f"of its passwords, {len(opening)} opens it")
        if opening - may:
            raise Violation(f"{key}: one that was replaced opens the account")
        if opening and len(may) > 1:
            first = {None} if mine.words[0] in opening else set()
            self._ledger.seen(key, frozenset({*opening, *first}), "it opens the account")
        # A code whose reply was lost is good for as long as the account waits.
        for code in [*mine.restored, mine.restore] if opening else mine.restored:
            with self._pages.browser() as page:
                page.open("/restore")
                if page.send("restore", code=code).status_code == 200:
                    raise Violation(f"{self._key('account')}: a code restored it twice")
        for page, form, code in mine.resets:
            sent = form.fields | {"code": code, "password": f"the thief's word {code}"}
            if answered(page.http.post(form.action, data=sent)).status_code == 303:
                raise Violation(f"{key}: a code reset it twice")

    def _check_session(self) -> None:
        page = self._elsewhere.open("/apps")
        shown = "open" if page.request.url.path == "/apps" else None
        self._ledger.seen(self._key("session"), frozenset({shown}), f"its browser is {shown}")

    def _check_factors(self) -> None:
        mine = self._account
        with self._signed_in() as page:
            listed, apps = passkey_pages(page), shown_apps(page)
        for key, device in mine.passkeys.items():
            shown = "there" if credential(device) in listed else None
            self._ledger.seen(self._key(key), frozenset({shown}), f"its page has it: {shown}")
        removed = [one for one in mine.passkeys.values() if credential(one) not in listed]
        if any(self._pages.takes_passkey(one) for one in removed[-2:]):
            raise Violation(f"{mine.name}: a passkey was removed, and signs in")
        for name in mine.apps:
            shown = "there" if name in apps else None
            self._ledger.seen(self._key(name), frozenset({shown}), f"its page has it: {shown}")
        if not listed and not apps:
            self._forget_codes()

    def _check_codes(self) -> None:
        if not self._there(self._account.passkeys):
            return
        for code in self._account.spent_codes[-3:]:
            key = self._key(_code_key(code))
            spent = self._ledger.states(key) == {"used"}
            try:
                self._use(code, "the same code again")
            except Refused:
                self._ledger.seen(key, frozenset({"used"}), "the code is refused")
            else:
                if spent:
                    raise Violation(f"{key}: it was used, and used again")

    def _key(self, what: str) -> str:
        return f"{what} of {self._account.name}"

    def _state(self, what: str) -> str | None:
        """The state, of which the ledger leaves no doubt."""
        (state,) = self._ledger.states(self._key(what))
        assert state is None or isinstance(state, str)
        return "open" if what == "account" and state is None else state

    def _is_usable(self) -> bool:
        state = self._state("account")
        return state in ("open", "inactive") or (state == "waiting" and bool(self._account.restore))

    def _there(self, keys: Iterable[str]) -> list[str]:
        return [key for key in keys if self._ledger.states(self._key(key)) == {"there"}]

    @contextlib.contextmanager
    def _asking(
        self, of: str, what: str, *, after: str | None, ends: bool = False
    ) -> Iterator[None]:
        """Around one request. With `ends`, the session elsewhere ends by it as well."""
        with contextlib.ExitStack() as stack:
            if ends and self._ledger.states(self._key("session")) != {None}:
                ending = self._ledger.asking(self._key("session"), f"ended by {what}", after=None)
                stack.enter_context(ending)
            stack.enter_context(self._ledger.asking(self._key(of), what, after=after))
            yield

    @contextlib.contextmanager
    def _signed_in(self) -> Iterator[Profile]:
        """A new browser, in which the user has just signed in."""
        mine = self._account
        passkeys = self._there(mine.passkeys)
        if not passkeys:
            # A reply was lost: perhaps there is one.
            passkeys = [
                one for one in mine.passkeys if self._pages.takes_passkey(mine.passkeys[one])
            ]
        device = mine.passkeys[self.random.choice(passkeys)] if passkeys else None
        with self._pages.signed_in(self._word(), mine, device) as page:
            yield page

    def _word(self) -> str:
        (state,) = self._ledger.states(self._key("password"))
        return self._account.words[0] if state is None else str(state)

    def _new_word(self) -> str:
        word = f"lantern number {next(self._numbers)} over {self.random.randbytes(4).hex()}"
        self._account.words.append(word)
        return word

    def _use(self, code: str, what: str) -> None:
        if code not in self._account.spent_codes:
            self._account.spent_codes.append(code)
        with self._asking(_code_key(code), what, after="used"):
            self._pages.passes(self._account.name, self._word(), code)

    def _keep_codes(self, reply: httpx2.Response) -> None:
        self._account.codes += recovery_codes(reply)

    def _forget_codes(self) -> None:
        mine = self._account
        mine.codes, mine.spent_codes = [], []


def _code_key(code: str) -> str:
    return f"recovery code {sha256(code.encode()).hexdigest()[:8]}"
