"""The positions of tokens in status lists. A family gets a position once and keeps it.

The position is random, so it does not tell when the family was created. A marker reserves it for as
long as the family may live. Tokens and lists have no rows.
"""

from typing import Final

import msgspec

from valetkey.jose import base64url
from valetkey.server.model.change import Change, Create, Remove, Update
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.grant import TokenFamily
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Issue, Standing
from valetkey.server.oauth.core.issuing import IssuingStep
from valetkey.spec.errors import TemporarilyUnavailable
from valetkey.wire.access_token import AccessToken
from valetkey.wire.change_log import LONGEST
from valetkey.wire.status_list import SIZE, Reference, Status

NAME: Final = "status lists"
"""The name of the feature in settings."""

PATH: Final = "/status"

POSITION_PURPOSE: Final = "place in a status list"
"""The purpose of the single-use values that reserve positions."""

LISTS: Final = 4
"""Lists of one client. The next one is used when a list fills up."""

SIGN_INS: Final = 86400
"""Seconds for which a family is renewed by sign-ins (`oauth.grant_types.session_family`)."""

ROUNDS: Final = 3
"""How many times random positions are tried."""


def assign_place(issue: Issue, context: Context) -> Rule[Issue]:
    """Give the family a position, if its tokens are looked up in lists and it has none yet. Raises
    TemporarilyUnavailable if every position that was tried is taken."""
    standing = issue.standing
    # The status of a delegated token also depends on its delegates, which a list does not cover.
    if standing is None or issue.delegation is not None or standing.family.listed:
        return issue
    if not _is_listed(issue, context):
        return issue
    marker = yield from _free(standing.family, issue, context)
    listed = marker.value.rpartition(" ")[2]
    family = msgspec.structs.replace(standing.family, listed=listed)
    return msgspec.structs.replace(
        issue,
        standing=Standing(standing.user, standing.grant, family),
        changes=(*_with(family, issue.changes), Create(marker)),
    )


def add_status(token: AccessToken, issue: Issue, context: Context) -> AccessToken:
    """Add the `status` claim to a token that APIs look up in a list."""
    standing = issue.standing
    if standing is None or issue.delegation is not None:
        return token
    if not standing.family.listed or not _is_listed(issue, context):
        return token
    number, _, idx = standing.family.listed.partition(".")
    name = list_name(context.installation.epoch, int(number), standing.family.client)
    uri = f"{context.installation.issuer}{PATH}/{name}"
    status = Status(status_list=Reference(idx=int(idx), uri=uri))
    return msgspec.structs.replace(token, status=status)


def list_name(epoch: int, number: int, client: str) -> str:
    """The name of a list. A restored backup starts new lists, since the old ones may have lost
    entries."""
    return f"{epoch}.{number}.{base64url.encode(client.encode())}"


def _is_listed(issue: Issue, context: Context) -> bool:
    """Whether the client's policy, or an API that the token is for, requires a status list."""
    offer = context.installation.offer
    if (
        context.installation.all_policies[issue.client.policy].status_list
        or not offer.status_list_resources
    ):
        return context.installation.all_policies[issue.client.policy].status_list
    audience = offer.audience(issue.permissions, issue.resources)
    return not offer.status_list_resources.isdisjoint(offer.find_resources(audience))


def _free(family: TokenFamily, issue: Issue, context: Context) -> Rule[SingleUse]:
    longest = (
        context.installation.all_policies[issue.client.policy].refresh_token
        or context.installation.lifetimes.refresh_token
    )
    # Sign-ins may renew a family that can't be refreshed.
    ends = max(family.expires + SIGN_INS, family.created + longest if family.refreshable else 0)
    for _ in range(ROUNDS):
        candidates = [
            SingleUse(
                purpose=POSITION_PURPOSE,
                value=f"{family.client} {number}.{_draw(context)}",
                expires=ends + LONGEST,
            )
            for number in range(LISTS)
        ]
        wanted = [One(SingleUse, one.key) for one in candidates]
        results = yield tuple(wanted)
        for want, one in zip(wanted, candidates, strict=True):
            if results.one(want) is None:
                return one
    raise TemporarilyUnavailable(detail=f"no free position in the status lists of {family.client}")


def _draw(context: Context) -> int:
    return int.from_bytes(context.env.random_bytes(4), "big") % SIZE


def _with(family: TokenFamily, changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """The changes, where the one to this family also writes its position."""
    for number, change in enumerate(changes):
        record = change.record
        if not isinstance(change, Create | Update | Remove):
            continue
        if isinstance(record, TokenFamily) and record.id == family.id:
            return (*changes[:number], type(change)(family), *changes[number + 1 :])
    return (*changes, Update(family))


STEP: Final = IssuingStep(owners=("user",), prepare=assign_place, complete=add_status)
