"""Linked accounts: the accounts elsewhere by which a user signs in, and how they add one.

A link takes two proofs, both fresh and in one browser: a session here, and a sign-in at the
provider. The user then confirms a page that names both accounts (ATTACKS A105).
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import ClassVar, Final

import msgspec

from valetkey.server.accounts import linking
from valetkey.server.accounts.linking import Linked, Unlinked
from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.change import Create
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.query import Rule
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.single_use import is_used
from valetkey.server.oauth.logout import sessions
from valetkey.server.oauth.sign_in.attempt import Attempt, SignInRequirements, new_attempt
from valetkey.server.oauth.sign_in.identity import SignedInUser
from valetkey.server.oauth.sign_in.ticket import read_sealed, write_sealed
from valetkey.server.oauth.sign_in.upstream import SignInFailed
from valetkey.server.pages.components import Account, PageForm, Section, View, WayLink
from valetkey.server.pages.frame import LINKED, Frame, NoSuchPage, prove_again
from valetkey.server.pages.own_pages import own_form
from valetkey.server.pages.sign_out import OUTBOX_SECONDS
from valetkey.server.pages.upstream import UpstreamWay, name_of
from valetkey.server.pages.ways import WITH, SignInChoice
from valetkey.wire import redirect

PURPOSE: Final = b"link offer"
USED: Final = "link offer"
"""The purpose of single-use values for confirmed links."""

OFFER_SECONDS: Final = 600
"""Seconds in which the user has to confirm."""

_RANDOM: Final = 16
_MAX_OFFER: Final = 4096


class LinkedNotice(StrEnum):
    """What happened. ``LAST``: it was the last way to sign in, so it stays."""

    NONE = "none"
    LINKED = "linked"
    UNLINKED = "unlinked"
    ALREADY = "already"
    OTHER_USER = "taken"
    UNVERIFIED = "unverified"
    LAST = "last"
    STALE = "stale"


class LinkedItem(msgspec.Struct, frozen=True, kw_only=True):
    """A linked account: ``name`` at ``place``, linked at ``since``."""

    id: str
    place: str
    name: str
    since: int


class LinkedView(View, frozen=True, kw_only=True):
    """The linked accounts, each with a button ``.unlink``; ``ways`` lead to more."""

    template: ClassVar = "linked.html"
    section: ClassVar = Section.SECURITY
    enums: ClassVar = (LinkedNotice,)

    account: Account
    form: PageForm
    items: tuple[LinkedItem, ...]
    ways: tuple[WayLink, ...]
    notice: LinkedNotice = LinkedNotice.NONE


class LinkView(View, frozen=True, kw_only=True):
    """Confirm a link: button ``#link``. ``name`` is the account at ``place``."""

    template: ClassVar = "link.html"
    section: ClassVar = Section.SECURITY

    account: Account
    form: PageForm
    place: str
    name: str
    back: str


