"""Mail to users: one message over SMTP (RFC 5321), to the operator's own mail server.

SMTP cannot promise that a mail is sent once: if the connection breaks after the last byte, nobody
knows whether the server took it. Then it is sent again with the same Message-ID.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.policy import SMTPUTF8
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import msgspec

from valetkey.server.accounts.notices import Letter
from valetkey.server.http import log
from valetkey.server.http.outbound import (
    Refused,
    Resolve,
    connected,
    permitted,
    system_resolver,
)
from valetkey.server.model.keys import Secret
from valetkey.wire.address import Target

if TYPE_CHECKING:
    from aiosmtplib import SMTP

Security: TypeAlias = Literal["starttls", "tls", "none"]

SECONDS: Final = 15.0
"""Seconds for a whole delivery: less than a lease (`model.stream.LEASE`)."""

NAMES: Final = 2
"""Threads that resolve the mail server's name."""


class MailServer(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's mail server: where it is, how the connection is protected (`starttls`: by
    STARTTLS, which must succeed), and who signs in, "" for nobody. `own_name` is the host name that
    this server gives itself."""

    host: str
    port: int
    security: Security = "starttls"
    username: str = ""
    password: Secret = Secret("")
    own_name: str = "localhost"

    @property
    def target(self) -> Target:
        """The address to connect to."""
        return Target(self.host, self.port, "/")


Compose: TypeAlias = Callable[[Letter], Awaitable[EmailMessage]]
"""Writes a mail in its user's language."""


class Mailer:
    """Sends mails. `trust` returns the TLS context."""

    def __init__(
        self,
        server: MailServer,
        compose: Compose,
        *,
        trust: Callable[[], ssl.SSLContext],
        resolve: Resolve | None = None,
    ) -> None:
        self._server = server
        self._compose = compose
        self._trust = trust
        self._resolve = resolve or system_resolver(NAMES)

    async def __call__(self, letter: Letter) -> tuple[str, bool]:
        """Send one mail: why the server did not take it, "" if it did, and whether that is final.
        Raises nothing."""
        try:
            mail = await self._compose(letter)
        except Exception as error:
            log.warning("mail not written", kind=letter.kind, detail=repr(error)[:200])
            return f"it could not be written: {type(error).__name__}", False
        return await self.send(mail)

    async def send(self, mail: EmailMessage) -> tuple[str, bool]:
        """Send a message to its `To`. As `__call__`."""
        from aiosmtplib import (  # noqa: PLC0415 - a start has no use for it
            SMTPDataError,
            SMTPException,
            SMTPRecipientsRefused,
            SMTPResponseException,
        )

        try:
            async with asyncio.timeout(SECONDS), self._session() as session:
                await _hand_over(session, mail)
        except SMTPRecipientsRefused as error:
            codes = [one.code for one in error.recipients]
            return f"its address was refused with {codes[0]}", codes[0] >= 500
        except SMTPDataError as error:
            return f"the mail was refused with {error.code}", error.code >= 500
        except SMTPResponseException as error:
            # What is wrong is not the mail: the sender, the password, the server.
            return f"{type(error).__name__} {error.code}", False
        except TimeoutError:
            return f"it takes longer than {SECONDS:g} s", False
        except ssl.SSLError as error:
            return f"its certificate or TLS is refused: {error.reason}", False
        except (SMTPException, Refused, OSError) as error:
            return f"{type(error).__name__}: {str(error)[:120]}", False
        return "", False

    async def check(self) -> str:
        """Connect and sign in, and send nothing: why that does not work, or ""."""
        from aiosmtplib import SMTPException  # noqa: PLC0415 - a start has no use for it

        try:
            async with asyncio.timeout(SECONDS), self._session():
                return ""
        except TimeoutError:
            return f"it takes longer than {SECONDS:g} s"
        except (SMTPException, Refused, OSError, ValueError) as error:
            return f"{type(error).__name__}: {str(error)[:120]}"

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator["SMTP"]:
        from aiosmtplib import SMTP  # noqa: PLC0415 - a start has no use for it

        server = self._server
        # The operator's own server may be in a network of theirs.
        addresses = await permitted(
            server.target, resolve=self._resolve, local=(server.target.authority,)
        )
        connection = await connected(server.target, addresses)
        session = SMTP(
            hostname=server.host,
            sock=connection,
            username=server.username or None,
            password=server.password.reveal() or None,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            tls_context=None if server.security == "none" else self._trust(),
            local_hostname=server.own_name,
            timeout=SECONDS,
        )
        try:
            await session.connect()
            yield session
        finally:
            transport: Any = session.transport
            session.close()
            if transport is not None:
                transport.abort()


async def _hand_over(session: "SMTP", mail: EmailMessage) -> None:
    # Not `send_message`, which would read recipients out of every header.
    sender = mail["From"].addresses[0].addr_spec
    to = mail["To"].addresses[0].addr_spec
    options = [] if (sender + to).isascii() else ["SMTPUTF8"]
    text = mail.as_bytes(policy=SMTPUTF8 if options else SMTP_POLICY)
    await session.sendmail(sender, [to], text, mail_options=options)
    with contextlib.suppress(Exception):
        # It has the mail; whether it says goodbye does not matter.
        await session.quit()
