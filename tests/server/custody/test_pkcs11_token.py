"""Signing keys in a PKCS#11 token: real signatures by SoftHSM."""

import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.softhsm import LABEL, MODULE, PIN, SoftHsm, softhsm

pytest.importorskip("pkcs11", reason="the extra `pkcs11` is not installed")

from valetkey.jose import jws
from valetkey.jose.jwk import ALGORITHMS, Ours, PrivateKey
from valetkey.server.custody import pkcs11_token
from valetkey.server.custody.pkcs11_token import Pkcs11Token, TokenTerms
from valetkey.server.model.keys import Secret
from valetkey.server.store.keyring import WrongMasterKey, make, open_keys
from valetkey.server.store.master_key import MasterKeys
from valetkey.server.store.port import TokenUnavailable


@pytest.fixture
def device(tmp_path: Path) -> Iterator[SoftHsm]:
    with softhsm(tmp_path / "hsm") as found:
        yield found


def token(label: str = LABEL, pin: str = PIN, module: Path = MODULE) -> Pkcs11Token:
    terms = TokenTerms(module=module, label=label, pin=Secret(pin), algorithms=ALGORITHMS)
    return Pkcs11Token(terms)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_its_signatures_are_as_any_others(device: SoftHsm, algorithm: Ours) -> None:
    of = token()
    key = of.key(algorithm, *of.generate(algorithm))
    for payload in (b"{}", b"x" * 5000):
        text = jws.sign(payload, key=key, typ="test")
        keys = [key.public()]
        assert jws.verify(text, keys, algorithms=ALGORITHMS, typ=("test",)) == payload
    assert "valetkey-" in repr(key.key)
    with pytest.raises(TypeError, match="stays there"):
        key.to_der()
    of.close()
    assert jws.sign(b"{}", key=key, typ="test")


def test_the_keyring_publishes_and_signs(device: SoftHsm) -> None:
    master = MasterKeys(os.urandom(32), tokens=[token()])
    keys = [make("ES256", master, status="current"), make("ES256", master), make("seal", master)]
    assert [one.store for one in keys] == ["pkcs11", "pkcs11", ""]
    ring = open_keys(keys, master, now=0)
    assert ring.check_token is not None
    ring.check_token()
    text = jws.sign(b"{}", key=ring.signing["ES256"], typ="test")
    assert jws.verify(text, ring.published, algorithms=ALGORITHMS, typ=("test",)) == b"{}"
    assert [one.kid for one in ring.published] == [one.kid for one in keys[:2]]


def test_without_a_token_its_keys_say_so(device: SoftHsm) -> None:
    master = MasterKeys(os.urandom(32), tokens=[token()])
    key = make("ES256", master, status="current")
    with pytest.raises(TokenUnavailable, match=r"set pkcs11\.module"):
        open_keys([key], MasterKeys(*master.keys), now=0)


