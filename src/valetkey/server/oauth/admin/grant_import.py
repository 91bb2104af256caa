"""The import of grants that users gave to apps at another system, a batch at a time.

A batch is judged and written as one. An import never widens a grant, and never brings back one that
its user has stopped, so it may be run again at any time.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create, Update
from valetkey.server.model.client import Client
from valetkey.server.model.event import Event, event
from valetkey.server.model.grant import Grant
from valetkey.server.model.last_use import LastUse, grant_use_id
from valetkey.server.model.limits import NOTHING_PROPOSED
from valetkey.server.model.query import Many, One, OneByAlias, Results, Rule, existing
from valetkey.server.model.user import Identity, User, identity_alias, sign_in_name
from valetkey.server.oauth.clients.documents import consent_digest
from valetkey.server.oauth.clients.registration import of_scope
from valetkey.server.oauth.core.consent_limits import new_grant_limits, proposed_limits
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.core.organizations import Ceiling, ceiling_by, masked, memberships_of

GrantVerdict: TypeAlias = Literal["added", "unchanged", "kept", "refused"]


class IncomingGrant(msgspec.Struct, frozen=True, kw_only=True):
    """A consent at another system. `username` is the user's name here, `subject` their id there,
    which counts if the import has a source; `scope` has names of this server. `created` is in
    seconds since 1970, 0 if unknown. `coming`: a dry run has seen the user in the file. `why` is
    "", or the reason not to import it."""

    place: str
    client: str
    username: str = ""
    subject: str = ""
    scope: tuple[str, ...] = ()
    created: int = 0
    coming: bool = False
    why: str = ""


class GrantJudgment(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a consent. `kept`: there is a grant already, and it stays as it is. `why` is
    the reason, as `field: reason`. `dropped` are the names that it does not get."""

    incoming: IncomingGrant
    verdict: GrantVerdict
    why: str = ""
    dropped: tuple[str, ...] = ()


class ImportedGrants(Outcome, frozen=True, kw_only=True, eq=False):
    """The judgments of a batch, in its order."""

    judgments: tuple[GrantJudgment, ...]


def import_grants(
    batch: Sequence[IncomingGrant],
    *,
    source: str,
    stop: bool = False,
    coming: Mapping[str, Client],
    context: Context,
) -> Rule[ImportedGrants]:
    """Judge the consents. With a `source`, users are found by their ids there, else by their names.
    `coming` are apps that a dry run would add. `stop`: nothing after the first refused one."""
    users = yield from _users(batch, source)
    named = {one.client: One(Client, one.client) for one in batch if one.client}
    clients = {**coming, **(yield from existing(named))}
    names = {user.id for user in users.values()}
    owned = {name: Many(Grant, "user", name) for name in names}
    joined = {name: memberships_of(name) for name in names}
    results = (yield (*owned.values(), *joined.values())) if names else Results({})
    there = {
        name: {one.client: one for one in sorted(results.many(query), key=_live_last)}
        for name, query in owned.items()
    }
    ceilings: dict[str, Ceiling] = {}
    for name, query in joined.items():
        ceilings[name] = yield from ceiling_by(results.many(query))
    judging = _Judging(there, ceilings, context)
    judgments = []
    for one in batch:
        user, client = users.get(_user_key(one, source)), clients.get(one.client)
        judgments.append(judging.judge(one, user, client))
        if stop and judgments[-1].verdict == "refused":
            break
    return ImportedGrants(
        judgments=tuple(judgments), changes=tuple(judging.changes), events=tuple(judging.events)
    )


def _live_last(grant: Grant) -> bool:
    return grant.status != "stopped"


def _user_key(one: IncomingGrant, source: str) -> str:
    if source:
        return identity_alias(source, one.subject) if one.subject else ""
    return sign_in_name(one.username) if one.username else ""


def _users(batch: Sequence[IncomingGrant], source: str) -> Rule[dict[str, User]]:
    keys = {key for one in batch if (key := _user_key(one, source))}
    if not source:
        return (yield from existing({key: OneByAlias(User, key) for key in keys}))
    identities = yield from existing({key: OneByAlias(Identity, key) for key in keys})
    owners = {key: One(User, identity.user) for key, identity in identities.items()}
    return (yield from existing(owners))


