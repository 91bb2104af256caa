"""What is stored about people: why, for how long, and what becomes of it with the account.

Every kind of record has a row here. The download of a user's data, the erasure of an account and
the page `docs/explanation/privacy.md` follow from this table.
"""

from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.server.model.audit import (
    AuditKey,
    AuditRecord,
    AuditSegment,
    AuditState,
    PersonKey,
    UnsealedRecord,
)
from valetkey.server.model.brand import Brand, BrandFile
from valetkey.server.model.bulk_stop import BulkStop
from valetkey.server.model.client import Client
from valetkey.server.model.counters import SingleUse, Throttle
from valetkey.server.model.directory import GroupMember, ProvisionedGroup, ProvisionedUser
from valetkey.server.model.erasure import Erasure
from valetkey.server.model.event import Event
from valetkey.server.model.factor import Factor, PasskeyDomain
from valetkey.server.model.grant import DelegateTree, Grant, TokenFamily
from valetkey.server.model.idempotency import IdempotentCall
from valetkey.server.model.keys import Epoch, SigningKey
from valetkey.server.model.last_use import IndexState, LastUse
from valetkey.server.model.leasing import Allowance
from valetkey.server.model.organization import (
    AppRequest,
    Membership,
    Organization,
    OrganizationGroup,
)
from valetkey.server.model.pending import Approval, Pending
from valetkey.server.model.policy import Policy
from valetkey.server.model.receipt import Receipt
from valetkey.server.model.record import Record
from valetkey.server.model.resource import CatalogRevision, ResourceServer
from valetkey.server.model.role import RoleBinding
from valetkey.server.model.statistic import Statistic
from valetkey.server.model.stream import Job, Signal, Stream
from valetkey.server.model.user import Identity, Session, User

OnErasure: TypeAlias = Literal["removed", "kept", "expires", "sealed", "none"]
"""Removed with the account; kept under the user's id, without a name, until the account's records
are purged; not touched, as it expires by itself soon; kept, with all that is personal in it made
unreadable; nothing about people is in it."""


