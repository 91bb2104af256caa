"""The return of a user who signed in elsewhere, and the buttons that lead there."""

import msgspec

from valetkey.server.accounts.provisioning import Profile, provision
from valetkey.server.accounts.sign_in import Proof
from valetkey.server.http.organizations import follow
from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.oauth.authorize.endpoint import resume
from valetkey.server.oauth.authorize.outcome import Login
from valetkey.server.oauth.grants.organizations import follow_groups
from valetkey.server.pages.authorize import continue_at
from valetkey.server.pages.factors.stages import AfterSignIn, FirstStage, find_login, proceed
from valetkey.server.pages.frame import APPS, Frame, NoSuchPage
from valetkey.server.pages.own_pages import then
from valetkey.server.pages.ways import SignInChoice, Waiting, Way


class ProvedUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user who has signed in elsewhere: `subject` at `source` (see `model.user.Identity`).
    `profile` replaces what is stored about them, None leaves it; `name` and `groups` are as in
    `accounts.provisioning.provision`."""

    source: str
    subject: str
    proof: Proof
    profile: Profile | None = None
    name: str = ""
    groups: tuple[str, ...] | None = None


async def complete(
    frame: Frame, request: Request, proved: ProvedUser, *, pending: str = "", target: str = APPS
) -> Reply:
    """Open the user's session, and continue the request `pending`, or else at the page `target`.
    Makes the user at their first sign-in. The caller has checked that this is the browser that
    began. Raises OAuthError, for a page."""
    provisioned, _ = await frame.shell.settle(
        lambda context: provision(
            proved.source,
            proved.subject,
            profile=proved.profile,
            name=proved.name,
            groups=proved.groups,
            env=context.env,
        )
    )
    user = provisioned.user
    if proved.groups is not None:
        # Before anything is asked of them, the rules of their organizations count.
        source, groups = proved.source, proved.groups
        await follow(
            frame.shell,
            lambda context: follow_groups(user.id, source, groups, context=context),
        )
    first = FirstStage(user=user, username=user.username, proof=proved.proof)
    login = await find_login(frame, request, pending) if pending else None
    destination = AfterSignIn(pending=pending, target=target, again=not pending)
    return await proceed(frame, request, first, destination=destination, login=login)


class WaysPage:
    """`/continue/{pending}/with/{way}` and `/sign-in/with/{way}`: the way that the user chose."""

    def __init__(self, frame: Frame, choice: SignInChoice) -> None:
        self._frame = frame
        self._ways = {way.name: way for way in choice.every if way.is_on}

    async def begin(self, request: Request) -> Reply:
        """Begin, for a waiting request."""
        name = request.path_parameters["pending"]
        browser = self._frame.cookies.read_browser(request)
        decision = await self._frame.shell.ask(lambda context: resume(name, browser, context))
        if not isinstance(decision, Login):
            return see_other(continue_at(name))
        return await self._way(request).begin(request, Waiting(login=decision))

    async def begin_own(self, request: Request) -> Reply:
        """Begin, for a page of the user's own."""
        query = request.parameters()
        waiting = Waiting(target=then(query), again="again" in query)
        return await self._way(request).begin(request, waiting)

    def _way(self, request: Request) -> Way:
        way = self._ways.get(request.path_parameters["way"])
        if way is None:
            raise NoSuchPage
        return way
