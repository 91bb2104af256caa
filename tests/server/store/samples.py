"""One full record of every kind, and small records to write many of."""

from os import urandom
from typing import Final, TypeVar

from valetkey.server.model import ids
from valetkey.server.model.audit import (
    AuditKey,
    AuditPart,
    AuditRecord,
    AuditSegment,
    AuditState,
    PersonKey,
    UnsealedRecord,
)
from valetkey.server.model.brand import Brand, BrandFile
from valetkey.server.model.bulk_stop import BulkStop, GrantFilter
from valetkey.server.model.client import (
    Asserted,
    Client,
    Exchange,
    Provisioning,
    StoredSecret,
    Suspension,
)
from valetkey.server.model.counters import SingleUse, Throttle
from valetkey.server.model.directory import GroupMember, ProvisionedGroup, ProvisionedUser
from valetkey.server.model.environment import Env
from valetkey.server.model.erasure import Erasure
from valetkey.server.model.event import Event, event
from valetkey.server.model.factor import Factor, PasskeyDomain
from valetkey.server.model.grant import Delegate, DelegateTree, Grant, Shard, Shards, TokenFamily
from valetkey.server.model.hours import Hours
from valetkey.server.model.idempotency import IdempotentCall
from valetkey.server.model.keys import Epoch, SigningKey
from valetkey.server.model.last_use import IndexState, LastUse
from valetkey.server.model.leasing import Allowance, Lease, PeriodCount
from valetkey.server.model.limits import Bounds, Limits, Proposal
from valetkey.server.model.organization import (
    AppRequest,
    GroupSource,
    Membership,
    Organization,
    OrganizationGroup,
    OrganizationRule,
)
from valetkey.server.model.pending import Approval, DecoupledRequest, Pending
from valetkey.server.model.policy import Policy, TrustedIssuer
from valetkey.server.model.receipt import Line, Receipt
from valetkey.server.model.record import Record
from valetkey.server.model.resource import CatalogRevision, ResourceServer
from valetkey.server.model.role import RoleBinding
from valetkey.server.model.statistic import Statistic
from valetkey.server.model.stream import Job, Signal, Stream
from valetkey.server.model.user import Identity, Session, User
from valetkey.wire.access_token import Confirmation
from valetkey.wire.catalog import Catalog, Permission, Words
from valetkey.wire.key_shards import Tier

NOW: Final = 1_700_000_000
ENV: Final = Env(NOW, urandom)
MIKO: Final = ids.user_id(ENV)

RECORD: Final = ids.free_id(ENV)

CATALOG: Final = Catalog(
    resource="https://chirp.example",
    name="Chirp",
    permissions=(
        Permission(
            id="posts:read",
            can="read",
            risk="medium",
            group="view",
            words={"de": Words(can="lesen", cannot="mitlesen")},
        ),
        Permission(id="posts:write", can="post", cannot="post", implies=("posts:read",)),
        Permission(id="pay", can="pay", counted=True, unit="EUR", decimals=2),
    ),
    scopes={"basic": ("posts:read", "posts:write")},
)
KEPT: Final = (
    StoredSecret("0" * 64, NOW),
    StoredSecret("1" * 64, NOW, until=NOW + 60, sealed=b"sealed", id="s1", last_four="abcd"),
)

BOUNDS: Final = Bounds(
    often={"day": 5},
    much={"total": 10**12},
    ask_above=0,
    hours=(Hours(opens="22:00", closes="06:00", zone="Europe/Berlin"),),
)

