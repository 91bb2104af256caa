"""Signing keys in AWS KMS, as moto plays it."""

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec
import pytest
from tests.custody import REGION, Kms, Wire, kms, signing

from valetkey.jose import jws
from valetkey.jose.jwk import ALGORITHMS, Ours, PrivateKey
from valetkey.server.custody import kms_keys, signing_pool
from valetkey.server.custody.kms_keys import KmsKeys, KmsTerms
from valetkey.server.custody.signing_pool import SigningPool
from valetkey.server.store.keyring import WrongMasterKey, make, open_keys, run_signing
from valetkey.server.store.master_key import MasterKeys
from valetkey.server.store.port import TokenUnavailable


@pytest.fixture(scope="module")
def aws() -> Iterator[Kms]:
    with kms() as service:
        yield service


@pytest.fixture
def wire(aws: Kms) -> Iterator[Wire]:
    with signing(aws) as line:
        yield line
        while OPEN:
            OPEN.pop().close()


OPEN: list[KmsKeys] = []


def keys_of(wire: Wire) -> KmsKeys:
    of = KmsKeys(KmsTerms(region=REGION, url=wire.url, algorithms=ALGORITHMS))
    OPEN.append(of)
    return of


def made(of: KmsKeys, algorithm: Ours = "ES256") -> PrivateKey:
    return of.key(algorithm, *of.generate(algorithm))


def sign(key: PrivateKey, payload: bytes = b"{}") -> str:
    return jws.sign(payload, key=key, typ="test")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_its_signatures_are_as_any_others(wire: Wire, algorithm: Ours) -> None:
    key = made(keys_of(wire), algorithm)
    text = sign(key)
    assert jws.verify(text, [key.public()], algorithms=ALGORITHMS, typ=("test",)) == b"{}"
    with pytest.raises(TypeError, match="stays there"):
        key.to_der()


def test_the_keyring_publishes_and_signs_in_the_pool(wire: Wire) -> None:
    master = MasterKeys(os.urandom(32), tokens=[keys_of(wire)])
    keys = [make("ES256", master, status="current"), make("RS256", master), make("seal", master)]
    assert [one.store for one in keys] == ["aws-kms", "aws-kms", ""]
    ring = open_keys(keys, master, now=0)
    assert ring.check_token is not None
    ring.check_token()
    text = asyncio.run(run_signing(ring, partial(sign, ring.signing["ES256"])))
    assert jws.verify(text, ring.published, algorithms=ALGORITHMS, typ=("test",)) == b"{}"


def test_without_it_its_keys_say_so(wire: Wire) -> None:
    master = MasterKeys(os.urandom(32), tokens=[keys_of(wire)])
    key = make("ES256", master, status="current")
    with pytest.raises(TokenUnavailable, match=r"in AWS KMS: set kms\.region"):
        open_keys([key], MasterKeys(*master.keys), now=0)


def test_the_public_half_is_sealed_with_its_id(wire: Wire) -> None:
    """Somebody who can write to the database can't name another key of the account."""
    master = MasterKeys(os.urandom(32), tokens=[keys_of(wire)])
    one, two = make("ES256", master, status="current"), make("ES256", master)
    planted: tuple[dict[str, Any], ...]
    planted = ({"label": two.label}, {"store": "pkcs11"}, {"store": "", "label": ""})
    for changed in planted:
        with pytest.raises(WrongMasterKey):
            open_keys([msgspec.structs.replace(one, **changed)], master, now=0)


def test_a_signature_by_another_key_is_not_given_away(wire: Wire) -> None:
    of = keys_of(wire)
    label, _ = of.generate("ES256")
    _, other = of.generate("ES256")
    with pytest.raises(TokenUnavailable, match=f"key {label}, signs with another key"):
        sign(of.key("ES256", label, other))


