"""The flows of a key, once for threads and tasks: connect, upgrade, renew, revoke."""

import contextlib
import time
import webbrowser
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec

from valetkey.client import device_and_ciba, flow
from valetkey.client.device_and_ciba import Waiting
from valetkey.client.endpoints import Endpoints
from valetkey.client.errors import (
    Aborted,
    AccountDisabled,
    AppSuspended,
    ClientError,
    Denied,
    KeyInterrupted,
    KeyPaused,
    KeyStopped,
    KeySuspended,
    PermissionMissing,
    ShardsMissing,
    SignInAgain,
    StoreError,
    raise_for_refusal,
)
from valetkey.client.flow import Attempt, AuthorizationRequest
from valetkey.client.locked_store import LockedStore
from valetkey.client.loopback import NOBODY, WAIT, Loopback
from valetkey.client.proof_key import Prover
from valetkey.client.shard_client import OtherHolder, as_client_error
from valetkey.client.shard_flows import ShardFlows, with_shards
from valetkey.client.steps import Await, Call, Flow, work
from valetkey.client.store import TokenStore
from valetkey.client.tokens import App, Connected, Tokens, connected, read
from valetkey.wire.authorization_details import Detail
from valetkey.wire.bearer import Challenge

OpenBrowser: TypeAlias = Callable[[str], object]
Interruption: TypeAlias = Literal["paused", "suspended", "app_suspended", "account_disabled"]


class KeyChange(msgspec.Struct, frozen=True):
    """A change of a key by its user. `opens` are the permissions that it has now, as far as
    known."""

    reason: Interruption | Literal["narrowed", "widened", "stopped"]
    opens: frozenset[str] = frozenset()


class BrowserPrompt(msgspec.Struct, frozen=True):
    """How the user is asked: the function that opens the browser, and the timeout in seconds."""

    open_browser: OpenBrowser = webbrowser.open
    seconds: float = WAIT


DEFAULT_PROMPT: Final = BrowserPrompt()

_CHANGES: Final[dict[type[ClientError], Interruption]] = {
    KeyPaused: "paused",
    KeySuspended: "suspended",
    AppSuspended: "app_suspended",
    AccountDisabled: "account_disabled",
}


