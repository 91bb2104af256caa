"""`valetkey db restore` with `revocations_folder`: ends again what ended after the backup."""

import time
from pathlib import Path

from valetkey.cli.context import CommandContext, Failed
from valetkey.server.store.master_key import MasterKey
from valetkey.server.store.port import Store
from valetkey.server.store.revocations.restoring import Applied, Incomplete, apply, begin
from valetkey.server.store.revocations.shipping import key_of


def apply_revocations(
    command: CommandContext, folder: Path, master: MasterKey, *, lost: bool
) -> Applied:
    """Apply the folder to the restored database. Raises Failed, also if the folder has faults and
    they are not `lost`: then no server starts on the database."""

    async def work(store: Store) -> Applied:
        await begin(store)
        return await apply(store, folder, await key_of(store, master), lost=lost)

    try:
        return command.run(work, ship=False)
    except Incomplete as error:
        faults = "".join(f"\n  - {one}" for one in error.faults)
        raise Failed(
            f"what was revoked is not all known, so no server starts on this database:{faults}\n"
            "Bring the files back, and run `valetkey db restore --apply`; if they are lost, add "
            "--lost",
            type="revocations-incomplete",
        ) from error


def summarize_applied(applied: Applied) -> str:
    """What was applied, for people."""
    numbers = ", ".join(f"{count} {table}" for table, count in applied.narrowed.items())
    until = _second(applied.known_until)
    lines = [
        f"ended again: {numbers or 'nothing, as nothing had ended'}",
        f"known until {until}; if the server went on after that, run it again with --finalize",
    ]
    if applied.epoch is not None:
        spans = ", ".join(f"from {_second(start)} to {_second(end)}" for start, end in applied.lost)
        lines.append(
            f"nothing is known {spans}: epoch {applied.epoch} has begun, all sessions ended, and "
            f"{applied.asked_again} consents have to be given again"
        )
    return "\n".join(lines)


def _second(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at)) if at else "the beginning"
