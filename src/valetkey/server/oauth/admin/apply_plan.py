"""Declared state: the changes that bring an installation to it.

Records and fields that the declared state doesn't name stay as they are.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec

from valetkey.server.model import ids
from valetkey.server.model.brand import CURRENT, Brand, BrandFile
from valetkey.server.model.change import Change, Create, Update
from valetkey.server.model.client import Client, StoredSecret
from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Secret
from valetkey.server.model.policy import Lifetimes, Policy
from valetkey.server.model.query import Many, One, OneByAlias, Rule
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.user import User, sign_in_name
from valetkey.server.oauth.admin import brands, catalogs
from valetkey.server.oauth.admin.user_status import end_sessions
from valetkey.server.oauth.clients import credentials, registration
from valetkey.server.oauth.core.context import Context, Installation
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.core.offer import Offer
from valetkey.wire import address
from valetkey.wire.catalog import Catalog, Permission

Kind: TypeAlias = Literal["policy", "resource_server", "client", "user", "brand"]
Declarable: TypeAlias = Policy | ResourceServer | Client | User | Brand
RecordsByName: TypeAlias = dict[tuple[Kind, str], Declarable]

NO_CATALOG: Final = Catalog(resource="", name="", permissions=())

NEW: Final[dict[Kind, Callable[[str, Env], Declarable]]] = {
    "policy": lambda name, env: Policy(name=name),
    "resource_server": lambda name, env: ResourceServer(
        id=name, catalog=NO_CATALOG, created=env.now
    ),
    "client": lambda name, env: Client(id=name, name=name, created=env.now),
    "user": lambda name, env: User(
        id=ids.user_id(env), username=name, created=env.now, changed=env.now
    ),
    "brand": lambda name, env: Brand(),
}
"""Makes an empty record of each kind, in the order of dependencies."""


LIFETIMES: Final = (
    frozenset(Lifetimes.__struct_fields__) & frozenset(Policy.__struct_fields__)
) - {"refresh_window"}
"""The lifetimes that a policy may set, with the same ranges as in the settings."""


NAMES: Final[dict[Kind, str]] = {
    "policy": "name",
    "resource_server": "id",
    "client": "id",
    "user": "username",
    "brand": "",
}
"""The field that names a record of each kind."""


class DesiredRecord(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The desired state of one record. `place` is where it is declared, for mistakes; `fields` are
    the declared fields; `secret` is the digest of a secret to accept, "" for no change, and `plain`
    the secret itself if it is known; `new`: the record must not exist yet. `by` is the person who
    declares it, for the history. `files` are those that a brand names."""

    place: str
    kind: Kind
    key: str
    fields: Mapping[str, Any] = {}
    secret: str = ""
    plain: Secret | None = None
    new: bool = False
    by: str = ""
    files: tuple[BrandFile, ...] = ()

    @property
    def name(self) -> tuple[Kind, str]:
        """The kind and name of the record."""
        return self.kind, sign_in_name(self.key) if self.kind == "user" else self.key


