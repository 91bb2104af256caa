"""The registered error codes, one class each.

An error has two audiences: `description` goes out with the response, `detail` goes to the log.
Neither may hold a secret.
"""

from collections.abc import Mapping
from typing import ClassVar

from valetkey.spec.names import Cite


class OAuthError(Exception):
    """An answer that refuses, in a registered code.

    `status` is the HTTP status of the direct answer; an error that travels by redirect or page
    takes that transport's own. `description` keeps to RFC 6749's characters (no quotes, no `\\`).
    `reason` says why the grant opens nothing for now (see `wire.token_response`), "" for nothing.
    `members` are members of the JSON answer beside those of the standard.
    """

    code: ClassVar[str]
    cite: ClassVar[Cite]
    says: ClassVar[str]
    default_status: ClassVar[int] = 400

    def __init__(
        self,
        description: str = "",
        *,
        detail: str = "",
        status: int = 0,
        reason: str = "",
        members: Mapping[str, str] = {},
    ) -> None:
        self.description = description or self.says
        self.detail = detail
        self.reason = reason
        self.members = members
        self.status = status or self.default_status
        super().__init__(f"{self.code}: {self.description}")

    @property
    def log_text(self) -> str:
        """For the log: the detail, or what goes out where there is none."""
        return self.detail or self.description


class InvalidRequest(OAuthError):
    code = "invalid_request"
    cite = Cite("RFC 6749", "5.2")
    says = "the request is malformed"


class InvalidClient(OAuthError):
    code = "invalid_client"
    cite = Cite("RFC 6749", "5.2")
    says = "the client could not be authenticated"
    default_status = 401


class UseAttestationChallenge(OAuthError):
    code = "use_attestation_challenge"
    cite = Cite("draft-ietf-oauth-attestation-based-client-auth", "7.4")
    says = "the proof of the attestation needs the challenge of this server"


class UseFreshAttestation(OAuthError):
    code = "use_fresh_attestation"
    cite = Cite("draft-ietf-oauth-attestation-based-client-auth", "7.4")
    says = "the attestation is over: a fresh one is needed"


class InvalidGrant(OAuthError):
    code = "invalid_grant"
    cite = Cite("RFC 6749", "5.2")
    says = "the code or token is not valid, or no longer"


class UnauthorizedClient(OAuthError):
    code = "unauthorized_client"
    cite = Cite("RFC 6749", "5.2")
    says = "this client may not do this"


class UnsupportedGrantType(OAuthError):
    code = "unsupported_grant_type"
    cite = Cite("RFC 6749", "5.2")
    says = "this grant type is not offered here"


class InvalidScope(OAuthError):
    code = "invalid_scope"
    cite = Cite("RFC 6749", "5.2")
    says = "the scope is unknown, malformed or more than was granted"


class AccessDenied(OAuthError):
    code = "access_denied"
    cite = Cite("RFC 6749", "4.1.2.1")
    says = "the user said no"
    default_status = 403


class InvalidGrantId(OAuthError):
    code = "invalid_grant_id"
    cite = Cite("Grant Management for OAuth 2.0", "5.4")
    says = "there is no such grant, or it is another app's"


class UnsupportedResponseType(OAuthError):
    code = "unsupported_response_type"
    cite = Cite("RFC 6749", "4.1.2.1")
    says = "only response_type=code is offered here"


class ServerError(OAuthError):
    code = "server_error"
    cite = Cite("RFC 6749", "4.1.2.1")
    says = "something went wrong here"
    default_status = 500


class TemporarilyUnavailable(OAuthError):
    code = "temporarily_unavailable"
    cite = Cite("RFC 6749", "4.1.2.1")
    says = "try again in a moment"
    default_status = 503


class InvalidTarget(OAuthError):
    code = "invalid_target"
    cite = Cite("RFC 8707", "2")
    says = "the resource is unknown, malformed or not among those granted"


class InvalidAuthorizationDetails(OAuthError):
    code = "invalid_authorization_details"
    cite = Cite("RFC 9396", "5")
    says = "authorization_details are malformed, of an unknown type, or more than was granted"


class InvalidRequestUri(OAuthError):
    code = "invalid_request_uri"
    cite = Cite("RFC 9101", "7")
    says = "the request_uri is unknown, expired or another client's"


class InvalidRequestObject(OAuthError):
    code = "invalid_request_object"
    cite = Cite("RFC 9101", "7")
    says = "the request object is malformed, not signed as it has to be, or not of this moment"


class RequestNotSupported(OAuthError):
    code = "request_not_supported"
    cite = Cite("OpenID Connect Core", "3.1.2.6")
    says = "the request parameter is not offered here"


class RequestUriNotSupported(OAuthError):
    code = "request_uri_not_supported"
    cite = Cite("OpenID Connect Core", "3.1.2.6")
    says = "only a request_uri of this server is accepted"


class LoginRequired(OAuthError):
    code = "login_required"
    cite = Cite("OpenID Connect Core", "3.1.2.6")
    says = "the user has to sign in"


