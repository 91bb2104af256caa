"""The rule for each call: who is the caller, and do they have the permissions?"""

import logging
import time
from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from valetkey.jose import jwt
from valetkey.resource.api_halves import ApiHalves
from valetkey.resource.binding import SCHEME_NAMES, SCHEMES, Binding, SenderProof
from valetkey.resource.errors import Misconfigured, Refused, Unreachable, refused
from valetkey.resource.issuer import Issuer, Loop, Rule
from valetkey.resource.log_state import TokenStatus
from valetkey.resource.need import ANYHOW, SignIn
from valetkey.resource.principal import Principal
from valetkey.resource.token_status import StatusSource, reason_of
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


class Admission:
    """Verifies calls of one API."""

    def __init__(
        self,
        *,
        resource: str,
        resource_metadata: str,
        issuer: Issuer,
        status_source: StatusSource,
        max_delegations: int = 0,
        api_halves: ApiHalves | None = None,
    ) -> None:
        """`max_delegations` is how many offline delegations the API accepts. With `api_halves`, its
        tokens are split, and it accepts no others."""
        self._max_delegations = max_delegations
        self._resource = resource
        self._resource_metadata = resource_metadata
        self._issuer = issuer
        self._status_source = status_source
        self._binding = Binding(resource)
        self._verified_tokens = VerifiedTokens(issuer.issuer)
        self._api_halves = api_halves

    def verify(
        self,
        authorization: str,
        needs: Sequence[str],
        *,
        query: str,
        sender_proof: SenderProof,
        sign_in: SignIn,
        loop: Loop,
    ) -> Rule[Principal]:
        """The caller behind an `Authorization` header, who has all permissions in `needs`, by what
        that event loop has learnt. Raises Refused, Unreachable."""
        scheme, text = self._read_header(authorization, query)
        principal = yield from self._principal(
            scheme, text, needs, sender_proof=sender_proof, loop=loop
        )
        self.verify_principal(principal, needs, sign_in)
        return principal

    def verify_principal(self, principal: Principal, needs: Sequence[str], sign_in: SignIn) -> None:
        """Raises Refused if the caller lacks a permission in `needs`, or has to sign in again, or
        in a stronger way."""
        if not principal.permissions.issuperset(needs):
            raise self._insufficient_scope(principal, needs)
        if sign_in is not ANYHOW and not sign_in.holds(principal.token, int(time.time())):
            raise self._insufficient_sign_in(principal, sign_in)

    def refused(self, error: OAuthError, **more: Any) -> Refused:
        """A refusal of this API."""
        return refused(error, resource_metadata=self._resource_metadata, **more)

    def _read_header(self, authorization: str, query: str) -> tuple[str, str]:
        """The scheme and the token."""
        if query and "access_token" in _names(query):
            raise self.refused(InvalidRequest("an access token does not belong into a query"))
        if authorization.partition(" ")[0].lower() not in SCHEME_NAMES:
            # RFC 6750 3.1: a call without a token, or of another scheme, gets no error code.
            raise Refused(401, Challenge(resource_metadata=self._resource_metadata))
        credentials = bearer.read_header(authorization, schemes=SCHEMES)
        if credentials is None:
            raise self.refused(InvalidToken(detail="not of the form of a token"))
        return credentials

    def _principal(
        self,
        scheme: str,
        text: str,
        needs: Sequence[str],
        *,
        sender_proof: SenderProof,
        loop: Loop,
    ) -> Rule[Principal]:
        root, blocks = child_key.split(text)
        token, ath = yield from self._verified(scheme, root)
        delegation = self._delegation(scheme, text, token) if blocks else None
        cnf = token.cnf if delegation is None else Confirmation(jkt=delegation.jkt)
        try:
            self._binding.check(
                scheme,
                dpop.token_hash(text) if blocks else ath,
                cnf=cnf,
                sender_proof=sender_proof,
            )
        except OAuthError as error:
            raise self.refused(error, scheme=scheme) from error
        status = self._status_source.look_up(token, needs=needs, loop=loop)
        if status is None:
            status = yield partial(
                self._status_source.ask, root, token, is_delegated=delegation is not None
            )
        self._check_status(status, scheme, is_delegated=delegation is not None)
        most = frozenset() if delegation is None else frozenset(delegation.most)
        permissions = status.permissions
        if delegation is not None:
            permissions &= delegation.scopes
        return Principal(
            sub=token.sub,
            client_id=token.client_id,
            permissions=permissions,
            token=token,
            limited=(status.limited | most) & permissions,
            grant_version=status.version,
            delegation=delegation,
        )

    def _check_status(self, status: TokenStatus, scheme: str, *, is_delegated: bool) -> None:
        """Raises Refused if the token is not active, or not in delegated hands."""
        if status.over:
            ended = InvalidToken(detail=f"the key is {status.over}")
            raise self.refused(ended, scheme=scheme, reason=reason_of(status))
        if is_delegated and status.childless:
            revoked = InvalidToken(detail="the user does not allow offline delegation")
            raise self.refused(revoked, scheme=scheme, reason="stopped")

    def _delegation(self, scheme: str, text: str, token: AccessToken) -> Delegation:
        """The offline delegation of the token. Raises Refused."""
        try:
            return child_key.check(text, token, depth=self._max_delegations, now=int(time.time()))
        except child_key.BadChild as error:
            raise self.refused(InvalidToken(detail=f"child key: {error}"), scheme=scheme) from error

    def _verified(self, scheme: str, text: str) -> Rule[tuple[AccessToken, str]]:
        """The claims of the token, and its hash."""
        try:
            if self._api_halves is not None:
                return (yield from self._api_halves.verify(text))
            keys = yield from self._issuer.keys_for(text)
            verified = self._verified_tokens.verify(
                text, keys=keys, audience=self._resource, now=int(time.time())
            )
        except jwt.BadToken as error:
            raise self.refused(InvalidToken(detail=str(error)), scheme=scheme) from error
        return verified.claims, verified.ath

    def _insufficient_scope(self, principal: Principal, needs: Sequence[str]) -> Refused:
        lacks = " ".join(sorted(set(needs) - principal.permissions))
        details = self._details(principal.token, needs)
        error = InsufficientAuthorization if details else InsufficientScope
        return self.refused(
            error(detail=f"lacks {lacks}"),
            scheme=principal.scheme,
            scope=" ".join(needs),
            reason="narrowed" if principal.issued_permissions.issuperset(needs) else "",
            allowed=" ".join(sorted(principal.permissions)),
            details=details,
        )

    def _details(self, token: AccessToken, needs: Sequence[str]) -> tuple[Detail, ...]:
        """The details that the app should request; () for an app that requests scopes."""
        if all(one.type != self._resource for one in token.authorization_details):
            return ()
        return (Detail(type=self._resource, actions=tuple(needs)),)

    def _insufficient_sign_in(self, principal: Principal, sign_in: SignIn) -> Refused:
        """The user has to sign in again, or in a stronger way."""
        # RFC 9470 3: what the new sign-in has to fulfil.
        refusal = self.refused(InsufficientUserAuthentication(), scheme=principal.scheme)
        age = "" if sign_in.max_age is None else str(sign_in.max_age)
        challenge = msgspec.structs.replace(
            refusal.challenge, acr_values=" ".join(sign_in.acr), max_age=age
        )
        return Refused(refusal.status, challenge, detail=f"signed in by {principal.token.acr!r}")


def _names(query: str) -> set[str]:
    return {unquote_plus(part.partition("=")[0]) for part in query.split("&")}


def log_refusal(error: Refused | Unreachable) -> None:
    """Logs who is refused, and why, for the operators of the API. It quotes no more of a token than
    its header."""
    if isinstance(error, Refused):
        log.info("refused: %s (%.200s)", error, error.detail)
    elif not isinstance(error, Misconfigured):  # which is logged once, where it is answered
        log.warning("nobody is let in: %s", error)
