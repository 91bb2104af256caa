"""`ResourceServer`: an API for programs that await."""

import asyncio
from collections.abc import Sequence
from functools import cached_property
from typing import Unpack

from valetkey import renamed
from valetkey.resource.admission import log_refusal
from valetkey.resource.binding import NO_PROOF, SenderProof
from valetkey.resource.blocking import Blocking
from valetkey.resource.calls import Call
from valetkey.resource.core import ApiCore
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.issuer import run
from valetkey.resource.need import ANYHOW, Need, SignIn
from valetkey.resource.options import OptionKeywords, Options
from valetkey.resource.principal import Principal
from valetkey.spec.errors import InvalidRequest


@renamed.members
class ResourceServer(ApiCore):
    """An API and its catalog: `ResourceServer(issuer=…, catalog=…)`, or with an Options.

    It verifies calls: `verify` takes a header, `verify_call` a whole call, and `verify_principal` a
    caller that an earlier check of the same call has proved.
    """

    @renamed.parameters
    def __init__(
        self, options: Options | None = None, /, **keywords: Unpack[OptionKeywords]
    ) -> None:
        """The keywords are the fields of Options. Raises ValueError for options that do not fit
        together, and for a wrong catalog."""
        if options is not None and keywords:
            raise TypeError("give an Options or keywords, not both")
        super().__init__(options or Options(**keywords))

    def __repr__(self) -> str:
        return f"ResourceServer({self.resource!r})"

    async def verify(
        self,
        authorization: str,
        *,
        needs: Sequence[str] = (),
        query: str = "",
        sender_proof: SenderProof = NO_PROOF,
        sign_in: SignIn = ANYHOW,
        shown: SenderProof | None = None,
    ) -> Principal:
        """The caller behind an `Authorization` header, who has all the permissions in `needs`.

        `query` is the query string of the call: a token there is refused (RFC 9700 4.3.2). A bound
        token needs its `sender_proof` (`shown` is its old name). `sign_in` says how the user has to
        have signed in (RFC 9470). Raises Refused, Unreachable.
        """
        if shown is not None:
            sender_proof = renamed.value("ResourceServer.verify", "shown", shown)
        rule = self.rule(
            authorization,
            needs=needs,
            query=query,
            sender_proof=sender_proof,
            sign_in=sign_in,
            loop=asyncio.get_running_loop(),
        )
        try:
            principal = await run(rule)
        except (Refused, Unreachable) as error:
            log_refusal(error)
            raise
        self.usage.note(principal, needs)
        return principal

    async def verify_call(self, call: Call, need: Need, request: object) -> Principal:
        """The caller behind a call, who has what it needs, once the limits of the user are counted.
        `need.spend` gets `request`. Raises Refused, Unreachable."""
        principal = await self.verify(
            call.authorization,
            needs=need.permissions,
            query=call.query,
            sender_proof=self.sender_proof(call),
            sign_in=need.sign_in,
        )
        await self._count(principal, need, request)
        return principal

    async def verify_principal(self, principal: Principal, need: Need, request: object) -> None:
        """Checks one more need of a caller that an earlier check has proved, within the same call.
        Raises Refused, Unreachable."""
        try:
            self._connection.admission.verify_principal(principal, need.permissions, need.sign_in)
        except Refused as error:
            log_refusal(error)
            raise
        self.usage.note(principal, need.permissions)
        await self._count(principal, need, request)

    async def _count(self, principal: Principal, need: Need, request: object) -> None:
        if need.spend is None and not principal.limited:
            return
        try:
            amount = await need.read_amount(request)
        except InvalidRequest as error:
            raise self.refused(principal, error) from error
        self.check_amount(principal, need, amount)
        if principal.limited:
            await self.spend(principal, need.permissions, amount=amount)

    @cached_property
    def blocking(self) -> Blocking:
        """The same API for code that does not await."""
        return Blocking(self)
