"""Leases: a node of an API takes a part of a user's limit, and returns what it doesn't use."""

import re
from decimal import Decimal
from typing import Final

import msgspec

from valetkey.server.model import leasing
from valetkey.server.model.change import Change, Create, Remove, Update
from valetkey.server.model.client import Client
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.leasing import Allowance, Lease, LeaseRequest, NoLease, TooMuch
from valetkey.server.model.limits import Bounds
from valetkey.server.model.pending import Approval
from valetkey.server.model.query import One, Rule
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.user import User
from valetkey.server.oauth.clients.authentication import authenticate_resource_server
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Issued, Refuse, Standing
from valetkey.server.oauth.core.feature import Call, Endpoint, Feature
from valetkey.server.oauth.core.liveness import still_allowed, why_dead
from valetkey.server.oauth.grants import approvals
from valetkey.server.oauth.grants.approvals import APPROVALS, Use
from valetkey.spec.errors import InvalidClient, InvalidRequest
from valetkey.wire import lease as wire
from valetkey.wire.form import Form
from valetkey.wire.lease import CITE, MOST, PATH, RETURN_PATH

TRIES: Final = 12
"""Retries after a lost race: all nodes lease from one row."""

_NUMBER: Final = re.compile(r"[0-9]{1,13}", re.ASCII)
_LEASE: Final = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)


class LeaseTarget(msgspec.Struct, frozen=True, kw_only=True):
    """The grant, family and permission of a lease."""

    grant: str
    family: str
    permission: str


class ReturnedLease(msgspec.Struct, frozen=True, kw_only=True):
    """A returned lease, and what is left of it, None for all of it."""

    lease: str
    uses: int | None
    amount: int | None


def lease(call: Call, context: Context) -> Rule[Answer | Issued | Refuse]:
    """Leases a permission of the caller's own catalog. If `back` names a lease, it returns that one
    in the same commit: a node never has two leases for the same permission."""
    target, back = _target(call.form), _returned_lease(call.form)
    server = yield from _caller(call, context)
    request = LeaseRequest(
        id=_name(call.form, "lease"),
        holder=server.id,
        uses=_number(call.form, "uses", least=1),
        amount=_number(call.form, "amount"),
        reserve=_number(call.form, "reserve"),
    )
    opened = yield from _grant_and_allowance(target, server, context)
    if opened is None:
        return Answer(document=wire.Refused(limit="gone"))
    grant, before = opened
    bounds = grant.limits.of(target.permission)
    if (bounds.much or bounds.ask_above is not None) and not request.amount:
        # Without an amount the server can't count.
        raise InvalidRequest("amount is missing")
    now = _given_back(leasing.in_current_periods(context.env.now, before, bounds), back, server)
    if leasing.needs_approval(request, bounds):
        use = _use(target.permission, request, grant, context=context)
        return (
            yield from _lease_with_approval(
                use, request, grant, rows=(before, now), context=context
            )
        )
    outcome, after = leasing.lease(request, now, bounds, now=context.env.now)
    document = _lease_response(outcome, grant, bounds, context=context)
    return Answer(document=document, changes=_written(before, after))


def _lease_with_approval(
    use: Use,
    request: LeaseRequest,
    grant: Grant,
    *,
    rows: tuple[Allowance, Allowance],
    context: Context,
) -> Rule[Answer]:
    """The answer for an amount that needs approval. An approval is valid once. `rows` are the
    allowance as stored, and in the current periods."""
    before, now = rows
    bounds = grant.limits.of(use.permission)
    answer = yield from approvals.find_for_use(use, grant.user, context)
    decision = "" if answer is None else answer.answer
    outcome, after = leasing.lease(request, now, bounds, now=context.env.now, answer=decision)
    changes, events = _written(before, after), tuple[Event, ...]()
    if isinstance(outcome, Lease):
        used = answer is not None and outcome not in now.out
        changes = (*changes, Remove(answer)) if answer is not None and used else changes
    elif outcome.why == "ask" and answer is None:
        answer, asking, events = yield from _new_approval(use, grant, context)
        changes = (*changes, *asking)
    document = _lease_response(outcome, grant, bounds, at=_where(answer, context), context=context)
    return Answer(document=document, changes=changes, events=events)


def _use(permission: str, request: LeaseRequest, grant: Grant, *, context: Context) -> Use:
    kind = context.installation.offer.permissions[permission]
    amount = Decimal(request.amount).scaleb(-kind.decimals)
    return Use(
        grant=grant.id,
        permission=permission,
        units=request.amount,
        amount=f"{amount:f} {kind.unit}",
    )


def _new_approval(
    use: Use, grant: Grant, context: Context
) -> Rule[tuple[Approval | None, tuple[Change, ...], tuple[Event, ...]]]:
    """A new approval, unless the app has too many open ones."""
    if (yield from approvals.too_many(grant.user, grant.client, context)):
        return None, (), ()
    return approvals.new_approval(
        grant.user,
        grant.client,
        words="",
        use=use,
        seconds=approvals.ANSWERED,
        context=context,
    )


