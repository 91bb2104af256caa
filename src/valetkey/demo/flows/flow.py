"""What a short story is made of, and what several of them do."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import urlsplit

import msgspec

from valetkey.demo.narrator import Exchange
from valetkey.demo.play import Broken, Play
from valetkey.demo.stage import Website

Scene: TypeAlias = Callable[[Play], None]

STATE: Final = Path(__file__).with_name("state.toml")
"""The apps of the short stories, as `valetkey apply -f` reads them."""

SECRETS: Final = ("till", "agent", "night")
"""The apps among them that have a secret."""

KEYS: Final = ("bank",)
"""The apps among them that have a key of their own."""

DEVICE: Final = "urn:ietf:params:oauth:grant-type:device_code"


class Step(msgspec.Struct, frozen=True):
    """A step, and its scenes in order."""

    number: str
    title: str
    scenes: tuple[Scene, ...]


class Flow(msgspec.Struct, frozen=True):
    """A short story: what it is called, who the app in it is, and its steps. `website` is where
    users sign in, None for the authorization server itself. `browser`: it needs a real one."""

    title: str
    app: str
    steps: tuple[Step, ...]
    website: Website | None = None
    browser: bool = False


def token(play: Play, form: dict[str, str], *, by: str = "") -> Exchange:
    """A token request: by an app with a secret, or by one that only says who it is."""
    auth = (by, play.stage.secrets[by]) if by else None
    return play.call("POST", f"{play.at.server}/token", form=form, auth=auth)


def seen_by_chirp(play: Play, access: str) -> Exchange:
    """What Chirp learns about a token."""
    auth = ("chirp", play.stage.chirp_secret)
    return play.call("POST", f"{play.at.server}/introspect", form={"token": access}, auth=auth)


def chirps(play: Play, access: str) -> Exchange:
    """The timeline, asked for with a token."""
    return play.call("GET", f"{play.at.chirp}/chirps", bearer=access)


def connect_device(play: Play, scope: str) -> tuple[str, Exchange]:
    """A television asks, Miko says yes to all of it: the device code, and the token response."""
    exchange = play.call(
        "POST",
        f"{play.at.server}/device_authorization",
        form={"client_id": "tv", "scope": scope},
    )
    code = exchange.response["device_code"]
    play.miko.opens(exchange.response["verification_uri_complete"])
    play.miko.presses("continue")
    play.miko.presses("confirm")
    if play.miko.body.page.by_id("password") is not None:
        play.miko.signs_in()
    play.miko.presses("allow")
    return code, token(play, {"grant_type": DEVICE, "client_id": "tv", "device_code": code})


def follow(play: Play, name: str) -> None:
    """Miko follows the first link of this class on the page. Raises Broken."""
    link = play.miko.body.page.first("a", of=name)
    if link is None:
        raise Broken(f"there is no {name} to follow on {play.miko.body.url}")
    parts = urlsplit(play.miko.body.url)
    play.miko.opens(f"{parts.scheme}://{parts.netloc}{link.attributes['href']}")
