"""Authenticator apps and recovery codes of a signed-in user: their section on the security page,
and the pages below it."""

from collections.abc import Sequence
from typing import ClassVar, Final

import msgspec
import segno

from valetkey.server.accounts.factors import (
    MAX_AUTHENTICATORS,
    MAX_NAME,
    NotAdded,
    WhyNot,
    replace_recovery_codes,
)
from valetkey.server.accounts.fresh_proof import factors_of
from valetkey.server.accounts.one_time_codes import new_secret, secret_text, setup_address
from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.factor import Factor, account_level
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.logout.factor_changes import enrol, unenrol
from valetkey.server.oauth.sign_in.ticket import read_sealed, write_sealed
from valetkey.server.pages.account.security import SecuritySection
from valetkey.server.pages.app_text import plain
from valetkey.server.pages.components import PageForm, View
from valetkey.server.pages.factors.stages import factor_context
from valetkey.server.pages.frame import SECURITY, Frame, NoSuchPage, prove_again
from valetkey.server.pages.own_pages import own_form
from valetkey.wire import form as forms

AUTHENTICATOR: Final = f"{SECURITY}/authenticator"
RECOVERY_CODES: Final = f"{SECURITY}/codes"
REMOVE: Final = f"{SECURITY}/remove"

PURPOSE: Final = b"authenticator offer"
SECONDS: Final = 600
"""For which a new authenticator can be confirmed."""

_LONGEST: Final = 500


class QrCode(msgspec.Struct, frozen=True):
    """A QR code as a path of squares with sides of 1, in a square with sides of ``size``."""

    size: int
    path: str


class SetUpView(View, frozen=True, kw_only=True):
    """A new authenticator: the picture to scan, the ``secret`` to type instead, the field ``code``
    for its first code, the field ``name``, and the button ``#confirm``. ``wrong``: the code did not
    fit. ``required``: without it there is no sign-in. ``back`` is the path of the page before."""

    template: ClassVar = "set_up_authenticator.html"

    form: PageForm
    qr: QrCode
    address: str
    secret: str
    back: str
    wrong: bool = False
    full: bool = False
    required: bool = False


class RecoveryCodesView(View, frozen=True, kw_only=True):
    """Recovery codes, which are displayed this once. ``following`` is the path to go on to."""

    template: ClassVar = "recovery_codes.html"

    codes: tuple[str, ...]
    following: str


class AuthenticatorItem(msgspec.Struct, frozen=True, kw_only=True):
    """An authenticator app, added at ``since``, last ``used``: 0 for never."""

    id: str
    name: str
    since: int
    used: int


class FactorsSection(SecuritySection, frozen=True, kw_only=True):
    """The authenticator apps, each with a button ``.remove-factor``, and the recovery codes with
    the button ``#new-codes``; ``unused_codes`` is their number, None if there are none. ``add`` is
    the path to add an authenticator, None if there are too many."""

    template: ClassVar = "security/authenticators.html"

    items: tuple[AuthenticatorItem, ...]
    remove: PageForm
    new_codes: PageForm
    unused_codes: int | None
    add: str | None


