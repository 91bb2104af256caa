"""Split access tokens in the kit: halves that join, halves that do not, and whom it asks."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from tests.proofs import MINE, OTHER, Wish, proof
from tests.resource.issuing import CATALOG, Issuing
from tests.rows import row

from valetkey.jose import jwk, jwt
from valetkey.jose.jwk import PrivateKey
from valetkey.resource import (
    Principal,
    Refused,
    ResourceServer,
    SenderProof,
    Unreachable,
    api_halves,
    issuer,
)
from valetkey.wire import access_token, child_key, opaque, split_token
from valetkey.wire.access_token import Confirmation
from valetkey.wire.split_token import PATH

pytestmark = pytest.mark.anyio
CNF = Confirmation(jkt=MINE.public().thumbprint())


@pytest.fixture
def issuing() -> Iterator[Issuing]:
    one = Issuing()
    yield one
    one.stop()


def api(issuing: Issuing, **options: Any) -> ResourceServer:
    usual: dict[str, Any] = {"credentials": ("chirp", "s"), "live": "token", "split": True}
    return ResourceServer(issuer=issuing.issuer, catalog=CATALOG, **(usual | options))


async def verified(kit: ResourceServer, text: str, *, by: PrivateKey = MINE) -> Principal:
    wish = Wish(method="GET", address=f"{CATALOG.resource}/chirps", token=text, by=by)
    shown = SenderProof(method="GET", path="/chirps", proofs=(proof(wish),))
    return await kit.verify(f"DPoP {text}", needs=["chirps.read"], sender_proof=shown)


async def outcome(kit: ResourceServer, text: str, *, by: PrivateKey = MINE) -> int:
    """200, or the status of the refusal."""
    try:
        await verified(kit, text, by=by)
    except (Refused, Unreachable) as refusal:
        return refusal.status
    return 200


async def test_both_halves_open_and_the_server_is_asked_once(issuing: Issuing) -> None:
    kit, text = api(issuing), issuing.split(cnf=CNF)
    assert [await outcome(kit, text) for _ in range(5)] == [200] * 5
    assert (await verified(kit, text)).sub == "miko"
    assert issuing.asked[PATH] == 1
    assert issuing.authorization.startswith("Basic ")
    await kit.close()


async def test_once_however_many_calls_come_together(issuing: Issuing) -> None:
    kit, text = api(issuing), issuing.split(cnf=CNF)
    issuing.slowly = 0.05
    assert set(await asyncio.gather(*(outcome(kit, text) for _ in range(20)))) == {200}
    assert issuing.asked[PATH] == 1
    await kit.close()


async def test_who_gives_up_takes_the_answer_from_nobody(issuing: Issuing) -> None:
    kit, text = api(issuing), issuing.split(cnf=CNF)
    await outcome(kit, issuing.split(cnf=CNF))
    issuing.slowly = 0.2
    first = asyncio.ensure_future(outcome(kit, text))
    second = asyncio.ensure_future(outcome(kit, text))
    await asyncio.sleep(0.05)
    first.cancel()
    assert await second == 200
    assert issuing.asked[PATH] == 2
    await kit.close()


def test_for_code_that_does_not_await(issuing: Issuing) -> None:
    kit, text = api(issuing), issuing.split(cnf=CNF)
    for _ in range(2):
        wish = Wish(method="GET", address=f"{CATALOG.resource}/chirps", token=text)
        shown = SenderProof(method="GET", path="/chirps", proofs=(proof(wish),))
        assert kit.blocking.verify(f"DPoP {text}", sender_proof=shown).client_id == "stefapp"
    assert issuing.asked[PATH] == 1
    kit.blocking.close()


async def test_its_metadata_says_so(issuing: Issuing) -> None:
    assert api(issuing).metadata.split_access_tokens_required
    assert not api(issuing, split=False).metadata.split_access_tokens_required


def test_it_needs_credentials(issuing: Issuing) -> None:
    with pytest.raises(ValueError, match="split needs credentials"):
        api(issuing, credentials=None)


async def test_a_half_is_handed_on_as_a_whole_token_is(issuing: Issuing) -> None:
    """The block is behind the app's half, and behind no other."""
    kit = api(issuing, max_delegations=1)
    one, other = issuing.split(cnf=CNF), issuing.split(cnf=CNF)
    now, to = int(time.time()), OTHER.public().thumbprint()
    assert child_key.expires_at(one) == issuing.halves[one].exp
    child = child_key.delegate(
        one, by=MINE, to=to, permissions=("chirps.read",), now=now, until=now + 30
    )
    assert await outcome(kit, child, by=OTHER) == 200
    assert await outcome(kit, child, by=MINE) == 401
    assert await outcome(kit, child.replace(one, other), by=OTHER) == 401
    await kit.close()


