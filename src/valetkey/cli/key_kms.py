"""`valetkey key check-kms`: the signing keys in AWS KMS, and how quick it signs."""

import asyncio
import time
from functools import partial

import click

from valetkey.cli.context import CommandContext
from valetkey.cli.key_token import MOVE, inventory, inventory_lines
from valetkey.cli.master_key.file import existing_master_key, kms_keys
from valetkey.cli.options import Command
from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.cli.output.formats import columns
from valetkey.jose import jws
from valetkey.jose.jwk import PrivateKey
from valetkey.server.custody.stored_keys import StoredKey
from valetkey.server.model.keys import SigningPool
from valetkey.server.store.keyring import open_keys, read_keys
from valetkey.server.store.port import TokenUnavailable


@click.command(name="check-kms", cls=Command)
@click.option("--seconds", type=click.FloatRange(0.01, 60), default=1.0, help="How long to sign.")
@click.pass_obj
def check_kms_command(command: CommandContext, *, seconds: float) -> None:
    """Sign with the keys in AWS KMS, measure how quick it is, and list what it holds.

    It signs one by one, and then as many at once as `kms.connections` says. AWS bills each
    signature. A key with an alias that begins with valetkey- and that is in no database of yours
    can be deleted with the tools of AWS.
    """
    settings = command.settings()
    kms = kms_keys(settings.kms)
    if kms is None:
        raise InvalidUsage("kms.region is not set: AWS KMS holds no signing keys")
    stored = [key for key in command.run(read_keys) if key.store == kms.store]
    signers = []
    try:
        labels = kms.labels()
        ring = open_keys(stored, existing_master_key(settings), now=int(time.time()))
        for private in ring.signing.values():
            if isinstance(private.key, StoredKey):
                alone = _alone(private, seconds)
                at_once = asyncio.run(
                    _at_once(private, kms.pool, settings.kms.connections, seconds=seconds)
                )
                signers.append((private.algorithm, alone, at_once))
    except TokenUnavailable as error:
        raise Failed(str(error)) from error
    finally:
        kms.close()
    if not signers:
        raise Failed(f"AWS KMS holds no key of this database that signs yet: {MOVE}")
    labelled = inventory(stored, kms.store, labels)
    document = {
        "milliseconds": {one: round(alone * 1e3, 1) for one, alone, _ in signers},
        "per_second": {one: round(at_once) for one, _, at_once in signers},
        **labelled,
    }
    rows = [(one, f"{alone * 1e3:.1f} ms", f"{at_once:.0f}") for one, alone, at_once in signers]
    title = f"a second, {settings.kms.connections} at once"
    text = columns(("signature", "alone", title), rows)
    command.show(document, "\n".join((text, *inventory_lines(labelled))))


def _alone(private: PrivateKey, seconds: float) -> float:
    """Seconds of a signature."""
    jws.sign(b"{}", key=private, typ="valetkey-check")  # The first one connects.
    began, count = time.perf_counter(), 0
    while (took := time.perf_counter() - began) < seconds or not count:
        jws.sign(b"{}", key=private, typ="valetkey-check")
        count += 1
    return took / count


async def _at_once(
    private: PrivateKey, pool: SigningPool, connections: int, *, seconds: float
) -> float:
    """Signatures a second."""
    sign = partial(jws.sign, b"{}", key=private, typ="valetkey-check")
    began, count = time.perf_counter(), 0

    async def one_by_one() -> None:
        nonlocal count
        while time.perf_counter() - began < seconds:
            await pool.run(sign)
            count += 1

    await asyncio.gather(*(one_by_one() for _ in range(connections)))
    return count / (time.perf_counter() - began)
