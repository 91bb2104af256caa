"""Apps: the search, one app, and the acts on it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from valetkey.server.admin.table import BY_NAME
from valetkey.server.http.reply import Reply
from valetkey.server.http.request import Request, member_of
from valetkey.server.model.client import Client
from valetkey.server.model.query import One
from valetkey.server.pages import presenters
from valetkey.server.pages.app_text import plain
from valetkey.server.pages.components import PermissionItem
from valetkey.server.pages.console.acts import ActPage, Finder, OnceValue, Target, read_last_act
from valetkey.server.pages.console.charts import Chart, ChartKind, Step
from valetkey.server.pages.console.listings import (
    AppDetailView,
    AppFilter,
    AppRow,
    AppsListView,
    SecretRow,
)
from valetkey.server.pages.console.names import from_segment, segment
from valetkey.server.pages.console.numbers import charts
from valetkey.server.pages.console.parts import REASON, Act, Area
from valetkey.server.pages.console.staff import Console, Staff, address
from valetkey.server.pages.frame import NoSuchPage

APPS: Final = Area.APPS.path
APP: Final = f"{APPS}/{{app}}"

FILTERS: Final[Mapping[AppFilter, Callable[[Any], bool]]] = {
    AppFilter.ALL: lambda app: True,
    AppFilter.UNVERIFIED: lambda app: not app.verified,
    AppFilter.SUSPENDED: lambda app: app.status != "active",
}
"""What each filter lets through."""

PAGE: Final = 50
"""Apps on a page."""

STEPS: Final = 5
"""Reads for one page: where little fits, the page ends early, and there is a way on."""

ACTS: Final = {
    Act.SUSPEND: "apps.suspend",
    Act.RESTORE: "apps.restore",
    Act.VERIFY: "apps.verify",
    Act.UNVERIFY: "apps.verify",
    Act.ADD_SECRET: "apps.rotate-secret",
}
"""The acts on an app, and their operations."""

BODIES: Final[dict[Act, dict[str, Any]]] = {
    Act.VERIFY: {"verified": True},
    Act.UNVERIFY: {"verified": False},
}
"""What an operation gets besides the reason."""

LIST: Final = "apps.list"
REMOVE_SECRET: Final = "apps.revoke-secret"

USAGE: Final = (ChartKind.TOKENS, ChartKind.CONSENTS)
"""The charts of an app."""


class AppsPage:
    """`/console/apps`, and the pages of apps below it."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def list(self, request: Request) -> Reply:
        """Search for apps, or list the newest ones."""
        staff = await self._console.enter(request, Area.APPS)
        parameters = request.parameters()
        search = parameters.get("search", "").strip()[:255]
        show = member_of(AppFilter, parameters.get("show", ""), AppFilter.ALL)
        names, following = await self._find(
            staff, search, show, cursor=parameters.get("cursor", "")
        )
        clients = await self._clients(names)
        view = AppsListView(
            **self._console.around(staff, Area.APPS),
            rows=tuple(map(_row, clients)),
            here=APPS,
            search=search,
            show=show,
            next=address(APPS, search=search, show=show, cursor=following) if following else None,
        )
        return self._console.page(request, view)

    async def _find(
        self, staff: Staff, search: str, show: AppFilter, *, cursor: str
    ) -> tuple[Sequence[str], str]:
        """The ids of the apps of a page, and the cursor of the next."""
        query: dict[str, Any] = {}
        names: list[str] = []
        if search:
            exact = await self._clients([search])
            names += [one.id for one in exact if not cursor]
            query = {"domain" if "." in search else "name": search}
            if not query.keys() <= frozenset(BY_NAME[LIST].query.__struct_fields__):
                return names, ""
        for _ in range(STEPS):
            page = await self._console.read(
                staff, LIST, query={**query, "cursor": cursor, "limit": PAGE}
            )
            names += [one.id for one in page.items if FILTERS[show](one)]
            cursor = page.next or ""
            if not cursor or len(names) >= PAGE or show is AppFilter.ALL:
                break
        return list(dict.fromkeys(names)), cursor

    async def _clients(self, names: Sequence[str]) -> Sequence[Client]:
        queries = [One(Client, name) for name in names]
        if not queries:
            return ()
        results = await self._console.frame.shell.store.read(*queries)
        return [one for want in queries if (one := results.one(want)) is not None]

    async def show(self, request: Request) -> Reply:
        """Show one app."""
        staff = await self._console.enter(request, Area.APPS)
        client = await self._client(request)
        here = f"{APPS}/{segment(client.id)}"
        context = await self._console.frame.shell.context()
        usage = await self._usage(staff, client)
        items = self._asks(client, context.installation.offer, self._language(request))
        view = AppDetailView(
            **self._console.around(staff, Area.APPS),
            app=presenters.app(client, client.id),
            origin=client.origin,
            suspended=client.status != "active",
            suspended_since=client.suspension.since if client.suspension else 0,
            created=client.created,
            policy=client.policy,
            auth_method=client.auth_method,
            redirect_uris=tuple(plain(uri, REASON) for uri in client.redirect_uris),
            permissions=items,
            secrets=_secrets(client, staff, here, used=await self._used(staff, client)),
            charts=usage,
            acts=tuple(
                (act, f"{here}/{act}")
                for act, operation in ACTS.items()
                if staff.may(operation) and _fits(act, client)
            ),
            events=address(Area.AUDIT.path, app=client.id) if Area.AUDIT in staff.areas else None,
            declared=client.origin == "declared",
            last_act=read_last_act(request),
        )
        return self._console.page(request, view)

    def _language(self, request: Request) -> str:
        return self._console.frame.language(request)

    async def _usage(self, staff: Staff, client: Client) -> tuple[Chart, ...]:
        return await charts(self._console, staff, USAGE, step=Step.DAY, app=client.id)

    async def _used(self, staff: Staff, client: Client) -> Mapping[str, int]:
        """The day on which each secret was last used, 0 if it was not."""
        listed = await self._console.read_if_allowed(staff, "apps.secrets", app=client.id)
        return {} if listed is None else {one.id: one.used for one in listed.items}

    def _asks(self, client: Client, offer: Any, language: str) -> tuple[PermissionItem, ...]:
        return tuple(
            presenters.requestable(offer.permissions[name], client.reasons.get(name, ""), language)
            for name in offer.expand_known(client.scope)
        )

    async def _client(self, request: Request) -> Client:
        """The app in the path. Raises NoSuchPage."""
        name = from_segment(request.path_parameters["app"])
        clients = await self._clients([name])
        if not clients:
            raise NoSuchPage
        return clients[0]

    def finder(self, act: Act) -> Finder:
        """Finds what an act is about."""

        async def find(request: Request, staff: Staff) -> Target:
            return await self._find_app(request, BODIES.get(act, {}))

        return find

    async def _find_app(self, request: Request, body: Mapping[str, Any]) -> Target:
        client = await self._client(request)
        return Target(
            subject=presenters.app(client, client.id).name,
            back=f"{APPS}/{segment(client.id)}",
            path={"app": client.id},
            body=body,
        )

    async def find_secret(self, request: Request, staff: Staff) -> Target:
        """A secret of the app."""
        client = await self._client(request)
        name = request.path_parameters["secret"]
        secret = next((one for one in client.secrets if one.name == name), None)
        if secret is None:
            raise NoSuchPage
        return Target(
            subject=f"…{secret.last_four}",
            back=f"{APPS}/{segment(client.id)}",
            path={"app": client.id, "secret": name},
        )


