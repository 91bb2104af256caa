"""Passkeys of the signed-in user: their section on the security page, and the pages on which they
add, rename and remove them."""

import re
from collections.abc import Sequence
from typing import Final

from valetkey.jose import base64url
from valetkey.server.accounts import passkey_challenge, passkeys
from valetkey.server.accounts.passkeys import Refused
from valetkey.server.accounts.relying_party import RelyingParty
from valetkey.server.accounts.webauthn import Member, creation_options
from valetkey.server.http import log
from valetkey.server.http.cookies import device
from valetkey.server.http.reply import Reply, json_reply, see_other
from valetkey.server.http.request import Request, member_of
from valetkey.server.model.factor import Factor
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.logout.factor_changes import enrol_passkey, unenrol
from valetkey.server.oauth.sign_in.ticket import read_sealed, write_sealed
from valetkey.server.pages.account.security import SecuritySection
from valetkey.server.pages.app_text import plain
from valetkey.server.pages.authorize import continue_at
from valetkey.server.pages.components import PageForm
from valetkey.server.pages.factors.authenticator import RecoveryCodesView
from valetkey.server.pages.factors.passkey_views import (
    ADD,
    NEW,
    PASSKEYS,
    AcceptedPasskeys,
    AddPasskeyView,
    PasskeyNotice,
    PasskeyProblem,
    PasskeysSection,
    PasskeysView,
    PasskeyView,
    passkey_item,
)
from valetkey.server.pages.factors.stages import factor_context
from valetkey.server.pages.frame import SIGN_IN, Frame, NoSuchPage, prove_again
from valetkey.server.pages.own_pages import after_sign_in, own_form, then
from valetkey.server.pages.ways import PassOnView
from valetkey.spec.errors import InvalidRequest
from valetkey.wire import form as forms

PURPOSE: Final = b"passkey challenge"
_MAX_CHALLENGE: Final = 1024


