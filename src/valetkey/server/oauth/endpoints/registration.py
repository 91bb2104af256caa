"""Dynamic client registration (RFC 7591, RFC 7592): an app registers itself, and manages its
registration. Nobody has verified it, so it gets only what the settings allow for such clients."""

from typing import Any, Final

import msgspec

from valetkey.jose.seal import digest, same
from valetkey.server.model.change import Count, Create, Update
from valetkey.server.model.client import WITH_SECRET, Client
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import event
from valetkey.server.model.keys import Secret
from valetkey.server.model.pending import Pending
from valetkey.server.model.policy import DEFAULT, Policy
from valetkey.server.model.query import Many, One, Rule
from valetkey.server.model.resource import ResourceServer
from valetkey.server.oauth.admin import removal
from valetkey.server.oauth.admin.removal import Removed
from valetkey.server.oauth.clients import credentials, metadata, registration
from valetkey.server.oauth.clients.documents import appearance, restrict_scope
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Outcome, Refuse
from valetkey.server.oauth.core.feature import Call, Endpoint, Feature
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.core.rate_limit import RateLimit, count
from valetkey.server.oauth.endpoints import software_statement
from valetkey.spec.errors import InvalidRequest, InvalidToken
from valetkey.spec.names import Cite
from valetkey.wire import opaque

CITE: Final = Cite("RFC 7591", "3")
MANAGE: Final = Cite("RFC 7592", "2")
PATH: Final = "/register"

UNUSED: Final = 30 * 86400
"""Seconds after which an unused registration is deleted."""

USED_UP: Final = "the initial access token is unknown, used up or over"


def manage(call: Call, context: Context) -> Rule[Answer | Refuse]:
    """POST registers; GET, PUT and DELETE need the client's registration access token. Raises
    OAuthError."""
    if call.method == "POST":
        return (yield from _register(call, context))
    client = yield from _owned(call)
    match call.method:
        case "GET":
            return Answer(document=_document(client, context))
        case "PUT":
            return (yield from _update(client, call, context))
        case _:
            gone = yield from removal.client(client.id, context)
            changes = gone.changes if isinstance(gone, Removed) else ()
            return Answer(document=None, changes=changes, events=gone.events)


def _register(call: Call, context: Context) -> Rule[Answer | Refuse]:
    policy, scope, use = yield from _let_in(call, context)
    stated = software_statement.with_statement(call.document, context)
    fields = metadata.read(stated.document)
    secret, token = _opaque("cs", context), _opaque("reg", context)
    name = context.env.random_bytes(12).hex()
    client = Client(
        **{**fields, "name": fields["name"] or name},
        id=name,
        policy=policy,
        verified=stated.vouched,
        origin="registered",
        registration_token=digest(token),
        created=context.env.now,
        unused_until=context.env.now + UNUSED,
    )
    if client.auth_method in WITH_SECRET:
        client = _with_secret(client, secret, context)
    client = restrict_scope(client, scope, context.installation.offer)
    _check(client, context)
    _check_name(client, context)
    yield from registration.check_sector_document(client)
    audit_event = event(
        context.env, "registered", by="app", client=client.id, note=client.name[:100]
    )
    document = _document(client, context) | {"registration_access_token": token}
    if client.secrets:
        document |= {"client_secret": secret, "client_secret_expires_at": 0}
    yield from _pay(use)
    return Answer(document=document, changes=(Create(client),), events=(audit_event,))


class _Use(msgspec.Struct, frozen=True):
    """One use of an invitation for at most `most` clients."""

    count: Count
    most: int


def _let_in(call: Call, context: Context) -> Rule[tuple[str, tuple[str, ...], _Use | None]]:
    """The policy of the new client, its largest scope, and the use of the invitation, if there is
    one. Raises InvalidToken if the client may not register."""
    rules = context.installation.registration
    if call.token:
        query = One(Pending, invitation_id(call.token))
        invited = (yield (query,)).one(query)
        if invited is None or invited.kind != "invitation" or context.env.now >= invited.expires:
            raise InvalidToken(USED_UP)
        one_more = Count(
            Throttle(
                bucket=f"uses of {invited.id}",
                tried=1,
                since=context.env.now,
                expires=invited.expires,
            )
        )
        scope = tuple(invited.parameters["scope"].split()) or rules.scope
        use = _Use(one_more, int(invited.parameters["uses"]))
        return invited.parameters["policy"], scope, use
    if not rules.open:
        raise InvalidToken("registration needs an initial access token")
    pace = RateLimit(what="registration", most=rules.hourly, seconds=3600)
    yield from count(pace, call.address, context)
    return rules.policy, rules.scope, None


def _pay(use: _Use | None) -> Rule[None]:
    """Counts the use, after all other checks. Raises InvalidToken if no use was left."""
    if use is None:
        return
    query = One(Throttle, use.count.record.bucket)
    row = (yield (query,)).one(query)
    used = 0 if row is None else row.tried
    if used < use.most:
        used = (yield (use.count,)).counter(use.count).tried - 1
    if used >= use.most:
        raise InvalidToken(USED_UP)


