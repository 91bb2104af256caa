"""Every page with a brand and made-up data: on a loopback port, or as files."""

from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from markupsafe import escape
from msgspec.structs import replace

from valetkey.server.http.base_path import on_base
from valetkey.server.http.reply import NO_STORE, SAFE, Headers, Reply
from valetkey.server.pages.frame import STATIC
from valetkey.server.pages.headers import html_headers
from valetkey.server.pages.locales import LOCALES
from valetkey.server.pages.samples import SAMPLES
from valetkey.server.pages.theme import BRAND, CSS, Look

if TYPE_CHECKING:
    from valetkey.cli.brand import NamedBrand

TYPES: Final = {
    "css": CSS,
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
HTML: Final = (*html_headers(""), *NO_STORE)


class Preview:
    """The pages. `read` reads the brand anew."""

    def __init__(self, read: "Callable[[], NamedBrand]") -> None:
        self._read = read
        self.look, self.mistakes = read()

    def reply(self, path: str) -> Reply:
        """What is at a path: `/`, `/LANGUAGE/PAGE`, or a static file."""
        match path.partition("?")[0].strip("/").split("/"):
            case [""]:
                self.look, self.mistakes = self._read()
                return Reply(200, HTML, index(self.look, self.mistakes).encode())
            case [tag, name] if tag in LOCALES and name in SAMPLES:
                self.look, self.mistakes = self._read()
                return Reply(200, HTML, self.page(tag, name).encode())
            case [_, folder, name] if folder == BRAND:
                asset = self.look.assets.get(name.partition("-")[0])
                if asset is not None:
                    return _file(asset.media, asset.body)
            case [_, name] if name.rpartition(".")[2] in TYPES and name in STATIC_FILES:
                return _file(TYPES[name.rpartition(".")[2]], _static(name))
        return Reply(404, HTML, b"<!doctype html><title>Not found</title>")

    def page(self, tag: str, name: str) -> str:
        """One page in one language."""
        view = replace(SAMPLES[name], site=replace(self.look.site, home="/"))
        return self.look.render(view, language=tag)


def _file(media: str, body: bytes) -> Reply:
    headers: Headers = ((b"content-type", media.encode()), *SAFE, *NO_STORE)
    return Reply(200, headers, body)


def _static(name: str) -> bytes:
    return files("valetkey.server.pages").joinpath("static", name).read_bytes()


STATIC_FILES: Final = frozenset(
    one.name for one in files("valetkey.server.pages").joinpath("static").iterdir()
)


def index(look: Look, mistakes: tuple[str, ...]) -> str:
    """Links to all pages, and the mistakes of the brand."""
    rows = "".join(
        f"<li>{name}: " + ", ".join(f'<a href="/{tag}/{name}">{tag}</a>' for tag in LOCALES)
        for name in SAMPLES
    )
    wrong = "".join(f"<li>{escape(one)}</li>" for one in mistakes)
    style = f'<link rel="stylesheet" href="{look.site.style}">' if look.site.style else ""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Preview · {escape(look.site.name)}</title>"
        f'<link rel="stylesheet" href="{STATIC}/valetkey.css">{style}'
        f'<main class="medium"><h1>{escape(look.site.name)}</h1>'
        + (f'<ul class="problem">{wrong}</ul>' if wrong else "")
        + f'<ul class="card">{rows}</ul></main></html>'
    )


def serve(preview: Preview, port: int, *, on_ready: Callable[[str], None]) -> None:
    """Serve the pages on this machine until Ctrl-C. Raises OSError if the port is taken."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                reply = preview.reply(self.path)
            except Exception as error:
                text = f"<!doctype html><title>Mistake</title><pre>{escape(error)}</pre>"
                reply = Reply(500, HTML, text.encode())
            self.send_response(reply.status)
            for name, value in reply.headers:
                self.send_header(name.decode(), value.decode())
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Answer) as server:
        on_ready(f"http://127.0.0.1:{server.server_port}/")
        with suppress(KeyboardInterrupt):
            server.serve_forever()


def write(preview: Preview, folder: Path) -> int:
    """Write the pages as files that a browser opens without a server. Returns how many."""
    static = folder / "static"
    (static / BRAND).mkdir(parents=True, exist_ok=True)
    for name in STATIC_FILES:
        (static / name).write_bytes(_static(name))
    for asset in preview.look.assets.values():
        (static / BRAND / asset.name).write_bytes(asset.body)
    for tag in LOCALES:
        (folder / tag).mkdir(exist_ok=True)
        for name in SAMPLES:
            page = Reply(200, HTML, preview.page(tag, name).encode())
            (folder / tag / f"{name}.html").write_bytes(on_base(page, "..").body)
    listed = index(preview.look, preview.mistakes)
    for tag in LOCALES:
        for name in SAMPLES:
            listed = listed.replace(f'href="/{tag}/{name}"', f'href="/{tag}/{name}.html"')
    (folder / "index.html").write_bytes(on_base(Reply(200, HTML, listed.encode()), ".").body)
    return len(LOCALES) * len(SAMPLES)
