"""A connection to a server's administration API, with the key of a context."""

import ssl
import time
import uuid
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx2
import msgspec

from valetkey import __version__
from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.cli.remote.contexts import ServerContext, token_store
from valetkey.client.errors import (
    ClientError,
    Denied,
    KeyInterrupted,
    KeyStopped,
    NoKey,
    ServerUnavailable,
    StoreError,
)
from valetkey.client.key import Key
from valetkey.client.machine import Machine
from valetkey.client.tokens import App
from valetkey.server.model.role import PATH
from valetkey.wire import metadata

TIMEOUT: Final = 30.0
TRIES: Final = 3
"""How often a call is sent while the server does not answer. A call that changes something has an
Idempotency-Key, so it counts once."""

AGAIN: Final = frozenset({502, 503, 504})
MAX_WAIT: Final = 10.0
"""Seconds to wait at most, when the server asks to wait."""


def app_of(context: ServerContext, scope: tuple[str, ...] = ()) -> App:
    """The app as which this command line calls."""
    secret = ""
    if context.secret_file:
        try:
            secret = Path(context.secret_file).read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            raise InvalidUsage(f"{context.secret_file}: {error}") from error
    return App(
        issuer=context.server,
        client_id=context.client_id,
        scope=scope,
        resource=context.server + PATH,
        secret=secret,
    )


def http_client(context: ServerContext) -> httpx2.Client:
    """A client that trusts the authorities of the context. Raises InvalidUsage."""
    try:
        trust = ssl.create_default_context(cafile=context.ca_file or None)
    except (OSError, ValueError) as error:
        raise InvalidUsage(f"{context.ca_file} holds no certificates in PEM: {error}") from error
    agent = {"user-agent": f"valetkey/{__version__}"}
    return httpx2.Client(timeout=TIMEOUT, verify=trust, headers=agent, follow_redirects=False)


class APIAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of the API."""

    status: int
    document: Any
    etag: str = ""
    request_id: str = ""


class Connection:
    """Calls the administration API of a server."""

    def __init__(self, name: str, context: ServerContext) -> None:
        """Raises InvalidUsage for files that cannot be read, Failed for a key store that does not
        open."""
        self.name = name
        self.context = context
        self.http = http_client(context)
        app = app_of(context)
        try:
            self.key: Key | Machine = (
                Machine(app, http=self.http)
                if context.secret_file
                else Key(app, token_store(name, context), http=self.http)
            )
        except StoreError as error:
            raise Failed(f"{error}; sign in again: valetkey login {context.server}") from error
        self._base = context.server + PATH

    def close(self) -> None:
        """Closes the connections."""
        self.http.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        if_match: str = "",
    ) -> APIAnswer:
        """The answer of an operation. Raises Failed in plain words."""
        headers = {"if-match": if_match} if if_match else {}
        if method != "GET":
            headers["idempotency-key"] = str(uuid.uuid4())
        content = None
        if body is not None:
            content = msgspec.json.encode(body)
            headers["content-type"] = "application/json"
        send = partial(
            self.http.request,
            method,
            self._base + path,
            params=_plain(query or {}),
            content=content,
            headers=headers,
            auth=self.key.auth(),
        )
        for attempt in range(TRIES):
            last = attempt == TRIES - 1
            try:
                response = send()
            except ClientError as error:
                raise self._failed(error) from error
            except httpx2.HTTPError as error:
                if (refused := _certificate(error)) is not None:
                    raise self._untrusted(refused) from error
                if last:
                    raise self._away(error) from error
            else:
                if last or response.status_code not in AGAIN:
                    return self._read(response)
            time.sleep(0.2 * 2**attempt)
        raise AssertionError  # the last attempt returns or raises

    def _read(self, response: httpx2.Response) -> APIAnswer:
        try:
            document = msgspec.json.decode(response.content) if response.content else None
        except msgspec.DecodeError:
            document = None
        if response.is_success:
            return APIAnswer(
                status=response.status_code,
                document=document,
                etag=response.headers.get("etag", ""),
                request_id=response.headers.get("request-id", ""),
            )
        raise self._refused(response, document if isinstance(document, dict) else {})

    def _refused(self, response: httpx2.Response, problem: dict[str, Any]) -> Failed:
        """A problem of the API (RFC 9457) in plain words."""
        kind = str(problem.get("type", "")).rpartition("#")[2]
        if not kind:
            if response.status_code == 404:
                return self._no_api()
            if response.status_code == 401:
                return self._signed_out()
            return Failed(f"{self.context.server} answers {response.status_code}", type="failed")
        if kind == "invalid-token":
            return self._signed_out()
        detail = str(problem.get("detail") or problem.get("title", ""))
        more = {name: one for name, one in problem.items() if name not in {"type", "detail"}}
        mistakes = problem.get("mistakes")
        lines = [detail, *(map(str, mistakes) if isinstance(mistakes, list) else ())]
        text = "\n  - ".join(lines)
        if kind == "not-allowed":
            text += f" ({problem.get('permission', '')}: see `valetkey whoami`)"
        if kind == "two-factors-needed":
            text += f": valetkey login {self.context.server} --again"
        if kind == "too-many-requests":
            text += f": wait {response.headers.get('retry-after', 'a few')} seconds"
        if request_id := problem.get("request_id"):
            text += f" [request {request_id}]"
        return Failed(text, type=kind, **more)

    def _failed(self, error: ClientError) -> Failed:
        """What the SDK says, in plain words."""
        match error:
            case NoKey():
                return Failed(
                    f"you are not signed in at {self.context.server}: "
                    f"valetkey login {self.context.server}",
                    type="signed-out",
                )
            case KeyInterrupted():
                return Failed(f"{self.context.server}: {error}", type="interrupted")
            case KeyStopped():
                return self._signed_out()
            case ServerUnavailable():
                if (refused := _certificate(error)) is not None:
                    return self._untrusted(refused)
                return self._away(error)
            case Denied(code="invalid_client"):
                return Failed(
                    f"{self.context.server} does not know this command line as the app "
                    f"{self.context.client_id}: an owner lists it with `valetkey admin list-app`",
                    type="unknown-app",
                )
            case Denied(code="invalid_target"):
                return self._no_api()
            case _:
                return Failed(f"{self.context.server}: {error}")

    def _no_api(self) -> Failed:
        text = f"{self.context.server} has no administration API"
        return Failed(f'{text}: set enable = ["administration"] there', type="no-api")

    def _signed_out(self) -> Failed:
        text = f"your sign-in at {self.context.server} has ended"
        return Failed(f"{text}: valetkey login {self.context.server}", type="signed-out")

    def _away(self, error: BaseException) -> Failed:
        return Failed(f"{self.context.server} does not answer ({error})", type="unreachable")

    def _untrusted(self, why: str) -> Failed:
        return Failed(
            f"the certificate of {self.context.server} is refused: {why}; for an authority of your "
            "own, use valetkey login --ca FILE",
            type="untrusted",
        )

    def check(self) -> None:
        """Get a token, or raise Failed."""
        try:
            self.key.access_token()
        except ClientError as error:
            raise self._failed(error) from error

    def explain(self, error: ClientError) -> Failed:
        """The error of the SDK in plain words."""
        return self._failed(error)

    def metadata(self) -> metadata.ServerMetadata:
        """What the server says about itself. Raises Failed."""
        try:
            return self.key.about
        except ClientError as error:
            raise self._failed(error) from error


def _plain(query: Mapping[str, Any]) -> dict[str, Any]:
    """The query as text. What is a list is repeated."""

    def text(value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value)

    return {
        name: [text(item) for item in one] if isinstance(one, list | tuple) else text(one)
        for name, one in query.items()
    }


def _certificate(error: BaseException | None) -> str | None:
    """Why a certificate was refused; None if the error has another cause."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return None