class KeyFlows:
    """One user's key to one server."""

    def __init__(
        self,
        app: App,
        store: TokenStore,
        *,
        key_changed: Callable[[KeyChange], object],
        others: Iterable[OtherHolder] = (),
    ) -> None:
        self.app = app
        self.key_changed = key_changed
        self.server = Endpoints(app)
        self.kept = LockedStore(store)
        self.shards = ShardFlows(self.server, self.kept, others)

    # Asking the user.

    def begin(self, request: AuthorizationRequest, redirect_uri: str = "") -> Flow[Attempt]:
        """Starts a sign-in."""
        there = redirect_uri or self.app.redirect_uri
        if not there:
            raise ValueError("the app has no redirect_uri: connect by the loopback one")
        about = yield from self.server.about()
        attempt, parameters = flow.begin(self.app, about, request, redirect_uri=there)
        return flow.with_address(attempt, about, (yield from self.server.push(parameters)))

    def finish(self, attempt: Attempt, answer: str) -> Flow[Connected]:
        """Finishes a sign-in, and stores the tokens."""
        if attempt.issuer != self.app.issuer:
            raise Aborted("a sign-in at another server")
        form = flow.finish(attempt, answer)
        response = yield from self.server.token(form, attempt.prover)
        fresh = yield from self.server.key(
            response, attempt.scope, nonce=attempt.nonce, prover=attempt.prover
        )
        return (yield from self._keep((yield from self._in_shards(response, fresh))))

    def connect(
        self, request: AuthorizationRequest, asking: BrowserPrompt = DEFAULT_PROMPT
    ) -> Flow[Connected]:
        """Connects through the system browser and the loopback address (RFC 8252 7.3)."""
        yield from self.kept.locked(self.kept.ready())
        loopback: Loopback = yield from work(lambda: Loopback(self.app.callback).__enter__())
        try:
            attempt = yield from self.begin(request, loopback.redirect_uri)
            loopback.expect(lambda query: flow.answers(attempt, query))
            if (yield from work(lambda: asking.open_browser(attempt.address))) is False:
                raise Aborted("no browser could be opened")
            answer = yield from _answer(loopback, asking.seconds)
        finally:
            loopback.close()
        return (yield from self.finish(attempt, answer))

    def connect_by_code(
        self, show: Callable[[Waiting], object], scope: Iterable[str]
    ) -> Flow[Connected]:
        """Connects by a code that the user types on another device (RFC 8628)."""
        requested = tuple(scope) or self.app.scope
        prover = flow.new_prover(self.app, (yield from self.server.about()))
        waiting = yield from device_and_ciba.by_code(
            self.app, (yield from self.server.about()), requested
        )
        yield from work(lambda: show(waiting))
        return (yield from self._wait_for(waiting, requested, prover))

    def ask_user(self, who: str, words: str, scope: Iterable[str]) -> Flow[Connected]:
        """Connects by a request on the user's own pages (OpenID Connect CIBA)."""
        requested = tuple(scope) or self.app.scope
        about = yield from self.server.about()
        prover = flow.new_prover(self.app, about)
        waiting = yield from device_and_ciba.by_question(
            self.app, about, requested, who=who, words=words
        )
        return (yield from self._wait_for(waiting, requested, prover))

    def upgrade(
        self, permissions: Iterable[str], details: Iterable[Detail], asking: BrowserPrompt
    ) -> Flow[Connected]:
        """Connects again, with more permissions."""
        tokens = yield from self.kept.require()
        if tokens.refresh_token:
            # The user may have removed a permission since: do not request that again.
            tokens = yield from self.refresh(tokens)
        wider = tuple(dict.fromkeys((*tokens.scope, *permissions)))
        request = AuthorizationRequest(scope=wider, prompt="consent", details=tuple(details))
        return (yield from self.connect(request, asking))

    def sign_in_again(
        self, why: SignInAgain, asking: BrowserPrompt = DEFAULT_PROMPT
    ) -> Flow[Connected]:
        """Connects again, with a sign-in as the API needs it (RFC 9470 4)."""
        scope = (yield from self.kept.require()).scope
        request = AuthorizationRequest(scope=scope, acr_values=why.acr_values, max_age=why.max_age)
        return (yield from self.connect(request, asking))

    def calling(self, call: Callable[[], Any], asking: BrowserPrompt, times: int) -> Flow[Any]:
        """The answer to a call that may need more permissions or a new sign-in."""
        for _ in range(times):
            try:
                return raise_for_refusal((yield Call(call)))
            except PermissionMissing as missing:
                yield from self.upgrade(missing.permissions, missing.details, asking)
            except SignInAgain as why:
                yield from self.sign_in_again(why, asking)
        return raise_for_refusal((yield Call(call)))

    # Using the key.

    def usable_tokens(self, refused: str = "") -> Flow[Tokens]:
        """Tokens that are valid for a while, and not the refused ones."""
        yield from self.kept.settle()
        tokens = yield from self.kept.require()
        if tokens.is_over(time.time()) or tokens.access_token == refused:
            tokens = yield from self.refresh(tokens)
        return tokens

    def refresh(self, stale: Tokens | None = None, others: Sequence[str] = ()) -> Flow[Tokens]:
        """Renews the tokens: once, however many callers find them stale."""
        try:
            before, renewed = yield from self.kept.locked(self._renew(stale, others))
        except (Denied, KeyInterrupted) as error:
            # After the lock is released: the callback may need it.
            raise self._refused(error, with_user_shard=bool(others)) from error
        if renewed.granted != before.granted:
            less = before.granted - renewed.granted
            self.key_changed(KeyChange("narrowed" if less else "widened", renewed.granted))
        return renewed

    def _refused(self, error: Denied | KeyInterrupted, *, with_user_shard: bool) -> ClientError:
        """The error for a refused renewal, which is also reported to `key_changed`. After a shard
        from the user, that shard may be the invalid one."""
        otherwise = ShardsMissing if with_user_shard else KeyStopped
        why = as_client_error(error, otherwise) if isinstance(error, Denied) else error
        if isinstance(why, KeyStopped):
            self.key_changed(KeyChange(_CHANGES.get(type(why), "stopped")))
        return why

    def _renew(self, stale: Tokens | None, others: Iterable[str]) -> Flow[tuple[Tokens, Tokens]]:
        """The tokens before and after. Call it with the lock."""
        before = yield from self.kept.require()
        if stale is not None and before.access_token != stale.access_token:
            return before, before  # Another task has renewed it meanwhile.
        if not before.refresh_token and not before.ticket:
            raise KeyStopped("the key cannot be renewed: connect again")
        # Check the store before the request: the server forgets the old token.
        yield from self.kept.ready()
        before = yield from self.shards.claim_pending(before)
        prover = before.prover
        form = {
            "grant_type": "refresh_token",
            "refresh_token": before.refresh_token,
            "resource": self.app.resource,
            **(yield from self.shards.refresh_parameters(before, others)),
        }
        answer = yield from self.server.token_again(form, prover)
        now = int(time.time())
        renewed = read(
            answer, requested=before.requested, before=before, now=now, prover=prover
        ).tokens
        renewed = with_shards(answer, renewed)
        yield from self.kept.save(renewed, instead_of=before)
        return before, renewed

    def on_refusal(self, challenge: Challenge) -> None:
        """Reports the refusal of an API to `key_changed`, if it says why."""
        opens = frozenset(challenge.allowed.split())
        match challenge.reason:
            case "narrowed" | "paused" | "stopped":
                self.key_changed(KeyChange(challenge.reason, opens))
            case _:
                pass

    def userinfo(self) -> Flow[dict[str, Any]]:
        """The claims about the user (OpenID Connect Core 5.3)."""
        tokens = yield from self.usable_tokens()
        claims = yield from self.server.userinfo(tokens.access_token, tokens.prover)
        if tokens.sub and claims.get("sub") != tokens.sub:
            raise Aborted("the claims are about another user")
        return claims

    # Ending the access.

    def forget(self) -> Flow[Tokens | None]:
        """Deletes the tokens, and returns them."""
        return (yield from self.kept.locked(self._forget()))

    def _forget(self) -> Flow[Tokens | None]:
        tokens: Tokens | None = None
        with contextlib.suppress(StoreError):
            tokens = yield from self.kept.load()
        # Unreadable tokens can be deleted too.
        yield from self.kept.save(None, instead_of=tokens)
        return tokens

    def revoke(self) -> Flow[None]:
        """Revokes the key, and deletes it."""
        tokens = yield from self.kept.replaced()
        failed: StoreError | None = None
        try:
            tokens = yield from self.forget()
        except StoreError as error:
            # Revoke it all the same: the stored tokens are useless then.
            failed = error
        if tokens is not None:
            yield from self.shards.forget(tokens)
            yield from self.server.revoke(tokens)
        if failed is not None:
            raise failed

    def _wait_for(
        self, waiting: Waiting, requested: tuple[str, ...], prover: Prover | None
    ) -> Flow[Connected]:
        answer = yield from device_and_ciba.wait(
            waiting, lambda form: self.server.token(form, prover)
        )
        fresh = yield from self.server.key(answer, requested, prover=prover)
        return (yield from self._keep((yield from self._in_shards(answer, fresh))))

    def _in_shards(self, answer: dict[str, Any], fresh: Tokens) -> Flow[Tokens]:
        """The tokens with their shards. Raises Aborted if the app requested shards and got an
        ordinary key: the request was changed on its way."""
        fresh = with_shards(answer, fresh)
        if self.app.key_shards is not None and not fresh.threshold:
            yield from self.server.give_back(fresh)
            raise Aborted("the server issued an ordinary key, though the app requested shards")
        return fresh

    def _keep(self, fresh: Tokens) -> Flow[Connected]:
        """Stores the tokens, and revokes those that they replace."""
        before = yield from self.kept.locked(self._replace(fresh))
        if before is not None and before.refresh_token:
            yield from self.server.give_back(before)
        if fresh.threshold:
            yield from self.shards.settle()
        return connected(fresh)

    def _replace(self, fresh: Tokens) -> Flow[Tokens | None]:
        before = yield from self.kept.replaced()
        yield from self.kept.save(fresh, instead_of=before)
        return before


def _answer(loopback: Loopback, seconds: float) -> Flow[str]:
    try:
        answer: str = yield Await(loopback.answer, seconds)
    except TimeoutError as error:
        raise Aborted(NOBODY) from error
    return answer
