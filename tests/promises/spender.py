"""A node of an API: it makes uses of one limited permission, and notes each in a file.

    python -m tests.promises.spender ISSUER GRANT FAMILY FILE PACE FOLDER

The API's secret is in the environment, as API_SECRET. A use is noted once it is let through, by one
byte, which `kill -9` does not take back. In FOLDER it notes what it has leased. SIGTERM ends it
politely: what it has leased goes back.
"""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import Final

from tests.installation import CHIRP_CATALOG

from valetkey.resource import Limited, Principal, ResourceServer, Unreachable
from valetkey.wire.access_token import AccessToken

PERMISSION: Final = "chirps.write"
WORKERS: Final = 4


def caller(issuer: str, grant: str, family: str) -> Principal:
    """Whose key it is, as the kit has it once it has verified a token."""
    token = AccessToken(
        iss=issuer,
        sub="",
        aud=(CHIRP_CATALOG.resource,),
        client_id="stefapp",
        jti="",
        iat=0,
        exp=0,
        grant_id=grant,
        family_id=family,
    )
    held = frozenset({PERMISSION})
    return Principal(sub="", client_id="stefapp", permissions=held, token=token, limited=held)


async def use(api: ResourceServer, whose: Principal, *, notes: int, pace: float) -> None:
    """Uses, one after the other, until it is cancelled."""
    while True:
        try:
            await api.spend(whose, [PERMISSION])
        except (Limited, Unreachable):
            await asyncio.sleep(0.1)
        else:
            os.write(notes, b"x")
            await asyncio.sleep(pace)


async def main(
    issuer: str, grant: str, family: str, *, file: str, pace: float, folder: Path
) -> None:
    """Works until it is ended."""
    api = ResourceServer(
        issuer=issuer,
        catalog=CHIRP_CATALOG,
        credentials=("chirp", os.environ["API_SECRET"]),
        journal=folder,
    )
    whose = caller(issuer, grant, family)
    notes = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    working = [asyncio.create_task(use(api, whose, notes=notes, pace=pace)) for _ in range(WORKERS)]
    await ended.wait()
    for one in working:
        one.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*working, return_exceptions=True)
    await api.close()


if __name__ == "__main__":
    _, at, of, by, into, speed, kept = sys.argv
    asyncio.run(main(at, of, by, file=into, pace=float(speed), folder=Path(kept)))
