"""A play under way: what the scenes of the story act and look with."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import httpx2
import msgspec

from valetkey.demo.miko.html import Element
from valetkey.demo.miko.person import Miko, Sheet
from valetkey.demo.narrator import Exchange, Narrator
from valetkey.demo.stage import Stage
from valetkey.wire.bearer import Challenge, read_challenge

TIMEOUT: Final = 30.0
"""Seconds in which something has to happen, on a busy machine too."""

MAX_STALENESS: Final = 1.0
"""Seconds after which Chirp has heard of a change, or asks."""

PAUSE: Final = 0.02

APP_TO_SERVER: Final = "stefApp → authorization server"
APP_TO_BACKEND: Final = "stefApp → its own server"
APP_TO_CHIRP: Final = "stefApp → Chirp"
MIKO_TO_SERVER: Final = "Miko's browser → authorization server"
MIKO_TO_APP: Final = "Miko's browser → stefApp"
CHIRP_TO_SERVER: Final = "Chirp → authorization server"
ANYBODY_TO_CHIRP: Final = "anybody → Chirp"


class Broken(Exception):
    """Something did not hold."""


class Knocks(msgspec.Struct, frozen=True, kw_only=True):
    """What came of calling again and again while somebody clicked. `last` is the first answer of
    the new kind, `took` the seconds from the click to it; `late` is how many seconds after the
    click was answered the last call began that still got an answer of the old kind."""

    last: Exchange
    took: float
    late: float

    @property
    def in_time(self) -> bool:
        """Whether Chirp kept to its bound, however slow the machine is."""
        return self.late <= MAX_STALENESS


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What the story comes to: permissions by id, and the words for those that stay locked."""

    required: frozenset[str] = frozenset({"openid", "chirps.read"})
    optional: frozenset[str] = frozenset(
        {
            "profile",
            "offline_access",
            "chirps.write",
            "profile.read",
            "profile.write",
            "dms.read",
        }
    )
    cannot: frozenset[str] = frozenset(
        {
            "Send direct messages in your name",
            "Delete your Chirp account, with all that is in it",
            "See your email address",
            "See your postal address",
            "See your phone number",
        }
    )
    unticked: str = "dms.read"
    removed: str = "chirps.write"
    more: frozenset[str] = frozenset({"dms.read", "dms.send"})
    chirp: str = "Hello from stefApp, with a key that is mine to take back."


EXPECTED: Final = Expected()


