"""Apps: find them, register them, change them, remove them."""

from typing import Any, Final

import msgspec
from msgspec import UNSET

from valetkey.jose import base64url
from valetkey.server.admin.lists import page_of, search_page
from valetkey.server.admin.operation import (
    AnyCall,
    AnyOperation,
    Call,
    Nothing,
    Operation,
)
from valetkey.server.admin.operations.app_fields import (
    AppCreated,
    AppDetail,
    AppEdit,
    AppList,
    AppOrder,
    AppPage,
    AppRemoved,
    detail,
    summary,
)
from valetkey.server.admin.problems import Problem, find
from valetkey.server.model import search
from valetkey.server.model.change import Create, Update
from valetkey.server.model.client import WITH_SECRET, Client
from valetkey.server.model.keys import Secret
from valetkey.server.model.query import One, Rule
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.role import PREFIX
from valetkey.server.model.search import SearchQuery, beginning, exactly
from valetkey.server.oauth.admin import removal
from valetkey.server.oauth.clients import credentials, registration
from valetkey.server.oauth.clients.registration import NO_SCOPE
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.wire import opaque

SECRET_BYTES: Final = 32


class AppChanged(Outcome, frozen=True, kw_only=True, eq=False):
    """The app as now stored, and its new secret, "" for none."""

    client: Client
    secret: str = ""


def stored(outcome: AppChanged) -> Any:
    """The app as it is after the changes."""
    client = outcome.client
    written = any(one.record == client for one in outcome.changes)
    return detail(msgspec.structs.replace(client, version=client.version + written))


def find_app(name: str) -> Rule[Client]:
    """The app with this id. Raises Problem."""
    return find(Client, name, what="app")


def find_reachable(call: AnyCall) -> Rule[Client]:
    """The app in the path, for a change. Raises Problem for one that may do more than the caller:
    a secret or a redirect URI of a tool of administrators is worth its permissions (ATTACKS
    A161)."""
    client = yield from find_app(call.path["app"])
    check_powers(client, call)
    call.check_match(client)
    return client


def check_powers(client: Client, call: AnyCall) -> None:
    """Raises Problem if the app may do more than the caller."""
    needed = {one.removeprefix(PREFIX) for one in client.admin}
    if client.scim is not None:
        needed.add("users.manage")
    missing = needed - call.actor.permissions
    if missing:
        raise Problem("not-allowed", "this app may do more than you", permission=min(missing))


async def list_apps(call: Call[AppList, Nothing]) -> AppPage:
    """All apps, or those that are looked for."""
    search_query = _search(call.query)
    if search_query is None:
        items, following = await page_of(call, Client, summary)
    else:
        items, following = await search_page(call, search_query, summary)
    return AppPage(items=items, next=following)


def _search(query: AppList) -> SearchQuery[Client] | None:
    """The search, None for all apps. Raises Problem."""
    searches = [
        make(Client, term)
        for value, make, term in (
            (query.name, beginning, search.text(search.APP_WORD, query.name)),
            (query.domain, beginning, search.domain(query.domain)),
            (query.owner, exactly, search.OWNER + query.owner.encode()),
        )
        if value
    ]
    if len(searches) > 1:
        raise Problem("invalid-request", "search by one of name, domain and owner at a time")
    return searches[0] if searches else None


async def show_app(call: Call[Nothing, Nothing]) -> Any:
    """One app."""
    return detail(await call.ask(lambda context: find_app(call.path["app"])))


def _values(body: Any) -> dict[str, Any]:
    values = {name: getattr(body, name) for name in body.__struct_fields__}
    return {name: value for name, value in values.items() if value is not UNSET}


def _check(client: Client, context: Context, *, but: str = "") -> None:
    """Raises Problem with all mistakes, without `but`."""
    every = registration.mistakes(client, context.installation)
    if mistakes := [one for one in every if one != but]:
        raise Problem("not-valid", mistakes=mistakes)


