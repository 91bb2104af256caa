"""The samples in a browser, under a page's real headers: `python -m tests.server.pages.preview`."""

from collections.abc import Iterator
from contextlib import contextmanager
from gettext import NullTranslations
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from threading import Thread

from tests.server.pages.document import Document

from valetkey.server.pages.locales import LOCALES, Direction, Locale
from valetkey.server.pages.render import render_in
from valetkey.server.pages.samples import SAMPLES

TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}

DISTINCT = [
    "sign-in",
    "sign-in-refused",
    "sign-in-throttled",
    "sign-in-bare",
    "choice",
    "sign-up",
    "sign-up-taken",
    "sign-in-passkey",
    "security-passkeys",
    "passkeys",
    "passkeys-none",
    "passkey-add-refused",
    "passkey-offer",
    "passkey",
    "answer",
    "consent",
    "consent-web",
    "consent-one",
    "consent-more",
    "consent-nothing-new",
    "consent-broad",
    "consent-paused",
    "consent-limits",
    "consent-limits-wrong",
    "consent-many",
    "consent-hostile",
    "consent-elsewhere",
    "consent-parts",
    "limits",
    "limits-wrong",
    "limits-field",
    "limits-day",
    "limits-none",
    "limits-hostile",
    "approvals",
    "approvals-none",
    "approval",
    "approval-spending",
    "approval-hostile",
    "enter-code",
    "enter-code-refused",
    "confirm-device",
    "confirm-device-far",
    "confirm-device-hostile",
    "apps",
    "apps-one",
    "apps-waiting",
    "apps-none",
    "app",
    "app-paused",
    "app-suspended",
    "app-many",
    "app-given",
    "app-parts",
    "app-everything",
    "apps-narrowed",
    "unused",
    "stop",
    "sign-out",
    "signed-out",
    "connected",
    "cancelled",
    "error",
    "error-back",
    "console",
    "console-quiet",
    "console-no-factor",
    "console-health",
    "console-users",
    "console-support",
    "console-act-stop-permission",
    "console-act-no-reason",
    "console-link",
    "console-apps",
    "console-app",
    "console-app-suspended",
    "console-catalogs",
    "console-catalog",
    "console-policies",
    "console-policy",
    "console-keys",
    "console-audit",
    "console-audit-wrong",
    "console-record",
    "console-jobs",
    "console-settings",
    "sign-in-mail",
    "sign-in-ways",
    "sign-in-problem-down",
    "pass-on",
    "onward",
    "restart",
    "linked",
    "linked-none",
    "link",
    "parts",
    "parts-code",
    "parts-ticket",
    "security",
    "security-own",
    "second-factor",
    "second-factor-refused",
    "second-factor-passkey-only",
    "set-up-authenticator",
    "recovery-codes",
    "change-password",
    "change-password-problem",
    "forgot",
    "forgot-missing",
    "reset",
    "reset-code",
    "reset-over",
    "mail-code",
    "mail-code-waiting",
    "mail-code-wrong",
    "mail-code-not_enough",
    "email",
    "email-wrong",
    "prove-email",
    "prove-email-code",
    "phone-place",
    "prove-phone",
    "not-allowed",
    "not-allowed-requested",
    "sessions",
    "activity",
    "activity-every-kind",
    "activity-none",
    "profile",
    "profile-owned",
    "profile-wrong",
    "delete-account",
    "deletion",
    "restore",
    "restore-wrong",
    "passkey-silent",
]
"""The samples that a browser looks at. Those that differ from these in their words alone are left
out."""


class Mirrored(NullTranslations):
    """A pseudo-language, longer than English, that runs from right to left."""

    def gettext(self, message: str) -> str:
        return f"\u202e{message}\u202c ({message[:4]})" if "%" not in message else message + " ~~"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


PREVIEWED = {
    **LOCALES,
    "ar-XB": Locale(tag="ar-XB", name="Mirrored", translations=Mirrored(), direction=Direction.RTL),
}


def page(tag: str, name: str) -> str:
    """One sample in one language."""
    return render_in(SAMPLES[name], locale=PREVIEWED[tag])


def document(name: str, *, tag: str = "en") -> Document:
    """One sample as its elements."""
    return Document(page(tag, name))


def index() -> str:
    """Links to all samples in all languages."""
    rows = (
        f"<li>{name}: " + " ".join(f'<a href="/{tag}/{name}">{tag}</a>' for tag in PREVIEWED)
        for name in SAMPLES
    )
    return "<!doctype html><title>Samples</title><ul>" + "".join(rows) + "</ul>"


class Answer(BaseHTTPRequestHandler):
    """Pages at ``/TAG/SAMPLE``, files at ``/static/NAME``."""

    def do_GET(self) -> None:
        match self.path.partition("?")[0].strip("/").split("/"):
            case ["static", name] if name.endswith((*TYPES,)):
                body = files("valetkey.server.pages").joinpath("static", name).read_bytes()
                self.reply(body, kind=TYPES[name.rpartition(".")[2]])
            case [tag, name] if tag in PREVIEWED and name in SAMPLES:
                self.reply(page(tag, name).encode())
            case [""]:
                self.reply(index().encode())
            case _:
                self.send_error(404)

    def reply(self, body: bytes, *, kind: str = "text/html; charset=utf-8") -> None:
        self.send_response(200)
        for name, value in {
            **HEADERS,
            "Content-Type": kind,
            "Content-Length": str(len(body)),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        pass


@contextmanager
def serving() -> Iterator[str]:
    """The address at which the samples are shown, on a free loopback port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    with serving() as address:
        print(address, "(Enter ends it)")
        input()
