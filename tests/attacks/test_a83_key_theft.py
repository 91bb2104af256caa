"""A83: key theft.

Attack: A thief looks for the server's private keys in the database.
Defense: They are encrypted, and only the master key opens them.
"""

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.attacks.play import every, tokens
from tests.live import Live, free_port

from valetkey.jose import base64url
from valetkey.server.model.keys import Keyring, SigningKey
from valetkey.server.store.keyring import WrongMasterKey, ensure_keys, open_keys


@pytest.fixture(scope="module")
def keyring(server: Live) -> Keyring:
    """The keys, opened."""
    tokens(server)
    return open_keys(every(server, SigningKey), server.master_key, now=0)


def _raw(server: Live, keyring: Keyring) -> Iterator[bytes]:
    """Every secret number in every key, and the master key."""
    yield server.master_key
    yield from (key.raw for key in (*keyring.sealing, *keyring.macs))
    for private in keyring.signing.values():
        key = private.key
        yield private.to_der()
        yield key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        if isinstance(key, ec.EllipticCurvePrivateKey):
            yield key.private_numbers().private_value.to_bytes(32, "big")
        if isinstance(key, rsa.RSAPrivateKey):
            numbers = key.private_numbers()
            for number in (numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.iqmp):
                yield number.to_bytes((number.bit_length() + 7) // 8, "big")


def test_no_key_stands_in_the_files(server: Live, keyring: Keyring) -> None:
    kept = b"".join(
        # As another program reads it: if this one closed the file, SQLite's locks would go with it.
        subprocess.run(["cat", one], capture_output=True, check=True).stdout
        for one in server.database.parent.iterdir()
        if one.name.startswith(server.database.name)
    )
    (any_key, *_) = every(server, SigningKey)
    assert any_key.kid.encode() in kept
    for marker in (b"BEGIN", b"PRIVATE KEY", b'"d":', b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"):
        assert marker not in kept
    secrets = list(_raw(server, keyring))
    assert len(secrets) > 10
    for secret in secrets:
        spelt = (
            secret,
            base64.b64encode(secret),
            base64url.encode(secret).encode(),
            secret.hex().encode(),
        )
        assert not any(one in kept for one in spelt)


def test_each_is_sealed_anew_and_bound_to_its_name_and_use(server: Live) -> None:
    keys = every(server, SigningKey)
    assert len({key.sealed[:12] for key in keys}) == len(keys)
    one, two = (key for key in keys if key.use == "seal")
    seal = next(key for key in keys if key.use == "mac")
    forged = (
        msgspec.structs.replace(one, sealed=two.sealed),
        msgspec.structs.replace(one, kid="00000000"),
        msgspec.structs.replace(seal, use="seal"),
        msgspec.structs.replace(one, sealed=one.sealed[:-1] + bytes((one.sealed[-1] ^ 1,))),
        msgspec.structs.replace(one, sealed=one.sealed[:20]),
        msgspec.structs.replace(one, sealed=b""),
    )
    for key in forged:
        with pytest.raises(WrongMasterKey):
            open_keys([key], server.master_key, now=0)


@pytest.mark.parametrize("wrong", [bytes(32), b"\xff" * 32])
def test_a_wrong_master_key_opens_nothing_and_makes_nothing(wrong: bytes, server: Live) -> None:
    before = every(server, SigningKey)
    with pytest.raises(WrongMasterKey):
        server.run(ensure_keys(server.store, wrong))
    assert every(server, SigningKey) == before


def test_the_server_refuses_to_start_with_a_wrong_master_key(server: Live, tmp_path: Path) -> None:
    wrong = base64url.encode(os.urandom(32))
    port = free_port()
    settings = {
        "VALETKEY_DATABASE": str(server.database),
        "VALETKEY_ISSUER": f"http://127.0.0.1:{port}",
        "VALETKEY_PORT": str(port),
        "VALETKEY_MASTER_KEY": wrong,
    }
    started = subprocess.run(
        [sys.executable, "-m", "valetkey", "serve"],
        cwd=tmp_path,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert started.returncode not in {0, -9}
    said = started.stdout + started.stderr
    assert "master key" in said
    assert wrong not in said
    assert base64url.encode(server.master_key) not in said
    assert "Traceback" not in said
    assert tokens(server)["access_token"], "the one that runs goes on"


def test_the_published_keys_have_only_their_public_half(server: Live) -> None:
    keys = server.http.get("/jwks").json()["keys"]
    assert len(keys) == 4
    for key in keys:
        assert set(key) in ({"kty", "crv", "x", "y", "kid", "alg", "use"}, _RSA)


_RSA = {"kty", "n", "e", "kid", "alg", "use"}