# What is refused, and whether anybody is asked.


def _forged(issuing: Issuing) -> str:
    stranger = PrivateKey(issuing.key.kid, "ES256", jwk.generate("ES256").key)
    return issuing.split(cnf=CNF, key=stranger)


def _changed(issuing: Issuing) -> str:
    raw = opaque.read("at", issuing.split(cnf=CNF))
    return opaque.write("at", raw[:-1] + bytes((raw[-1] ^ 1,)))


def _api_half(issuing: Issuing) -> str:
    text = issuing.split(cnf=CNF)
    return split_token.of_api(issuing.halves[text], text, key=issuing.key)


STRANGERS: list[Any] = [
    row("-", "a word", lambda issuing: "password"),
    row("-", "a prefix and noise", lambda issuing: opaque.write("at", bytes(300))),
    row("A59", "signed by a stranger, in the key's name", _forged),
    row("A59", "signed by a stranger", lambda issuing: issuing.split(cnf=CNF, key=OTHER)),
    row("A59", "changed", _changed),
    row("-", "cut", lambda issuing: issuing.split(cnf=CNF)[:-1]),
    row("-", "its end alone", lambda issuing: "vk_at_" + issuing.split(cnf=CNF)[-100:]),
    row("-", "over", lambda issuing: issuing.split(cnf=CNF, exp=int(time.time()) - 60)),
    row("-", "a whole token", lambda issuing: issuing.token(cnf=CNF)),
    row("A48", "the API's half", _api_half),
]


@pytest.mark.parametrize("make", STRANGERS)
async def test_what_the_server_did_not_make_is_asked_of_nobody(
    make: Callable[[Issuing], str], issuing: Issuing
) -> None:
    kit = api(issuing)
    text = make(issuing)
    assert [await outcome(kit, text) for _ in range(3)] == [401] * 3
    assert issuing.asked[PATH] == 0
    await kit.close()


async def test_strangers_do_not_make_an_api_ask(issuing: Issuing) -> None:
    """A hundred forged halves, each another one: the keys are asked for, once, and that is all."""
    kit = api(issuing)
    forged = [_forged(issuing) for _ in range(100)]
    assert {await outcome(kit, text) for text in forged} == {401}
    assert issuing.asked == {"/.well-known/oauth-authorization-server": 1, "/jwks": 1}
    await kit.close()


def answering(**changed: Any) -> Callable[[Issuing, str], split_token.ApiHalfAnswer]:
    def tell(issuing: Issuing, text: str) -> split_token.ApiHalfAnswer:
        token = msgspec.structs.replace(issuing.halves[text], **changed)
        half = split_token.of_api(token, text, key=issuing.key)
        return split_token.ApiHalfAnswer(active=True, access_token_half=half)

    return tell


def _of_another(issuing: Issuing, text: str) -> split_token.ApiHalfAnswer:
    other = issuing.split(cnf=CNF)
    half = split_token.of_api(issuing.halves[other], other, key=issuing.key)
    return split_token.ApiHalfAnswer(active=True, access_token_half=half)


def _by(key: PrivateKey, typ: str) -> Callable[[Issuing, str], split_token.ApiHalfAnswer]:
    def tell(issuing: Issuing, text: str) -> split_token.ApiHalfAnswer:
        claims = jwt.prove(
            split_token.of_api(issuing.halves[text], text, key=issuing.key),
            access_token.AccessToken,
            keys=(issuing.key.public(),),
            typ=(split_token.OF_API,),
            issuer=issuing.issuer,
        )
        by = key if key is OTHER else issuing.key
        return split_token.ApiHalfAnswer(
            active=True, access_token_half=jwt.sign(claims, key=by, typ=typ)
        )

    return tell


ANSWERS: list[Any] = [
    row("-", "that of another token", _of_another),
    row("-", "one for another API", answering(aud=("https://photos.example",))),
    row("-", "one of another issuer", answering(iss="https://other.example")),
    row("-", "one that is over", answering(exp=1_700_000_000)),
    row("-", "one that is bound to nobody", answering(cnf=None)),
    row("-", "one that is bound to somebody else", answering(cnf=Confirmation(jkt="x" * 43))),
    row("A59", "one of a stranger's", _by(OTHER, split_token.OF_API)),
    row("A48", "a whole token", _by(MINE, access_token.TYPE)),
    row("-", "none", lambda issuing, text: split_token.NOTHING),
    row("-", "an empty one", lambda issuing, text: split_token.ApiHalfAnswer(active=True)),
]


