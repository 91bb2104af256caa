"""The platform's side of the hand-off: it reads an interaction, answers it, and ends sessions."""

import time
from typing import Any, Final, TypeVar

import httpx2
import msgspec

from valetkey.client import server
from valetkey.client.drivers import AsyncDriver, Driver
from valetkey.client.errors import Denied, ServerUnavailable
from valetkey.client.steps import Flow
from valetkey.client.tokens import App
from valetkey.jose.jwk import PrivateKey
from valetkey.platform.interaction import (
    CANCEL,
    PARAMETER,
    RETURNED,
    Interaction,
    LoginPage,
    Refuse,
    SignedIn,
    ToSignIn,
    move,
    sign_in_address,
)

T = TypeVar("T")

CANCELLED: Final = Refuse("access_denied", "the user did not sign in")


class PlatformError(Exception):
    """valetkey refuses. `code` is the registered code. The message contains no secret."""

    def __init__(self, code: str, description: str = "") -> None:
        super().__init__(f"{code}: {description}" if description else code)
        self.code = code


class Lapsed(PlatformError):
    """The interaction has lapsed, or was answered before. `restart` is the address at which the
    browser begins again, "" for none."""

    def __init__(self, code: str, description: str = "", *, restart: str = "") -> None:
        super().__init__(code, description)
        self.restart = restart


FAILURES: Final = (PlatformError, ServerUnavailable)

HEADERS: Final = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
"""Reply headers: the address leads to a secret, so it is neither stored nor passed on."""


class Failure(msgspec.Struct, frozen=True):
    """What the page replies when valetkey does not take the answer: a redirect to `restart`, or
    else the `text` for the user."""

    status: int
    text: str
    restart: str = ""


def failure(error: Exception) -> Failure:
    """The reply to one of FAILURES."""
    match error:
        case Lapsed(restart=restart) if restart:
            return Failure(303, "", restart)
        case Lapsed():
            return Failure(410, "This sign-in is over. Go back to the app and start again.")
        case PlatformError():
            return Failure(400, "This sign-in is not valid. Go back to the app and start again.")
        case _:
            return Failure(503, "Signing in is not possible at the moment. Try again in a minute.")


class _Redirect(msgspec.Struct, kw_only=True):
    redirect_to: str


class _Ended(msgspec.Struct, kw_only=True):
    ended: int = 0


class _Flows:
    """The calls, for both drivers."""

    def __init__(self, app: App) -> None:
        if app.is_public:
            raise ValueError("the platform needs a secret or a private key")
        self.app = app

    def read(self, handle: str) -> Flow[Interaction]:
        found = yield from self._post("/interaction", {PARAMETER: handle})
        return _converted(found, Interaction)

    def accept(self, handle: str, user: SignedIn) -> Flow[str]:
        form = {
            PARAMETER: handle,
            "subject": user.subject,
            "auth_time": str(user.auth_time),
            "amr": " ".join(user.amr),
            "acr": user.acr,
            "claims": msgspec.json.encode(user.claims).decode() if user.claims else "",
            "sid": user.sid,
            "remember": str(user.remember),
        }
        answer = yield from self._post("/interaction/accept", form)
        return _converted(answer, _Redirect).redirect_to

    def reject(self, handle: str, refusal: Refuse) -> Flow[str]:
        form = {
            PARAMETER: handle,
            "error": refusal.error,
            "error_description": refusal.description,
        }
        answer = yield from self._post("/interaction/reject", form)
        return _converted(answer, _Redirect).redirect_to

    def end_sessions(self, subject: str, sid: str) -> Flow[int]:
        if bool(subject) == bool(sid):
            raise ValueError("name either the subject or the sid")
        answer = yield from self._post("/sessions/end", {"subject": subject, "sid": sid})
        return _converted(answer, _Ended).ended

    def answer(self, page: LoginPage, user: SignedIn | None) -> Flow[str]:
        handle = page.query.get(PARAMETER, "")
        interaction = yield from self.read(handle)
        if CANCEL in page.query:
            return (yield from self.reject(handle, CANCELLED))
        match move(interaction, user, now=time.time(), returned=RETURNED in page.query):
            case SignedIn() as signed_in:
                return (yield from self.accept(handle, signed_in))
            case Refuse() as refusal:
                return (yield from self.reject(handle, refusal))
            case ToSignIn() as to:
                return sign_in_address(page, interaction, to)

    def _post(self, path: str, form: dict[str, str]) -> Flow[dict[str, Any]]:
        reply = yield from server.post_reply(self.app.issuer + path, form, app=self.app)
        try:
            return server.read_reply(reply)
        except Denied as error:
            if reply.status in (409, 410):
                restart = server.member(reply, "restart")
                raise Lapsed(error.code, error.description, restart=restart) from error
            raise PlatformError(error.code, error.description) from error


