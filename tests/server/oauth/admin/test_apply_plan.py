"""Declared state: what has to change so that an installation is as somebody wrote it down."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from tests.installation import CHIRP_CATALOG, SECRETS, furnish
from tests.rows import row
from tests.server.oauth.admin.desk import context

from valetkey.jose.seal import digest
from valetkey.server.model.client import Client, StoredSecret
from valetkey.server.model.policy import Policy
from valetkey.server.model.query import Many, One, OneByAlias
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.user import User
from valetkey.server.oauth.admin.apply_plan import DesiredRecord, Kind, Plan, plan
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.settle import settle
from valetkey.wire.catalog import Permission

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000
DIGEST = digest("another secret of the machine")

NATIVE: dict[str, Any] = {
    "redirect_uris": ("http://127.0.0.1/callback",),
    "scope": ("openid", "chirps"),
}


def wish(
    kind: Kind, key: str, *, secret: str = "", new: bool = False, **fields: Any
) -> DesiredRecord:
    return DesiredRecord(
        place=f"{kind} {key}", kind=kind, key=key, fields=fields, secret=secret, new=new
    )


async def apply(store: MemoryStore, *wishes: DesiredRecord, now: int = NOW) -> Plan:
    return await settle(store, lambda: plan(wishes, context(now)))


def told(outcome: Plan) -> list[tuple[str, str, dict[str, tuple[Any, Any]]]]:
    return [(step.desired.key, step.verdict, step.differences) for step in outcome.steps]


FROM_NOTHING = (
    wish("user", "miko", email="miko@example.org"),
    wish("client", "stefapp", policy="lax", **NATIVE),
    wish(
        "client",
        "machine",
        secret=DIGEST,
        auth_method="client_secret_basic",
        grant_types=("client_credentials",),
        scope=("chirps.read",),
    ),
    wish("resource_server", "chirp", catalog=CHIRP_CATALOG),
    wish("policy", "lax", pkce="optional"),
)


async def test_everything_from_nothing_in_one_commit() -> None:
    """A client may rest on a catalog and a policy of the same wishes, in whatever order."""
    store = MemoryStore()
    outcome = await apply(store, *FROM_NOTHING)
    assert outcome.mistakes == ()
    assert [(step.desired.key, step.verdict) for step in outcome.steps] == [
        ("lax", "added"),
        ("chirp", "added"),
        ("stefapp", "added"),
        ("machine", "added"),
        ("miko", "added"),
    ]
    policy, server, user = (
        One(Policy, "lax"),
        One(ResourceServer, "chirp"),
        OneByAlias(User, "miko"),
    )
    native, machine = One(Client, "stefapp"), One(Client, "machine")
    found = await store.read(policy, server, user, native, machine)
    assert found.one(policy) == Policy(name="lax", pkce="optional", version=1)
    assert found.one(server) == ResourceServer(
        id="chirp", catalog=CHIRP_CATALOG, revision=1, created=NOW, version=1
    )
    assert found.one(native) == Client(
        id="stefapp",
        name="stefapp",
        redirect_uris=("http://127.0.0.1/callback",),
        scope=("openid", "chirps"),
        policy="lax",
        created=NOW,
        version=1,
    )
    kept = found.one(machine)
    assert kept is not None
    (secret,) = kept.secrets
    assert (secret.digest, secret.created, secret.until) == (DIGEST, NOW, 0)
    miko = found.one(user)
    assert miko is not None
    assert (miko.username, miko.email, miko.created, miko.changed) == (
        "miko",
        "miko@example.org",
        NOW,
        NOW,
    )


async def test_the_same_wishes_again_change_nothing() -> None:
    store = MemoryStore()
    await apply(store, *FROM_NOTHING)
    outcome = await apply(store, *FROM_NOTHING, now=NOW + 10)
    assert {step.verdict for step in outcome.steps} == {"unchanged"}
    assert outcome.changes == ()
    assert all(step.differences == {} for step in outcome.steps)


CHANGES = [
    row(
        "client", "one field", wish("client", "stefapp", name="stef"), {"name": ("stefApp", "stef")}
    ),
    row(
        "client",
        "a reason more",
        wish("client", "stefapp", reasons={"chirps.write": "To post.", "chirps.read": "To show."}),
        {
            "reasons.chirps.write": ("To post what you write here.", "To post."),
            "reasons.chirps.read": (None, "To show."),
        },
    ),
    row(
        "client",
        "another secret",
        wish("client", "machine", secret=DIGEST),
        {"secrets": ("(secret)", "(secret)")},
    ),
    row(
        "client",
        "from confidential to public",
        wish("client", "web", auth_method="none"),
        {"auth_method": ("client_secret_basic", "none"), "secrets": ("(secret)", None)},
    ),
    row(
        "policy",
        "a lifetime of its own",
        wish("policy", "oidc", access_token=60),
        {"access_token": (None, 60)},
    ),
    row(
        "user",
        "named in another case",
        wish("user", "MIKO", email="m@example.org", password="$argon2id$x"),
        {"email": ("miko@example.org", "m@example.org"), "password": ("(secret)", "(secret)")},
    ),
    row(
        "resource server",
        "words and a permission more",
        wish(
            "resource_server",
            "photos",
            catalog=msgspec.structs.replace(
                CHIRP_CATALOG,
                resource="https://photos.example",
                name="Photos",
                permissions=(
                    Permission(id="photos.read", can="look at your photos", group="view"),
                    Permission(id="photos.write", can="add photos"),
                ),
                scopes={},
            ),
        ),
        {
            "catalog.permissions": (("photos.read",), ("photos.read", "photos.write")),
            "catalog.permissions.photos.read.can": ("see your photos", "look at your photos"),
            "catalog.permissions.photos.write.can": (None, "add photos"),
            "catalog.permissions.photos.write.risk": (None, "low"),
            "catalog.permissions.photos.write.group": (None, "act"),
        },
    ),
    row(
        "resource server",
        "permissions in another order",
        wish(
            "resource_server",
            "chirp",
            catalog=msgspec.structs.replace(
                CHIRP_CATALOG, permissions=tuple(reversed(CHIRP_CATALOG.permissions))
            ),
        ),
        {
            "catalog.permissions": (
                tuple(one.id for one in CHIRP_CATALOG.permissions),
                tuple(one.id for one in reversed(CHIRP_CATALOG.permissions)),
            )
        },
    ),
]


@pytest.mark.parametrize("one,differences", CHANGES)
async def test_a_change_is_told_field_by_field(
    one: DesiredRecord, differences: dict[str, tuple[Any, Any]]
) -> None:
    store = MemoryStore()
    await furnish(store)
    outcome = await apply(store, one)
    assert outcome.mistakes == ()
    assert told(outcome) == [(one.key, "changed", differences)]
    again = await apply(store, one)
    assert told(again) == [(one.key, "unchanged", {})]


UNCHANGED = [
    row("client", "nothing named", wish("client", "stefapp")),
    row("client", "as it is", wish("client", "stefapp", name="stefApp")),
    row("client", "a secret that fits", wish("client", "web", secret=digest(SECRETS["web"]))),
    row("resource server", "as it is", wish("resource_server", "chirp", catalog=CHIRP_CATALOG)),
    row("user", "as it is", wish("user", "miko", email="miko@example.org")),
    row("policy", "as it is", wish("policy", "oidc", pkce="optional")),
]


@pytest.mark.parametrize("one", UNCHANGED)
async def test_what_is_so_already_is_left(one: DesiredRecord) -> None:
    store = MemoryStore()
    await furnish(store)
    outcome = await apply(store, one)
    assert told(outcome) == [(one.key, "unchanged", {})]
    assert outcome.changes == ()


async def everything(store: MemoryStore) -> dict[str, Sequence[object]]:
    wants = {kind.table: Many(kind) for kind in (Client, Policy, ResourceServer, User)}
    found = await store.read(*wants.values())
    return {table: found.many(want) for table, want in wants.items()}


async def test_what_is_not_named_is_not_touched() -> None:
    store = MemoryStore()
    await furnish(store)
    before = await everything(store)
    await apply(store, wish("client", "stefapp", name="stef"))
    after = await everything(store)
    assert {table for table in before if before[table] != after[table]} == {"clients"}
    pairs = zip(before["clients"], after["clients"], strict=True)
    assert [new for old, new in pairs if old != new] == [
        msgspec.structs.replace(one, name="stef", version=2)
        for one in before["clients"]
        if isinstance(one, Client) and one.id == "stefapp"
    ]


async def test_a_secret_that_is_over_is_set_anew() -> None:
    store = MemoryStore()
    await furnish(store)
    over = (StoredSecret(DIGEST, 0, until=NOW - 1),)
    await apply(store, wish("client", "machine", secrets=over))
    outcome = await apply(store, wish("client", "machine", secret=DIGEST))
    assert told(outcome) == [("machine", "changed", {"secrets": ("(secret)", "(secret)")})]


WITHOUT_READ = msgspec.structs.replace(
    CHIRP_CATALOG,
    permissions=tuple(one for one in CHIRP_CATALOG.permissions if one.id != "chirps.read"),
    scopes={"chirps": ("chirps.write",)},
)

MISTAKES = [
    row(
        "client",
        "of its own",
        (wish("client", "stefapp", name="", scope=("x",)),),
        [
            "client stefapp: name: is empty",
            "client stefapp: scope: 'x' is in no catalog",
            "client stefapp: required: 'chirps.read' is not among the permissions of its scope",
            "client stefapp: reasons: 'chirps.write' is not among the permissions of its scope",
        ],
    ),
    row(
        "client",
        "named as a resource server",
        (wish("client", "chirp", **NATIVE),),
        ["client chirp: id: is that of a resource_server already"],
    ),
    row(
        "resource server",
        "without a catalog",
        (wish("resource_server", "new"),),
        ["resource_server new: catalog: is missing"],
    ),
    row(
        "resource server",
        "with a taken name",
        (wish("resource_server", "stefapp", catalog=CHIRP_CATALOG),),
        [
            "resource_server stefapp: id: is that of a client already",
            "resource_server stefapp: catalog.resource: is that of chirp already",
            *(
                f"resource_server stefapp: catalog: {name!r} is a name in the catalog of chirp alr"
                for name in sorted(
                    [*(one.id for one in CHIRP_CATALOG.permissions), *CHIRP_CATALOG.scopes]
                )
            ),
        ],
    ),
    row(
        "resource server",
        "takes from clients what they ask for",
        (wish("resource_server", "chirp", catalog=WITHOUT_READ),),
        [
            "client 'post', which is there already: scope: 'chirps.read' is in no catalog",
            "client 'printer', which is there already: scope: 'chirps.read' is in no catalog",
            "client 'spa', which is there already: scope: 'chirps.read' is in no catalog",
            "client 'stefapp', which is there already: required: 'chirps.read' is not among",
        ],
    ),
    row(
        "policy",
        "lifetimes that do not hold",
        (wish("policy", "oidc", access_token=3601, refresh_idle=400 * 86400),),
        [
            "policy oidc: access_token: at most 3600",
            "policy oidc: refresh_idle: at most refresh_token",
        ],
    ),
    row(
        "names",
        "twice, by any case",
        (wish("user", "miko"), wish("user", "Miko")),
        ["user miko: 'miko' stands 2 times", "user Miko: 'Miko' stands 2 times"],
    ),
    row(
        "names",
        "must be new",
        (wish("client", "spa", new=True),),
        ["client spa: there is one of that name already"],
    ),
]


@pytest.mark.parametrize("wishes,mistakes", MISTAKES)
async def test_with_a_mistake_nothing_is_done(
    wishes: tuple[DesiredRecord, ...], mistakes: list[str]
) -> None:
    store = MemoryStore()
    await furnish(store)
    before = await everything(store)
    outcome = await apply(store, *wishes, wish("policy", "other"))
    assert len(outcome.mistakes) == len(mistakes), outcome.mistakes
    for found, expected in zip(outcome.mistakes, mistakes, strict=True):
        assert found.startswith(expected)
    assert outcome.changes == ()
    assert await everything(store) == before
