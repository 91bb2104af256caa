"""The logos of apps, served from this server."""

from importlib.resources import files
from typing import Final
from urllib.parse import urlencode

from valetkey.server.http.reply import SAFE, Reply
from valetkey.server.http.request import Request
from valetkey.server.model.client import Client
from valetkey.server.model.picture import read_picture
from valetkey.server.oauth.clients.documents import has_logo, logo
from valetkey.server.pages.frame import Frame

PATH: Final = "/logo"

_NONE: Final = read_picture((files("valetkey.server.pages") / "static" / "key.svg").read_bytes())
"""In the place of one that cannot be had."""


def address(client: Client) -> str | None:
    """The path of the app's logo, None without one that may be displayed."""
    return f"{PATH}?{urlencode({'of': client.id})}" if has_logo(client) else None


class Logos:
    """`/logo`. Only small raster images are served, whatever the app's host declares."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def show(self, request: Request) -> Reply:
        """The logo of one app."""
        name = request.parameters().get("of", "")
        found = await self._frame.shell.ask(lambda _: logo(name))
        picture, seconds = (_NONE, 60) if found is None else (found, 3600)
        headers = (
            (b"content-type", picture.media.encode()),
            (b"cache-control", f"private, max-age={seconds}".encode()),
            (b"content-security-policy", b"default-src 'none'; sandbox"),
            (b"cross-origin-resource-policy", b"same-origin"),
            *SAFE,
        )
        return Reply(200, headers, picture.body)
