"""What senders, and ways to authenticate, read of a request and write into its reply: a fold over
those that are enabled."""

from typing import Final

from valetkey.server.http.client_certificate import Certificates
from valetkey.server.http.reply import Headers
from valetkey.server.http.request import Request
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import ClientAuth, RequestInfo, Sender
from valetkey.spec.errors import OAuthError
from valetkey.wire.bearer import Challenge

ANY_ORIGIN: Final[Headers] = ((b"access-control-allow-origin", b"*"),)
"""Apps in browsers may call, without cookies: nothing here rests on a cookie."""


DOCUMENT_PREFLIGHT: Final[Headers] = (
    *ANY_ORIGIN,
    (b"access-control-allow-methods", b"GET, HEAD"),
    # Browsers ask first where a library sends headers of its own, such as MCP-Protocol-Version.
    (b"access-control-allow-headers", b"*"),
    (b"access-control-max-age", b"600"),
)
"""What a browser is told that asks whether a page may read what is published for all."""


class Transport:
    """The headers of all of them."""

    def __init__(
        self,
        senders: tuple[Sender, ...],
        certificates: Certificates,
        ways: tuple[ClientAuth, ...] = (),
    ) -> None:
        """`ways` are those in which clients authenticate: some do so by headers."""
        self._senders = senders
        self._speaking: tuple[Sender | ClientAuth, ...] = (*senders, *ways)
        self._certificates = certificates
        self._reads = {
            name.lower(): name.lower().encode()
            for one in self._speaking
            for name in one.request_headers
        }
        self._raw = frozenset(self._reads.values())
        reads = [name for one in self._speaking for name in one.request_headers]
        tells = [name for one in self._speaking for name in one.response_headers]
        self.schemes = tuple(dict.fromkeys(one.token_type for one in senders))
        self._exposed = ", ".join((*tells, "WWW-Authenticate")).encode()
        self._allowed = ", ".join(("Authorization", "Content-Type", *reads)).encode()

    def preflight_of(self, methods: bytes) -> Headers:
        """What a browser is told that asks whether a page may call with these methods."""
        return (
            *ANY_ORIGIN,
            (b"access-control-allow-methods", methods),
            (b"access-control-allow-headers", self._allowed),
            (b"access-control-max-age", b"600"),
        )

    def brought(self, request: Request, *, token: str = "") -> RequestInfo:
        """What senders are told of the request. Raises InvalidRequest."""
        headers = (
            {name: values for name, raw in self._reads.items() if (values := request.values(raw))}
            if request.has_any(self._raw)
            else {}
        )
        certificate, is_trusted = b"", False
        if self._certificates.is_used:
            reported = self._certificates.of(request)
            certificate, is_trusted = reported.der, reported.vouched
        return RequestInfo(
            method=request.method,
            path=request.path,
            headers=headers,
            token=token,
            certificate=certificate,
            certificate_trusted=is_trusted,
        )

    def sender_headers(self, request: Request, context: Context) -> Headers:
        """What senders have to say with the reply, whatever it is."""
        if not request.has_any(self._raw):
            return ()
        brought = self.brought(request)
        told = {
            name.lower().encode(): value.encode()
            for one in self._speaking
            for name, value in one.write_headers(brought, context).items()
        }
        return (*told.items(), (b"access-control-expose-headers", self._exposed)) if told else ()

    def invitations(self) -> Headers:
        """A challenge of each scheme, for who shows no token."""
        return tuple(
            (
                b"www-authenticate",
                Challenge(realm="valetkey", scheme=one.token_type, **one.challenge)
                .header()
                .encode(),
            )
            for one in self._senders
            if one.token_type == "Bearer" or one.challenge
        )

    def challenge(self, error: OAuthError, scheme: str) -> tuple[bytes, bytes]:
        """The challenge that says why, in the scheme of the token that was shown."""
        sender = next((one for one in self._senders if one.token_type == scheme), None)
        challenge = Challenge(
            error=error.code,
            error_description=error.description,
            scheme=scheme or "Bearer",
            **({} if sender is None else sender.challenge),
        )
        return b"www-authenticate", challenge.header().encode()

    def at_a_resource(self, error: OAuthError) -> OAuthError:
        """The error as an endpoint that takes tokens tells it: 401 where a proof is wrong, so that
        the challenge goes with it (RFC 9449 7.1)."""
        of_proof = any(error.code in one.errors for one in self._senders)
        if not of_proof:
            return error
        return type(error)(error.description, detail=error.detail, status=401)