class Play:
    """The stage with its people on it, and what has been seen so far."""

    def __init__(self, stage: Stage, miko: Miko, voice: Narrator, *, expected: Expected) -> None:
        self.stage = stage
        self.miko = miko
        self.voice = voice
        self.expected = expected
        self.at = stage.addresses
        self.refresh_token = ""
        self.kept: dict[str, str] = {}
        self._heard = 0
        self._http = httpx2.Client(trust_env=False, timeout=TIMEOUT)

    def close(self) -> None:
        """Lets go of what it holds."""
        self._http.close()
        self.miko.body.close()

    def check(self, what: str, *, holds: bool) -> None:
        """Says what holds. Raises Broken where it does not."""
        if not holds:
            raise Broken(what)
        self.voice.holds(what)

    def listen(self) -> None:
        """From now on: what stefApp did before is not heard any more."""
        self._heard = len(self.stage.tape.exchanges())

    def hear(self, method: str, path: str) -> Exchange:
        """The next exchange of stefApp's with this method, and a path that begins so. Raises
        Broken where none comes."""
        until = time.monotonic() + TIMEOUT
        while time.monotonic() < until:
            new = self.stage.tape.exchanges()[self._heard :]
            for place, exchange in enumerate(new, 1):
                if exchange.method == method and exchange.path.startswith(path):
                    self._heard += place
                    return exchange
            time.sleep(PAUSE)
        raise Broken(f"stefApp's {method} {path} never came")

    def call(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        bearer: str = "",
        more: Mapping[str, str] = {},
    ) -> Exchange:
        """A call of our own: by anybody, as Chirp, or with a token, and with `more` headers."""
        headers = {**more, **({"Authorization": f"Bearer {bearer}"} if bearer else {})}
        response = self._http.request(method, url, data=form, auth=auth, headers=headers)
        request = response.request
        return Exchange(
            method=request.method,
            url=str(request.url),
            request_headers=dict(request.headers),
            request_body=request.content,
            status=response.status_code,
            headers=dict(response.headers),
            got=response.content,
        )

    def introspect(self) -> Exchange:
        """What Chirp learns about the access token that stefApp holds."""
        token = msgspec.json.decode(self.stage.tokens.read_bytes())["access_token"]
        auth = ("chirp", self.stage.chirp_secret)
        return self.call("POST", f"{self.at.server}/introspect", form={"token": token}, auth=auth)

    def first_refusal(self, method: str, click: Callable[[], object]) -> Knocks:
        """Calls Chirp's chirps with the very token that stefApp holds, again and again, while
        somebody clicks, until the first refusal. Raises Broken where none comes."""
        return self._knocks(method, click, opens=False)

    def first_opening(self, method: str, click: Callable[[], object]) -> Knocks:
        """The same for the first time that Chirp does not refuse."""
        return self._knocks(method, click, opens=True)

    def _knocks(self, method: str, click: Callable[[], object], *, opens: bool) -> Knocks:
        token = msgspec.json.decode(self.stage.tokens.read_bytes())["access_token"]
        began = time.monotonic()

        def knock() -> tuple[Exchange, float, float]:
            old = began
            while (attempted := time.monotonic()) < began + TIMEOUT:
                # It has nothing to post: where the key opens that, Chirp answers 400.
                answer = self.call(method, f"{self.at.chirp}/chirps", bearer=token)
                if (answer.status not in (401, 403)) is opens:
                    return answer, time.monotonic() - began, old
                old = attempted
            raise Broken(f"Chirp never {'opens' if opens else 'refuses'}")

        with ThreadPoolExecutor(1) as pool:
            knocking = pool.submit(knock)
            click()
            answered = time.monotonic()
            last, took, old = knocking.result()
        return Knocks(last=last, took=took, late=old - answered)

    def handed_over(self) -> str:
        """The address that stefApp has given to the system browser. Raises Broken."""
        address = self.stage.door.receive(seconds=TIMEOUT)
        if address is None:
            raise Broken("stefApp never opened the browser")
        return address

    def window(self) -> Element:
        """stefApp's window, once it waits for nothing. Raises Broken."""
        until = time.monotonic() + TIMEOUT
        while time.monotonic() < until:
            self.miko.opens(self.at.window)
            page = self.miko.body.page
            if state(page) != "waiting":
                return page
            time.sleep(PAUSE)
        raise Broken("stefApp waits for ever")

    def connected_app(self) -> Sheet:
        """Miko at the page of stefApp among the connected apps."""
        self.miko.opens(f"{self.at.server}/apps")
        self.miko.finds_app("stefapp")
        return self.miko.reads()


def challenge(exchange: Exchange) -> Challenge:
    """The challenge of a refusal; an empty one where there is none."""
    found = read_challenge(exchange.headers.get("www-authenticate", ""))
    return Challenge() if found is None else found


def state(page: Element) -> str:
    """What stefApp's window says of itself."""
    found = page.by_id("state")
    return "" if found is None else found.attributes["data-state"]


def closed(page: Element, panel: str) -> str:
    """Why a part of stefApp's window is closed, "" where it is open."""
    card = next(
        (
            one
            for one in page.all("section", of="card")
            if one.attributes.get("aria-labelledby") == f"h-{panel}"
        ),
        None,
    )
    why = None if card is None else card.first(of="why")
    return "" if why is None else why.text
