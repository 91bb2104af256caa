"""Lifetimes, and the policies of clients."""

from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias

import msgspec

from valetkey.jose.jwk import CLIENT_ALGORITHMS, FAPI_ALGORITHMS, Algorithm, Ours
from valetkey.server.model.client import AuthMethod
from valetkey.server.model.query import Party
from valetkey.server.model.record import Record
from valetkey.wire.catalog import Risk
from valetkey.wire.change_log import LONGEST

_LONGEST: Final = 10 * 365 * 86400

Seconds = Annotated[int, msgspec.Meta(gt=0, le=_LONGEST)]

Window = Annotated[int, msgspec.Meta(ge=0, le=86400)]
"""Seconds in which a rotated bearer refresh token gets its successor again: a day at most, so that
the server still notices a replay."""


def _seconds(what: str) -> msgspec.Meta:
    return msgspec.Meta(gt=0, le=_LONGEST, description=f"the number of seconds {what}")


class Lifetimes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every lifetime, in seconds."""

    code: Annotated[int, _seconds("for which an authorization code is good, at most 60")] = 60
    pushed_request: Annotated[
        int, _seconds("for which a pushed request waits for its browser, from 5 to 600")
    ] = 90
    interaction: Annotated[int, _seconds("that a person may take to sign in and decide")] = 1800
    access_token: Annotated[int, _seconds("for which an access token is good, at most 3600")] = 300
    id_token: Annotated[int, _seconds("for which an ID Token is good")] = 300
    refresh_window: Annotated[
        int,
        _seconds(
            "in which a refresh token that was just replaced, and is bound to no key, gets the "
            "same successor again, at most 300"
        ),
    ] = 30
    refresh_idle: Annotated[
        int, _seconds("without a refresh after which an app has to ask again")
    ] = 60 * 86400
    refresh_token: Annotated[int, _seconds("after which an app has to ask again in any case")] = (
        365 * 86400
    )
    session: Annotated[int, _seconds("for which a browser stays signed in")] = 12 * 3600
    session_idle: Annotated[
        int, _seconds("without a page for the person after which a browser is signed out")
    ] = 4 * 3600
    erasure_grace: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            le=_LONGEST,
            description="the number of seconds in which users can cancel the deletion of their "
            "account, or 0 to erase it at once",
        ),
    ] = 14 * 86400
    erased_records: Annotated[
        int,
        _seconds(
            "for which receipts and grants of an erased account are kept, under an id that names "
            "nobody"
        ),
    ] = 3 * 365 * 86400
    elsewhere: Annotated[
        int, _seconds("for which a request waits for its user on another device, at most 1800")
    ] = 600
    jwks_cache: Annotated[int, _seconds("for which others may keep our public keys")] = 300
    event: Annotated[int, _seconds("for which it is remembered what happened, a day at least")] = (
        730 * 86400
    )

    def mistakes(self) -> list[str]:
        """All mistakes in the lifetimes, each in one sentence."""
        wrong = []
        if self.code > 60:
            wrong.append("code: at most 60, so that a stolen code is soon worthless")
        if not 5 <= self.pushed_request <= 600:
            wrong.append("pushed_request: between 5 and 600 (RFC 9126 2.2)")
        if self.elsewhere > 1800:
            wrong.append("elsewhere: at most 1800, so that nobody is talked into it at leisure")
        if self.access_token > LONGEST:
            wrong.append(
                f"access_token: at most {LONGEST}; let the refresh token live longer instead"
            )
        if self.refresh_window > 300:
            wrong.append("refresh_window: at most 300, so that a replay is still noticed")
        if self.event < 86400:
            wrong.append("event: at least 86400, a day")
        if self.refresh_idle > self.refresh_token:
            wrong.append("refresh_idle: at most refresh_token")
        return wrong


class TrustedIssuer(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """Another server whose assertions about users are accepted (RFC 7523). Its keys are in `jwks`,
    or published at `jwks_uri`. `subject` says whether its `sub` is a username or a user id."""

    issuer: str
    jwks: dict[str, Any] = {}
    jwks_uri: str = ""
    subject: Literal["username", "id"] = "username"

    @property
    def party(self) -> Party:
        """Whose keys the server fetches: those of a party that the operator declared."""
        return "declared"


Demand: TypeAlias = Literal["required", "optional"]


class Policy(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The rules for clients with this policy. None means: the value of the settings. An empty list
    means: any that the server offers.

    `client_algorithms` are the signature algorithms of clients, and of the issuers in `trusts`;
    `auth_methods` are the client authentication methods. `assertion_audience`: the audience of a
    client assertion is the issuer only, or may also be an endpoint. With `request_object`, a
    request object needs an audience, and an end at most this number of seconds ahead; without it,
    it needs no end. `pushed` is about PAR (RFC 9126), `bound` about sender-constrained tokens,
    `resource` about resource indicators (RFC 8707). `device_risk` is the highest risk of a
    permission that a device may request. `short_of_shards` says what happens to a sharded key when
    too few shards are presented. A refresh includes permissions of the risk `one_more_shard` or
    higher only with one shard more than the threshold, "" for no such rule. `trusts` lists the
    issuers of assertions about users. `status_list`: tokens refer to a status list, whatever their
    audience. `refresh_window` is for refresh tokens that are not sender-constrained. `acr` is
    the level that users have to reach for these clients, "" for any (see `model.assurance`).
    """

    table: ClassVar[str] = "policies"

    name: str
    pkce: Demand = "required"
    id_token_algorithm: Ours = "RS256"
    access_token_algorithm: Ours = "ES256"
    dpop_nonce: Demand = "optional"
    client_algorithms: tuple[Algorithm, ...] = CLIENT_ALGORITHMS
    signed_requests: Demand = "optional"
    signed_answers: Demand = "optional"
    request_object: Seconds | None = None
    device_risk: Risk = "medium"
    short_of_shards: Literal["suspend", "refuse"] = "suspend"
    one_more_shard: Risk | Literal[""] = ""
    trusts: tuple[TrustedIssuer, ...] = ()
    auth_methods: tuple[AuthMethod, ...] = ()
    assertion_audience: Literal["issuer", "endpoint"] = "endpoint"
    pushed: Demand = "optional"
    bound: Demand = "optional"
    resource: Demand = "optional"
    status_list: bool = False
    access_token: Seconds | None = None
    refresh_window: Window | None = None
    refresh_idle: Seconds | None = None
    refresh_token: Seconds | None = None
    acr: Literal["", "urn:valetkey:acr:two-factors", "phr"] = ""

    @property
    def key(self) -> str:
        return self.name


