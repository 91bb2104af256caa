"""TLS as FAPI 2.0 wants it (Security Profile 5.2; BCP 195), with a certificate that may be renewed
while the server runs."""

import asyncio
import ssl
from pathlib import Path
from typing import Final

from valetkey.server.http import log

CIPHERS: Final = ":".join(
    (
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
    )
)
"""What TLS 1.2 may use (RFC 9325 4.2). TLS 1.3, which is preferred, has none that is weak."""

LOOK: Final = 10.0
"""Seconds after which the files are looked at again."""


def make_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """A context for a server. Raises OSError, ssl.SSLError where the files are no pair."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    # With an empty password, an encrypted key is refused instead of asked for.
    context.load_cert_chain(certificate, key, password="")
    return context


class Certificate:
    """A pair of files, and the context that serves them. New connections get what is in the files
    now; a pair that does not fit together, as while it is being replaced, is passed over."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Raises OSError, ssl.SSLError where the files are no pair."""
        self._files = (certificate, key)
        self.context = make_context(certificate, key)
        self._seen = self._marks()

    def refresh(self) -> bool:
        """Whether the files have changed, and are served from now on."""
        marks = self._marks()
        if marks == self._seen:
            return False
        self._seen = marks
        certificate, key = self._files
        try:
            # Tried apart from what is served: a pair that does not fit would break it.
            make_context(certificate, key)
            self.context.load_cert_chain(certificate, key, password="")
        except (OSError, ValueError) as error:
            log.warning("the certificate is not renewed", detail=str(error))
            self._seen = ()
            return False
        log.info("the certificate is renewed", file=str(certificate))
        return True

    async def watch(self, seconds: float = LOOK) -> None:
        """Looks at the files for ever."""
        while True:
            await asyncio.sleep(seconds)
            self.refresh()

    def _marks(self) -> tuple[tuple[int, int, int], ...]:
        """What tells a file from the one before, also where a link leads elsewhere now."""
        try:
            found = [file.stat() for file in self._files]
        except OSError:
            return ()
        return tuple((one.st_mtime_ns, one.st_size, one.st_ino) for one in found)