class Step(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One record before (None if it doesn't exist) and after."""

    desired: DesiredRecord
    before: Declarable | None
    after: Declarable

    @property
    def verdict(self) -> Literal["added", "changed", "unchanged"]:
        if self.before is None:
            return "added"
        return "unchanged" if self.after == self.before else "changed"

    @property
    def differences(self) -> dict[str, tuple[Any, Any]]:
        """The fields that differ, before and after. Secrets are masked."""
        before = {} if self.before is None else dict(_flat(self.before))
        after = dict(_flat(self.after))
        pairs = {name: (before.get(name), after.get(name)) for name in {**before, **after}}
        return {
            name: (_masked(name, was), _masked(name, will))
            for name, (was, will) in pairs.items()
            if name not in {NAMES[self.desired.kind], "edition"} and was != will and (was or will)
        }

    @property
    def change(self) -> Change | None:
        """The change to write, or None."""
        match self.verdict:
            case "added":
                return Create(self.after)
            case "changed":
                return Update(self.after)
            case "unchanged":
                return None


class Plan(Outcome, frozen=True, kw_only=True, eq=False):
    """The steps to take; with `mistakes`, there are no changes."""

    steps: tuple[Step, ...]
    mistakes: tuple[str, ...] = ()


def plan(desired_records: Sequence[DesiredRecord], context: Context) -> Rule[Plan]:
    """The plan for these records: all of them, or none. `accounts.profile` checks the data of
    accounts."""
    there = yield from _present_records(desired_records)
    newest = yield from catalogs.newest(
        desired.key for desired in desired_records if desired.kind == "resource_server"
    )
    order = list(NEW)
    in_order = sorted(desired_records, key=lambda one: order.index(one.kind))
    steps = tuple(
        _numbered(_step(desired, there.get(desired.name), context), newest) for desired in in_order
    )
    mistakes = (*_clashing(steps), *_wrong(steps, there, context.installation))
    if mistakes:
        return Plan(steps=steps, mistakes=mistakes)
    changes = tuple(step.change for step in steps if step.change is not None)
    for name in _disabled(steps):
        changes += yield from end_sessions(name, context)
    for step in steps:
        if isinstance(step.after, Brand):
            changes += yield from _brand_files(step)
    revisions = tuple(
        Create(one)
        for step in steps
        for one in catalogs.new_revisions(
            step.before, step.after, at=context.env.now, by=step.desired.by
        )
    )
    return Plan(steps=steps, changes=(*changes, *revisions))


def _brand_files(step: Step) -> Rule[tuple[Change, ...]]:
    before, after = (one if isinstance(one, Brand) else None for one in (step.before, step.after))
    files = {file.digest: file for file in step.desired.files}
    return (yield from brands.file_changes(before, after, files))


def _numbered(step: Step, newest: Mapping[str, int]) -> Step:
    return msgspec.structs.replace(step, after=catalogs.numbered(step.before, step.after, newest))


def _disabled(steps: Sequence[Step]) -> Iterator[str]:
    """The ids of users who are disabled now: their apps get logout messages."""
    for step in steps:
        before, after = step.before, step.after
        if isinstance(before, User) and isinstance(after, User) and before.status == "active":
            yield from (after.id,) if after.status == "disabled" else ()


def _present_records(desired_records: Sequence[DesiredRecord]) -> Rule[RecordsByName]:
    """All policies, resource servers and clients, and the declared users."""
    policies, servers, clients = Many(Policy), Many(ResourceServer), Many(Client)
    users = {
        OneByAlias(User, desired.name[1]) for desired in desired_records if desired.kind == "user"
    }
    brand = One(Brand, CURRENT)
    results = yield (policies, servers, clients, brand, *users)
    there: RecordsByName = {("policy", one.name): one for one in results.many(policies)}
    there |= {("resource_server", one.id): one for one in results.many(servers)}
    there |= {("client", one.id): one for one in results.many(clients)}
    if (applied := results.one(brand)) is not None:
        there["brand", CURRENT] = applied
    people = [one for wanted in users if (one := results.one(wanted)) is not None]
    return there | {("user", one.alias): one for one in people}


def _step(desired: DesiredRecord, before: Declarable | None, context: Context) -> Step:
    env = context.env
    base = NEW[desired.kind](desired.key, env) if before is None else before
    after = msgspec.structs.replace(base, **desired.fields)
    match after:
        case Client() | ResourceServer():
            after = msgspec.structs.replace(after, secrets=_secrets(after, desired, context))
            if isinstance(after, Client) and after.status == "active":
                after = msgspec.structs.replace(after, suspension=None)
        case User() if after != before:
            # What is declared counts, whatever sources said before.
            by = () if "status" in desired.fields else after.disabled_by
            after = msgspec.structs.replace(after, changed=env.now, disabled_by=by)
    return Step(desired=desired, before=before, after=after)


def _secrets(
    holder: Client | ResourceServer, desired: DesiredRecord, context: Context
) -> tuple[StoredSecret, ...]:
    had = credentials.usable_secrets(holder) if isinstance(holder, Client) else holder.secrets
    if not desired.secret or any(
        stored.digest == desired.secret and stored.is_valid(context.env.now) for stored in had
    ):
        return had
    if isinstance(holder, Client) and desired.plain is not None:
        keyring, env = context.installation.keyring, context.env
        return (credentials.new_secret(desired.plain, client=holder, keyring=keyring, env=env),)
    return (
        StoredSecret(
            digest=desired.secret,
            created=context.env.now,
            id=context.env.random_bytes(4).hex(),
        ),
    )


def _clashing(steps: Sequence[Step]) -> Iterator[str]:
    times = Counter(step.desired.name for step in steps)
    for step in steps:
        if times[step.desired.name] > 1:
            number = times[step.desired.name]
            yield f"{step.desired.place}: {step.desired.key!r} stands {number} times"
        if step.desired.new and step.before is not None:
            yield f"{step.desired.place}: there is one of that name already"


def _wrong(steps: Sequence[Step], there: RecordsByName, at: Installation) -> Iterator[str]:
    after = there | {step.desired.name: step.after for step in steps}
    future, present = _installation(after, at), _installation(there, at)
    for step in steps:
        for mistake in _mistakes(step.after, after, future):
            yield f"{step.desired.place}: {mistake}"
    named = {step.desired.name for step in steps}
    for name, record in there.items():
        if name not in named and isinstance(record, Client):
            known = registration.mistakes(record, present)
            for mistake in registration.mistakes(record, future):
                if mistake not in known:
                    yield f"client {record.id!r}, which is there already: {mistake}"


def _mistakes(record: Declarable, after: RecordsByName, future: Installation) -> list[str]:
    match record:
        case Policy():
            own = {name: getattr(record, name) for name in record.__struct_fields__}
            given = {name: own[name] for name in LIFETIMES if own.get(name) is not None}
            wrong = msgspec.structs.replace(future.lifetimes, **given).mistakes()
            return [*wrong, *_untrusted(record)]
        case ResourceServer(catalog=catalog) if catalog == NO_CATALOG:
            return ["catalog: is missing"]
        case ResourceServer():
            others = [one for one in _servers(after) if one.id != record.id]
            wrong = catalogs.mistakes(record, others=others, issuer=future.issuer)
            return [*_name_conflicts("client", record.id, after), *wrong]
        case Client():
            wrong = registration.mistakes(record, future)
            return [*_name_conflicts("resource_server", record.id, after), *wrong]
        case Brand():
            return brands.mistakes(record)
        case User():
            return []


def _untrusted(policy: Policy) -> Iterator[str]:
    for one in policy.trusts:
        why = address.why_not(one.jwks_uri) if one.jwks_uri else ""
        if why:
            yield f"trusts: jwks_uri {one.jwks_uri[:100]!r} {why}"


def _name_conflicts(kind: Kind, name: str, after: RecordsByName) -> list[str]:
    # At introspection, the id alone says whether the caller is a client or a resource server.
    return [f"id: is that of a {kind} already"] if (kind, name) in after else []


def _installation(records: RecordsByName, at: Installation) -> Installation:
    policies = {one.name: one for one in records.values() if isinstance(one, Policy)}
    offer = Offer(at.issuer, _servers(records), reserved=at.offer.reserved)
    return msgspec.structs.replace(at, policies=policies, offer=offer)


def _servers(records: RecordsByName) -> list[ResourceServer]:
    return [one for one in records.values() if isinstance(one, ResourceServer)]


_OWN: Final = frozenset({"id", "version", "created", "changed"})
_HIDDEN: Final = frozenset({"password", "mark", "secrets"})


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The fields, with those of nested structs, by dotted names."""
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
        members = {encoded: getattr(value, name) for name, encoded in names if name not in _OWN}
    elif isinstance(value, dict):
        members = value
    elif isinstance(value, tuple) and value and isinstance(value[0], Permission):
        members = {one.id: one for one in value}
        yield prefix, tuple(members)
    else:
        yield prefix, value
        return
    for name, member in members.items():
        yield from _flat(member, f"{prefix}.{name}" if prefix else name)


def _masked(name: str, value: Any) -> Any:
    if name not in _HIDDEN:
        return value
    return "(secret)" if value else None
