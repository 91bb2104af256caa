"""Platforms without SCIM: whether a user is still allowed there, asked when tokens are issued and
checked.

The shell asks, and remembers the answers (`http.still_allowed`). Only what has passed every other
check leads to a question, so strangers cause none.
"""

from typing import Final

from valetkey.server.model.query import DocumentRequest, Rule, Unreachable
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Issue
from valetkey.server.oauth.core.feature import Feature
from valetkey.server.oauth.core.issuing import IssuingStep
from valetkey.spec.errors import InvalidGrant, TemporarilyUnavailable
from valetkey.spec.names import Cite
from valetkey.wire.token_response import ACCOUNT_DISABLED

CITE: Final = Cite("RFC 6749", "10.4")

NAME: Final = "account checks"
"""The name of the feature. The setting `sign_in.still_allowed.url` turns it on."""

YES: Final = b"true"
"""The answer for a user who is allowed, or whom another source knows."""

WHY: Final = "the platform no longer allows the user"


def is_refused(user: str, context: Context) -> Rule[bool]:
    """Whether the platform refuses the user with this id. False, without a question, if there is no
    platform to ask. Raises TemporarilyUnavailable if the platform does not answer."""
    if NAME not in context.installation.enabled_features:
        return False
    want = DocumentRequest(url=user, kind="still_allowed")
    answer = (yield (want,)).document(want)
    if isinstance(answer, Unreachable):
        raise TemporarilyUnavailable(detail=f"still allowed? {answer.why}")
    return answer.body != YES


def _check(decision: Issue, context: Context) -> Rule[Issue]:
    """Raises InvalidGrant, as for a user who is disabled."""
    standing = decision.standing
    if standing is not None and (yield from is_refused(standing.user.id, context)):
        raise InvalidGrant(detail=WHY, reason=ACCOUNT_DISABLED)
    return decision


ACCOUNT_CHECKS: Final = Feature(
    name=NAME,
    cites=(CITE,),
    on_by_default=False,
    issuing=IssuingStep(owners=("user",), prepare=_check),
)
