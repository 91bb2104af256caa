"""What a change of an organization would do, before anybody makes it."""

from functools import partial
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from valetkey.server.admin.operation import AnyOperation, Call, Nothing, Operation, Parameters
from valetkey.server.admin.operations.organization_members import check_member
from valetkey.server.admin.operations.organizations import MANAGE, reach
from valetkey.server.admin.operations.users import find_user
from valetkey.server.admin.problems import Problem
from valetkey.server.model.organization import Membership, Organization, OrganizationRule
from valetkey.server.model.query import PageQuery, Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.endpoints.administration import OWN
from valetkey.server.oauth.grants.organization_effects import Change, Effect, effect_of

MOST: Final = 1000
"""Members that are looked at."""

STEP: Final = 100


class EffectOrder(Parameters, frozen=True, kw_only=True):
    """A change: another `rule`, `user` joins, or `user` leaves. Without a user, `rule` and `leave`
    are about all members."""

    change: Change
    rule: OrganizationRule | UnsetType = UNSET
    user: Annotated[str, Meta(max_length=100)] = ""


class EffectAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How many people and grants the change reaches. `members` are those that it is about;
    `affected` those whose access changes. `narrowed` grants lose permissions, `widened` ones get
    some back, `stopped` ones end for good. `more`: there are more members, who were not
    counted."""

    members: int
    affected: int
    narrowed: int
    widened: int
    stopped: int
    more: bool


async def show_effect(call: Call[Nothing, EffectOrder]) -> EffectAnswer:
    """Counts; nothing changes."""
    body = call.body
    if (body.change == "rule") != (body.rule is not UNSET):
        raise Problem("invalid-request", "a rule goes with the change `rule`", pointer="rule")
    if body.change == "join" and not body.user:
        raise Problem("invalid-request", "say who joins", pointer="user")
    if body.change == "join" and MANAGE not in call.actor.permissions:
        # What somebody allows is nothing for those who don't look after them.
        raise Problem("not-allowed", permission=MANAGE)
    its = await call.ask(partial(_reached, call))
    if body.user:
        return _answer(await call.ask(_Counting(body, its, (body.user,)).count), more=False)
    total, before = Effect(), ""
    while total.members < MOST:
        page = await call.services.page(
            PageQuery(
                record=Membership, index="organization", value=its.id, before=before, limit=STEP
            )
        )
        users = tuple(one.user for one in page.records)
        total = total.plus(await call.ask(_Counting(body, its, users).count))
        before = page.next
        if not before:
            break
    return _answer(total, more=bool(before))


class _Counting(msgspec.Struct, frozen=True):
    order: EffectOrder
    organization: Organization
    users: tuple[str, ...]

    def count(self, context: Context) -> Rule[Effect]:
        """What the change would do to these users."""
        rule = None if self.order.rule is UNSET else self.order.rule
        change = self.order.change
        return effect_of(change, self.organization, self.users, rule=rule, context=context)


def _reached(call: Call[Nothing, EffectOrder], context: Context) -> Rule[Organization]:
    """The organization, and the user looked up as the change itself would."""
    user = call.body.user
    its = yield from reach(call)
    if call.body.change == "join":
        yield from find_user(user)
    elif user:
        yield from check_member(call, user)
    return its


def _answer(effect: Effect, *, more: bool) -> EffectAnswer:
    return EffectAnswer(**msgspec.structs.asdict(effect), more=more)


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="organizations.effect",
        method="POST",
        path="/organizations/{organization}/effect",
        permission=OWN,
        reach=reach,
        query=Nothing,
        body=EffectOrder,
        response=EffectAnswer,
        run=show_effect,
        summary="Show what a change of an organization would do",
        description="Nothing changes. It looks at 1,000 members at most.",
    ),
)
