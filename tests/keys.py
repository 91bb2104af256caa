"""Keys that tests sign with, made once: an RSA key takes its time."""

from functools import cache

from valetkey.jose.jwk import Algorithm, PrivateKey, generate


def key(algorithm: Algorithm = "ES256", name: str = "ours") -> PrivateKey:
    """The key of that name, the same each time."""
    return _made(algorithm, name)


@cache
def _made(algorithm: Algorithm, name: str) -> PrivateKey:
    return generate(algorithm)