def invitation_id(token: str) -> str:
    """The id of an invitation, from a digest of its token."""
    return f"invitation {digest(token)}"


def invitation(
    token: str, *, policy: str, scope: tuple[str, ...], uses: int, expires: int, now: int
) -> Pending:
    """The row of an initial access token, for at most `uses` clients."""
    return Pending(
        id=invitation_id(token),
        kind="invitation",
        client="",
        parameters={"policy": policy, "scope": " ".join(scope), "uses": str(uses)},
        created=now,
        expires=expires,
    )


def invite(invited: Pending, context: Context) -> Rule[Outcome]:
    """Stores an invitation. Raises InvalidScope for an unknown scope, InvalidClientMetadata for an
    unknown policy."""
    servers, policy = Many(ResourceServer), One(Policy, invited.parameters["policy"])
    results = yield (servers, policy)
    Offer(context.installation.issuer, results.many(servers)).expand(
        invited.parameters["scope"].split()
    )
    if results.one(policy) is None and invited.parameters["policy"] != DEFAULT.name:
        raise metadata.metadata_error("policy", "is not there")
    return Outcome(changes=(Create(invited),))


def _check(client: Client, context: Context) -> None:
    """Raises InvalidRedirectUri, InvalidClientMetadata."""
    for mistake in registration.mistakes(client, context.installation):
        field, _, why = mistake.partition(": ")
        raise metadata.metadata_error(metadata.name_of(field), _sayable(why), detail=why[:300])


def _check_name(client: Client, context: Context) -> None:
    why = registration.why_not_this_name(client, context.installation)
    if why:
        raise metadata.metadata_error("client_name", why)


def _sayable(why: str) -> str:
    """RFC 6749 5.2: a description is ASCII without quotes. The log has the full text."""
    plain = "".join(one for one in why if " " <= one <= "~" and one not in '"\\')
    return plain[:200]


def _owned(call: Call) -> Rule[Client]:
    query = One(Client, call.query.get("client_id", ""))
    client = (yield (query,)).one(query)
    # Compare even without such a client, so that the time reveals nothing.
    stored_digest = "" if client is None else client.registration_token
    fits = same(digest(call.token).encode(), stored_digest.encode())
    # An app can't change a registration that an administrator has taken over (`origin`).
    its = client is not None and client.origin == "registered" and client.status == "active"
    if client is None or not fits or not its:
        raise InvalidToken("the registration access token is not of this client")
    return client


def _update(client: Client, call: Call, context: Context) -> Rule[Answer | Refuse]:
    document = call.document
    if document.get("client_id") != client.id:
        # RFC 7592 2.2: the request has the client_id, which never changes.
        raise InvalidRequest("client_id is missing, or another client")
    secret_sent = document.get("client_secret")
    if secret_sent is not None and not any(
        kept.matches(str(secret_sent), context.env.now) for kept in client.secrets
    ):
        raise InvalidRequest("client_secret is not the one of this client")
    stated = software_statement.with_statement(document, context)
    fields = metadata.read(stated.document, client)
    after = msgspec.structs.replace(client, **{**fields, "name": fields["name"] or client.id})
    if appearance(after) != appearance(client):
        # The app was verified with its old name and addresses.
        after = msgspec.structs.replace(after, verified=stated.vouched)
    secret = ""
    after = msgspec.structs.replace(after, secrets=credentials.usable_secrets(after))
    if after.auth_method in WITH_SECRET and not after.secrets:
        secret = _opaque("cs", context)
        after = _with_secret(after, secret, context)
    if not set(after.scope) <= set(client.scope):
        after = restrict_scope(
            after, context.installation.registration.scope, context.installation.offer
        )
    _check(after, context)
    if after.name != client.name:
        _check_name(after, context)
    yield from registration.check_sector_document(after)
    answer = _document(after, context)
    if secret:
        answer |= {"client_secret": secret, "client_secret_expires_at": 0}
    changes = (Update(after),) if after != client else ()
    return Answer(document=answer, changes=changes)


def _with_secret(client: Client, secret: str, context: Context) -> Client:
    stored = credentials.new_secret(
        Secret(secret), client=client, keyring=context.installation.keyring, env=context.env
    )
    return msgspec.structs.replace(client, secrets=(stored,))


def _opaque(kind: opaque.Kind, context: Context) -> str:
    return opaque.write(kind, context.env.random_bytes(32))


def _document(client: Client, context: Context) -> dict[str, Any]:
    return metadata.write(client) | {
        "client_id_issued_at": client.created,
        "registration_client_uri": f"{context.installation.issuer}{PATH}?client_id={client.id}",
    }


REGISTRATION: Final = Feature(
    name="registration",
    cites=(CITE, MANAGE),
    on_by_default=False,
    endpoints=(
        Endpoint(
            path=PATH,
            metadata="registration_endpoint",
            cite=CITE,
            methods=("GET", "POST", "PUT", "DELETE"),
            who="nobody",
            reads="json",
            rule=manage,
            status=201,
        ),
    ),
)