def _row(client: Client) -> AppRow:
    return AppRow(
        app=presenters.app(client, client.id),
        origin=client.origin,
        suspended=client.status != "active",
        created=client.created,
        href=f"{APPS}/{segment(client.id)}",
    )


def _fits(act: Act, client: Client) -> bool:
    """Whether the act would change anything."""
    match act:
        case Act.SUSPEND:
            return client.status == "active"
        case Act.RESTORE:
            return client.status != "active"
        case Act.VERIFY:
            return not client.verified
        case Act.UNVERIFY:
            return client.verified
        case _:
            return bool(client.secrets)


def _secrets(
    client: Client, staff: Staff, here: str, *, used: Mapping[str, int]
) -> tuple[SecretRow, ...]:
    may = staff.may(REMOVE_SECRET) and len(client.secrets) > 1
    return tuple(
        SecretRow(
            id=one.name,
            last_four=one.last_four,
            created=one.created,
            until=one.until,
            used=used.get(one.name, 0),
            remove=f"{here}/secrets/{one.name}/{Act.REMOVE_SECRET}" if may else None,
        )
        for one in client.secrets
    )


def acts(console: Console, page: AppsPage) -> dict[str, ActPage]:
    """The acts on apps, by the path of each."""

    def secret(response: Any) -> OnceValue:
        return OnceValue(response.client_secret)

    one_app = {
        f"{APP}/{act}": ActPage(
            console,
            act,
            area=Area.APPS,
            operation=operation,
            find=page.finder(act),
            once=secret if act is Act.ADD_SECRET else None,
        )
        for act, operation in ACTS.items()
    }
    return one_app | {
        f"{APP}/secrets/{{secret}}/{Act.REMOVE_SECRET}": ActPage(
            console,
            Act.REMOVE_SECRET,
            area=Area.APPS,
            operation=REMOVE_SECRET,
            find=page.find_secret,
        )
    }
