"""What certification demands: the plans of the OpenID Foundation's suite, module by module.

A plan's modules are in the suite's order. What is left out says why, in the table as well.
"""

from pathlib import Path
from typing import Final

import msgspec

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "docs" / "conformance"
"""Where the outcome of the last run stands, a file for each plan."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan: its name in the suite, its modules by testName, and why some are left out."""

    title: str
    modules: tuple[str, ...]
    left_out: dict[str, str] = {}


def names(prefix: str, text: str) -> tuple[str, ...]:
    """Test names, without their common prefix and with white space between them."""
    return tuple(prefix + name for name in text.split())


BASIC: Final = names(
    "oidcc-",
    """
    server response-type-missing idtoken-signature idtoken-unsigned userinfo-get
    userinfo-post-header userinfo-post-body ensure-request-without-nonce-succeeds-for-code-flow
    scope-profile scope-email scope-address scope-phone scope-all alternate-happy-flow
    display-page display-popup prompt-login prompt-none-not-logged-in prompt-none-logged-in
    max-age-1 max-age-10000 ensure-request-with-unknown-parameter-succeeds id-token-hint
    login-hint ui-locales claims-locales ensure-request-with-acr-values-succeeds codereuse
    codereuse-30seconds ensure-registered-redirect-uri ensure-post-request-succeeds
    server-client-secret-post
    request-uri-unsigned-supported-correctly-or-rejected-as-unsupported
    unsigned-request-object-supported-correctly-or-rejected-as-unsupported
    claims-essential ensure-request-object-with-redirect-uri refresh-token
    ensure-request-with-valid-pkce-succeeds
    """,
)

DYNAMIC: Final = names(
    "oidcc-",
    """
    discovery-endpoint-verification server idtoken-rs256 idtoken-unsigned userinfo-rs256
    ensure-redirect-uri-in-authorization-request redirect-uri-query-OK redirect-uri-query-mismatch
    redirect-uri-query-added redirect-uri-regfrag registration-policy-uri
    registration-tos-uri registration-jwks-uri registration-sector-uri registration-sector-bad
    server-rotate-keys refresh-token-rp-key-rotation request-uri-unsigned request-uri-signed-rs256
    ensure-request-object-with-redirect-uri refresh-token
    ensure-client-assertion-with-iss-aud-succeeds
    """,
)

LOGOUT: Final = (
    "oidcc-rp-initiated-logout",
    *names(
        "oidcc-rp-initiated-logout",
        """
    -discovery-endpoint-verification -bad-post-logout-redirect-uri -modified-id-token-hint
    -no-id-token-hint -no-params -no-post-logout-redirect-uri -no-state -only-state
    -query-added-to-post-logout-redirect-uri -bad-id-token-hint
    """,
    ),
)

CIBA: Final = (
    "fapi-ciba-id1",
    *names(
        "fapi-ciba-id1-",
        """
    discovery-end-point-verification user-rejects-authentication multiple-call-to-token-endpoint
    auth-req-id-expired ensure-authorization-request-with-binding-message-succeeds
    ensure-other-scope-order-succeeds ensure-requested-expiry-as-string-succeeds
    ensure-authorization-request-with-potentially-bad-binding-message
    ensure-request-object-missing-aud-fails ensure-request-object-bad-aud-fails
    ensure-request-object-missing-iss-fails ensure-request-object-bad-iss-fails
    ensure-request-object-missing-exp-fails ensure-request-object-expired-exp-fails
    ensure-request-object-exp-is-70-minutes-in-future-fails
    ensure-request-object-missing-iat-fails ensure-request-object-missing-nbf-fails
    ensure-request-object-nbf-is-10-minutes-in-future-fails
    ensure-request-object-nbf-is-70-minutes-in-past-fails ensure-request-object-missing-jti-fails
    ensure-request-object-signature-algorithm-is-none-fails
    ensure-request-object-signature-algorithm-is-bad-fails
    ensure-request-object-signature-algorithm-is-RS256-fails
    ensure-request-object-signed-by-other-client-fails
    ensure-authorization-request-with-multiple-hints-fails
    ensure-wrong-auth-req-id-in-token-endpoint-request
    ensure-different-client-id-and-issuer-in-backchannel-authorization-request
    ensure-wrong-client-id-in-token-endpoint-request
    ensure-wrong-client-id-in-backchannel-authorization-request
    ensure-without-client-assertion-in-token-endpoint-request
    ensure-without-client-assertion-in-backchannel-authorization-request
    ensure-client-assertion-signature-algorithm-in-backchannel-authorization-request-is-RS256-fails
    ensure-client-assertion-signature-algorithm-in-token-endpoint-request-is-RS256-fails
    ensure-client-assertion-with-iss-aud-to-token-endpoint-succeeds
    ensure-unsigned-backchannel-authorization-request-fails refresh-token
    ensure-mtls-holder-of-key-required
    """,
    ),
)