DEFAULT: Final = Policy(name="default")

UNKNOWN: Final = Policy(
    name="",
    dpop_nonce="required",
    client_algorithms=FAPI_ALGORITHMS,
    assertion_audience="issuer",
    signed_requests="required",
    signed_answers="required",
    request_object=60,
    device_risk="low",
    one_more_shard="low",
    pushed="required",
    bound="required",
    resource="required",
)
"""The policy of clients whose policy is missing: the strictest one. A node may read a client before
it reads the client's policy."""


class Demands(msgspec.Struct, frozen=True, kw_only=True):
    """What the installation demands of every client, whatever its policy says: pushed requests
    (PAR, RFC 9126), sender-constrained tokens."""

    pushed: Demand = "optional"
    bound: Demand = "optional"

    def on(self, policy: Policy) -> Policy:
        """The policy with these demands."""
        return msgspec.structs.replace(
            policy,
            pushed="required" if "required" in (self.pushed, policy.pushed) else "optional",
            bound="required" if "required" in (self.bound, policy.bound) else "optional",
        )


class Policies(dict[str, Policy]):
    """Policies by name. A missing name gives UNKNOWN."""

    def __missing__(self, name: str) -> Policy:
        return UNKNOWN


_FAPI2: Final = Policy(
    name="fapi2",
    id_token_algorithm="ES256",
    client_algorithms=FAPI_ALGORITHMS,
    auth_methods=("private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"),
    assertion_audience="issuer",
    pushed="required",
    bound="required",
)

PROFILES: Final[dict[str, Policy]] = {
    one.name: one
    for one in (
        msgspec.structs.replace(DEFAULT, name="oauth21"),
        Policy(name="oidc", pkce="optional"),
        _FAPI2,
        msgspec.structs.replace(
            _FAPI2,
            name="fapi2-message-signing",
            signed_requests="required",
            request_object=3600,
        ),
        Policy(name="mcp", resource="required"),
    )
}
"""The built-in policies, each named after a profile. A declared policy with such a name replaces
it."""
