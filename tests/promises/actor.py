"""A user and their app, which send one request after the other and record each in the ledger."""

import random
import time
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx2
import msgspec
from tests.browser import Asking
from tests.promises.client import OPTIONAL, App, Code, Device, expect, never
from tests.promises.guest import Guest
from tests.promises.ledger import Ledger, Refused, Violation
from tests.promises.visitor import Visitor

CODE_SECONDS: Final = 40
DEVICES: Final = 6
DEAD: Final = 20
"""Devices that are over, of which so many are looked at after each restart."""


class Standing(msgspec.Struct, frozen=True):
    """A grant that is not over. A yes after a stop is another grant: `number` tells them apart."""

    number: int
    permissions: frozenset[str]
    paused: bool = False


class Actor:
    """One user, their browser, and stefApp on their devices."""

    def __init__(self, name: str, word: str, *, url: str, ledger: Ledger, seed: int) -> None:
        self.name, self._ledger = name, ledger
        self.key = f"grant of {name}"
        self.random = random.Random(f"{seed} {name}")
        self._visitor = Visitor(name, word, url=url, ledger=ledger)
        self._browser = self._visitor.browser
        self._guest = Guest(name, url=url, ledger=ledger)
        self._app = App(url)
        self._grants = 0
        self._codes: list[Code] = []
        self._spent: list[Code] = []
        self._devices: list[Device] = []

    def close(self) -> None:
        """Closes its connections."""
        self._browser.http.close()
        self._app.http.close()
        self._guest.close()

    def move(self, url: str) -> None:
        """Asks another node from now on."""
        self._visitor.browser.url = self._guest.browser.url = url
        for http in (self._browser.http, self._app.http, self._guest.browser.http):
            http.base_url = httpx2.URL(url)
        self._guest.platform.base_url = httpx2.URL(url)

    @property
    def standing(self) -> Standing | None:
        """The grant, of which the ledger leaves no doubt."""
        (state,) = self._ledger.states(self.key)
        assert state is None or isinstance(state, Standing)
        return state

    def possible(self) -> dict[str, int]:
        """What can be asked now, and how often it is."""
        grant = self.standing
        if grant is None:
            return {"consent": 1}
        if grant.paused:
            return {"resume": 4, "stop": 1, "consent": 1}
        alive = len(self._alive())
        return {
            "consent": 4,
            "exchange": 12 if self._fresh_codes() and alive < DEVICES else 0,
            "refresh": 6 if alive else 0,
            "revoke": 2 if alive else 0,
            "replay": 1 if alive else 0,
            "downgrade": 2 if grant.permissions else 0,
            "pause": 1,
            "stop": 1,
            "sign_out": 1,
            **self._guest.possible(),
        }

    def act(self, wanted: str) -> None:
        """Asks for one thing, rather what is wanted if it can be. Raises Violation for a refusal of
        what is granted, httpx2.TransportError once the server is gone."""
        weights = {what: weight for what, weight in self.possible().items() if weight}
        if wanted in weights:
            weights[wanted] += 8
        (what,) = self.random.choices(list(weights), list(weights.values()))
        try:
            getattr(self, what)()
        except Refused as refusal:
            raise Violation(f"{self.name}: {what} was refused: {refusal}") from refusal

    def consent(self) -> None:
        """Says yes to some of the permissions, on top of those that the app has."""
        asked = frozenset(self.random.sample(OPTIONAL, self.random.randint(1, len(OPTIONAL))))
        scope = " ".join(("openid offline_access chirps.read", *sorted(asked)))
        asking = Asking(scope=scope, more={"prompt": "consent"})
        self._browser.open(asking.path())
        self._visitor.signed_in()
        before = self.standing
        self._grants += before is None
        number, kept = (
            (before.number, before.permissions) if before else (self._grants, frozenset())
        )
        with self._ledger.asking(self.key, "consent", after=Standing(number, kept | asked)):
            boxes = set(self._browser.form("allow").boxes)
            reply = self._browser.send("allow", boxes=boxes)
            answer = parse_qs(urlsplit(reply.headers.get("location", "")).query)
            if "code" not in answer:
                raise Violation(f"{self.name}: yes was answered by {reply.status_code}")
        code = Code(answer["code"][0], asking, asked, number, time.monotonic())
        self._codes.append(code)

    def exchange(self) -> None:
        """Redeems the newest code."""
        code = self._fresh_codes()[-1]
        self._codes.remove(code)
        self._spent.append(code)
        device = Device(f"device {len(self._spent)} of {self.name}", code)
        self._devices.append(device)
        with self._ledger.asking(device.key, "exchange", after="open"):
            self._keep(device, self._app.redeem(code))

    def refresh(self, device: Device | None = None) -> None:
        """Takes fresh tokens. After a lost reply it brings the same refresh token again."""
        device = device or self.random.choice(self._alive())
        with self._ledger.asking(device.key, "refresh", after="open"):
            self._keep(device, self._app.refresh(device.refresh[-1]))

    def revoke(self) -> None:
        """Gives one device's tokens back."""
        device = self.random.choice(self._alive())
        with self._ledger.asking(device.key, "revoke", after="closed"):
            self._app.revoke(device.refresh[-1])

    def replay(self) -> None:
        """Brings a spent code again: refused, and the end of its device."""
        device = self.random.choice(self._alive())
        with self._ledger.asking(device.key, "replay", after="closed"):
            self._redeems_nothing(device.code)

    def downgrade(self) -> None:
        """Takes one permission away, on the app's page."""
        grant = self._granted()
        kept = grant.permissions - {self.random.choice(sorted(grant.permissions))}
        self._open_app()
        boxes = {one for one, on in self._browser.form("save").boxes.items() if on}
        after = msgspec.structs.replace(grant, permissions=kept)
        with self._ledger.asking(self.key, "downgrade", after=after):
            expect(self._browser.send("save", boxes=boxes - set(OPTIONAL) | kept), 303)

    def pause(self) -> None:
        """Pauses the app."""
        self._turn("pause", msgspec.structs.replace(self._granted(), paused=True))

    def resume(self) -> None:
        """Lets it go on."""
        self._turn("resume", msgspec.structs.replace(self._granted(), paused=False))

    def stop(self) -> None:
        """Stops the app for good."""
        self._open_app()
        self._browser.press("stop")
        with self._ledger.asking(self.key, "stop", after=None):
            expect(self._browser.send("stop"), 303)

    def sign_out(self) -> None:
        """Signs out in the browser; the app goes on."""
        self._visitor.sign_out()

    def platform_sign_in(self) -> None:
        """Signs in at the platform, in another browser."""
        self._guest.sign_in()

    def platform_end(self) -> None:
        """Signs out at the platform."""
        self._guest.end()

    def check(self) -> None:
        """Compares what the server shows and does with the ledger, key by key. Raises Violation."""
        self._visitor.check()
        self._guest.check()
        seen = self._look()
        fits = frozenset(one for one in self._ledger.states(self.key) if _shown(one) == seen)
        self._ledger.seen(self.key, fits, f"its page shows {seen}")
        for device in [one for one in self._devices if not one.refresh]:
            self._again(device)
        alive = self._alive()
        dead = [one for one in self._devices if one not in alive]
        for device in (*alive, *self.random.sample(dead, min(DEAD, len(dead)))):
            self._check(device)

    def finish(self) -> None:
        """Plays the thief with all that is over: spent codes and old refresh tokens."""
        for device in self._alive():
            if len(device.refresh) > 2:
                with self._ledger.asking(device.key, "old refresh token", after="closed"):
                    self._refreshes_nothing(device, device.refresh[-3])
                self._check(device)
        for code in self._spent:
            self._redeems_nothing(code)
        for device in self._devices:
            if self._app.worth(device) is not None:
                raise Violation(f"{device.key}: alive after its code was replayed")
            self._refreshes_nothing(device, device.refresh[-1])

    def _check(self, device: Device) -> None:
        grant = self.standing
        works = grant is not None and not grant.paused and grant.number == device.code.grant
        live = self._app.worth(device)
        fits = {
            state
            for state in ("open", "closed")
            if (live is not None) is (works and state == "open")
        }
        self._ledger.seen(device.key, frozenset(fits), f"its token is worth {live}")
        if grant is None or live is None:
            self._refreshes_nothing(device, device.refresh[-1])
        elif live != grant.permissions & device.opens:
            raise Violation(f"{device.key}: {sorted(device.opens)} opens {sorted(live)} of {grant}")
        else:
            self._goes_on(device)

    def _goes_on(self, device: Device) -> None:
        try:
            self.refresh(device)
        except Refused as refusal:
            raise Violation(f"{device.key}: alive, and not refreshed: {refusal}") from refusal

    def _again(self, device: Device) -> None:
        """The reply to an exchange was lost. The code, brought again, is still good, or it was
        spent: then it ends what it began."""
        try:
            with self._ledger.asking(device.key, "exchange again", after="open"):
                self._keep(device, self._app.redeem(device.code))
        except Refused:
            self._devices.remove(device)

    def _alive(self) -> list[Device]:
        grant = self.standing
        if grant is None or grant.paused:
            return []
        return [
            one
            for one in self._devices
            if one.code.grant == grant.number and self._ledger.states(one.key) == {"open"}
        ]

    def _fresh_codes(self) -> list[Code]:
        grant, now = self.standing, time.monotonic()
        number = grant.number if grant else 0
        return [one for one in self._codes if one.grant == number and now < one.got + CODE_SECONDS]

    def _granted(self) -> Standing:
        grant = self.standing
        assert grant
        return grant

    def _turn(self, button: str, after: Standing) -> None:
        self._open_app()
        with self._ledger.asking(self.key, button, after=after):
            expect(self._browser.send(button), 303)

    def _open_app(self) -> None:
        if not self._visitor.find_app():
            raise Violation(f"{self.key}: the app is not among the connected ones")

    def _look(self) -> Standing | None:
        """The grant as the connected apps show it; its number is not shown."""
        if not self._visitor.find_app():
            return None
        boxes = self._browser.form("save").boxes
        kept = frozenset(one for one, on in boxes.items() if on and one in OPTIONAL)
        return Standing(0, kept, 'id="resume"' in self._browser.page.text)

    def _redeems_nothing(self, code: Code) -> None:
        never(lambda: self._app.redeem(code), f"a spent code of {self.name}")

    def _refreshes_nothing(self, device: Device, token: str) -> None:
        never(
            lambda: self._app.refresh(token), f"the refresh token of {device.key}, which is over,"
        )

    def _keep(self, device: Device, tokens: dict[str, Any]) -> None:
        device.access = tokens["access_token"]
        device.opens = frozenset(tokens["scope"].split()) & set(OPTIONAL)
        device.refresh = [*device.refresh, tokens["refresh_token"]]
        if device.opens != self._granted().permissions & device.code.asked:
            raise Violation(f"{device.key}: issued for {tokens['scope']}, of {self._granted()}")


def _shown(state: object) -> Standing | None:
    return msgspec.structs.replace(state, number=0) if isinstance(state, Standing) else None
