"""`python -m bench.verify`: what it costs an API to check a key, in microseconds, against the bare
verification of the signature; and a FastAPI application with the kit and without.

One process, one thread, no network: the change log is followed over a connection of memory, by the
follower as it is. In each round the rows take turns, so the machine's moods hit all alike; what is
told are medians over the rounds, and the spread of the ratio. The process has its memory as a
server of ours has it (see valetkey/cli/memory.py).
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from os import urandom
from statistics import median
from typing import Any, Final

import httpx2
import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from bench.data import BARE, FIRST, NEXT, Kit, quotient
from bench.verify_calls import answering
from bench.verify_split import HalvesEndpoint
from valetkey.cli import memory
from valetkey.jose import base64url, jwk, jws, jwt
from valetkey.jose.jwk import ALGORITHMS
from valetkey.resource import Catalog, Permission, ResourceServer, SenderProof
from valetkey.wire import access_token, change_log, child_key, dpop, split_token
from valetkey.wire.access_token import AccessToken
from valetkey.wire.change_log import BEAT, Piece

ISSUER: Final = "https://id.example"
PATH: Final = "/chirps"
CATALOG: Final = Catalog(
    resource="https://api.example",
    name="Chirp",
    permissions=tuple(
        Permission(id=f"chirps.{name}", can=name) for name in ("read", "write", "pin", "drop")
    ),
)
READ: Final = ("chirps.read",)

FEW: Final = 20
"""Checks of one row, before it is the next one's turn."""

Work = Callable[[int], Awaitable[Any]]


class Server(httpx2.AsyncBaseTransport):
    """The authorization server's side: its keys, the API's halves of split tokens, and the change
    log, of which nothing comes but heartbeats."""

    def __init__(self) -> None:
        self.key = jwk.generate("ES256")
        self.halves = HalvesEndpoint(self.key)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        match request.url.path:
            case "/.well-known/oauth-authorization-server":
                document: Any = {
                    "issuer": ISSUER,
                    "jwks_uri": f"{ISSUER}/jwks",
                    "change_log_endpoint": f"{ISSUER}/changes",
                    "introspection_endpoint": f"{ISSUER}/introspect",
                    "access_token_half_endpoint": ISSUER + split_token.PATH,
                }
            case "/jwks":
                document = {"keys": [self.key.public().jwk()]}
            case split_token.PATH:
                document = msgspec.Raw(self.halves.answer(await request.aread()))
            case "/changes":
                return self._stream(request)
            case _:
                raise RuntimeError(f"{request.url.path} was asked: what is measured asks nobody")
        return httpx2.Response(200, content=msgspec.json.encode(document), request=request)

    def _stream(self, request: httpx2.Request) -> httpx2.Response:
        headers = {"Content-Type": "text/event-stream"}
        nonce = request.url.params["nonce"]
        return httpx2.Response(
            200, headers=headers, content=self._log_entries(nonce), request=request
        )

    async def _log_entries(self, nonce: str) -> Any:
        while True:
            piece = Piece(
                iss=ISSUER,
                aud=CATALOG.resource,
                at=int(time.monotonic() * 1000),
                node="bench",
                after=0,
                to=0,
                head=0,
                nonce=nonce,
            )
            yield f"data: {change_log.write(piece, key=self.key)}\n\n".encode()
            nonce = ""
            await asyncio.sleep(BEAT)


