"""Users: the search."""

from collections.abc import Sequence
from typing import Any, Final

from valetkey.server.admin.table import BY_NAME
from valetkey.server.http.reply import Reply
from valetkey.server.http.request import Request, member_of
from valetkey.server.pages.app_text import plain
from valetkey.server.pages.console.parts import Area
from valetkey.server.pages.console.staff import Console, Staff, address
from valetkey.server.pages.console.views import SearchBy, UserRow, UsersView
from valetkey.server.pages.frame import NoSuchPage

USERS: Final = Area.USERS.path

NAME: Final = 100
"""Characters of a name."""


class UsersPage:
    """`/console/users`."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def list(self, request: Request) -> Reply:
        """Search for users, or list the newest ones."""
        staff = await self._console.enter(request, Area.USERS)
        parameters = request.parameters()
        search = parameters.get("search", "").strip()[:255]
        by = member_of(SearchBy, parameters.get("by", ""), SearchBy.EMAIL)
        cursor = parameters.get("cursor", "")
        users, following = await self._find(staff, search, by, cursor=cursor)
        view = UsersView(
            **self._console.around(staff, Area.USERS),
            rows=tuple(map(_row, users)),
            here=USERS,
            search=search,
            by=by,
            next=address(USERS, search=search, by=by, cursor=following) if following else None,
        )
        return self._console.page(request, view)

    async def _find(
        self, staff: Staff, search: str, by: SearchBy, *, cursor: str
    ) -> tuple[Sequence[Any], str]:
        if search and by is SearchBy.SUBJECT:
            try:
                return (await self._console.read(staff, "users.show", user=search),), ""
            except NoSuchPage:
                return (), ""
        field = by.value if search else ""
        if search and field not in BY_NAME["users.list"].query.__struct_fields__:
            return (), ""
        query = {field: search} if search else {}
        page = await self._console.read(
            staff, "users.list", query={**query, "cursor": cursor, "limit": 50}
        )
        return page.items, page.next or ""


def _row(user: Any) -> UserRow:
    return UserRow(
        subject=user.id,
        name=plain(user.name, NAME),
        username=plain(user.username, NAME),
        email=plain(user.email, NAME),
        verified=user.email_verified,
        disabled=user.status != "active",
        created=user.created,
        href=f"{USERS}/{user.id}",
    )
