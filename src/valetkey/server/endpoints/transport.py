"""The headers that senders and authentication methods read from requests and write into replies: a
fold over the enabled ones."""

from typing import Final

from valetkey.server.http.reply import Headers
from valetkey.server.http.request import Request
from valetkey.server.http.tls import Certificates
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import Call, ClientAuth, RequestInfo, Sender
from valetkey.spec.errors import OAuthError
from valetkey.wire.bearer import Challenge, read_header

DEPTH: Final = 16
"""Levels to which a JSON document may be nested."""

ANY_ORIGIN: Final[Headers] = ((b"access-control-allow-origin", b"*"),)
"""Apps in browsers may call, without cookies: no endpoint uses a cookie."""

DOCUMENT_PREFLIGHT: Final[Headers] = (
    *ANY_ORIGIN,
    (b"access-control-allow-methods", b"GET, HEAD"),
    # Browsers send a preflight if a library adds headers, such as MCP-Protocol-Version.
    (b"access-control-allow-headers", b"*"),
    (b"access-control-max-age", b"600"),
)
"""The answer to a preflight for a published document."""


class Transport:
    """The headers of all senders and authentication methods."""

    def __init__(
        self,
        senders: tuple[Sender, ...],
        certificates: Certificates,
        ways: tuple[ClientAuth, ...] = (),
    ) -> None:
        """`ways` are the authentication methods of clients: some use headers."""
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
        """The answer to a preflight for these methods."""
        return (
            *ANY_ORIGIN,
            (b"access-control-allow-methods", methods),
            (b"access-control-allow-headers", self._allowed),
            (b"access-control-max-age", b"600"),
        )

    def describe(self, request: Request, *, token: str = "") -> RequestInfo:
        """The parts of the request that senders read. Raises InvalidRequest."""
        headers = (
            {name: values for name, raw in self._reads.items() if (values := request.values(raw))}
            if request.has_any(self._raw)
            else {}
        )
        certificate, is_trusted = b"", False
        if self._certificates.is_used:
            certificate, is_trusted = self._certificates.of(request)
        return RequestInfo(
            method=request.method,
            path=request.path,
            headers=headers,
            token=token,
            certificate=certificate,
            certificate_trusted=is_trusted,
        )

    def bearer_call(self, request: Request) -> Call:
        """A call whose body its handler reads itself: who presents which token. Raises
        InvalidRequest."""
        authorization = request.header(b"authorization")
        scheme, token = read_header(authorization, schemes=self.schemes) or ("", "")
        return Call(
            method=request.method,
            authorization=authorization,
            scheme=scheme,
            address=request.address,
            request=self.describe(request, token=token),
        )

    def sender_headers(self, request: Request, context: Context) -> Headers:
        """The headers that senders add to the reply, refused or not."""
        if not request.has_any(self._raw):
            return ()
        info = self.describe(request)
        headers = {
            name.lower().encode(): value.encode()
            for one in self._speaking
            for name, value in one.write_headers(info, context).items()
        }
        if not headers:
            return ()
        return (*headers.items(), (b"access-control-expose-headers", self._exposed))

    def invitations(self) -> Headers:
        """A challenge of each scheme, for a caller that presents no token."""
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
        """The challenge with the error, in the scheme of the token that was presented."""
        sender = next((one for one in self._senders if one.token_type == scheme), None)
        challenge = Challenge(
            error=error.code,
            error_description=error.description,
            scheme=scheme or "Bearer",
            **({} if sender is None else sender.challenge),
        )
        return b"www-authenticate", challenge.header().encode()

    def at_a_resource(self, error: OAuthError) -> OAuthError:
        """The error as an endpoint for tokens returns it: 401 for a wrong proof, so that the
        challenge goes with it (RFC 9449 7.1)."""
        is_of_proof = any(error.code in one.errors for one in self._senders)
        if not is_of_proof:
            return error
        return type(error)(error.description, detail=error.detail, status=401)
