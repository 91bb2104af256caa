"""Tokens and keys that others made are read here, and ours there."""

import json
import warnings
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from joserfc import jwt as theirs
from joserfc.jwk import ECKey, KeySet, RSAKey
from tests.keys import key

from valetkey.jose import jwk, jws
from valetkey.jose.jwk import ALGORITHMS, Algorithm, PrivateKey

with warnings.catch_warnings():
    # Authlib is leaving this module for joserfc; until then it is a second opinion.
    import authlib.deprecate  # type: ignore[import-untyped]

    warnings.simplefilter("ignore", authlib.deprecate.AuthlibDeprecationWarning)
    from authlib.jose import JsonWebKey, JsonWebToken  # type: ignore[import-untyped]

CLAIMS = {"iss": "https://as.example", "sub": "Mikó 🗝", "iat": 1, "exp": 2**40}


def pem(private: PrivateKey) -> bytes:
    return private.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def ours(algorithm: Algorithm) -> str:
    return jws.sign(json.dumps(CLAIMS).encode(), key=key(algorithm), typ="at+jwt")


def read(token: str, algorithm: Algorithm) -> Any:
    keys = (key(algorithm).public(),)
    return json.loads(jws.verify(token, keys, algorithms=(algorithm,), typ=("at+jwt",)))


def header(algorithm: Algorithm) -> dict[str, str]:
    return {"alg": algorithm, "kid": key(algorithm).kid, "typ": "at+jwt"}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_joserfc_reads_ours(algorithm: Algorithm) -> None:
    published = KeySet.import_key_set({"keys": [key(algorithm).public().jwk()]})
    token = theirs.decode(ours(algorithm), published, algorithms=[algorithm])
    assert token.claims == CLAIMS
    assert token.header == header(algorithm)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_we_read_joserfc(algorithm: Algorithm) -> None:
    kind = ECKey if algorithm == "ES256" else RSAKey
    private = kind.import_key(pem(key(algorithm)))
    token = theirs.encode(header(algorithm), CLAIMS, private, algorithms=[algorithm])
    assert read(token, algorithm) == CLAIMS


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_authlib_reads_ours(algorithm: Algorithm) -> None:
    published = JsonWebKey.import_key_set({"keys": [key(algorithm).public().jwk()]})
    assert JsonWebToken([algorithm]).decode(ours(algorithm), published) == CLAIMS


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_we_read_authlib(algorithm: Algorithm) -> None:
    token = JsonWebToken([algorithm]).encode(header(algorithm), CLAIMS, pem(key(algorithm)))
    assert read(token.decode(), algorithm) == CLAIMS


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_set_that_joserfc_wrote_is_read(algorithm: Algorithm) -> None:
    kind = ECKey if algorithm == "ES256" else RSAKey
    private = kind.import_key(pem(key(algorithm)), {"kid": "theirs", "use": "sig"})
    document: Any = KeySet([private]).as_dict(private=False)
    (read_key,) = jwk.parse_set(document)
    assert (read_key.kid, read_key.algorithm) == ("theirs", algorithm)
