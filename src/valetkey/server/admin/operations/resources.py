"""APIs: their catalogs, revisions and differences, what a new catalog would change for people, and
their secrets."""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from valetkey.jose.seal import digest
from valetkey.server.admin.lists import page_of
from valetkey.server.admin.operation import (
    AnyOperation,
    Call,
    ItemPage,
    ListQuery,
    Nothing,
    Operation,
    Parameters,
)
from valetkey.server.admin.operations.users import Time
from valetkey.server.admin.problems import find
from valetkey.server.model.change import Update
from valetkey.server.model.client import StoredSecret
from valetkey.server.model.query import Rule
from valetkey.server.model.resource import ResourceServer
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.wire import opaque
from valetkey.wire.catalog import Catalog

SECRET_BYTES: Final = 32
MOST_SECRETS: Final = 5


class ApiSummary(msgspec.Struct, frozen=True, kw_only=True):
    """An API in a list. `resource` is its identifier as an audience (RFC 8707)."""

    id: str
    resource: str
    name: str
    permissions: int
    revision: int
    created: Time


class ApiSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A secret of an API, without the secret. `until` is when it ends, 0 for never."""

    created: Time
    until: Time


class ApiDetail(ApiSummary, frozen=True, kw_only=True):
    """An API, with its catalog as a file for `valetkey apply` has it."""

    catalog: dict[str, Any]
    secrets: tuple[ApiSecret, ...]
    status_list: bool
    split: bool
    version: int


class ApiPage(ItemPage, frozen=True, kw_only=True):
    """APIs."""

    items: tuple[ApiSummary, ...]


class SecretOrder(Parameters, frozen=True, kw_only=True):
    """How long the other secrets stay valid, in seconds, so that the API can change over."""

    overlap: Annotated[int, Meta(ge=0, le=90 * 86400)] = 86400


class ApiSecretMade(msgspec.Struct, frozen=True, kw_only=True):
    """The new secret, which is shown once, and all secrets of the API `id`."""

    id: str
    secret: str
    secrets: tuple[ApiSecret, ...]
    version: int


class ApiOutcome(Outcome, frozen=True, kw_only=True, eq=False):
    """The API as it is now."""

    server: ResourceServer
    secret: str = ""


def as_plain(catalog: Catalog) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(catalog)
    return plain


def _summary(server: ResourceServer) -> ApiSummary:
    return ApiSummary(
        id=server.id,
        resource=server.catalog.resource,
        name=server.catalog.name,
        permissions=len(server.catalog.permissions),
        revision=server.revision,
        created=server.created,
    )


def _secrets(server: ResourceServer) -> tuple[ApiSecret, ...]:
    return tuple(ApiSecret(created=one.created, until=one.until) for one in server.secrets)


def _detail(server: ResourceServer) -> ApiDetail:
    return ApiDetail(
        **msgspec.structs.asdict(_summary(server)),
        catalog=as_plain(server.catalog),
        secrets=_secrets(server),
        status_list=server.status_list,
        split=server.split,
        version=server.version,
    )


def find_api(name: str) -> Rule[ResourceServer]:
    """The API with this name. Raises Problem."""
    return find(ResourceServer, name, what="API")


async def list_apis(call: Call[ListQuery, Nothing]) -> ApiPage:
    """All of them."""
    items, following = await page_of(call, ResourceServer, _summary)
    return ApiPage(items=items, next=following)


async def show_api(call: Call[Nothing, Nothing]) -> ApiDetail:
    """One of them."""
    return _detail(await call.ask(lambda _: find_api(call.path["api"])))


async def make_secret(call: Call[Nothing, SecretOrder]) -> ApiSecretMade:
    """A new secret; the others end soon."""

    def rule(context: Context) -> Rule[ApiOutcome]:
        server = yield from find_api(call.path["api"])
        env = context.env
        secret = opaque.write("cs", env.random_bytes(SECRET_BYTES))
        ends = env.now + call.body.overlap
        older = tuple(
            msgspec.structs.replace(one, until=min(one.until or ends, ends))
            for one in server.secrets
            if one.is_valid(env.now) and call.body.overlap
        )
        new = StoredSecret(digest(secret), env.now)
        secrets = (*older[-(MOST_SECRETS - 1) :], new)
        after = msgspec.structs.replace(server, secrets=secrets)
        stored = msgspec.structs.replace(after, version=server.version + 1)
        return ApiOutcome(server=stored, secret=secret, changes=(Update(after),))

    return await call.settle(
        rule,
        lambda outcome: ApiSecretMade(
            id=outcome.server.id,
            secret=outcome.secret,
            secrets=_secrets(outcome.server),
            version=outcome.server.version,
        ),
    )


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="resources.list",
        method="GET",
        path="/resources",
        permission="catalog.read",
        query=ListQuery,
        body=Nothing,
        response=ApiPage,
        run=list_apis,
        summary="List APIs",
    ),
    Operation(
        name="resources.show",
        method="GET",
        path="/resources/{api}",
        permission="catalog.read",
        query=Nothing,
        body=Nothing,
        response=ApiDetail,
        run=show_api,
        summary="Show an API",
    ),
    Operation(
        name="resources.make_secret",
        method="POST",
        path="/resources/{api}/secrets",
        permission="catalog.manage",
        query=Nothing,
        body=SecretOrder,
        response=ApiSecretMade,
        run=make_secret,
        summary="Give an API a new secret",
        description="The other secrets stay valid for a while, so that the API can change over.",
        status=201,
        location="/resources/{id}",
        sensitive=True,
        secret=("secret",),
    ),
)
