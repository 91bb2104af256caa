"""The logos of apps, and the files of the brand, served from this server."""

from importlib.resources import files
from typing import Final
from urllib.parse import urlencode

from valetkey.server.http.reply import SAFE, Reply
from valetkey.server.http.request import Request
from valetkey.server.model.client import Client
from valetkey.server.model.picture import SVG, read_picture
from valetkey.server.oauth.clients.documents import has_logo, logo
from valetkey.server.pages.frame import STATIC, Frame, NoSuchPage
from valetkey.server.pages.theme import BRAND

PATH: Final = "/logo"
BRAND_FILES: Final = f"{STATIC}/{BRAND}/{{name}}"
_YEAR: Final = 31_536_000

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


class BrandFiles:
    """The style sheet, the pictures and the font of the brand."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def show(self, request: Request) -> Reply:
        """One file. An old page gets the file of now: a browser keeps only what it asked for."""
        name = request.path.rpartition("/")[2]
        asset = self._frame.brand.look.assets.get(name.partition("-")[0])
        if asset is None:
            raise NoSuchPage
        caching = f"public, max-age={_YEAR}, immutable" if asset.name == name else "no-store"
        styles = "; style-src 'unsafe-inline'" if asset.media == SVG else ""
        headers = (
            (b"content-type", asset.media.encode()),
            (b"cache-control", caching.encode()),
            # An SVG is a document: opened by itself, it runs nothing.
            (b"content-security-policy", f"default-src 'none'; sandbox{styles}".encode()),
            (b"cross-origin-resource-policy", b"same-origin"),
            *SAFE,
        )
        return Reply(200, headers, asset.body)