FULL: Final[tuple[Record, ...]] = (
    Allowance(
        grant=ids.owned_id(ENV, owner=MIKO),
        permission="posts:read",
        often={"day": PeriodCount(NOW, NOW + 86400, 3)},
        much={"month": PeriodCount(NOW, NOW + 86400, 10**12)},
        out=(
            Lease(id="l", holder="chirp", uses=2, expires=NOW + 30, often={"day": NOW}),
            Lease(
                id="m", holder="chirp", amount=5, exact=True, expires=NOW + 30, much={"month": NOW}
            ),
        ),
    ),
    Approval(
        id=ids.owned_id(ENV, owner=MIKO),
        user=MIKO,
        client="stef",
        grant=ids.owned_id(ENV, owner=MIKO),
        words="„Tickets“",
        amount="25.00 EUR",
        permission="posts:read",
        units=2500,
        request="a" * 32,
        answer="no",
        created=NOW,
        expires=NOW + 60,
    ),
    BulkStop(
        id=ids.free_id(ENV),
        filter=GrantFilter(app="stef", permission="posts:read", unused_since=NOW, all=True),
        number=1240,
        reason="„Missbrauch“",
        by=MIKO,
        status="finished",
        stopped=7,
        worker="w",
        leased=NOW,
        created=NOW,
        changed=NOW,
    ),
    IndexState(kind="users", terms=1, before=MIKO, rounds=1, ended=NOW),
    LastUse(
        id=ids.owned_id(ENV, owner=MIKO),
        user=MIKO,
        grant=ids.owned_id(ENV, owner=MIKO),
        client="stef",
        day=NOW // 86400,
    ),
    Statistic(
        start="d19675",
        subject="app stef",
        numbers={"consent.displayed": 3, "requested.posts:read": 1},
        expires=NOW + 86400,
    ),
    Brand(
        name="Chirp „Ü“",
        logo="d" * 64,
        logo_dark="e" * 64,
        favicon="f" * 64,
        color="#1d5aa8",
        color_dark="#8ab4f8",
        background="#ffffff",
        background_dark="#101010",
        theme="dark",
        font="serif",
        font_file="0" * 64,
        help_url="https://chirp.example/help",
        forgot_url="https://chirp.example/forgot",
        privacy_url="https://chirp.example/privacy",
        terms_url="https://chirp.example/terms",
        powered_by=False,
        texts="1" * 64,
        templates={"sign_in.html": "e" * 64},
        checked_with="3",
    ),
    BrandFile(digest="d" * 64, body=bytes(range(256))),
    GroupMember(group="g" * 32, user=MIKO),
    Organization(
        id="acme",
        name="„Acme“",
        rule=OrganizationRule(
            apps="listed",
            listed=("stef",),
            blocked=("kite",),
            permissions=("posts:read",),
            forbidden=("posts:write",),
            ask=False,
        ),
        groups=(GroupSource(source="https://idp.example", group="staff"),),
        revision=3,
        applied=2,
        created=NOW,
        changed=NOW,
    ),
    OrganizationGroup(source="https://idp.example", group="staff", organization="acme"),
    Membership(
        organization="acme",
        user=MIKO,
        administrator=True,
        origin="https://idp.example",
        revision=2,
        created=NOW,
    ),
    AppRequest(
        organization="acme",
        user=MIKO,
        client="kite",
        permissions=("posts:read",),
        created=NOW,
    ),
    IdempotentCall(
        id="0" * 64,
        fingerprint="1" * 64,
        status=201,
        expires=NOW + 60,
        body=b'{"id":"x"}',
        headers={"etag": '"1"'},
    ),
    RoleBinding(user=MIKO, roles=("owner", "auditor"), changed=NOW, by="local:root"),
    ProvisionedGroup(
        id="g" * 32,
        source="platform",
        display="Führung",
        external_id="42",
        created=NOW,
        changed=NOW,
    ),
    ProvisionedUser(
        id=MIKO,
        source="platform",
        username="miko@chirp.example",
        external_id="7",
        subject="7",
        active=False,
        attributes={"emails": [{"value": "miko@chirp.example", "primary": True}]},
        created=NOW,
        changed=NOW,
    ),
    Client(
        id="stef",
        name="stefApp 🗝",
        auth_method="client_secret_basic",
        secrets=KEPT,
        redirect_uris=("https://app.example/cb", "http://127.0.0.1/cb"),
        grant_types=("authorization_code",),
        scope=("openid", "basic"),
        required=("posts:read",),
        reasons={"posts:read": "„um zu lesen“"},
        limits=Proposal(lasts=86400, once=True, permissions={"posts:read": BOUNDS}),
        uri="https://app.example",
        logo_uri="https://app.example/logo.png",
        policy_uri="https://app.example/privacy",
        tos_uri="https://app.example/terms",
        jwks={"keys": [{"kty": "EC"}]},
        jwks_uri="https://app.example/keys",
        auth_algorithm="HS256",
        request_object_algorithm="ES256",
        request_uris=("https://app.example/request",),
        software_id="stef",
        software_version="1.0",
        backchannel_token_delivery_mode="ping",
        backchannel_client_notification_endpoint="https://app.example/ping",
        exchange=Exchange(
            clients=("stef",),
            audiences=("https://chirp.example",),
            bound=True,
            asserts={"https://other.example": Asserted(client_id="stef", scope=("mail",))},
        ),
        understands=("grant_management",),
        authorization_details_types=("https://chirp.example",),
        key_shards=(Tier(2, ("device", "backend")),),
        key_shard_backend="stef-server",
        tls_client_auth_subject_dn="CN=stef",
        tls_client_auth_san_dns="app.example",
        tls_client_auth_san_uri="https://app.example",
        tls_client_auth_san_ip="2001:db8::7",
        tls_client_auth_san_email="stef@app.example",
        tls_client_certificate_bound_access_tokens=True,
        subject_type="pairwise",
        sector_identifier_uri="https://app.example/sector",
        userinfo_signed_response_alg="ES256",
        claims_in_id_token=True,
        initiate_login_uri="https://app.example/login",
        default_max_age=0,
        post_logout_redirect_uris=("https://app.example/bye",),
        frontchannel_logout_uri="https://app.example/front",
        backchannel_logout_uri="https://app.example/back",
        policy="strict",
        dpop_bound_access_tokens=True,
        origin="registered",
        registration_token="5" * 64,
        unused_until=NOW + 86400,
        verified=False,
        status="suspended",
        created=NOW,
        scim=Provisioning(source="hr", subject="userName", email_verified=True),
        suspension=Suspension(since=NOW, reason="„Missbrauch“"),
        owner=MIKO,
        admin=("admin.apps",),
    ),
    DelegateTree(
        id=ids.owned_id(ENV, owner=MIKO),
        user=MIKO,
        delegates=(
            Delegate(chain=("client:a",), permissions=("posts:read",), first=NOW, last=19_675),
            Delegate(chain=("client:a", "child-key"), permissions=(), first=NOW, last=19_676),
        ),
    ),
    CatalogRevision(server="chirp", number=2, catalog=CATALOG, at=NOW, by="miko"),
    Epoch(number=3, since=NOW),
    AuditRecord(
        id=RECORD,
        public=f'{{"id":"{RECORD}","at":1,"category":"access","operation":"granted",'
        f'"actor":{{"kind":"user","id":"{MIKO}"}},"target":{{"user":"{MIKO}"}}}}',
        parts=(AuditPart(person=MIKO, sealed=b"sealed", commitment=b"0" * 32, key=b"1" * 32),),
    ),
    UnsealedRecord(id=RECORD, category="access", leaf=b"2" * 32),
    AuditSegment(
        id="000000000007", epoch=1, at=NOW * 1000, entries=b"3" * 49, head="a note", introduces=True
    ),
    AuditKey(id="0123abcd", verifier="v", sealed=b"sealed", status="current", created=NOW),
    PersonKey(user=MIKO, secret=b"4" * 32),
    AuditState(
        name="stream:file", holder="h", until=1, position=7, at=2, error="why", document="{}"
    ),
    Erasure(
        user=MIKO,
        requested=NOW,
        due=NOW + 60,
        by="user",
        code="0" * 64,
        erased=NOW + 60,
        purge=NOW + 120,
        scrubbed=True,
    ),
    event(
        ENV,
        "granted",
        by="user",
        user=MIKO,
        client="stef",
        grant=ids.owned_id(ENV, owner=MIKO),
        permissions=("posts:read",),
        note="a 'note'",
        reason="„so“",
        device="Firefox on Linux",
        unknown=True,
        country="DE",
        new_country=True,
    ),
    Grant(
        id=ids.owned_id(ENV, owner=MIKO),
        user=MIKO,
        client="stef",
        permissions=("posts:read",),
        refused=("posts:write",),
        limits=Limits(until=NOW + 86400, once=True, permissions={"posts:read": BOUNDS}),
        face="6" * 32,
        status="paused",
        epoch=3,
        created=NOW,
        changed=NOW + 1,
        revoked_delegates={"client:a": ("posts:read",), "child-key": ()},
        lost_permissions=("posts:write",),
        withheld=("pay",),
        organization="acme",
    ),
    Factor(
        id=ids.owned_id(ENV, owner=MIKO),
        user=MIKO,
        kind="totp",
        created=NOW,
        name="Telefon",
        used=NOW + 1,
        secret=bytes(range(256)),
        counter=NOW // 30,
        codes=("a" * 43, "b" * 43),
        credential="AQIDBA",
        attested=bytes(range(255, -1, -1)),
        handle=b"\0" * 32,
        rp_id="chirp.example",
        backup_eligible=True,
        backed_up=True,
        transports=("hybrid", "internal"),
        optional=True,
    ),
    PasskeyDomain(rp_id="chirp.example", since=NOW),
    Identity(
        id=ids.owned_id(ENV, owner=MIKO),
        user=MIKO,
        source="https://accounts.example",
        subject="1234 ü",
        created=NOW,
        name="miko@example.com",
        groups=("admins", "staff"),
        linked=True,
    ),
    Job(
        id=ids.free_id(ENV),
        kind="ping",
        url="https://app.example/ping",
        due=NOW + 2,
        created=NOW,
        tried=1,
        user=MIKO,
        client="stef",
        facts={"sid": "é"},
        sealed=bytes(range(256)),
    ),
    SingleUse(purpose="request_uri", value="x' OR 1=1 --", expires=NOW + 90),
    Pending(
        id=ids.free_id(ENV),
        kind="code",
        client="stef",
        parameters={"state": "é&=\u2028", "scope": "basic"},
        contents=bytes(range(256)),
        resources=("https://chirp.example",),
        browser="b",
        pushed="p",
        session="s",
        answers="a" * 32,
        confirmed=True,
        decoupled=DecoupledRequest(
            digest="4" * 64,
            interval=5,
            polled=NOW,
            answer="yes",
            user=MIKO,
            address="2001:db8::7",
            agent="Firefox on Linux",
            message="„Überweisung“",
            notify=bytes(range(32)),
        ),
        chosen="c",
        handoff="h",
        handoffs=2,
        created=NOW,
        expires=NOW + 60,
    ),
    Policy(
        name="strict",
        pkce="optional",
        id_token_algorithm="ES256",
        access_token_algorithm="RS256",
        dpop_nonce="required",
        client_algorithms=("ES256",),
        signed_requests="required",
        signed_answers="required",
        request_object=60,
        device_risk="low",
        short_of_shards="refuse",
        one_more_shard="high",
        trusts=(
            TrustedIssuer(
                issuer="https://other.example",
                jwks={"keys": []},
                jwks_uri="https://other.example/keys",
                subject="id",
            ),
        ),
        auth_methods=("private_key_jwt",),
        assertion_audience="issuer",
        pushed="required",
        bound="required",
        resource="required",
        status_list=True,
        access_token=60,
        refresh_window=0,
        refresh_idle=3600,
        refresh_token=7200,
        acr="phr",
    ),
    Receipt(
        id=ids.owned_id(ENV, owner=MIKO),
        user=MIKO,
        client="stef",
        grant=ids.owned_id(ENV, owner=MIKO),
        request=ids.free_id(ENV),
        at=NOW,
        language="de",
        app="stefApp 🗝",
        destination="127.0.0.1",
        why="permissions",
        lines=(
            Line(
                id="posts:read",
                words="lesen",
                place="asked",
                required=True,
                ticked=True,
                granted=True,
            ),
            Line(id="posts:write", words="schreiben", place="cannot", risk="high", reason="„so“"),
        ),
        revisions={"https://chirp.example": 2},
        shut=("https://other.example",),
    ),
    ResourceServer(
        id="chirp",
        catalog=CATALOG,
        secrets=KEPT,
        revision=2,
        status_list=True,
        split=True,
        created=NOW,
    ),
    Session(
        id=ids.owned_id(ENV, owner=MIKO),
        digest="2" * 64,
        user=MIKO,
        name="sid",
        auth_time=NOW,
        amr=("pwd",),
        epoch=3,
        proved="7" * 16,
        expires=NOW + 60,
        way="google",
        acr="urn:example:two",
        source_sid="their-sid",
        per_request=True,
        device="Firefox on Linux",
        network="2001:db8::/56",
        last_active=NOW,
    ),
    Signal(
        stream="s1",
        order="001700000000000.0000000001.000",
        id="j1",
        event="https://schemas.openid.net/secevent/caep/event-type/session-revoked",
        user=MIKO,
        client="stef",
        family="f",
        sid="sid",
        claims={"initiating_entity": "user"},
        txn="t1",
        at=NOW,
        due=NOW + 2,
        tried=1,
    ),
    Stream(
        receiver="resource chirp",
        id="s1",
        requested=("https://schemas.openid.net/secevent/caep/event-type/session-revoked",),
        delivers="push",
        url="https://chirp.example/signals",
        authorization=bytes(range(60)),
        description="„Chirp“",
        status="paused",
        reason="„so“",
        left_out=("someone",),
        verified=NOW,
        created=NOW,
    ),
    SigningKey(
        kid="k1",
        use="seal",
        sealed=bytes(range(200)),
        status="retiring",
        created=NOW,
        since=NOW,
        until=NOW + 60,
        store="pkcs11",
        label="valetkey 1",
    ),
    Throttle(bucket="network 127.0.0.0/24", tried=3, since=NOW, expires=NOW + 900),
    TokenFamily(
        id=ids.owned_id(ENV, owner=MIKO),
        grant=ids.owned_id(ENV, owner=MIKO),
        user=MIKO,
        client="stef",
        scope=("basic",),
        permissions=("posts:read", "posts:write"),
        resources=("https://chirp.example",),
        generation=7,
        rotated=NOW,
        refreshable=True,
        opened={"posts:read": 19_675},
        status="closed",
        because="replayed",
        cnf=Confirmation(jkt="j" * 43, x5t_s256="x" * 43),
        instance="i" * 43,
        session="s",
        auth_time=NOW,
        amr=("pwd",),
        userinfo_claims=("name",),
        id_token_claims=("email",),
        details=("https://chirp.example",),
        device="Firefox on Linux",
        listed="12",
        shards=Shards(
            threshold=1,
            of=(
                Shard(
                    holder="backend",
                    generation=2,
                    since=1,
                    client="stef-server",
                    cnf=Confirmation(jkt="k" * 43),
                    turned=NOW,
                    used=NOW,
                    joined=NOW,
                    by="tag",
                ),
            ),
            alarm="backend",
            resumed=NOW,
        ),
        created=NOW,
        used=NOW,
        expires=NOW + 60,
        bound_since=3,
        replaced_by=ids.owned_id(ENV, owner=MIKO),
        acr="phr",
    ),
    User(
        id=MIKO,
        username="Miko",
        password="$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
        email="miko@example.org",
        email_verified=True,
        phone_number="+4930123456",
        phone_number_verified=True,
        address={"country": "Deutschland"},
        claims={"name": "Mikó"},
        status="disabled",
        created=NOW,
        changed=NOW,
        mark="a b",
        disabled_by=("administrator",),
        external="7",
        language="de",
        zone="Europe/Berlin",
        countries={"DE": 1_700_000_000},
    ),
)


K = TypeVar("K", bound=Record)


def sample(kind: type[K]) -> K:
    """The full record of that kind."""
    return next(one for one in FULL if isinstance(one, kind))


def once(value: str, *, expires: int = NOW + 90) -> SingleUse:
    """A marker: the smallest record, without alias or index."""
    return SingleUse(purpose="test", value=value, expires=expires)


def user(name: str) -> User:
    """Somebody of that name; the name is the alias."""
    return User(id=ids.user_id(ENV), username=name)


def session(owner: str, *, expires: int = NOW + 60) -> Session:
    """A session of the owner, by whom it is indexed."""
    name = ids.owned_id(ENV, owner=owner)
    return Session(id=name, digest="", user=owner, auth_time=NOW, expires=expires)


def grant(client: str = "stef") -> Grant:
    """A live grant of Miko's, whose alias is Miko and the client."""
    name = ids.owned_id(ENV, owner=MIKO)
    return Grant(id=name, user=MIKO, client=client, created=NOW, changed=NOW)


def told(note: str = "") -> Event:
    """Something that happened to Miko."""
    return event(ENV, "paused", by="user", user=MIKO, note=note)