class _Judging:
    """The judgment of consents. `there` has the grants of each user, by app, `ceilings` what their
    organizations allow."""

    def __init__(
        self,
        there: dict[str, dict[str, Grant]],
        ceilings: dict[str, Ceiling],
        context: Context,
    ) -> None:
        self._there = there
        self._ceilings = ceilings
        self._context = context
        self._seen: set[tuple[str, str]] = set()
        self._written: set[str] = set()
        self.changes: list[Change] = []
        self.events: list[Event] = []

    def judge(self, one: IncomingGrant, user: User | None, client: Client | None) -> GrantJudgment:
        """Judges a consent, and notes what to write."""
        if one.why:
            return GrantJudgment(incoming=one, verdict="refused", why=one.why)
        if client is None:
            why = f"client: there is no app {one.client[:100]!r} here"
            return GrantJudgment(incoming=one, verdict="refused", why=why)
        if user is None and not one.coming:
            return GrantJudgment(incoming=one, verdict="refused", why="user: is not here")
        # Never more than the catalogs have, and than the app may request.
        offer = self._context.installation.offer
        declared = tuple(name for name in one.scope if name in offer.scopes)
        most = of_scope(client, self._context.installation)
        permissions = tuple(name for name in offer.expand(declared) if name in most)
        dropped = tuple(
            name
            for name in one.scope
            if name not in declared or not set(offer.expand((name,))) & set(permissions)
        )
        if not permissions:
            why = f"scope: no name in {' '.join(one.scope)[:100]!r} is for this app"
            return GrantJudgment(incoming=one, verdict="refused", why=why)
        if user is None:
            return GrantJudgment(incoming=one, verdict="added", dropped=dropped)
        before = self._there.get(user.id, {}).get(client.id)
        if before is not None and before.status == "stopped":
            why = "client: its user has removed its access here"
            return GrantJudgment(incoming=one, verdict="kept", why=why)
        if before is not None:
            same = {*before.permissions, *before.withheld, *before.refused}.issuperset(permissions)
            return GrantJudgment(incoming=one, verdict="unchanged" if same else "kept")
        if (user.id, client.id) in self._seen:
            return GrantJudgment(
                incoming=one, verdict="refused", why="client: is repeated for this user"
            )
        self._seen.add((user.id, client.id))
        self._add(one, user, client, permissions=permissions)
        return GrantJudgment(incoming=one, verdict="added", dropped=dropped)

    def _add(
        self, one: IncomingGrant, user: User, client: Client, *, permissions: tuple[str, ...]
    ) -> None:
        context = self._context
        env = context.env
        limits = new_grant_limits(
            client,
            proposed_limits(client, NOTHING_PROPOSED, context),
            NOTHING_PROPOSED,
            permissions=permissions,
            context=context,
        )
        grant = Grant(
            id=ids.owned_id(env, owner=user.id),
            user=user.id,
            client=client.id,
            permissions=permissions,
            limits=limits,
            face=consent_digest(client),
            epoch=context.installation.epoch,
            created=min(one.created, env.now) or env.now,
            changed=env.now,
        )
        ceiling = self._ceilings[user.id]
        grant = masked(grant, client, ceiling, offer=context.installation.offer)
        unused = LastUse(id=grant_use_id(grant.id), user=user.id, grant=grant.id, client=client.id)
        if user.id not in self._written:
            # As a consent does: joining an organization writes the user, and a rule the memberships
            # (see `grants.organizations`).
            self._written.add(user.id)
            self.changes.extend((Update(user, as_it_is=True), *ceiling.locked()))
        self.changes.extend((Create(grant), Create(unused)))
        self.events.append(
            event(
                env,
                "granted",
                by="administrator",
                user=user.id,
                client=client.id,
                grant=grant.id,
                permissions=grant.permissions,
                note="imported",
            )
        )