@pytest.mark.parametrize("tell", ANSWERS)
async def test_an_answer_that_does_not_fit_opens_nothing(
    tell: Callable[[Issuing, str], split_token.ApiHalfAnswer], issuing: Issuing
) -> None:
    kit, text = api(issuing), issuing.split(cnf=CNF)
    issuing.replies[PATH] = (200, msgspec.json.encode(tell(issuing, text)))
    assert await outcome(kit, text) == 401
    await kit.close()


@pytest.mark.parametrize("reply", [(500, b""), (200, b"<html>"), (302, b""), (200, b"[]")])
async def test_where_the_server_does_not_say_nobody_is_let_in(
    reply: tuple[int, bytes], issuing: Issuing
) -> None:
    kit, text = api(issuing), issuing.split(cnf=CNF)
    issuing.replies[PATH] = reply
    assert await outcome(kit, text) == 503
    del issuing.replies[PATH]
    assert await outcome(kit, text) == 200
    await kit.close()


async def test_what_is_known_opens_while_the_server_is_down(issuing: Issuing) -> None:
    kit, text = api(issuing), issuing.split(cnf=CNF)
    assert await outcome(kit, text) == 200
    issuing.stop()
    assert await outcome(kit, text) == 200
    assert await outcome(kit, issuing.split(cnf=CNF)) == 503
    await kit.close()
    issuing.start()


async def test_the_apps_half_out_of_a_log_opens_nothing(issuing: Issuing) -> None:
    kit, text = api(issuing), issuing.split(cnf=CNF)
    assert await outcome(kit, text) == 200
    assert await outcome(kit, text, by=OTHER) == 401
    for sent in (f"Bearer {text}", f"DPoP {text}"):
        with pytest.raises(Refused):
            await kit.verify(sent)
    await kit.close()


async def test_at_an_api_that_does_not_join_the_apps_half_is_no_token(issuing: Issuing) -> None:
    kit = api(issuing, split=False)
    text = issuing.split(cnf=CNF)
    assert [await outcome(kit, one) for one in (text, _api_half(issuing))] == [401, 401]
    assert issuing.asked[PATH] == 0
    await kit.close()


# What is remembered.


async def test_a_no_is_remembered_for_a_moment(
    issuing: Issuing, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit, text = api(issuing), issuing.split(cnf=CNF)
    token = issuing.halves.pop(text)
    assert [await outcome(kit, text) for _ in range(5)] == [401] * 5
    assert issuing.asked[PATH] == 1
    issuing.halves[text] = token
    monkeypatch.setattr(time, "monotonic", _ahead(api_halves.REFUSED))
    assert await outcome(kit, text) == 200
    await kit.close()


def _ahead(seconds: float, clock: Callable[[], float] = time.monotonic) -> Callable[[], float]:
    return lambda: clock() + seconds


async def test_there_is_an_end_to_what_is_remembered(
    issuing: Issuing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_halves, "MOST", 8)
    kit = api(issuing)
    texts = [issuing.split(cnf=CNF) for _ in range(20)]
    assert {await outcome(kit, text) for text in texts} == {200}
    held = kit._connection.admission._api_halves
    assert held is not None
    assert len(held._halves) <= 8
    assert await outcome(kit, texts[-1]) == 200
    assert issuing.asked[PATH] == 20
    assert await outcome(kit, texts[0]) == 200
    assert issuing.asked[PATH] == 21
    await kit.close()


async def test_no_apps_half_is_kept(issuing: Issuing) -> None:
    """A dump of the API's memory has the API's halves, and no app's."""
    kit, text = api(issuing), issuing.split(cnf=CNF)
    assert await outcome(kit, text) == 200
    held = kit._connection.admission._api_halves
    assert held is not None
    assert text not in f"{held._halves}{held._refused}{held._asking.get()}"
    await kit.close()


async def test_a_key_that_is_gone_takes_its_halves_along(
    issuing: Issuing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer, "PAUSES", (0.0,))
    kit, text = api(issuing), issuing.split(cnf=CNF)
    assert await outcome(kit, text) == 200
    issuing.key = jwk.generate("ES256")
    issuing.keys = [issuing.key]
    assert await outcome(kit, issuing.split(cnf=CNF)) == 200
    assert await outcome(kit, text) == 401
    await kit.close()
