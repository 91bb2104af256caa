"""Adds the access token to each call of an API: the same rules for every HTTP library."""

from collections.abc import Generator
from typing import Any, Protocol

import msgspec

from valetkey.client.app import App
from valetkey.client.proof_key import NONCE_CODE
from valetkey.client.refusal import challenge_of
from valetkey.client.steps import Answer, ApiCall, Flow, Send, Step
from valetkey.client.tokens import Tokens
from valetkey.wire import dpop, redirect
from valetkey.wire.bearer import Challenge
from valetkey.wire.metadata import is_protected


class KeySource(Protocol):
    """A source of access tokens: a user's key, or a program's own token."""

    app: App

    def usable_tokens(self, refused: str = "") -> Flow[Tokens]:
        """Tokens that are valid for a while, and not the refused ones."""
        ...

    def on_refusal(self, challenge: Challenge) -> None:
        """An API has refused the token, and may have said why."""
        ...


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A call that is about to be sent. `repeatable`: its body can be sent a second time."""

    method: str
    url: str
    repeatable: bool = True


def send_with_key(key: KeySource, call: Outgoing) -> ApiCall:
    """Sends a call with the access token. Renews the token before it ends, and if the API refuses
    it.

    The token goes to the app's `resource` only, if there is one, and only over https: a call to
    another address raises ValueError (RFC 6750 5.3). A body that is read from a stream cannot be
    sent twice: then the token is renewed, and the refusal is the answer.
    """
    _check(key, call.url)
    tokens = yield from key.usable_tokens()
    answer = yield from _send(tokens, call)
    if _wants_nonce(tokens, call, answer) and call.repeatable:
        answer = yield from _send(tokens, call)
        _wants_nonce(tokens, call, answer)
    challenge = challenge_of(answer.status, answer.headers)
    key.on_refusal(challenge)
    if challenge.error != "invalid_token" or challenge.reason == "paused":
        return  # A paused key cannot be renewed, and works again when the user resumes it.
    fresh = yield from key.usable_tokens(refused=tokens.access_token)
    if call.repeatable:
        _wants_nonce(fresh, call, (yield from _send(fresh, call)))


def _send(tokens: Tokens, call: Outgoing) -> Generator[Step | Send, Any, Answer]:
    answer: Answer = yield Send(headers(tokens, call))
    return answer


def headers(tokens: Tokens, call: Outgoing) -> dict[str, str]:
    """The headers with the token for this call."""
    prover = tokens.prover
    if prover is None:
        return {"Authorization": f"Bearer {tokens.access_token}"}
    return {
        "Authorization": f"{dpop.SCHEME} {tokens.access_token}",
        dpop.HEADER: prover.prove(call.method, call.url, tokens.access_token),
    }


def _wants_nonce(tokens: Tokens, call: Outgoing, answer: Answer) -> bool:
    """Whether the API refused the call to send a nonce (RFC 9449 9), which is now stored."""
    prover = tokens.prover
    learnt = prover is not None and prover.learn_nonce(call.url, answer.headers)
    return learnt and challenge_of(answer.status, answer.headers).error == NONCE_CODE


def _check(key: KeySource, address: str) -> None:
    resource = key.app.resource
    if not is_protected(address):
        raise ValueError("the access token is sent over https only")
    if resource and redirect.origin(address) != redirect.origin(resource):
        raise ValueError(f"the access token is for {resource} only")