CIBA_PING: Final = names(
    "fapi-ciba-id1-ping-",
    """
    backchannel-notification-endpoint-response-has-body
    backchannel-notification-endpoint-response-401 backchannel-notification-endpoint-response-403
    with-mtls-ciba-notification-endpoint-response-401-and-require-server-does-not-retry
    backchannel-notification-endpoint-return-redirect-request
    """,
)

OF_COUNTRIES: Final = {
    "fapi-ciba-id1-…-for-brazil, fapi-ciba-id1-connectid-…": (
        "the profiles of Open Finance Brazil and ConnectID Australia"
    )
}

SECURITY_PROFILE: Final = names(
    "fapi2-security-profile-final-",
    """discovery-end-point-verification happy-flow user-rejects-authentication
    ensure-authorization-request-without-state-success
    ensure-authorization-request-without-nonce-success
    ensure-authorization-request-with-64-char-nonce-success
    ensure-authorization-request-with-long-nonce
    ensure-authorization-request-with-long-state
    ensure-other-scope-order-succeeds access-token-type-header-case-sensitivity
    test-claims-parameter-identity-claims par-without-duplicate-parameters
    check-dpop-proof-nbf-exp ensure-dpopproof-with-iat-10seconds-before-succeeds
    ensure-dpopproof-with-iat-10seconds-after-succeeds ensure-mismatched-dpop-jkt-fails
    ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt
    ensure-token-endpoint-fails-with-mismatched-dpop-jkt
    ensure-dpopproof-at-par-endpoint-binding-success
    ensure-dpop-auth-code-binding-success dpop-negative-tests
    ensure-different-nonce-inside-and-outside-request-object
    ensure-different-state-inside-and-outside-request-object
    state-only-outside-request-object-not-used
    ensure-request-object-without-redirect-uri-fails
    plain-fapi-tolerate-unregistered-redirect-uri
    ensure-unsigned-authorization-request-without-using-par-fails
    ensure-redirect-uri-in-authorization-request ensure-response-type-code-idtoken-fails
    ensure-response-type-token-fails ensure-client-id-in-token-endpoint
    ensure-holder-of-key-required ensure-authorization-code-is-bound-to-client
    attempt-reuse-authorization-code-after-one-second
    ensure-token-endpoint-fails-with-expired-auth-code
    ensure-signed-client-assertion-with-RS256-fails
    ensure-client-assertion-in-token-endpoint
    ensure-client-assertion-with-exp-is-5-minutes-in-past-fails
    ensure-client-assertion-with-wrong-aud-fails ensure-client-assertion-with-no-sub-fails
    refresh-token par-ensure-reused-request-uri-prior-to-auth-completion-succeeds
    par-attempt-reuse-request_uri par-attempt-to-use-expired-request_uri
    par-attempt-to-use-request_uri-for-different-client
    par-authorization-request-containing-request_uri-form-param
    par-attempt-invalid-http-method par-ensure-pkce-required
    ensure-pkce-code-verifier-required incorrect-pkce-code-verifier-rejected
    par-plain-pkce-rejected
    par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted
    par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails
    par-test-array-as-audience-fails par-test-par-endpoint-url-as-audience-fails
    par-test-token-endpoint-url-as-audience-fails""",
)

