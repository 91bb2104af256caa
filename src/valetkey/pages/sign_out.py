"""Sign-out: asked first, so that a link elsewhere cannot do it."""

from valetkey.accounts.sign_in import close_session
from valetkey.http.reply import Reply, see_other
from valetkey.http.request import Request
from valetkey.pages import views
from valetkey.pages.frame import APPS, SIGN_IN, SIGN_OUT, Frame

SIGNED_OUT = "/signed-out"


class SignOutPage:
    """`/sign-out` and `/signed-out`."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def show(self, request: Request) -> Reply:
        """Asks."""
        person = await self._frame.person(request)
        if person is None:
            return see_other(SIGNED_OUT)
        context = await self._frame.shell.context()
        form = self._frame.form(
            request, context, action=SIGN_OUT, purpose=SIGN_OUT, session=person.session.id
        )
        view = views.SignOut(
            site=self._frame.site,
            account=self._frame.account(person.user),
            form=form,
            apps=APPS,
            back=APPS,
        )
        return self._frame.page(request, view)

    async def submit(self, request: Request) -> Reply:
        """Ends the session. The cookie goes even where the session is over (ATTACKS A66)."""
        visit = self._frame.cookies.visit(request)
        if not visit.session:
            # Another site's form comes without cookies; an answer that deletes one would sign the
            # user out all the same.
            return see_other(SIGNED_OUT)
        context = await self._frame.shell.context()
        self._frame.posted(request, context, purpose=SIGN_OUT, session=visit.session)
        person = await self._frame.person(request)
        if person is not None:
            await self._frame.shell.settle(
                lambda context: close_session(person.session.id, context.env)
            )
        return self._frame.cookies.signed_out(see_other(SIGNED_OUT))

    async def done(self, request: Request) -> Reply:
        """Says so."""
        view = views.SignedOut(site=self._frame.site, sign_in=SIGN_IN)
        return self._frame.page(request, view)