class PasskeysPage:
    """`/security/passkeys` and the pages below it."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    @property
    def party(self) -> RelyingParty:
        """Who asks for passkeys. Raises NoSuchPage where there are none."""
        if self._frame.passkeys is None:
            raise NoSuchPage
        return self._frame.passkeys

    async def section(
        self, request: Request, person: Person, context: Context
    ) -> SecuritySection | None:
        """The section on the security page."""
        if self._frame.passkeys is None:
            return None
        mine = await self._mine(person)
        return PasskeysSection(items=tuple(map(passkey_item, mine)), now=context.env.now)

    async def show(self, request: Request) -> Reply:
        """List the passkeys."""
        party, person = self.party, await self._frame.require_person(request)
        context = await self._frame.shell.context()
        mine = await self._mine(person)
        notice = request.parameters().get("notice", "")
        user = person.user
        accepted = AcceptedPasskeys(
            rp_id=party.rp_id,
            user_id=base64url.encode(mine[0].handle) if mine else "",
            username=user.label,
            display_name=user.display_name,
            ids=tuple(one.credential for one in mine),
        )
        view = PasskeysView(
            site=self._frame.site,
            account=self._frame.account(user),
            items=tuple(map(passkey_item, mine)),
            accepted=accepted,
            now=context.env.now,
            full=len(mine) >= passkeys.MOST,
            notice=member_of(PasskeyNotice, notice, PasskeyNotice.NONE),
        )
        return self._frame.page(request, view)

    async def ask(self, request: Request) -> Reply:
        """The page that adds a passkey, after a fresh proof."""
        person, query = await self._proved(request, ADD), request.parameters()
        if isinstance(person, Reply):
            return person
        silent, later = query.get("how") == "silent", _later(query.get("later", ""))
        return await self._add_page(request, person, later=later, silent=silent)

    async def options(self, request: Request) -> Reply:
        """What the browser is asked for, as JSON, and the challenge that goes with the answer."""
        party, person = self.party, await self._proved(request, ADD)
        if isinstance(person, Reply):
            raise InvalidRequest("prove first who you are", status=403)
        browser = self._frame.cookies.read_browser(request)
        challenge = await self._frame.shell.ask(
            lambda context: passkeys.begin_registration(
                person.user, browser.id, person.session.id, env=context.env
            )
        )
        context, mine = await self._frame.shell.context(), await self._mine(person)
        user = person.user
        member = Member(
            handle=challenge.handle, username=user.label, display_name=user.display_name
        )
        options = creation_options(
            party,
            member,
            challenge.random,
            existing=[one.credential for one in mine],
            seconds=passkey_challenge.SECONDS,
        )
        sealed = write_sealed(challenge, PURPOSE, context)
        return json_reply({"challenge": sealed, "options": options})

    async def create(self, request: Request) -> Reply:
        """Take the new passkey."""
        party, person = self.party, await self._frame.require_person(request)
        form = await self._posted(request, person, purpose=NEW)
        browser, context = (
            self._frame.cookies.read_browser(request),
            await self._frame.shell.context(),
        )
        challenge, later = opened_challenge(form, context), _later(form.get("later", ""))
        silent = form.get("how") == "silent"
        outcome, _ = await self._frame.shell.settle(
            lambda context: enrol_passkey(
                person.session,
                passkeys.register(
                    form.get("response", ""),
                    challenge,
                    browser=browser.id,
                    session=person.session.id,
                    name=_name(form) or device(request.joined(b"user-agent")),
                    party=party,
                    rules=factor_context(self._frame, request, context),
                    optional=silent,
                ),
                context=context,
            )
        )
        if isinstance(outcome, Refused):
            log.info("no new passkey", why=outcome.why, detail=outcome.detail)
            if silent and later:
                return self._go_on(request, later)
            problem = PasskeyProblem(outcome.why)
            return await self._add_page(
                request, person, problem=problem, name=_name(form), later=later
            )
        following = later or f"{PASSKEYS}?notice={PasskeyNotice.ADDED.value}"
        if not outcome.codes:
            return self._go_on(request, following)
        codes = RecoveryCodesView(site=self._frame.site, codes=outcome.codes, following=following)
        return self._frame.page(request, codes)

    async def look(self, request: Request) -> Reply:
        """The page of one passkey."""
        person = await self._person(request)
        factor, mine = await self._one(request, person)
        context = await self._frame.shell.context()
        form = own_form(
            self._frame, request, person, context=context, path=f"{PASSKEYS}/{factor.id}"
        )
        view = PasskeyView(
            site=self._frame.site,
            account=self._frame.account(person.user),
            form=form,
            item=passkey_item(factor),
            now=context.env.now,
            sole=len(mine) == 1,
        )
        return self._frame.page(request, view)

    async def change(self, request: Request) -> Reply:
        """Rename or remove a passkey. To remove it takes a fresh proof."""
        person = await self._person(request)
        factor, _ = await self._one(request, person)
        path = f"{PASSKEYS}/{factor.id}"
        form = await self._posted(request, person, purpose=path)
        user = person.user.id
        match form.get("action"):
            case "rename":
                name = _name(form)
                if not name:
                    return see_other(path)
                await self._frame.shell.settle(
                    lambda context: passkeys.rename(factor.id, user, name)
                )
                return see_other(f"{PASSKEYS}?notice={PasskeyNotice.RENAMED.value}")
            case "remove":
                if not await self._frame.has_fresh_proof(person):
                    return prove_again(path)
                # At the level of the account: who lost the device has no passkey to prove it with.
                await self._frame.shell.settle(
                    lambda context: unenrol(
                        factor.id,
                        person.session,
                        rules=factor_context(self._frame, request, context),
                        context=context,
                    )
                )
                return see_other(f"{PASSKEYS}?notice={PasskeyNotice.REMOVED.value}")
            case _:
                raise InvalidRequest("the form says neither rename nor remove")

    async def _add_page(
        self,
        request: Request,
        person: Person,
        *,
        problem: PasskeyProblem = PasskeyProblem.NONE,
        name: str = "",
        later: str = "",
        silent: bool = False,
    ) -> Reply:
        context = await self._frame.shell.context()
        hidden = (("later", later), *((("how", "silent"),) if silent else ())) if later else ()
        view = AddPasskeyView(
            site=self._frame.site,
            account=self._frame.account(person.user),
            form=own_form(self._frame, request, person, context=context, path=NEW, hidden=hidden),
            name=name or device(request.joined(b"user-agent")),
            problem=problem,
            later=later,
            silent=silent and bool(later),
        )
        status = 200 if problem is PasskeyProblem.NONE else 400
        return self._frame.page(request, view, status=status)

    async def _person(self, request: Request) -> Person:
        if self._frame.passkeys is None:
            raise NoSuchPage
        return await self._frame.require_person(request)

    async def _proved(self, request: Request, path: str) -> Person | Reply:
        """The user, if their proof is fresh, else the way to one."""
        person = await self._person(request)
        return person if await self._frame.has_fresh_proof(person) else prove_again(path)

    async def _mine(self, person: Person) -> Sequence[Factor]:
        return await self._frame.shell.ask(lambda context: passkeys.passkeys_of(person.user.id))

    async def _one(self, request: Request, person: Person) -> tuple[Factor, Sequence[Factor]]:
        name, mine = request.path_parameters["passkey"], await self._mine(person)
        factor = next((one for one in mine if one.id == name), None)
        if factor is None:
            raise NoSuchPage
        return factor, mine

    def _go_on(self, request: Request, path: str) -> Reply:
        """The way on. A request that waits may lead to its app, to which no form of this page may
        redirect (Content Security Policy 3, `form-action`): so a page is between."""
        if not path.startswith(CONTINUE):
            return see_other(path)
        view = PassOnView(site=self._frame.site, place=self._frame.site.name, href=path)
        return self._frame.page(request, view).having((b"refresh", f"0;url={path}".encode()))

    async def _posted(self, request: Request, person: Person, *, purpose: str) -> forms.Form:
        context = await self._frame.shell.context()
        return self._frame.posted(request, context, purpose=purpose, session=person.session.id)


def opened_challenge(form: forms.Form, context: Context) -> passkey_challenge.Challenge | None:
    """The challenge that the form answers, None if it is none of ours."""
    sealed = form.get("challenge", "")
    return read_sealed(
        sealed, passkey_challenge.Challenge, PURPOSE, most=_MAX_CHALLENGE, context=context
    )


CONTINUE: Final = continue_at("")
_PENDING: Final = re.compile(re.escape(CONTINUE) + r"[0-9a-v]{26}", re.ASCII)


def _later(path: str) -> str:
    """The path, if users may go on there after the offer of a passkey; "" without one."""
    if not path or _PENDING.fullmatch(path):
        return path
    target, _, draft = path.partition("?draft=")
    return then({"next": target, "draft": draft})


def _name(form: forms.Form) -> str:
    return plain(form.get("name", ""), passkeys.MAX_NAME)


PASSKEY_SIGN_IN: Final = f"{SIGN_IN}/passkey"


def own_passkey_form(
    frame: Frame, request: Request, context: Context, *, target: str, again: bool
) -> PageForm | None:
    """The form for a sign-in with a passkey that goes on at a page of the user's own, None where
    there are no passkeys. `again`: for a user who is signed in."""
    if frame.passkeys is None:
        return None
    action = after_sign_in(target, at=PASSKEY_SIGN_IN, again=again)
    return frame.form(request, context, action=action, purpose=PASSKEY_SIGN_IN, session="")