class ConsentRequired(OAuthError):
    code = "consent_required"
    cite = Cite("OpenID Connect Core", "3.1.2.6")
    says = "the user has to be asked"


class InteractionRequired(OAuthError):
    code = "interaction_required"
    cite = Cite("OpenID Connect Core", "3.1.2.6")
    says = "the user has to be present"


class UnmetAuthenticationRequirements(OAuthError):
    code = "unmet_authentication_requirements"
    cite = Cite("OpenID Connect Core Unmet Authentication Requirements", "2")
    says = "nobody can sign in here in the way that is asked for"


class InvalidRedirectUri(OAuthError):
    code = "invalid_redirect_uri"
    cite = Cite("RFC 7591", "3.2.2")
    says = "a redirect URI will not do"


class InvalidClientMetadata(OAuthError):
    code = "invalid_client_metadata"
    cite = Cite("RFC 7591", "3.2.2")
    says = "the metadata of the client will not do"


class InvalidSoftwareStatement(OAuthError):
    code = "invalid_software_statement"
    cite = Cite("RFC 7591", "3.2.2")
    says = "the software statement is malformed, not signed as it has to be, or over"


class UnapprovedSoftwareStatement(OAuthError):
    code = "unapproved_software_statement"
    cite = Cite("RFC 7591", "3.2.2")
    says = "the software statement is by nobody who is trusted here"


class UnsupportedTokenType(OAuthError):
    code = "unsupported_token_type"
    cite = Cite("RFC 7009", "2.2.1")
    says = "tokens of this type are not revoked here"


class AuthorizationPending(OAuthError):
    code = "authorization_pending"
    cite = Cite("RFC 8628", "3.5")
    says = "the user has not answered yet"


class SlowDown(OAuthError):
    code = "slow_down"
    cite = Cite("RFC 8628", "3.5")
    says = "that was too soon: leave five seconds more between two calls from now on"


class ExpiredToken(OAuthError):
    code = "expired_token"
    cite = Cite("RFC 8628", "3.5")
    says = "nobody answered in time"


class UnknownUserId(OAuthError):
    code = "unknown_user_id"
    cite = Cite("OpenID Connect CIBA", "13")
    says = "nobody can be asked by that hint"


class ExpiredLoginHintToken(OAuthError):
    code = "expired_login_hint_token"
    cite = Cite("OpenID Connect CIBA", "13")
    says = "the login_hint_token has expired"


class InvalidBindingMessage(OAuthError):
    code = "invalid_binding_message"
    cite = Cite("OpenID Connect CIBA", "13")
    says = "the binding_message is too long, or cannot be shown"


class InvalidToken(OAuthError):
    code = "invalid_token"
    cite = Cite("RFC 6750", "3.1")
    says = "the access token is expired, revoked or malformed"
    default_status = 401


class InsufficientUserAuthentication(OAuthError):
    code = "insufficient_user_authentication"
    cite = Cite("RFC 9470", "3")
    says = "the user has to sign in again, or in a stronger way"
    default_status = 401


class InsufficientScope(OAuthError):
    code = "insufficient_scope"
    cite = Cite("RFC 6750", "3.1")
    says = "the access token does not open this"
    default_status = 403


class InsufficientAuthorization(OAuthError):
    code = "insufficient_authorization"
    cite = Cite("draft-ietf-oauth-rar-metadata-remediation", "4")
    says = "the access token's authorization_details do not cover this"
    default_status = 403


class InvalidDpopProof(OAuthError):
    code = "invalid_dpop_proof"
    cite = Cite("RFC 9449", "5")
    says = "the DPoP proof is missing, malformed, or for something else"


class UseDpopNonce(OAuthError):
    code = "use_dpop_nonce"
    cite = Cite("RFC 9449", "8")
    says = "the DPoP proof needs the nonce of the DPoP-Nonce header"


class LimitReached(OAuthError):
    code = "limit_reached"
    cite = Cite("RFC 6749", "8.5")
    says = "the user has set a limit, and it is reached"
    default_status = 403


class OutsideHours(OAuthError):
    code = "outside_hours"
    cite = Cite("RFC 6749", "8.5")
    says = "the user does not let the app do this at this hour"
    default_status = 403


class ApprovalRequired(OAuthError):
    code = "approval_required"
    cite = Cite("RFC 6749", "8.5")
    says = "the user wants to be asked about so much first"
    default_status = 403


class InsufficientKeyShards(OAuthError):
    code = "insufficient_key_shards"
    cite = Cite("RFC 6749", "8.5")
    says = "these are fewer shards than the key needs"


class KeySuspended(OAuthError):
    code = "key_suspended"
    cite = Cite("RFC 6749", "8.5")
    says = "the key is suspended until its user resumes it on their page of connected apps"


def registered() -> dict[str, type[OAuthError]]:
    """Every error class of this module by its code. What others derive is not registered."""
    found = OAuthError.__subclasses__()
    return {error.code: error for error in found if error.__module__ == __name__}
