"""A sync API that calls and then forks, as servers do that load the application first: each process
says what it saw. `python forking.py ISSUER SECRET KEY`"""

import os
import sys
import time

import msgspec
from tests.resource.chirp_platform import CATALOG

from valetkey.resource import Refused, ResourceServer

CHILDREN = 3


def main(issuer: str, secret: str, key: str) -> None:
    server = ResourceServer(
        issuer=issuer, catalog=CATALOG, credentials=("chirp", secret), live="follow"
    )

    def opens() -> str:
        try:
            server.blocking.verify(f"Bearer {key}", needs=["chirps.read"])
        except Refused as refusal:
            return refusal.challenge.reason
        return "open"

    def say(what: str) -> None:
        # In one piece: the processes write to the same pipe.
        os.write(1, msgspec.json.encode([os.getpid(), what]) + b"\n")

    say(opens())
    children: list[int] = []
    for _ in range(CHILDREN):
        child = os.fork()
        if child == 0:
            children = []
            break
        children.append(child)
    say(opens())
    end = time.monotonic() + 20
    while opens() != "paused" and time.monotonic() < end:
        time.sleep(0.02)
    say(opens())
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
