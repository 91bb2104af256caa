"""An API for programs that do not await: the same rules, on any thread.

The calling thread looks up what is known. What has to be asked runs in an event loop in a thread of
its own, which also follows the change log.
"""

from collections.abc import Sequence

from valetkey import renamed
from valetkey.resource.admission import log_refusal
from valetkey.resource.binding import NO_PROOF, SenderProof
from valetkey.resource.calls import Call
from valetkey.resource.core import ApiCore
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.issuer import Rule, T
from valetkey.resource.loop_thread import Portal
from valetkey.resource.need import ANYHOW, Need, SignIn
from valetkey.resource.principal import Principal
from valetkey.resource.spending import Amount
from valetkey.spec.errors import InvalidRequest


@renamed.members
class Blocking:
    """The API without `await`. Works in any number of threads, and after a fork."""

    def __init__(self, api: ApiCore) -> None:
        self._api = api
        self._portal = Portal(api.close)

    def start(self) -> None:
        """As `ResourceServer.start`."""
        self._portal.soon(self._api.start)

    def close(self) -> None:
        """As `ResourceServer.close`. The end of the program does this by itself."""
        self._portal.close()

    def verify(
        self,
        authorization: str,
        *,
        needs: Sequence[str] = (),
        query: str = "",
        sender_proof: SenderProof = NO_PROOF,
        sign_in: SignIn = ANYHOW,
        shown: SenderProof | None = None,
    ) -> Principal:
        """As `ResourceServer.verify`."""
        if shown is not None:
            sender_proof = renamed.value("Blocking.verify", "shown", shown)
        rule = self._api.rule(
            authorization,
            needs=needs,
            query=query,
            sender_proof=sender_proof,
            sign_in=sign_in,
            loop=self._portal.loop,
        )
        try:
            principal = self._run(rule)
        except (Refused, Unreachable) as error:
            log_refusal(error)
            raise
        usage = self._api.usage
        if usage.is_new(principal, needs):
            self._portal.soon(lambda: usage.note(principal, needs))
        return principal

    def spend(
        self, principal: Principal, needs: Sequence[str], *, amount: Amount | None = None
    ) -> None:
        """As `ResourceServer.spend`."""
        self._portal.run(lambda: self._api.spend(principal, needs, amount=amount))

    def verify_call(self, call: Call, need: Need, request: object) -> Principal:
        """As `ResourceServer.verify_call`; `need.spend` is called on this thread."""
        principal = self.verify(
            call.authorization,
            needs=need.permissions,
            query=call.query,
            sender_proof=self._api.sender_proof(call),
            sign_in=need.sign_in,
        )
        if need.spend is None and not principal.limited:
            return principal
        try:
            amount = need.read_amount_sync(request)
        except InvalidRequest as error:
            raise self._api.refused(principal, error) from error
        self._api.check_amount(principal, need, amount)
        if principal.limited:
            self.spend(principal, need.permissions, amount=amount)
        return principal

    def _run(self, rule: Rule[T]) -> T:
        try:
            ask = next(rule)
            while True:
                ask = rule.send(self._portal.run(ask))
        except StopIteration as end:
            decided: T = end.value
            return decided