def _converted(document: dict[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise ServerUnavailable("the server's answer cannot be read") from error


class Platform:
    """A platform that signs its users in for valetkey. Safe to share among threads."""

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        secret: str = "",
        private_key: PrivateKey | None = None,
        http: httpx2.Client | None = None,
    ) -> None:
        """`client_id` names the client that may answer interactions. Raises ValueError without a
        secret or a private key."""
        self.flows = _Flows(_app(issuer, client_id, secret=secret, private_key=private_key))
        self._driver = Driver(http)

    def read(self, handle: str) -> Interaction:
        """The interaction with this handle. Raises Lapsed, PlatformError, ServerUnavailable."""
        return self._driver.run(self.flows.read(handle))

    def accept(self, handle: str, user: SignedIn) -> str:
        """Answers that this user is signed in. Returns the address for the browser: it contains a
        secret, so send it nowhere else. Raises Lapsed, PlatformError, ServerUnavailable."""
        return self._driver.run(self.flows.accept(handle, user))

    def reject(self, handle: str, refusal: Refuse = CANCELLED) -> str:
        """Answers that nobody signs in. Returns the address for the browser. Raises as `accept`."""
        return self._driver.run(self.flows.reject(handle, refusal))

    def end_sessions(self, *, subject: str = "", sid: str = "") -> int:
        """Ends the user's sessions at valetkey, or the one that began with the platform's session
        `sid`; the apps are notified. Returns how many. Raises PlatformError, ServerUnavailable."""
        return self._driver.run(self.flows.end_sessions(subject, sid))

    def answer(self, page: LoginPage, user: SignedIn | None) -> str:
        """Answers the interaction of a request to the page, in which `user` is signed in. Returns
        the address to which the browser goes next: back to valetkey, or to the sign-in page. Raises
        as `accept`."""
        return self._driver.run(self.flows.answer(page, user))

    def close(self) -> None:
        """Closes connections."""
        self._driver.close()


class AsyncPlatform:
    """The same for async code: every method works, and raises, as that of `Platform`."""

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        secret: str = "",
        private_key: PrivateKey | None = None,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        """As `Platform`."""
        self.flows = _Flows(_app(issuer, client_id, secret=secret, private_key=private_key))
        self._driver = AsyncDriver(http)

    async def read(self, handle: str) -> Interaction:
        """The interaction with this handle."""
        return await self._driver.run(self.flows.read(handle))

    async def accept(self, handle: str, user: SignedIn) -> str:
        """Answers that this user is signed in. Returns the address for the browser."""
        return await self._driver.run(self.flows.accept(handle, user))

    async def reject(self, handle: str, refusal: Refuse = CANCELLED) -> str:
        """Answers that nobody signs in. Returns the address for the browser."""
        return await self._driver.run(self.flows.reject(handle, refusal))

    async def end_sessions(self, *, subject: str = "", sid: str = "") -> int:
        """Ends the user's sessions at valetkey, or one of them. Returns how many."""
        return await self._driver.run(self.flows.end_sessions(subject, sid))

    async def answer(self, page: LoginPage, user: SignedIn | None) -> str:
        """Answers the interaction of a request to the page. Returns the address to which the
        browser goes next."""
        return await self._driver.run(self.flows.answer(page, user))

    async def aclose(self) -> None:
        """Closes connections."""
        await self._driver.close()


def _app(issuer: str, client_id: str, *, secret: str, private_key: PrivateKey | None) -> App:
    return App(
        issuer=issuer.rstrip("/"),
        client_id=client_id,
        scope=(),
        secret=secret,
        private_key=private_key,
    )
