"""Checks of the keys, for `valetkey doctor`: the master key, and what it opens."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

from valetkey.cli.master_key.file import DAMAGED, existing_master_key, shared
from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.server.custody.key_service import NAMES
from valetkey.server.model.keys import SigningKey
from valetkey.server.settings import Settings
from valetkey.server.store.database_url import PostgresURL
from valetkey.server.store.keyring import DamagedKey, WrongMasterKey, open_keys
from valetkey.server.store.port import TokenUnavailable

Check: TypeAlias = tuple[str, Literal["ok", "warn", "fail"], str]
"""Its name, the verdict, and the details."""


def check_master_key(settings: Settings, keys: Sequence[SigningKey]) -> Check:
    """Check that the master key is there, and opens the keys of the database."""
    file, service = settings.key_file, settings.key_service
    if settings.master_key is None and (file is None or not file.exists()):
        if keys or file is None:
            return "master key", "fail", f"{file} is missing, and only it opens the keys"
        if isinstance(settings.database.at, PostgresURL):
            return "master key", "fail", f"{file} is missing: {shared(settings)}"
        return "master key", "warn", f"{file} does not exist yet; `valetkey serve` creates it"
    source = str(file) if settings.master_key is None else "VALETKEY_MASTER_KEY"
    try:
        master = existing_master_key(settings)
        open_keys(keys, master, now=0)
    except (InvalidUsage, Failed) as error:
        return "master key", "fail", error.message.removeprefix("the master key ")
    except TokenUnavailable as error:
        return "token", "fail", str(error)
    except DamagedKey as error:
        return "keys", "fail", f"{error}; {DAMAGED}"
    except WrongMasterKey as error:
        return "master key", "fail", f"{error}; it comes from {source}"
    if service.kind:
        source = f"{source}, unwrapped by {NAMES[service.kind]} ({service.key}),"
    old = sum(not master.is_newest(key) for key in keys)
    if old:
        says = f"{old} of {len(keys)} keys are still sealed with the old one in {source}"
        return "master key", "warn", f"{says}: valetkey key rotate-master"
    return "master key", "ok", f"{source} opens {len(keys)} keys"