class _NewAuthenticator(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A new authenticator that waits for its first code."""

    secret: bytes
    session: str
    expires: int


def set_up_view(
    frame: Frame,
    form: PageForm,
    *,
    secret: bytes,
    account: str,
    back: str,
    wrong: bool = False,
    full: bool = False,
    required: bool = False,
) -> SetUpView:
    """The page for a new authenticator with this secret."""
    address = setup_address(secret, account=account, issuer=frame.site.name)
    text = secret_text(secret)
    return SetUpView(
        site=frame.site,
        form=form,
        qr=qr_code(address),
        address=address,
        secret=" ".join(text[at : at + 4] for at in range(0, len(text), 4)),
        back=back,
        wrong=wrong,
        full=full,
        required=required,
    )


def qr_code(text: str) -> QrCode:
    """The QR code of a text, with the quiet zone that scanners need."""
    border = 4
    matrix = segno.make(text, micro=False, error="m").matrix
    squares = (
        f"M{column + border} {row + border}h1v1h-1z"
        for row, line in enumerate(matrix)
        for column, dark in enumerate(line)
        if dark
    )
    return QrCode(len(matrix) + 2 * border, "".join(squares))


def setup_code(form: forms.Form) -> tuple[str, str]:
    """The code and the name that the user entered for a new authenticator."""
    return form.get("code", ""), plain(form.get("name", ""), MAX_NAME)


class AuthenticatorPage:
    """`/security/authenticator`, `/security/codes` and `/security/remove`."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def section(
        self, request: Request, person: Person, context: Context
    ) -> SecuritySection | None:
        """The section on the security page."""
        factors = await self._factors(person)
        apps = [one for one in factors if one.kind == "totp"]
        codes = [len(one.codes) for one in factors if one.kind == "recovery"]
        return FactorsSection(
            items=tuple(
                AuthenticatorItem(id=one.id, name=one.name, since=one.created, used=one.used)
                for one in apps
            ),
            remove=own_form(self._frame, request, person, context=context, path=REMOVE),
            new_codes=own_form(self._frame, request, person, context=context, path=RECOVERY_CODES),
            unused_codes=sum(codes) if account_level(factors) else None,
            add=AUTHENTICATOR if len(apps) < MAX_AUTHENTICATORS else None,
        )

    async def show(self, request: Request) -> Reply:
        """Show the picture of a new secret, after a fresh proof."""
        person = await self._frame.require_person(request)
        if not await self._frame.has_fresh_proof(person):
            return prove_again(AUTHENTICATOR)
        context = await self._frame.shell.context()
        return await self._page(request, person, new_secret(context.env))

    async def add(self, request: Request) -> Reply:
        """Take the first code."""
        person, context = (
            await self._frame.require_person(request),
            await self._frame.shell.context(),
        )
        form = self._posted(request, person, context, path=AUTHENTICATOR)
        if not await self._frame.has_fresh_proof(person):
            return prove_again(AUTHENTICATOR)
        sealed = form.get("offer", "")
        offer = read_sealed(sealed, _NewAuthenticator, PURPOSE, most=_LONGEST, context=context)
        now = context.env.now
        if offer is None or offer.session != person.session.id or now >= offer.expires:
            return see_other(AUTHENTICATOR)
        code, name = setup_code(form)
        added, _ = await self._frame.shell.settle(
            lambda context: enrol(
                person.session,
                offer.secret,
                code,
                name=name,
                rules=factor_context(self._frame, request, context),
                context=context,
            )
        )
        if isinstance(added, NotAdded):
            return await self._page(request, person, offer.secret, why=added.why)
        if not added.codes:
            return see_other(SECURITY)
        view = RecoveryCodesView(site=self._frame.site, codes=added.codes, following=SECURITY)
        return self._frame.page(request, view)

    async def replace_codes(self, request: Request) -> Reply:
        """Make new recovery codes, and display them."""
        person, context = (
            await self._frame.require_person(request),
            await self._frame.shell.context(),
        )
        self._posted(request, person, context, path=RECOVERY_CODES)
        if not await self._frame.has_fresh_proof(person):
            return prove_again(SECURITY)
        replaced, _ = await self._frame.shell.settle(
            lambda context: replace_recovery_codes(
                person.user.id, factor_context(self._frame, request, context)
            )
        )
        if not replaced.codes:
            return see_other(SECURITY)
        view = RecoveryCodesView(site=self._frame.site, codes=replaced.codes, following=SECURITY)
        return self._frame.page(request, view)

    async def remove(self, request: Request) -> Reply:
        """Remove an authenticator, after a fresh proof at its level."""
        person, context = (
            await self._frame.require_person(request),
            await self._frame.shell.context(),
        )
        form = self._posted(request, person, context, path=REMOVE)
        name = form.get("factor", "")
        factors = await self._factors(person)
        factor = next((one for one in factors if one.id == name and one.kind == "totp"), None)
        if factor is None:
            raise NoSuchPage
        if not await self._frame.has_fresh_proof(person, least=factor.level):
            return prove_again(SECURITY)
        await self._frame.shell.settle(
            lambda context: unenrol(
                name,
                person.session,
                rules=factor_context(self._frame, request, context),
                context=context,
            )
        )
        return see_other(SECURITY)

    async def _page(
        self, request: Request, person: Person, secret: bytes, *, why: WhyNot | None = None
    ) -> Reply:
        context = await self._frame.shell.context()
        offer = _NewAuthenticator(
            secret=secret, session=person.session.id, expires=context.env.now + SECONDS
        )
        hidden = (("offer", write_sealed(offer, PURPOSE, context)),)
        view = set_up_view(
            self._frame,
            own_form(
                self._frame, request, person, context=context, path=AUTHENTICATOR, hidden=hidden
            ),
            secret=secret,
            account=person.user.label,
            back=SECURITY,
            wrong=why == "code",
            full=why == "full",
        )
        return self._frame.page(request, view, status=200 if why is None else 400)

    async def _factors(self, person: Person) -> Sequence[Factor]:
        return await self._frame.shell.ask(lambda context: factors_of(person.user.id))

    def _posted(
        self, request: Request, person: Person, context: Context, *, path: str
    ) -> forms.Form:
        return self._frame.posted(request, context, purpose=path, session=person.session.id)
