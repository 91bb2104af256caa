"""What the platform lets a user consent to: by their age, or because a guardian has to agree.

The platform is asked when there is something new to decide on, after all other checks and after
the sign-in, so strangers cause no question. Tokens need none: what a user once allowed stands until
it is narrowed or stopped.
"""

from typing import Final

import msgspec

from valetkey.server.model.query import DocumentRequest, Rule, Unreachable
from valetkey.server.oauth.authorize.interaction import NeedConsent, required
from valetkey.server.oauth.authorize.request import AuthorizationRequest
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import Feature
from valetkey.spec.errors import AccessDenied, TemporarilyUnavailable
from valetkey.spec.names import Cite

CITE: Final = Cite("RFC 6749", "3.3")

NAME: Final = "consent checks"
"""The name of the feature. The setting `consent_check_url` turns it on."""

MAX_REASON: Final = 300
"""Characters of a reason."""


class ConsentWithheld(AccessDenied):
    """The platform doesn't let the user allow what the app needs. `explanation` is the platform's
    reason: for the user alone, since it may tell the app how old they are."""

    def __init__(self, explanation: str) -> None:
        super().__init__()
        self.explanation = explanation


class AskingApp(msgspec.Struct, frozen=True, kw_only=True):
    """The app that asks."""

    id: str
    name: str
    verified: bool


class ConsentQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """May the user with this id allow the app these permissions?"""

    user: str
    app: AskingApp
    permissions: tuple[str, ...]


class ConsentAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Those that the user may allow, true for all, false for none; and why not the others."""

    allowed: bool | tuple[str, ...]
    reason: str = ""


def as_platform_allows(
    request: AuthorizationRequest, step: NeedConsent, context: Context
) -> Rule[AuthorizationRequest]:
    """The request, without those new permissions that the platform doesn't let the user allow, nor
    any that implies one of them. Raises ConsentWithheld if what the app requires is among them, or
    nothing is left, and TemporarilyUnavailable if the platform does not answer."""
    if NAME not in context.installation.enabled_features or not step.new:
        return request
    client = request.client
    question = ConsentQuestion(
        user=step.person.user.id,
        app=AskingApp(id=client.id, name=client.name, verified=client.verified),
        permissions=step.new,
    )
    want = DocumentRequest(url=msgspec.json.encode(question).decode(), kind="consent_check")
    document = (yield (want,)).document(want)
    if isinstance(document, Unreachable):
        raise TemporarilyUnavailable(detail=f"may the user consent? {document.why}")
    answer = msgspec.json.decode(document.body, type=ConsentAnswer)
    if answer.allowed is True:
        return request
    withheld = frozenset(step.new) - frozenset(answer.allowed or ())
    offer = context.installation.offer
    reachable = {*request.permissions, *step.new} - withheld
    if step.grant is not None:
        reachable |= {*step.grant.permissions}
    allowed = offer.with_all_implied(one for one in reachable if one in offer.permissions)
    remaining = tuple(one for one in request.permissions if one in allowed)
    if not remaining or not required(request) <= frozenset(remaining):
        raise ConsentWithheld(answer.reason)
    return msgspec.structs.replace(request, permissions=remaining)


CONSENT_CHECKS: Final = Feature(name=NAME, cites=(CITE,), on_by_default=False)
