"""A real mail server (aiosmtpd) on a loopback port, in a thread, which keeps what it gets."""

import contextlib
import email
import ssl
import threading
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, Final

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from tests.live import free_port
from tests.outside import NAMES, write_authority

from valetkey.server.settings.notices import MailSettings

USER: Final = "chirp"
PASSWORD: Final = "mail server's password"


class Mailbox:
    """The mails that came, oldest first. `answer` may refuse one: it gets the recipient, and
    returns an SMTP reply, "" to accept. `sessions` are those that delivered a mail."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.receivers: list[str] = []
        self.sessions: list[Session] = []
        self.answer: Callable[[str], str] = lambda to: ""
        self.port = 0
        self.ca = Path()
        self._came = threading.Condition()

    @property
    def mails(self) -> list[EmailMessage]:
        return [parsed(raw) for raw in self.raw]

    def wait(self, count: int, *, seconds: float = 20.0) -> list[EmailMessage]:
        """The mails, as soon as there are so many."""
        with self._came:
            there = self._came.wait_for(lambda: len(self.raw) >= count, timeout=seconds)
        assert there, f"{len(self.raw)} of {count} mails came"
        return self.mails

    @property
    def settings(self) -> MailSettings:
        """The settings of a server that sends its mails here, without TLS or a name."""
        return MailSettings(
            host="localhost",
            port=self.port,
            security="none",
            sender="Chirp <no-reply@chirp.example>",
        )

    # What aiosmtpd calls.

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refused = self.answer(address)
        if refused:
            return refused
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        with self._came:
            self.raw.append(content)
            self.receivers += envelope.rcpt_tos
            self.sessions.append(session)
            self._came.notify_all()
        return "250 OK"


def parsed(raw: bytes) -> EmailMessage:
    mail = email.message_from_bytes(raw, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def text(mail: EmailMessage, kind: str = "plain") -> str:
    body: Any = mail.get_body((kind,))
    return str(body.get_content())


@contextlib.contextmanager
def mailbox(
    folder: Path | None = None, *, tls: str = "none", sign_in: bool = False, port: int = 0
) -> Iterator[Mailbox]:
    """A mail server. With a `folder` it has a certificate there, for STARTTLS (`tls="starttls"`,
    which it then requires) or TLS from the start (`tls="tls"`). `sign_in`: it requires USER and
    PASSWORD."""
    box = Mailbox()
    box.port = port or free_port()
    context = None
    if folder is not None:
        box.ca, certificate, key = write_authority(folder, NAMES)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    options: dict[str, Any] = {}
    if sign_in:
        options |= {"authenticator": _authenticate, "auth_required": True}
    if tls == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=box.port,
        ssl_context=context if tls == "tls" else None,
        auth_require_tls=tls == "starttls",
        enable_SMTPUTF8=True,
        **options,
    )
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


def _authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
) -> AuthResult:
    right = data.login.decode() == USER and data.password.decode() == PASSWORD
    return AuthResult(success=right, handled=right)