class Bench:
    """Keys, and the ways to check them."""

    def __init__(self) -> None:
        self.server = Server()
        self.by = jwk.generate("ES256")
        self.public = (self.server.key.public(),)
        self.proof_key = self.by.public()

    def token(self, *, half: bool = False, **claims: Any) -> str:
        """An access token as the server signs it, or the app's half of it."""
        now = int(time.time())
        document = {
            "iss": ISSUER,
            "sub": "u" * 22,
            "aud": [CATALOG.resource],
            "client_id": "app",
            "jti": "j" * 22,
            "scope": "chirps.read chirps.write chirps.pin",
            "iat": now,
            "exp": now + 3000,
            "grant_id": "g" * 22,
            "grant_version": 1,
            "family_id": "f" * 22,
            **claims,
        }
        token = msgspec.convert(document, AccessToken)
        if half:
            return self.server.halves.split(token)
        return jwt.sign(token, key=self.server.key, typ=access_token.TYPE)

    def api(self, **options: Any) -> ResourceServer:
        """An API whose server answers from memory."""
        http = httpx2.AsyncClient(transport=self.server)
        return ResourceServer(
            issuer=ISSUER, catalog=CATALOG, credentials=("api", "s"), http=http, **options
        )

    def handed_on(self, token: str, hops: int) -> tuple[str, jwk.PrivateKey]:
        """The key behind so many hands, and the last one's own key."""
        by, now = self.by, int(time.time())
        for remaining in reversed(range(hops)):
            to = jwk.generate("ES256")
            token = child_key.delegate(
                token,
                by=by,
                to=to.public().thumbprint(),
                permissions=READ,
                now=now,
                until=now + 2000,
                depth=remaining,
            )
            by = to
        return token, by

    def proof(self, token: str, by: jwk.PrivateKey) -> str:
        """That the token is its bearer's."""
        return dpop.make(
            by,
            method="GET",
            address=CATALOG.resource + PATH,
            now=int(time.time()),
            jti=base64url.encode(urandom(12)),
            access_token=token,
        )


class Tokens:
    """What is shown, turn by turn: always the same, or a new one with these claims."""

    def __init__(self, bench: Bench, same: str = "", **claims: Any) -> None:
        self._bench, self._same, self._claims = bench, same, claims

    def take(self, count: int) -> list[str]:
        """As many."""
        if self._same:
            return [self._same] * count
        turns = range(count)
        return [self._bench.token(jti=f"{turn:022}", **self._claims) for turn in turns]


def called(api: ResourceServer, tokens: Sequence[str], needs: tuple[str, ...]) -> Work:
    """Calls with bearer tokens."""
    headers = [f"Bearer {one}" for one in tokens]

    async def work(turn: int) -> None:
        await api.verify(headers[turn], needs=needs)

    return work


def fresh_proofs(
    api: ResourceServer, bench: Bench, tokens: Sequence[str], by: jwk.PrivateKey
) -> Work:
    """Calls with bound tokens, whose proofs are made before the clock runs."""
    proofs = [bench.proof(one, by) for one in tokens]

    async def work(turn: int) -> None:
        brought = SenderProof(method="GET", path=PATH, proofs=(proofs[turn],))
        await api.verify(f"DPoP {tokens[turn]}", needs=READ, sender_proof=brought)

    return work


class Row(msgspec.Struct):
    """What is measured. `prepare` makes the work of a round, before the clock runs; `signatures`
    are those that are checked in it."""

    name: str
    signatures: int
    prepare: Callable[[int], Work]


def bare(token: str, key: jwk.PrivateKey) -> Callable[[int], Work]:
    """The signature of a token by `cryptography` alone."""
    signed, _, end = token.rpartition(".")
    raw, data = base64url.decode(end), signed.encode()
    half = len(raw) // 2
    numbers = (int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))
    signature, public = encode_dss_signature(*numbers), key.key.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    how = ec.ECDSA(hashes.SHA256())

    async def work(_: int) -> None:
        public.verify(signature, data, how)

    return lambda count: work


