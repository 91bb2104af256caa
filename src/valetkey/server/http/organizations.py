"""Applies the rules of organizations to the grants of their members."""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, Protocol

import msgspec

from valetkey.server.http import log
from valetkey.server.model.change import Update
from valetkey.server.model.organization import Membership, Organization, OrganizationGroup
from valetkey.server.model.query import One, PageQuery, Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.grants.organizations import apply_rule, follow_provisioned_groups
from valetkey.server.store.port import Store, Unavailable
from valetkey.spec.errors import TemporarilyUnavailable

STEP: Final = 100
"""Members whose grants are masked at once."""

MOST_CHANGES: Final = 100
"""Memberships of one user that begin or end at once."""

PAUSE: Final = 5.0
"""Seconds between two looks for rules that a server did not finish to apply."""


class Runner(Protocol):
    """What commits the decisions of rules."""

    @property
    def store(self) -> Store: ...

    async def settle(self, rule: Callable[[Context], Rule[Any]]) -> tuple[Any, Context]: ...


async def apply_to_members(runner: Runner, name: str) -> None:
    """Masks the grants of all members by the organization's rule as it is now; when it returns,
    APIs that follow the change log know of it within their bound. Members who are masked by it
    already cost a read. Raises Unavailable, TemporarilyUnavailable."""
    query, before = One(Organization, name), ""
    row = (await runner.store.read(query)).one(query)
    if row is None:
        return
    while True:
        page = await runner.store.page(
            PageQuery(
                record=Membership, index="organization", value=name, before=before, limit=STEP
            )
        )
        rules = (partial(apply_rule, name, one.user) for one in page.records)
        await asyncio.gather(*(runner.settle(one) for one in rules))
        before = page.next
        if not before:
            break
    await runner.settle(partial(_finish, name, row.revision))


async def follow(runner: Runner, rule: Callable[[Context], Rule[Outcome]]) -> None:
    """Commits the changes of memberships that the rule decides, one after the other, until it has
    none. Raises Unavailable, TemporarilyUnavailable."""
    for _ in range(MOST_CHANGES):
        outcome, _ = await runner.settle(rule)
        if not outcome.changes:
            return


async def follow_directory(runner: Runner, source: str, users: Iterable[str]) -> None:
    """Brings the memberships of these users in line with the groups that a directory has put them
    in. Raises Unavailable, TemporarilyUnavailable."""
    page = await runner.store.page(PageQuery(record=OrganizationGroup, limit=1))
    if not page.records:
        return
    for user in users:
        await follow(runner, partial(follow_provisioned_groups, user, source))


def _finish(name: str, revision: int, context: Context) -> Rule[Outcome]:
    query = One(Organization, name)
    row = (yield (query,)).one(query)
    if row is None or row.applied >= revision:
        return Outcome()
    return Outcome(changes=(Update(msgspec.structs.replace(row, applied=revision)),))


async def run(runner: Runner) -> None:
    """Finishes what other servers began, again and again."""
    while True:
        await asyncio.sleep(PAUSE)
        try:
            await finish_all(runner)
        except (Unavailable, TemporarilyUnavailable) as error:
            log.warning("rules of organizations postponed", detail=str(error))


async def finish_all(runner: Runner) -> None:
    """Applies each rule that is not applied to all members. Raises Unavailable,
    TemporarilyUnavailable."""
    before = ""
    while True:
        page = await runner.store.page(PageQuery(record=Organization, before=before, limit=STEP))
        for one in page.records:
            if one.applied != one.revision:
                await apply_to_members(runner, one.id)
        before = page.next
        if not before:
            return
