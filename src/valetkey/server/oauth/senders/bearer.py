"""Bearer tokens (RFC 6750): bound to nobody. Whoever holds one may use it."""

from typing import Final

from valetkey.server.model.query import Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import Feature, RequestInfo, Sender, SenderProof
from valetkey.spec.cite import Cite


def _prove(brought: RequestInfo, client: str, context: Context) -> Rule[SenderProof | None]:
    yield from ()
    return None


SENDER: Final = Sender(
    name="bearer",
    cite=Cite("RFC 6750", "2.1"),
    token_type="Bearer",
    binds=lambda cnf: cnf is None,
    prove=_prove,
)

BEARER: Final = Feature(name="bearer tokens", core=True, cites=(SENDER.cite,), senders=(SENDER,))
