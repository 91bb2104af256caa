"""The countries of network addresses, by an operator's database in MaxMind's format.

A file that cannot be read costs no sign-in: then the country is unknown, and the log says why.
"""

import datetime
import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from valetkey.server.http import log
from valetkey.server.model.counters import parse

if TYPE_CHECKING:
    from maxminddb import Reader

_CODE: Final = re.compile(r"[A-Z]{2}", re.ASCII)

PROBE: Final = 5000
"""Networks in which a database of countries has one."""


class Countries:
    """Looks up countries in a file, which is read at the first look; None for no file."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._reader: Reader | None = None
        self._is_read = file is None

    def of(self, address: str) -> str:
        """The code of the country (ISO 3166-1), such as DE, "" if unknown. An address of a network,
        such as 192.0.2.0/24, may be that of any of its hosts."""
        if not self._is_read:
            self.read_again()
        ip = parse(address.partition("/")[0])
        if self._reader is None or ip is None:
            return ""
        try:
            return code_in(self._reader.get(ip))
        except Exception as error:  # a damaged file costs no sign-in
            log.warning("country not found", detail=_words(error))
            return ""

    def read_again(self) -> None:
        """Reads the file again. If that fails, what was read before stays."""
        self._is_read = True
        if self._file is None:
            return
        try:
            self._reader = open_database(self._file)
        except Exception as error:  # neither does one that is no database
            log.warning("countries not read", file=str(self._file), detail=_words(error))


def open_database(file: Path) -> "Reader":
    """The database, in memory: a file that is cut while it is mapped would end the process. Raises
    OSError, and whatever a damaged file causes."""
    # Imported here: most servers have no such file.
    import maxminddb  # noqa: PLC0415

    return maxminddb.open_database(file, maxminddb.MODE_MEMORY)


def code_in(record: Any) -> str:
    """The country in a record of the database, "" for none. Nothing but a code gets out, so no
    text of the file is displayed to anybody."""
    if not isinstance(record, dict):
        return ""
    country = record.get("country")
    code = country.get("iso_code") if isinstance(country, dict) else country
    for one in (code, record.get("country_code")):
        if isinstance(one, str) and _CODE.fullmatch(one):
            return one
    return ""


def why_not_countries(file: Path | None) -> str:
    """Why this is no database of countries, or ""."""
    if file is None:
        return ""
    try:
        reader = open_database(file)
        has_one = any(code_in(record) for _, record in islice(reader, PROBE))
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except Exception as error:  # any damage
        return f"is no database in MaxMind's format: {_words(error)}"
    return "" if has_one else "has no countries: use a database such as GeoLite2-Country"


def age_of(file: Path, now: int) -> tuple[int, str]:
    """How many days ago the database was made, and its name and date in words. Raises as
    `open_database`."""
    metadata = open_database(file).metadata()
    made = datetime.datetime.fromtimestamp(metadata.build_epoch, datetime.UTC)
    name = re.sub(r"[^ -~]", "?", metadata.database_type)[:60]
    return (now - metadata.build_epoch) // 86400, f"{name} of {made:%Y-%m-%d}"


def _words(error: Exception) -> str:
    return re.sub(r"[^ -~]", "?", str(error))[:200] or type(error).__name__
