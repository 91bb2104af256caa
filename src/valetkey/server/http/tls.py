"""TLS as FAPI 2.0 requires it (Security Profile 5.2; BCP 195), with a certificate that may be
renewed while the server runs."""

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
"""The cipher suites for TLS 1.2 (RFC 9325 4.2). TLS 1.3, which is preferred, has no weak one."""

LOOK: Final = 10.0
"""Seconds between two looks at the files."""


def make_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """A context for a server. Raises OSError, ssl.SSLError if the files are not a pair."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    # With an empty password, an encrypted key is refused instead of asked for.
    context.load_cert_chain(certificate, key, password="")
    return context


class Certificate:
    """A certificate and its key in files, and the context that serves them. New connections get the
    files' current content. Files that don't match, as during a renewal, are ignored."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Raises OSError, ssl.SSLError if the files are not a pair."""
        self._files = (certificate, key)
        self.context = make_context(certificate, key)
        self._last_marks = self._marks()

    def refresh(self) -> bool:
        """Reads the files if they have changed. Returns whether a new certificate is served."""
        marks = self._marks()
        if marks == self._last_marks:
            return False
        self._last_marks = marks
        certificate, key = self._files
        try:
            # Tried in another context first: files that don't match would break the one in use.
            make_context(certificate, key)
            self.context.load_cert_chain(certificate, key, password="")
        except (OSError, ValueError) as error:
            log.warning("certificate not renewed", detail=str(error))
            self._last_marks = ()
            return False
        log.info("certificate renewed", file=str(certificate))
        return True

    async def watch(self, seconds: float = LOOK) -> None:
        """Checks the files again and again."""
        while True:
            await asyncio.sleep(seconds)
            self.refresh()

    def _marks(self) -> tuple[tuple[int, int, int], ...]:
        """Marks of the files that change with them, also if a link has a new target."""
        try:
            stats = [file.stat() for file in self._files]
        except OSError:
            return ()
        return tuple((one.st_mtime_ns, one.st_size, one.st_ino) for one in stats)