def give_back(call: Call, context: Context) -> Rule[Answer | Issued | Refuse]:
    """Returns the rest of a lease, once. The answer doesn't reveal whether there was one."""
    target, back = _target(call.form), _returned_lease(call.form)
    if back is None:
        raise InvalidRequest("back is missing")
    server = yield from _caller(call, context)
    grant, row = One(Grant, target.grant), One(Allowance, _key(target))
    results = yield (grant, row)
    whose, before = results.one(grant), results.one(row)
    if whose is None or before is None or not _is_of(target.permission, server):
        return Answer(document=None)
    now = leasing.in_current_periods(context.env.now, before, whose.limits.of(target.permission))
    after = _given_back(now, back, server)
    return Answer(document=None, changes=_written(before, after))


def _caller(call: Call, context: Context) -> Rule[ResourceServer]:
    server = yield from authenticate_resource_server(call, context)
    if server is None:
        raise InvalidClient(detail="not a resource server")
    return server


def _grant_and_allowance(
    target: LeaseTarget, server: ResourceServer, context: Context
) -> Rule[tuple[Grant, Allowance] | None]:
    """The grant and the allowance of the permission; None if the grant doesn't allow it now, or the
    permission is not the caller's."""
    if not _is_of(target.permission, server):
        return None
    grant, family = One(Grant, target.grant), One(TokenFamily, target.family)
    row = One(Allowance, _key(target))
    results = yield (grant, family, row)
    yes, descent = results.one(grant), results.one(family)
    if yes is None or descent is None:
        return None
    client, user = One(Client, yes.client), One(User, yes.user)
    parties = yield (client, user)
    app, person = parties.one(client), parties.one(user)
    if app is None or person is None:
        return None
    standing = Standing(person, yes, descent)
    if why_dead(app, standing, epoch=context.installation.epoch, now=context.env.now):
        return None
    wanted = (target.permission,)
    if not still_allowed(wanted, client=app, grant=yes, offer=context.installation.offer):
        return None
    fresh = Allowance(grant=yes.id, permission=target.permission)
    return yes, results.one(row) or fresh


def _is_of(permission: str, server: ResourceServer) -> bool:
    return server.catalog.permission(permission) is not None


def _given_back(some: Allowance, back: ReturnedLease | None, server: ResourceServer) -> Allowance:
    if back is None:
        return some
    try:
        return leasing.return_lease(
            some, back.lease, holder=server.id, uses=back.uses, amount=back.amount
        )
    except TooMuch as error:
        raise InvalidRequest("more is returned than was leased") from error


def _written(before: Allowance, after: Allowance) -> tuple[Change, ...]:
    if after == before:
        return ()
    if before.version:
        return (Update(after),)
    return (Create(after),) if after.out else ()


def _lease_response(
    outcome: Lease | NoLease,
    grant: Grant,
    bounds: Bounds,
    *,
    at: str = "",
    context: Context,
) -> wire.Answer:
    match outcome:
        case Lease():
            return wire.Leased(
                lease=outcome.id,
                expires_in=max(outcome.expires - context.env.now, 0),
                grant_version=grant.version,
                uses=outcome.uses,
                amount=outcome.amount,
                ask_above=bounds.ask_above,
                exact=outcome.exact,
            )
        case NoLease():
            return wire.Refused(
                limit=outcome.why,
                grant_version=grant.version,
                per=outcome.per,
                allowed=outcome.limit,
                back_at=outcome.back,
                again_in=max(outcome.again - context.env.now, 0),
                ask_uri=at if outcome.why == "ask" else "",
            )


def _where(answer: Approval | None, context: Context) -> str:
    """The address of the page where the user can approve."""
    page = f"{context.installation.issuer}{APPROVALS}"
    return page if answer is None else f"{page}/{answer.id}"


# --- parameters ----------------------------------------------------------------------------------


def _target(form: Form) -> LeaseTarget:
    return LeaseTarget(
        grant=form.need("grant"), family=form.need("family"), permission=form.need("permission")
    )


def _key(target: LeaseTarget) -> str:
    return leasing.key(target.grant, target.permission)


def _returned_lease(form: Form) -> ReturnedLease | None:
    if "back" not in form:
        return None
    if "unspent" in form:
        return ReturnedLease(lease=_name(form, "back"), uses=None, amount=None)
    return ReturnedLease(
        lease=_name(form, "back"),
        uses=_number(form, "unused_uses"),
        amount=_number(form, "unused_amount"),
    )


def _name(form: Form, field: str) -> str:
    text = form.need(field)
    if not _LEASE.fullmatch(text):
        raise InvalidRequest(f"{field} is not the name of a lease")
    return text


def _number(form: Form, field: str, *, least: int = 0) -> int:
    text = form.get(field, str(least))
    if not _NUMBER.fullmatch(text) or not least <= int(text) <= MOST:
        raise InvalidRequest(f"{field} is no number between {least} and {MOST}")
    return int(text)


LEASE: Final = Feature(
    name="leases",
    cites=(CITE,),
    pages=(APPROVALS, f"{APPROVALS}/{{approval}}"),
    endpoints=(
        Endpoint(path=PATH, metadata="", cite=CITE, rule=lease, tries=TRIES),
        Endpoint(path=RETURN_PATH, metadata="", cite=CITE, rule=give_back, tries=TRIES),
    ),
)