class DataKind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of record. `section` is its name in the download, "" if it is not in there. `what`,
    `why` and `duration` are for people. `hidden` are fields that never leave the server."""

    record: type[Record]
    on_erasure: OnErasure
    what: str
    why: str = ""
    duration: str = ""
    section: str = ""
    hidden: tuple[str, ...] = ()


_WITH_ACCOUNT: Final = "as long as the account"
_LEGAL: Final = (
    "as long as the account, then `lifetimes.erased_records` under an id that names nobody"
)

DATA: Final[tuple[DataKind, ...]] = (
    DataKind(
        record=User,
        section="account",
        on_erasure="removed",
        what="username, password hash, name, email address, other profile fields, language; with "
        "`accounts.countries_file`, the ten latest countries of sign-ins",
        why="to sign the user in, to tell apps what the user allowed, and to notice a sign-in from "
        "a new country",
        duration="as long as the account; a country until the first sign-in a year later",
        hidden=("password", "mark"),
    ),
    DataKind(
        record=Identity,
        section="identities",
        on_erasure="removed",
        what="accounts elsewhere, with their name and groups there",
        why="to sign the user in with them",
        duration="until the user unlinks it, or as long as the account",
    ),
    DataKind(
        record=ProvisionedUser,
        section="directory",
        on_erasure="removed",
        what="the user as a directory describes them",
        why="to keep the account as the directory wants it",
        duration="until the directory deletes the user",
    ),
    DataKind(
        record=GroupMember,
        section="groups",
        on_erasure="removed",
        what="groups in a directory",
        why="to answer the directory",
        duration="until the directory removes the user from the group",
    ),
    DataKind(
        record=Factor,
        section="factors",
        on_erasure="removed",
        what="second factors and passkeys with their names, sealed keys, digests of codes",
        why="to check who signs in",
        duration="until the user removes it, or as long as the account",
        hidden=("secret", "codes", "credential", "attested", "handle"),
    ),
    DataKind(
        record=Session,
        section="sessions",
        on_erasure="removed",
        what="browsers in which the user is signed in: kind of browser, coarse network, times",
        why="to keep the user signed in, and so that they recognize others",
        duration="until sign-out, at most `lifetimes.session`",
        hidden=("digest", "proved"),
    ),
    DataKind(
        record=RoleBinding,
        section="roles",
        on_erasure="removed",
        what="roles of administrators, and who gave them",
        why="to check what an administrator may do",
        duration="until the roles are taken back, or as long as the account",
    ),
    DataKind(
        record=Membership,
        section="organizations",
        on_erasure="removed",
        what="the organizations that the user is in",
        why="so that their rules for apps are kept",
        duration="until the user leaves the organization, or as long as the account",
    ),
    DataKind(
        record=AppRequest,
        section="app_requests",
        on_erasure="removed",
        what="apps that the user asked their organization for",
        why="so that the organization can answer",
        duration="until it is answered, at most 90 days",
    ),
    DataKind(
        record=Grant,
        section="grants",
        on_erasure="kept",
        what="what the user allows an app, with limits",
        why="to check each access; later, as evidence of consent",
        duration=_LEGAL,
    ),
    DataKind(
        record=TokenFamily,
        section="devices",
        on_erasure="kept",
        what="an app on one device: its name, permissions, days of use",
        why="to issue tokens, to notice stolen ones, and so that the user can stop one device",
        duration="until it expires (`lifetimes.refresh_token`); its name goes with the account",
    ),
    DataKind(
        record=LastUse,
        section="last_uses",
        on_erasure="removed",
        what="the day on which an app last used its access, and the account's last such day",
        why="to find access that nobody uses any more",
        duration=_WITH_ACCOUNT,
    ),
    DataKind(
        record=DelegateTree,
        section="delegates",
        on_erasure="kept",
        what="apps to which an app passed access on",
        why="so that the user can revoke them",
        duration=_LEGAL,
    ),
    DataKind(
        record=Allowance,
        section="use",
        on_erasure="expires",
        what="how much of a limit is used",
        why="to hold limits",
        duration="until the grant ends",
    ),
    DataKind(
        record=Approval,
        section="approvals",
        on_erasure="removed",
        what="requests of apps that wait for the user's answer",
        why="to ask the user",
        duration="until it expires",
    ),
    DataKind(
        record=Receipt,
        section="receipts",
        on_erasure="kept",
        what="what a consent page displayed, and the answer",
        why="evidence of consent (GDPR, Article 7(1))",
        duration=_LEGAL,
    ),
    DataKind(
        record=Event,
        section="events",
        on_erasure="kept",
        what="what happened: sign-ins by day, kind of browser and country, changes of access",
        why="so that the user and the operator notice misuse",
        duration="`lifetimes.event`; notes, reasons and countries are erased with the account",
    ),
    DataKind(
        record=PersonKey,
        on_erasure="removed",
        what="the key that opens what is personal in the audit log",
        why="so that its deletion makes this unreadable",
        duration=_WITH_ACCOUNT,
    ),
    DataKind(
        record=AuditRecord,
        section="audit",
        on_erasure="sealed",
        what="the audit log: who did what to what, with ids that name nobody; apart, encrypted for "
        "each person: network address, country, program, notes, changed fields of the account",
        why="so that an auditor sees who did what, and that nobody changed the log",
        duration="by category: `audit.sign_in_days`, `audit.access_days` and so on",
        hidden=("parts", "public"),
    ),
    DataKind(
        record=Erasure,
        section="deletion",
        on_erasure="kept",
        what="that the account is going to be deleted, or was",
        why="to delete it in time, and to purge what was kept",
        duration=_LEGAL,
        hidden=("code",),
    ),
    DataKind(
        record=Pending,
        on_erasure="expires",
        what="an authorization request that waits for its user; it may name them (`login_hint`)",
        why="to answer the app",
        duration="at most 30 minutes (`lifetimes.interaction`)",
    ),
    DataKind(
        record=Job,
        on_erasure="expires",
        what="messages to apps and to the user that wait to be sent",
        why="so that each is sent once, and survives a crash",
        duration="until it is sent, or given up after some hours",
    ),
    DataKind(
        record=Signal,
        on_erasure="expires",
        what="security events that wait for their receiver",
        why="to notify other servers that the operator registered",
        duration="until the receiver has it, at most three days",
    ),
    DataKind(
        record=IdempotentCall,
        on_erasure="expires",
        what="answers of the administration API, which may be about people",
        why="so that a call that is sent again counts once",
        duration="a day",
    ),
    DataKind(
        record=SingleUse,
        on_erasure="expires",
        what="digests and random values that count once",
        why="so that nothing is used twice",
        duration="until the value expires",
    ),
    DataKind(
        record=Throttle,
        on_erasure="expires",
        what="counts of attempts by network and by digest of a name",
        why="to stop guessing",
        duration="minutes, at most a day",
    ),
    DataKind(record=Client, on_erasure="none", what="apps, with the id of the user who owns one"),
    DataKind(record=BulkStop, on_erasure="none", what="orders to stop many grants at once"),
    DataKind(record=Statistic, on_erasure="none", what="numbers by hour and day"),
    DataKind(
        record=IndexState,
        on_erasure="none",
        what="how far records are indexed for search, and searched for unused accounts",
    ),
    DataKind(record=Policy, on_erasure="none", what="rules for apps"),
    DataKind(record=OrganizationGroup, on_erasure="none", what="groups whose users are members"),
    DataKind(
        record=Organization, on_erasure="none", what="organizations, and their rules for apps"
    ),
    DataKind(record=ResourceServer, on_erasure="none", what="APIs and their permissions"),
    DataKind(record=CatalogRevision, on_erasure="none", what="earlier permissions of APIs"),
    DataKind(record=ProvisionedGroup, on_erasure="none", what="groups of a directory"),
    DataKind(record=Stream, on_erasure="none", what="receivers of security events"),
    DataKind(record=SigningKey, on_erasure="none", what="keys of the server"),
    DataKind(record=PasskeyDomain, on_erasure="none", what="the domain of all passkeys"),
    DataKind(record=UnsealedRecord, on_erasure="none", what="hashes that wait for their segment"),
    DataKind(record=AuditSegment, on_erasure="none", what="segments of the audit log"),
    DataKind(record=AuditKey, on_erasure="none", what="keys of the audit log"),
    DataKind(record=AuditState, on_erasure="none", what="cursors of the audit log"),
    DataKind(record=Epoch, on_erasure="none", what="when all tokens were last withdrawn"),
    DataKind(record=Brand, on_erasure="none", what="the look of the pages"),
    DataKind(record=BrandFile, on_erasure="none", what="pictures and fonts of the pages"),
)


def owned_by_index(on_erasure: OnErasure) -> tuple[type[Record], ...]:
    """The kinds, found by the index of their user, that an erasure treats like this."""
    return tuple(
        one.record for one in DATA if one.on_erasure == on_erasure and "user" in one.record.indexes
    )