OF_OPENID: Final = names(
    "fapi2-security-profile-final-",
    """ensure-authorization-request-without-nonce-success
    ensure-authorization-request-with-64-char-nonce-success
    ensure-authorization-request-with-long-nonce
    ensure-different-nonce-inside-and-outside-request-object
    test-claims-parameter-identity-claims""",
)
"""Of these, those that OpenID Connect alone has."""

PLANS: Final[dict[str, Plan]] = {
    "basic": Plan(title="OpenID Connect Core: Basic OP", modules=BASIC),
    "form-post-basic": Plan(title="OpenID Connect Core: Form Post Basic OP", modules=BASIC),
    "config": Plan(
        title="OpenID Connect Core: Config OP",
        modules=names("oidcc-", "discovery-endpoint-verification"),
    ),
    "dynamic": Plan(
        title="OpenID Connect Core: Dynamic OP, as far as there are no implicit flows",
        modules=DYNAMIC,
        left_out={
            "oidcc-registration-logo-uri": "an app's picture is shown once somebody has "
            "checked the app, and an app that registers itself nobody has"
        },
    ),
    "fapi2-security-profile": Plan(title="FAPI 2.0 Security Profile", modules=SECURITY_PROFILE),
    "fapi2-security-profile-oauth": Plan(
        title="FAPI 2.0 Security Profile, for clients of plain OAuth",
        modules=tuple(one for one in SECURITY_PROFILE if one not in OF_OPENID),
        left_out={
            "…-nonce-…, test-claims-parameter-identity-claims": (
                "they are about the ID Token, of which plain OAuth has none"
            )
        },
    ),
    "fapi2-message-signing": Plan(
        title="FAPI 2.0 Message Signing: what it adds",
        modules=names(
            "fapi2-security-profile-final-",
            """happy-flow ensure-request-object-with-multiple-aud-succeeds
            ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted
            ensure-request-object-without-exp-fails ensure-request-object-without-nbf-fails
            ensure-expired-request-object-fails ensure-request-object-with-bad-aud-fails
            ensure-request-object-with-exp-over-60-fails
            ensure-request-object-with-nbf-over-60-fails
            ensure-signed-request-object-with-RS256-fails
            ensure-request-object-signature-algorithm-is-not-none
            ensure-request-object-with-invalid-signature-fails
            ensure-matching-key-in-authorization-request
            ensure-unsigned-request-at-par-endpoint-fails
            par-authorization-request-containing-request_uri
            ensure-different-nonce-inside-and-outside-request-object
            ensure-different-state-inside-and-outside-request-object
            state-only-outside-request-object-not-used
            ensure-request-object-without-redirect-uri-fails""",
        ),
    ),
    "fapi2-message-signing-profile": Plan(
        title="FAPI 2.0 Message Signing: the Security Profile, with requests and answers signed",
        modules=SECURITY_PROFILE,
    ),
    "fapi-ciba-poll": Plan(title="FAPI-CIBA ID1: poll", modules=CIBA, left_out=OF_COUNTRIES),
    "fapi-ciba-ping": Plan(
        title="FAPI-CIBA ID1: ping", modules=(*CIBA, *CIBA_PING), left_out=OF_COUNTRIES
    ),
    "rp-initiated-logout": Plan(title="OpenID Connect RP-Initiated Logout: OP", modules=LOGOUT),
    "frontchannel-logout": Plan(
        title="OpenID Connect Front-Channel Logout: OP",
        modules=names(
            "oidcc-frontchannel-", "logout-discovery-endpoint-verification rp-initiated-logout"
        ),
    ),
    "backchannel-logout": Plan(
        title="OpenID Connect Back-Channel Logout: OP",
        modules=names(
            "oidcc-backchannel-", "logout-discovery-endpoint-verification rp-initiated-logout"
        ),
    ),
}
"""The plans, by the name of their file. Each of their modules has its test here."""