def test_a_lost_token_is_tried_again_after_a_while(
    device: SoftHsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = token()
    key = of.key("ES256", *of.generate("ES256"))
    jws.sign(b"{}", key=key, typ="test")
    device.take_away()
    with pytest.raises(TokenUnavailable, match=r"does not answer|is not there"):
        jws.sign(b"{}", key=key, typ="test")
    device.give_back()
    with pytest.raises(TokenUnavailable, match=r"does not answer|is not there"):
        jws.sign(b"{}", key=key, typ="test")
    monkeypatch.setattr(pkcs11_token, "PAUSE", 0.0)
    of._not_before = 0.0
    assert jws.sign(b"{}", key=key, typ="test")


FAULTS = [
    pytest.param({"label": "other"}, "is not there: check pkcs11.token", id="no token"),
    pytest.param({"pin": "wrong-pin"}, "refuses the PIN: check pkcs11.pin_file", id="PIN"),
    pytest.param({"module": Path("/dev/null")}, "check pkcs11.module", id="no module"),
]


@pytest.mark.parametrize("changed, told", FAULTS)
def test_what_is_wrong_is_named(device: SoftHsm, changed: dict[str, Any], told: str) -> None:
    with pytest.raises(TokenUnavailable) as failed:
        token(**changed).labels()
    assert told in str(failed.value)
    assert PIN not in str(failed.value)


def test_a_wrong_pin_is_tried_once(device: SoftHsm, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a few wrong ones a token locks itself."""
    monkeypatch.setattr(pkcs11_token, "PAUSE", 0.0)
    wrong = token(pin="wrong-pin")
    with pytest.raises(TokenUnavailable):
        wrong.labels()
    monkeypatch.setattr(wrong, "_open", lambda: pytest.fail("tried again"))
    for _ in range(3):
        with pytest.raises(TokenUnavailable, match="refuses the PIN"):
            wrong.labels()


def test_a_key_that_is_gone(device: SoftHsm) -> None:
    of = token()
    _, public = of.generate("ES256")
    with pytest.raises(TokenUnavailable, match="has no key valetkey-gone: bring it back"):
        of.check([of.key("ES256", "valetkey-gone", public)])


def test_another_key_under_the_same_label_does_not_sign(device: SoftHsm) -> None:
    of = token()
    label, _ = of.generate("ES256")
    _, other = of.generate("ES256")
    with pytest.raises(TokenUnavailable, match=f"has another key with the label {label}"):
        jws.sign(b"{}", key=of.key("ES256", label, other), typ="test")


def test_the_public_half_is_sealed_with_its_label(device: SoftHsm) -> None:
    """Somebody who can write to the database can't name another key of the token."""
    master = MasterKeys(os.urandom(32), tokens=[token()])
    one, two = make("ES256", master, status="current"), make("ES256", master)
    planted: tuple[dict[str, Any], ...]
    planted = ({"label": two.label}, {"store": "", "label": ""}, {"sealed": two.sealed})
    for changed in planted:
        with pytest.raises(WrongMasterKey):
            open_keys([msgspec.structs.replace(one, **changed)], master, now=0)


def test_its_keys_cannot_be_copied(device: SoftHsm) -> None:
    from pkcs11 import Attribute, ObjectClass

    of = token()
    label, _ = of.generate("ES256")
    handle = of._open().get_key(object_class=ObjectClass.PRIVATE_KEY, label=label)
    assert handle[Attribute.SENSITIVE]
    assert not handle[Attribute.EXTRACTABLE]


def test_a_child_opens_a_connection_of_its_own(device: SoftHsm) -> None:
    of = token()
    key = of.key("ES256", *of.generate("ES256"))
    jws.sign(b"{}", key=key, typ="test")
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, jws.sign(b"{}", key=key, typ="test").encode())
        os._exit(0)
    os.waitpid(child, 0)
    text = os.read(reading, 4096).decode()
    assert jws.verify(text, [key.public()], algorithms=ALGORITHMS, typ=("test",)) == b"{}"
    assert jws.sign(b"{}", key=key, typ="test")
    for end in (reading, writing):
        os.close(end)


def test_workers_may_open_it_in_the_same_moment(device: SoftHsm) -> None:
    """SoftHSM can't: without a lock, one opening in five failed."""
    of = token()
    key = of.key("ES256", *of.generate("ES256"))
    failed = 0
    for _ in range(10):
        beginning = time.monotonic() + 0.02
        children = [_opened_at(beginning, of, key) for _ in range(4)]
        failed += sum(os.waitpid(child, 0)[1] != 0 for child in children)
    assert failed == 0


def _opened_at(beginning: float, of: Pkcs11Token, key: PrivateKey) -> int:
    """The id of a child that opens the token then: its status is 0 if it signed."""
    if child := os.fork():
        return child
    try:
        time.sleep(max(0.0, beginning - time.monotonic()))
        of.check([key])
    except BaseException:
        os._exit(1)
    os._exit(0)


@pytest.mark.parametrize("there", [True, False])
def test_who_holds_the_lock_cannot_keep_it_from_us(
    device: SoftHsm, monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    """Anybody on the machine may open the module and lock it."""
    monkeypatch.setattr(pkcs11_token, "LOCK_WAIT", 0.02)
    with MODULE.open("rb") as held:
        if there:
            fcntl.flock(held, fcntl.LOCK_EX)
        of = token()
        key = of.key("ES256", *of.generate("ES256"))
        assert jws.sign(b"{}", key=key, typ="test")


def test_it_is_measured(device: SoftHsm) -> None:
    of = token()
    assert 0 < of.measure("ES256", seconds=0.01) < 1
    assert of.labels() == []