async def create_app(call: Call[Nothing, Any]) -> AppCreated:
    """Registers an app."""

    def rule(context: Context) -> Rule[AppChanged]:
        env, values = context.env, _values(call.body)
        name = values["id"] or base64url.encode(env.random_bytes(12))
        client = Client(**(values | {"id": name, "created": env.now}))
        queries = One(Client, name), One(ResourceServer, name)
        results = yield queries
        if any(results.records(one) for one in queries):
            raise Problem("conflict", "there is an app or an API with this id")
        secret = ""
        if client.auth_method in WITH_SECRET:
            secret = opaque.write("cs", env.random_bytes(SECRET_BYTES))
            keyring = context.installation.keyring
            new = credentials.new_secret(Secret(secret), client=client, keyring=keyring, env=env)
            client = msgspec.structs.replace(client, secrets=(new,))
        check_powers(client, call)
        # One that requests permissions of this API alone gets its scope when it is listed.
        _check(client, context, but=f"scope: {NO_SCOPE}")
        return AppChanged(client=client, secret=secret, changes=(Create(client),))

    return await call.settle(
        rule,
        lambda outcome: AppCreated(app=stored(outcome), client_secret=outcome.secret, version=1),
    )


async def edit_app(call: Call[Nothing, Any]) -> Any:
    """Changes the fields that are named."""

    def rule(context: Context) -> Rule[AppChanged]:
        client = yield from find_reachable(call)
        after = msgspec.structs.replace(client, **_values(call.body))
        if after == client:
            return AppChanged(client=client)
        after = msgspec.structs.replace(after, secrets=credentials.usable_secrets(after))
        check_powers(after, call)
        _check(after, context)
        return AppChanged(client=after, changes=(Update(after),))

    return await call.settle(rule, stored)


async def remove_app(call: Call[Nothing, Nothing]) -> AppRemoved:
    """Removes an app, and stops all its grants."""

    def rule(context: Context) -> Rule[removal.Removed]:
        client = yield from find_reachable(call)
        removed = yield from removal.client(client.id, context)
        if isinstance(removed, removal.NotRemoved):
            raise Problem("not-found", removed.why)
        return removed

    return await call.settle(
        rule, lambda outcome: AppRemoved(id=call.path["app"], stopped=outcome.stopped)
    )


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="apps.list",
        method="GET",
        path="/apps",
        permission="apps.read",
        query=AppList,
        body=Nothing,
        response=AppPage,
        run=list_apps,
        summary="List apps",
    ),
    Operation(
        name="apps.create",
        method="POST",
        path="/apps",
        permission="apps.manage",
        query=Nothing,
        body=AppOrder,
        response=AppCreated,
        run=create_app,
        summary="Register an app",
        description="An app that authenticates with a secret gets one. For permissions of this "
        "API, list it afterwards (`apps.administration`).",
        status=201,
        location="/apps/{app.id}",
        secret=("client_secret",),
    ),
    Operation(
        name="apps.show",
        method="GET",
        path="/apps/{app}",
        permission="apps.read",
        query=Nothing,
        body=Nothing,
        response=AppDetail,
        run=show_app,
        summary="Show an app",
    ),
    Operation(
        name="apps.edit",
        method="PATCH",
        path="/apps/{app}",
        permission="apps.manage",
        query=Nothing,
        body=AppEdit,
        response=AppDetail,
        run=edit_app,
        summary="Edit an app",
        description="Its keys (`jwks`, `jwks_uri`) too. What a permission of its grants says "
        "stays; a permission that it may no longer request is lost at its next request.",
    ),
    Operation(
        name="apps.remove",
        method="DELETE",
        path="/apps/{app}",
        permission="apps.manage",
        query=Nothing,
        body=Nothing,
        response=AppRemoved,
        run=remove_app,
        summary="Remove an app",
        description="Stops all its grants, for good. To refuse an app for a while, suspend it.",
        sensitive=True,
    ),
)
