"""`valetkey key check-token`: the PKCS#11 token with the signing keys, and how quick it is."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import click
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from valetkey.cli.context import CommandContext
from valetkey.cli.master_key.check import Check
from valetkey.cli.master_key.file import existing_master_key, key_token, key_tokens
from valetkey.cli.options import Command
from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.cli.output.formats import columns
from valetkey.jose import jwk, jws
from valetkey.jose.jwk import ALGORITHMS, Ours, PrivateKey
from valetkey.server.custody.stored_keys import StoredKey
from valetkey.server.model.keys import SigningKey, StoreKind
from valetkey.server.settings import Settings
from valetkey.server.store.keyring import WrongMasterKey, open_keys, read_keys
from valetkey.server.store.port import TokenUnavailable

SLOW: Final = 0.005
"""Seconds of a signature in a token that are too many: the process does nothing else meanwhile."""

SLOW_FAR: Final = 0.5
"""Seconds of a signature in a service far away that are too many: users wait for it."""

NAMES: Final[dict[StoreKind, str]] = {"pkcs11": "the PKCS#11 token", "aws-kms": "AWS KMS"}

MOVE: Final = "rotate twice, `lifetimes.jwks_cache` apart (valetkey key rotate)"


def check_token(settings: Settings, keys: Sequence[SigningKey]) -> Iterator[Check]:
    """Check that each token or service that holds signing keys signs with the current ones."""
    stored = [key for key in keys if key.store and key.status == "current"]
    tokens = key_tokens(settings)
    try:
        for token in tokens:
            if token.algorithms and not any(key.store == token.store for key in stored):
                token.labels()
                yield "token", "warn", f"{NAMES[token.store]} holds no key that signs yet: {MOVE}"
        ring = open_keys(keys, existing_master_key(settings), now=0)
        if ring.check_token is None:
            return
        ring.check_token()  # The first time opens the token.
        probes = [
            private for private in ring.signing.values() if isinstance(private.key, StoredKey)
        ]
        took = max(map(_seconds, probes))
        says = f"{len(probes)} keys sign, each in {took * 1e6:.0f} us"
        slow = SLOW if ring.pool is None else SLOW_FAR
        yield "token", "warn" if took > slow else "ok", says
    except TokenUnavailable as error:
        yield "token", "fail", str(error)
    except (InvalidUsage, Failed, WrongMasterKey):
        return  # `check_master_key` says it.


def _seconds(key: PrivateKey) -> float:
    began = time.perf_counter()
    jws.sign(b"{}", key=key, typ="valetkey-check")
    return time.perf_counter() - began


@click.command(name="check-token", cls=Command)
@click.option("--seconds", type=click.FloatRange(0.01, 60), default=1.0, help="How long to sign.")
@click.pass_obj
def check_token_command(command: CommandContext, *, seconds: float) -> None:
    """Open the PKCS#11 token, measure how quick it signs, and list what it holds.

    It signs with keys that it deletes afterwards, in the token and in this process. A key that
    begins with valetkey- and is in no database of yours can be deleted with the tools of the token.
    """
    settings = command.settings()
    token = key_token(settings.pkcs11)
    if token is None:
        raise InvalidUsage("no token is set: set pkcs11.module, and what it needs")
    try:
        labels = token.labels()
        took = {one: token.measure(one, seconds=seconds) for one in ALGORITHMS}
    except TokenUnavailable as error:
        raise Failed(str(error)) from error
    here = {one: _measure_here(one, seconds=seconds) for one in ALGORITHMS}
    labelled = inventory(command.run(read_keys, missing="pretend"), token.store, labels)
    document = {
        "microseconds": {one: round(took[one] * 1e6) for one in ALGORITHMS},
        "microseconds_in_process": {one: round(here[one] * 1e6) for one in ALGORITHMS},
        **labelled,
    }
    rows = [(one, f"{took[one] * 1e6:.0f} us", f"{here[one] * 1e6:.0f} us") for one in ALGORITHMS]
    text = columns(("signature", "in the token", "in this process"), rows)
    command.show(document, "\n".join((text, *inventory_lines(labelled))))


def inventory(
    keys: Sequence[SigningKey], store: StoreKind, labels: Sequence[str]
) -> dict[str, list[str]]:
    """The labels in a token or a service: those of the keys of this database, others, and those
    that are missing there."""
    ours = {key.label for key in keys if key.store == store}
    return {
        "keys": [one for one in labels if one in ours],
        "other_keys": [one for one in labels if one not in ours],
        "missing_keys": sorted(ours - set(labels)),
    }


def inventory_lines(labelled: Mapping[str, Sequence[str]]) -> list[str]:
    """The inventory in words."""
    titles = ("keys of this database", "other keys", "missing keys")
    return [
        f"{title}: {', '.join(labels) or 'none'}"
        for title, labels in zip(titles, labelled.values(), strict=True)
    ]


def _measure_here(algorithm: Ours, *, seconds: float) -> float:
    key: Any = jwk.generate(algorithm).key
    how = (
        (ec.ECDSA(hashes.SHA256()),)
        if algorithm == "ES256"
        else (padding.PKCS1v15(), hashes.SHA256())
    )
    began, count = time.perf_counter(), 0
    while (took := time.perf_counter() - began) < seconds or not count:
        key.sign(b"measure", *how)
        count += 1
    return took / count
