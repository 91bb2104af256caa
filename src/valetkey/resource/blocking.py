"""An API for programs that do not await: the same rules, on any thread.

What is known is looked up where the call is handled. What has to be asked for is asked by an event
loop in a thread of its own, which follows the change log meanwhile.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from valetkey.resource.admission import log_refusal
from valetkey.resource.binding import NOTHING, Shown
from valetkey.resource.calls import Call
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.loop_thread import Portal
from valetkey.resource.need import Need
from valetkey.resource.principal import Principal
from valetkey.resource.spending import Amount
from valetkey.resource.step_up import ANYHOW, SignIn
from valetkey.resource.steps import Rule, T
from valetkey.spec.errors import InvalidRequest

if TYPE_CHECKING:
    from valetkey.resource.server import ResourceServer


class Blocking:
    """The same API, without `await`. Works in any number of threads, and after a fork."""

    def __init__(self, server: "ResourceServer") -> None:
        self._server = server
        self._portal = Portal(server.close)

    def start(self) -> None:
        """Begins to follow, where `live` says so; else the first call does."""
        self._portal.soon(self._server.start)

    def close(self) -> None:
        """Tells what is left to tell, returns what is leased, and follows no longer. The end of the
        program does this by itself."""
        self._portal.close()

    def verify(
        self,
        authorization: str,
        *,
        needs: Sequence[str] = (),
        query: str = "",
        shown: Shown = NOTHING,
        sign_in: SignIn = ANYHOW,
    ) -> Principal:
        """As `ResourceServer.verify`."""
        rule = self._server.rule(
            authorization,
            needs=needs,
            query=query,
            shown=shown,
            sign_in=sign_in,
            loop=self._portal.loop,
        )
        try:
            principal = self._decided(rule)
        except (Refused, Unreachable) as error:
            log_refusal(error)
            raise
        usage = self._server.usage
        if usage.is_news(principal, needs):
            self._portal.soon(lambda: usage.note(principal, needs))
        return principal

    def spend(
        self, whose: Principal, needs: Sequence[str], *, amount: Amount | None = None
    ) -> None:
        """As `ResourceServer.spend`."""
        self._portal.run(lambda: self._server.spend(whose, needs, amount=amount))

    def admit(self, call: Call, need: Need, request: object) -> Principal:
        """As `ResourceServer.admit`; `need.spend` is asked on this thread."""
        principal = self.verify(
            call.authorization,
            needs=need.permissions,
            query=call.query,
            shown=self._server.shown(call),
            sign_in=need.sign_in,
        )
        if need.spend is None and not principal.limited:
            return principal
        try:
            amount = need.told_at_once(request)
        except InvalidRequest as error:
            raise self._server.refused(principal, error) from error
        self._server.check_amount(principal, need, amount)
        if principal.limited:
            self.spend(principal, need.permissions, amount=amount)
        return principal

    def _decided(self, rule: Rule[T]) -> T:
        try:
            ask = next(rule)
            while True:
                ask = rule.send(self._portal.run(ask))
        except StopIteration as end:
            decided: T = end.value
            return decided