def test_a_long_text_goes_as_its_digest(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """moto hashes the digest again, which AWS KMS does not, so its signature does not fit."""
    of, heard = keys_of(wire), list[dict[str, Any]]()
    key = made(of)
    call = of._call

    def listening(*positional: Any, **named: Any) -> Any:
        heard.append(named)
        return call(*positional, **named)

    monkeypatch.setattr(of, "_call", listening)
    with pytest.raises(TokenUnavailable, match="signs with another key"):
        sign(key, b"x" * 4096)
    assert (heard[0]["MessageType"], len(heard[0]["Message"])) == ("DIGEST", 32)


def test_a_key_that_fails_is_named_and_leaves_the_others(wire: Wire) -> None:
    of = keys_of(wire)
    good, (_, public) = made(of), of.generate("ES256")
    gone = "00000000-0000-0000-0000-000000000000"
    with pytest.raises(
        TokenUnavailable, match=r"is not there .* check kms\.region, or revoke"
    ) as why:
        of.check([of.key("ES256", gone, public)])
    assert gone in str(why.value)
    assert of.counts.failing == {gone}
    assert sign(good)


def test_no_credentials(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(TokenUnavailable, match="has no credentials: give this server a role"):
        keys_of(wire).generate("ES256")


def test_a_lost_service_is_asked_by_one_at_a_time(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = keys_of(wire)
    key = made(of)
    sign(key)
    wire.cut()
    with pytest.raises(TokenUnavailable, match="cannot be reached"):
        sign(key)
    assert (of.counts.signed, of.counts.failed, len(of.counts.failing)) == (1, 1, 1)
    began = time.monotonic()
    with pytest.raises(TokenUnavailable, match="cannot be reached"):
        of.check([key])
    assert time.monotonic() - began < 0.1
    of._not_before, of._is_probing = 0.0, True
    with pytest.raises(TokenUnavailable, match="cannot be reached"):
        sign(key)
    of._is_probing = False
    wire.mend()
    assert sign(key)
    assert not of.counts.failing


def test_a_check_asks_only_for_what_did_not_sign_just_now(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = keys_of(wire)
    key = made(of)
    for _ in range(3):
        of.check([key])
    assert of.counts.signed == 1
    monkeypatch.setattr(kms_keys, "FRESH", 0.0)
    of.check([key])
    assert of.counts.signed == 2


def test_a_child_connects_by_itself(wire: Wire) -> None:
    of = keys_of(wire)
    key = made(of)
    sign(key)
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, asyncio.run(of.pool.run(partial(sign, key))).encode())
        os._exit(0)
    os.waitpid(child, 0)
    text = os.read(reading, 4096).decode()
    assert jws.verify(text, [key.public()], algorithms=ALGORITHMS, typ=("test",)) == b"{}"
    assert sign(key)
    for end in (reading, writing):
        os.close(end)


def test_its_keys_are_listed_by_their_aliases(wire: Wire) -> None:
    of = keys_of(wire)
    label, _ = of.generate("RS256")
    assert label in of.labels()


@pytest.mark.anyio
async def test_many_wait_together_and_the_loop_goes_on() -> None:
    """32 signatures of 0.1 seconds take little more than one."""
    pool, ticks = SigningPool("a service", 32), 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.005)
            ticks += 1

    ticking = asyncio.create_task(tick())
    began = time.monotonic()
    await asyncio.gather(*(pool.run(lambda: time.sleep(0.1)) for _ in range(32)))
    assert time.monotonic() - began < 1.6
    assert ticks >= 5
    ticking.cancel()
    assert pool.waiting == 0
    pool.close()


@pytest.mark.anyio
async def test_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_pool, "WAITING", 1)
    pool, go = SigningPool("a service", 1), threading.Event()
    two = [asyncio.create_task(pool.run(lambda: go.wait(10))) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(TokenUnavailable, match="too many signatures wait for a service"):
        await pool.run(lambda: None)
    go.set()
    assert await asyncio.gather(*two) == [True, True]
    pool.close()


@pytest.mark.anyio
async def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_pool, "LONGEST", 0.0)
    pool = SigningPool("a service", 1)
    with pytest.raises(TokenUnavailable, match="too many signatures wait"):
        await pool.run(lambda: None)
    pool.close()
