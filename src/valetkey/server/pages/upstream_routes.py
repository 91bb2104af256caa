"""The addresses that upstream providers know: where users come back, and where they report that a
user signed out."""

from collections.abc import Sequence

from valetkey.server.http import log
from valetkey.server.http.reply import NO_STORE, SAFE, Reply, json_reply
from valetkey.server.http.request import Request
from valetkey.server.oauth.sign_in.backchannel_logout import log_out
from valetkey.server.pages.frame import Frame, NoSuchPage
from valetkey.server.pages.linked import LinkedPage
from valetkey.server.pages.upstream import UpstreamWay
from valetkey.server.pages.ways import SignInChoice
from valetkey.spec.errors import InvalidRequest, TemporarilyUnavailable


class UpstreamPages:
    """`/sign-in/with/{way}/callback` and `/sign-in/with/{way}/backchannel-logout`. `ways` are all
    providers, also those that are switched off."""

    def __init__(self, frame: Frame, ways: Sequence[UpstreamWay], choice: SignInChoice) -> None:
        self._frame = frame
        self._ways = {way.name: way for way in ways}
        self.linked = LinkedPage(frame, self._ways, choice)

    async def callback(self, request: Request) -> Reply:
        """Take the provider's answer: sign the user in, or ask whether to link the account."""
        way = self._way(request)
        came = await way.returned(request)
        if isinstance(came, Reply):
            return came
        attempt, user = came
        if attempt.link:
            return await self.linked.ask(request, way, attempt=attempt, user=user)
        return await way.sign_in(request, attempt, user)

    async def backchannel_logout(self, request: Request) -> Reply:
        """End the sessions that a logout token names (OpenID Connect Back-Channel Logout 2.8)."""
        way = self._way(request)
        if not way.upstream.is_openid:
            raise NoSuchPage
        try:
            token = request.form().need("logout_token")
            await self._frame.shell.settle(lambda context: log_out(token, way.upstream, context))
        except (InvalidRequest, TemporarilyUnavailable) as error:
            log.info("logout token refused", way=way.name, detail=error.log_text)
            said = {"error": InvalidRequest.code, "error_description": error.description}
            return json_reply(said, status=400)
        return Reply(200, (*SAFE, *NO_STORE))

    def _way(self, request: Request) -> UpstreamWay:
        way = self._ways.get(request.path_parameters["way"])
        if way is None:
            raise NoSuchPage
        return way
