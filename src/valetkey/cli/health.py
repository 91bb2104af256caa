"""`valetkey health`: whether the server on this machine is ready. Containers ask this."""

import http.client
import ipaddress
import ssl

import click

from valetkey.cli.context import CommandContext
from valetkey.cli.options import Command
from valetkey.cli.output.errors import Failed
from valetkey.server.settings import Settings

SECONDS = 5.0
"""Seconds in which the server has to answer."""


@click.command(cls=Command)
@click.pass_obj
def health(command: CommandContext) -> None:
    """Check that the server on this machine is ready. Exit status 1 if it is not."""
    settings = command.settings()
    try:
        status = _status(settings)
    except (OSError, http.client.HTTPException) as error:
        raise Failed(f"{settings.address} does not answer: {error}") from error
    if status != http.client.OK:
        raise Failed(f"{settings.address} is not ready: HTTP {status}")
    command.show({"status": "ok"}, "ready")


def _status(settings: Settings) -> int:
    host = reachable(settings.host)
    if settings.tls_certificate is None:
        connection = http.client.HTTPConnection(host, settings.port, timeout=SECONDS)
    else:
        # Its own certificate names the issuer, and not this address; nothing secret is sent.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(
            host, settings.port, timeout=SECONDS, context=context
        )
    try:
        connection.request("GET", "/readyz", headers={"Connection": "close"})
        return connection.getresponse().status
    finally:
        connection.close()


def reachable(host: str) -> str:
    """The address to connect to; a server that listens on all has this machine's own."""
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        return host
    if not parsed.is_unspecified:
        return host
    return "127.0.0.1" if isinstance(parsed, ipaddress.IPv4Address) else "::1"