class _Offer(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What the user is asked to link: a proved identity, to the user of a session."""

    way: str
    source: str
    subject: str
    name: str
    user: str
    session: str
    expires: int
    random: bytes


class LinkedPage:
    """`/linked` and the steps of a link."""

    def __init__(self, frame: Frame, ways: Mapping[str, UpstreamWay], choice: SignInChoice) -> None:
        self._frame = frame
        self._ways = ways
        self._choice = choice

    async def show(self, request: Request) -> Reply:
        """Show the linked accounts."""
        person = await self._person(request)
        said = request.parameters().get("notice", "")
        known = {one.value for one in LinkedNotice}
        notice = LinkedNotice(said) if said in known else LinkedNotice.NONE
        context = await self._frame.shell.context()
        linked = await self._frame.shell.ask(lambda context: linking.identities(person.user.id))
        view = LinkedView(
            site=self._frame.site,
            account=self._frame.account(person.user),
            form=own_form(self._frame, request, person, context=context, path=f"{LINKED}/remove"),
            items=tuple(
                LinkedItem(
                    id=one.id,
                    place=self._label(one.source),
                    name=one.name or one.subject,
                    since=one.created,
                )
                for one in linked
            ),
            ways=tuple(
                WayLink(name=way.name, label=way.label, href=f"{LINKED}/{WITH}/{way.name}")
                for way in self._ways.values()
                if way.upstream.is_on
            ),
            notice=notice,
        )
        return self._frame.page(request, view)

    async def begin(self, request: Request) -> Reply:
        """Go to a provider, to prove the account there."""
        person, way = await self._person(request), self._way(request)
        context = await self._frame.shell.context()
        if not await self._frame.has_fresh_proof(person):
            return prove_again(LINKED)
        requirements = SignInRequirements(prompt="select_account")
        attempt = new_attempt(
            way.upstream,
            self._frame.cookies.read_browser(request),
            requirements,
            target=LINKED,
            link=person.session.id,
            context=context,
        )
        return await way.depart(request, attempt, requirements)

    async def ask(
        self, request: Request, way: UpstreamWay, *, attempt: Attempt, user: SignedInUser
    ) -> Reply:
        """Ask the user who came back from the provider to confirm the link."""
        person = await self._frame.person(request)
        if person is None or person.session.id != attempt.link:
            return await way.failed(
                request, SignInFailed("expired", detail="another session links"), attempt
            )
        result = await self._frame.shell.ask(
            lambda context: linking.judge_link(person.user, user.source, user.subject)
        )
        if result != "linked":
            return _back(LinkedNotice(result))
        context = await self._frame.shell.context()
        offer = _Offer(
            way=way.name,
            source=user.source,
            subject=user.subject,
            name=name_of(user),
            user=person.user.id,
            session=person.session.id,
            expires=context.env.now + OFFER_SECONDS,
            random=context.env.random_bytes(_RANDOM),
        )
        sealed = (("offer", write_sealed(offer, PURPOSE, context)),)
        view = LinkView(
            site=self._frame.site,
            account=self._frame.account(person.user),
            form=own_form(
                self._frame,
                request,
                person,
                context=context,
                path=f"{LINKED}/confirm",
                hidden=sealed,
            ),
            place=way.label,
            name=offer.name,
            back=LINKED,
        )
        return self._frame.page(request, view)

    async def confirm(self, request: Request) -> Reply:
        """Link the account."""
        person = await self._person(request)
        context = await self._frame.shell.context()
        form = self._frame.posted(
            request, context, purpose=f"{LINKED}/confirm", session=person.session.id
        )
        if not await self._frame.has_fresh_proof(person):
            return prove_again(LINKED)
        offer = read_sealed(
            form.get("offer", ""), _Offer, PURPOSE, most=_MAX_OFFER, context=context
        )
        way = None if offer is None else self._ways.get(offer.way)
        if offer is None or way is None or not way.upstream.is_on:
            return _back(LinkedNotice.STALE)
        owner = (person.user.id, person.session.id)
        if (offer.user, offer.session) != owner or context.env.now >= offer.expires:
            return _back(LinkedNotice.STALE)
        outcome, _ = await self._frame.shell.settle(lambda context: _link(offer, context))
        return _back(LinkedNotice(outcome.result))

    async def remove(self, request: Request) -> Reply:
        """Remove a link."""
        person = await self._person(request)
        context = await self._frame.shell.context()
        form = self._frame.posted(
            request, context, purpose=f"{LINKED}/remove", session=person.session.id
        )
        if not await self._frame.has_fresh_proof(person):
            return prove_again(LINKED)
        name = form.get("identity", "")
        linked = await self._frame.shell.ask(lambda context: linking.identities(person.user.id))
        source = next((one.source for one in linked if one.id == name), "")
        outcome, _ = await self._frame.shell.settle(
            lambda context: self._unlink(name, source, person=person, context=context)
        )
        for session in outcome.ended:
            await self._end(session.id)
        if outcome.result == "unknown":
            raise NoSuchPage
        return _back(LinkedNotice(outcome.result))

    def _unlink(
        self, name: str, source: str, *, person: Person, context: Context
    ) -> Rule[Unlinked]:
        return linking.unlink(
            name,
            person.user,
            way=next((way.name for way in self._of(source)), ""),
            current=person.session.id,
            usable=self._usable(),
            password=self._choice.form is not None,
            env=context.env,
        )

    async def _end(self, session: str) -> None:
        ended, _ = await self._frame.shell.settle(lambda context: sessions.end(session, context))
        await self._frame.outbox.send(ended.jobs, seconds=OUTBOX_SECONDS)

    async def _person(self, request: Request) -> Person:
        if not self._ways:
            raise NoSuchPage
        return await self._frame.require_person(request)

    def _way(self, request: Request) -> UpstreamWay:
        way = self._ways.get(request.path_parameters["way"])
        if way is None:
            raise NoSuchPage
        return way

    def _of(self, source: str) -> Sequence[UpstreamWay]:
        return [way for way in self._ways.values() if source in way.upstream.sources]

    def _usable(self) -> frozenset[str]:
        ours = [way for way in self._ways.values() if way.upstream.is_on]
        return frozenset(source for way in ours for source in way.upstream.sources)

    def _label(self, source: str) -> str:
        labels = [way.label for way in self._of(source)]
        return labels[0] if labels else redirect.host(source) or source


def _link(offer: _Offer, context: Context) -> Rule[Linked]:
    marker = SingleUse(purpose=USED, value=offer.random.hex(), expires=offer.expires)
    if (yield from is_used(marker)):
        return Linked(result="already")
    outcome = yield from linking.link(
        offer.user, offer.source, offer.subject, name=offer.name, env=context.env
    )
    return msgspec.structs.replace(outcome, changes=(*outcome.changes, Create(marker)))


def _back(notice: LinkedNotice) -> Reply:
    return see_other(f"{LINKED}?notice={notice.value}")
