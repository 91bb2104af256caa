"""The user's profile, language and time zone; the download of their data."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import ClassVar, Final
from zoneinfo import available_timezones

from valetkey.server.accounts.profile import (
    EDITABLE,
    ProfileField,
    change_profile,
    profile_owner,
)
from valetkey.server.http.personal_export import export
from valetkey.server.http.reply import NO_STORE, SAFE, Reply, StreamReply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.user import User
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.core.context import Context
from valetkey.server.pages.components import Account, PageForm, Section, View
from valetkey.server.pages.frame import Frame, prove_again

PROFILE: Final = "/profile"
DOWNLOAD: Final = f"{PROFILE}/download"
DELETE: Final = f"{PROFILE}/delete"


class ProfileNotice(StrEnum):
    """What was done."""

    NONE = "none"
    SAVED = "saved"


class ProfileView(View, frozen=True, kw_only=True):
    """The profile: fields by the names of ``values``, button ``#save``. ``wrong`` are fields with
    mistakes, whose values are as typed. ``owned``: another place owns the profile, so only
    ``language`` and ``zone`` are fields. ``languages`` are tags with names; ``download`` is the
    form of the button ``#download``, ``delete`` the page that deletes the account."""

    template: ClassVar = "profile.html"
    section: ClassVar = Section.PROFILE
    enums: ClassVar = (ProfileNotice,)

    account: Account
    form: PageForm
    download: PageForm
    delete: str
    values: dict[str, str]
    fields: tuple[str, ...]
    languages: tuple[tuple[str, str], ...]
    zones: tuple[str, ...]
    owned: bool = False
    wrong: tuple[ProfileField, ...] = ()
    notice: ProfileNotice = ProfileNotice.NONE


@cache
def zones() -> tuple[str, ...]:
    """The time zones that people choose from."""
    places = (one for one in available_timezones() if "/" in one)
    return ("UTC", *sorted(one for one in places if not one.startswith(("Etc/", "SystemV/"))))


def values_of(user: User) -> dict[str, str]:
    """The user's profile by the names of the fields."""
    claims = {name: user.claims.get(name, "") for name in EDITABLE}
    return claims | {"language": user.language, "zone": user.zone}


class ProfilePage:
    """`/profile` and `/profile/download`."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def show(self, request: Request) -> Reply:
        """Show the profile."""
        person = await self._frame.require_person(request)
        said = request.parameters().get("notice", "")
        known = {one.value for one in ProfileNotice}
        notice = ProfileNotice(said) if said in known else ProfileNotice.NONE
        view = await self._view(request, person, values_of(person.user), notice=notice)
        return self._frame.page(request, view)

    async def change(self, request: Request) -> Reply:
        """Save the profile."""
        person = await self._frame.require_person(request)
        context = await self._frame.shell.context()
        form = self._frame.posted(request, context, purpose=PROFILE, session=person.session.id)
        names = (*EDITABLE, "language", "zone")
        values = {name: form[name].strip() for name in names if name in form}
        outcome, _ = await self._frame.shell.settle(
            lambda context: change_profile(person.user.id, values, context.env)
        )
        if outcome.wrong:
            typed = values_of(person.user) | values
            view = await self._view(request, person, typed, wrong=outcome.wrong)
            return self._frame.page(request, view, status=400)
        return see_other(f"{PROFILE}?notice={ProfileNotice.SAVED}")

    async def download(self, request: Request) -> Reply | StreamReply:
        """Send all that is stored about the user."""
        person = await self._frame.require_person(request)
        context = await self._frame.shell.context()
        self._frame.posted(request, context, purpose=DOWNLOAD, session=person.session.id)
        if not await self._frame.has_fresh_proof(person):
            return prove_again(PROFILE)
        headers = (
            (b"content-type", b"application/json"),
            (b"content-disposition", b'attachment; filename="my-data.json"'),
            *SAFE,
            *NO_STORE,
        )
        store = self._frame.shell.store
        return StreamReply(headers, export(store, person.user.id, now=context.env.now))

    async def _view(
        self,
        request: Request,
        person: Person,
        values: Mapping[str, str],
        *,
        wrong: tuple[ProfileField, ...] = (),
        notice: ProfileNotice = ProfileNotice.NONE,
    ) -> ProfileView:
        context = await self._frame.shell.context()
        owned = await self._frame.shell.ask(lambda context: profile_owner(person.user.id))
        chosen = values.get("zone", "")
        more = (chosen,) if chosen and chosen not in zones() and "zone" not in wrong else ()
        return ProfileView(
            site=self._frame.site,
            account=self._frame.account(person.user),
            form=self._form(request, person, context, path=PROFILE),
            download=self._form(request, person, context, path=DOWNLOAD),
            delete=DELETE,
            values=dict(values),
            fields=EDITABLE,
            languages=tuple((one.tag, one.name) for one in self._frame.brand.locales.values()),
            zones=(*more, *zones()),
            owned=bool(owned),
            wrong=wrong,
            notice=notice,
        )

    def _form(self, request: Request, person: Person, context: Context, *, path: str) -> PageForm:
        return self._frame.form(
            request, context, action=path, purpose=path, session=person.session.id
        )