def rows(
    bench: Bench, following: ResourceServer, local: ResourceServer, joined: ResourceServer
) -> list[Row]:
    """What is measured, from the bare signature to three hands."""
    plain = bench.token()
    cnf = {"jkt": bench.by.public().thumbprint()}
    bound_token = bench.token(cnf=cnf)
    delegated, last = bench.handed_on(bound_token, 3)

    again, new = Tokens(bench, plain), Tokens(bench)
    half_tokens = Tokens(bench, bench.token(half=True, cnf=cnf)), Tokens(bench, half=True, cnf=cnf)
    bound_again, bound_new = Tokens(bench, bound_token), Tokens(bench, cnf=cnf)

    def jose(count: int) -> Work:
        async def work(_: int) -> None:
            jws.verify(plain, bench.public, algorithms=ALGORITHMS, typ=(access_token.TYPE,))

        return work

    def bearer(api: ResourceServer, tokens: Tokens, *needs: str) -> Callable[[int], Work]:
        return lambda count: called(api, tokens.take(count), needs)

    def proved(
        api: ResourceServer, tokens: Tokens, by: jwk.PrivateKey = bench.by
    ) -> Callable[[int], Work]:
        return lambda count: fresh_proofs(api, bench, tokens.take(count), by)

    return [
        Row(BARE, 1, bare(plain, bench.server.key)),
        Row("the same as a JWS", 1, jose),
        Row("a token's first call, the change log", 1, bearer(following, new, *READ)),
        Row("its next calls: the token alone", 1, bearer(local, again)),
        Row("+ a permission", 1, bearer(local, again, *READ)),
        Row("+ the change log", 1, bearer(following, again, *READ)),
        Row(FIRST, 2, proved(following, bound_new)),
        Row("its next calls, a permission", 2, proved(local, bound_again)),
        Row(NEXT, 2, proved(following, bound_again)),
        Row("+ in halves, a token's first call", 3, proved(joined, half_tokens[1])),
        Row("+ in halves, its next calls", 2, proved(joined, half_tokens[0])),
        Row("+ three hands, offline", 5, proved(following, Tokens(bench, delegated), last)),
    ]


async def measured(rows: list[Row], *, rounds: int, count: int) -> list[list[float]]:
    """Microseconds of one check, by row and round. Within a round they take turns, FEW checks each:
    a machine that is slower for a moment is so for all of them."""
    timings: list[list[float]] = [[] for _ in rows]
    for _ in range(rounds):
        works = [row.prepare(count) for row in rows]
        # The follower reads what has come meanwhile.
        await asyncio.sleep(2 * BEAT)
        spent = [0.0] * len(rows)
        for first in range(0, count, FEW):
            turns = range(first, min(first + FEW, count))
            for number, work in enumerate(works):
                began = time.perf_counter()
                for turn in turns:
                    await work(turn)
                spent[number] += time.perf_counter() - began
        for times, seconds in zip(timings, spent, strict=True):
            times.append(seconds / count * 1e6)
    return timings


def print_table(kit: Kit) -> None:
    """The tables."""
    bare, *_ = kit.rows.values()
    print(f"{'':38}{'us':>8}{'to the bare ones':>20}{'spread':>16}")
    for name, times in kit.rows.items():
        count = kit.signatures[name]
        ratios = quotient(times, [one * count for one in bare])
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        against = f"{median(ratios):.2f} x {count}"
        print(f"{name:38}{median(times):8.1f}{against:>20}{spread:>16}")
    print(f"\n{'a call of FastAPI, no network':34}{'us':>8}")
    for name, times in kit.calls.items():
        print(f"{name:34}{median(times):8.1f}")


async def main(rounds: int, count: int) -> Kit:
    """Measures all, in one run."""
    bench = Bench()
    # Nothing is read while a row is measured, so more staleness is allowed than usual.
    local, following = (
        bench.api(live="token"),
        bench.api(live="follow", max_delegations=3, max_staleness=30.0),
    )
    joined = bench.api(live="follow", split=True, max_staleness=30.0)
    for api in (following, joined):
        api.start()
        follower = api._connection.status_source._followers.get()
        async with asyncio.timeout(10):
            while follower.state is None:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
    table = rows(bench, following, local, joined)
    await measured(table, rounds=2, count=count)
    timings = await measured(table, rounds=rounds, count=count)
    bound_token = bench.token(cnf={"jkt": bench.by.public().thumbprint()})
    calls = await answering(
        following,
        path=PATH,
        bearer=bench.token(),
        bound_token=bound_token,
        proof=lambda: bench.proof(bound_token, bench.by),
        rounds=rounds,
        count=count,
    )
    await following.close()
    await joined.close()
    return Kit(
        rows={row.name: times for row, times in zip(table, timings, strict=True)},
        signatures={row.name: row.signatures for row in table},
        calls=calls,
    )


if __name__ == "__main__":
    memory.restart_with_huge_pages()
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=15)
    asked.add_argument("--count", type=int, default=500)
    asked.add_argument("--json", action="store_true", help="as data")
    given = asked.parse_args()
    kit = asyncio.run(main(given.rounds, given.count))
    if given.json:
        print(msgspec.json.encode(kit).decode())
    else:
        print_table(kit)
