"""The security page: how users protect their account. Each section is a file of its own."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

import msgspec

from valetkey.server.http.reply import Reply
from valetkey.server.http.request import Request
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.core.context import Context
from valetkey.server.pages.components import Account, Section, View
from valetkey.server.pages.frame import LINKED, Frame


class SecuritySection(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the security page: its own template, which sees it as ``section``. It links to its
    own pages, below ``/security/``, which ask for a fresh proof before they change anything."""

    template: ClassVar[str]


class SectionPresenter(Protocol):
    """What makes a section for a user; None for no section."""

    async def section(
        self, request: Request, person: Person, context: Context
    ) -> SecuritySection | None: ...


class SecurityView(View, frozen=True, kw_only=True):
    """The sections, in order."""

    template: ClassVar = "security.html"
    section: ClassVar = Section.SECURITY

    account: Account
    sections: tuple[SecuritySection, ...]

    @property
    def included(self) -> tuple[str, ...]:
        """The templates of the sections."""
        return tuple(one.template for one in self.sections)


class SecurityPage:
    """`/security`."""

    def __init__(self, frame: Frame, presenters: Sequence[SectionPresenter]) -> None:
        """Without presenters, there should be no page."""
        self._frame = frame
        self._presenters = presenters

    async def show(self, request: Request) -> Reply:
        """Show the sections."""
        person = await self._frame.require_person(request)
        context = await self._frame.shell.context()
        sections = [await one.section(request, person, context) for one in self._presenters]
        view = SecurityView(
            site=self._frame.site,
            account=self._frame.account(person.user),
            sections=tuple(one for one in sections if one is not None),
        )
        return self._frame.page(request, view)


class LinkedSection(SecuritySection, frozen=True, kw_only=True):
    """The way to the linked accounts."""

    template: ClassVar = "security/linked.html"

    href: str


class LinkedPresenter:
    """Makes the section of the linked accounts."""

    async def section(
        self, request: Request, person: Person, context: Context
    ) -> SecuritySection | None:
        """The section."""
        return LinkedSection(href=LINKED)
