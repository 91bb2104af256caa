"""The rule at the door: whose key is it, and does it open this?"""

import logging
import time
from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from valetkey.jose import jwt
from valetkey.resource.api_halves import Halves
from valetkey.resource.binding import KNOWN, SCHEMES, Binding, Shown
from valetkey.resource.errors import Misconfigured, Refused, Unreachable, refused
from valetkey.resource.issuer import Issuer
from valetkey.resource.principal import Principal
from valetkey.resource.step_up import ANYHOW, SignIn
from valetkey.resource.steps import Loop, Rule
from valetkey.resource.token_status import Worth, reason_of
from valetkey.spec.errors import (
    InsufficientAuthorization,
    InsufficientScope,
    InsufficientUserAuthentication,
    InvalidRequest,
    InvalidToken,
    OAuthError,
)
from valetkey.wire import bearer, child_key, dpop
from valetkey.wire.access_token import AccessToken, Confirmation, VerifiedTokens
from valetkey.wire.authorization_details import Detail
from valetkey.wire.bearer import Challenge
from valetkey.wire.child_key import Delegation

log = logging.getLogger("valetkey.resource")


class Verifying:
    """Judges calls of one API."""

    def __init__(
        self,
        *,
        resource: str,
        resource_metadata: str,
        issuer: Issuer,
        worth: Worth,
        children: int = 0,
        halves: Halves | None = None,
    ) -> None:
        """`children`: through how many hands a key may have gone. `halves`: its tokens are split,
        and no other counts."""
        self._children = children
        self._resource = resource
        self._resource_metadata = resource_metadata
        self._issuer = issuer
        self._worth = worth
        self._bound = Binding(resource)
        self._proofs = VerifiedTokens(issuer.issuer)
        self._halves = halves

    def principal(
        self,
        authorization: str,
        needs: Sequence[str],
        *,
        query: str,
        shown: Shown,
        sign_in: SignIn,
        loop: Loop,
    ) -> Rule[Principal]:
        """The caller behind an `Authorization` header, who may do all that `needs` names, by what
        that loop has learnt. Raises Refused, Unreachable."""
        principal = yield from self._known(
            self._sent(authorization, query), needs, shown=shown, loop=loop
        )
        self.judge(principal, needs, sign_in)
        return principal

    def judge(self, principal: Principal, needs: Sequence[str], wanted: SignIn) -> None:
        """Raises Refused where a proved caller may not do all that `needs` names, or has to sign in
        again, or better."""
        if not principal.permissions.issuperset(needs):
            raise self._lacking(principal, needs)
        if wanted is not ANYHOW and not wanted.holds(principal.token, int(time.time())):
            raise self._too_long_ago(principal, wanted)

    def refused(self, error: OAuthError, **more: Any) -> Refused:
        """A refusal of this API."""
        return refused(error, resource_metadata=self._resource_metadata, **more)

    def _sent(self, authorization: str, query: str) -> tuple[str, str]:
        """The scheme and the token."""
        if query and "access_token" in _names(query):
            raise self.refused(InvalidRequest("an access token does not belong into a query"))
        if authorization.partition(" ")[0].lower() not in KNOWN:
            # RFC 6750 3.1: who sends no token, or speaks of another scheme, is told nothing more.
            raise Refused(401, Challenge(resource_metadata=self._resource_metadata))
        sent = bearer.read_header(authorization, schemes=SCHEMES)
        if sent is None:
            raise self.refused(InvalidToken(detail="not of the form of a token"))
        return sent

    def _known(
        self, sent: tuple[str, str], needs: Sequence[str], *, shown: Shown, loop: Loop
    ) -> Rule[Principal]:
        scheme, text = sent
        root, blocks = child_key.split(text)
        token, ath = yield from self._proved(scheme, root)
        hands = self._handed_on(scheme, text, token) if blocks else None
        cnf = token.cnf if hands is None else Confirmation(jkt=hands.jkt)
        try:
            self._bound.check(
                scheme, dpop.token_hash(text) if blocks else ath, cnf=cnf, shown=shown
            )
        except OAuthError as error:
            raise self.refused(error, scheme=scheme) from error
        opens = self._worth.known(token, needs=needs, loop=loop)
        if opens is None:
            opens = yield partial(self._worth.asked, root, token, handed_on=hands is not None)
        if opens.over:
            ended = InvalidToken(detail=f"the key is {opens.over}")
            raise self.refused(ended, scheme=scheme, reason=reason_of(opens))
        if hands is not None and opens.childless:
            cut = InvalidToken(detail="its user lets nobody hand it on alone")
            raise self.refused(cut, scheme=scheme, reason="stopped")
        most = frozenset() if hands is None else frozenset(hands.most)
        permissions = opens.permissions if hands is None else opens.permissions & hands.scopes
        return Principal(
            sub=token.sub,
            client_id=token.client_id,
            permissions=permissions,
            token=token,
            limited=(opens.limited | most) & permissions,
            grant_version=opens.version,
            hands=hands,
        )

    def _handed_on(self, scheme: str, text: str, token: AccessToken) -> Delegation:
        """The hands through which the key went. Raises Refused."""
        try:
            return child_key.check(text, token, depth=self._children, now=int(time.time()))
        except child_key.BadChild as error:
            raise self.refused(InvalidToken(detail=f"child key: {error}"), scheme=scheme) from error

    def _proved(self, scheme: str, text: str) -> Rule[tuple[AccessToken, str]]:
        """What the token says, and its hash."""
        try:
            if self._halves is not None:
                return (yield from self._halves.proved(text))
            keys = yield from self._issuer.keys_for(text)
            proved = self._proofs.verify(
                text, keys=keys, audience=self._resource, now=int(time.time())
            )
        except jwt.BadToken as error:
            raise self.refused(InvalidToken(detail=str(error)), scheme=scheme) from error
        return proved.claims, proved.ath

    def _lacking(self, principal: Principal, needs: Sequence[str]) -> Refused:
        lacks = " ".join(sorted(set(needs) - principal.permissions))
        details = self._details(principal.token, needs)
        lacking = InsufficientAuthorization if details else InsufficientScope
        return self.refused(
            lacking(detail=f"lacks {lacks}"),
            scheme=principal.scheme,
            scope=" ".join(needs),
            reason="narrowed" if principal.asked.issuperset(needs) else "",
            allowed=" ".join(sorted(principal.permissions)),
            details=details,
        )

    def _details(self, token: AccessToken, needs: Sequence[str]) -> tuple[Detail, ...]:
        """What an app that asks by details should ask for; nothing, for one that asks by scopes."""
        if all(one.type != self._resource for one in token.authorization_details):
            return ()
        return (Detail(type=self._resource, actions=tuple(needs)),)

    def _too_long_ago(self, principal: Principal, wanted: SignIn) -> Refused:
        """The user has to prove again, or better, who they are."""
        # RFC 9470 3: what the new sign-in has to come to.
        refusal = self.refused(InsufficientUserAuthentication(), scheme=principal.scheme)
        age = "" if wanted.max_age is None else str(wanted.max_age)
        told = msgspec.structs.replace(
            refusal.challenge, acr_values=" ".join(wanted.acr), max_age=age
        )
        return Refused(refusal.status, told, detail=f"signed in by {principal.token.acr!r}")


def _names(query: str) -> set[str]:
    return {unquote_plus(part.partition("=")[0]) for part in query.split("&")}


def log_refusal(error: Refused | Unreachable) -> None:
    """Tells the log who is refused, and why. The detail is for whoever runs the API; of the token
    it quotes the header at most."""
    if isinstance(error, Refused):
        log.info("refused: %s (%.200s)", error, error.detail)
    elif not isinstance(error, Misconfigured):  # which is logged once, where it is answered
        log.warning("nobody is let in: %s", error)
