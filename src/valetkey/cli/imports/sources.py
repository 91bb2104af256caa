"""The formats of files with users: how each is read, and how it is recognized."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from valetkey.cli.imports import formats, hosted_formats
from valetkey.cli.imports.hash_strings import FirebaseConfig
from valetkey.cli.imports.streams import JsonStream, RawRecord, lines, rows
from valetkey.server.accounts.importing import Incoming
from valetkey.server.model.user import User

HEAD: Final = 1 << 16
"""Bytes by which a format is recognized."""

_JSON: Final = (b"{", b"[")

Translate = Callable[[str, Mapping[str, Any]], Incoming]


class UnknownFormat(ValueError):
    """The format cannot be recognized."""


class Options(NamedTuple):
    """What a format needs besides the file: the hash parameters of a Firebase project, and whether
    the hashes of Devise have a pepper."""

    firebase: FirebaseConfig | None = None
    peppered: bool = False


class Source:
    """A file or folder with users. Iterating it yields an `Incoming` for each record, or the name
    of what was skipped. It raises BrokenFile, OSError."""

    def __init__(self, path: Path, form: str, options: Options) -> None:
        self.path = path
        self.files = _files(path, form)
        self.size = sum(file.stat().st_size for file in self.files)
        self._form = form
        self._options = options
        self._before = 0
        self._open: BinaryIO | None = None

    @property
    def position(self) -> int:
        """Bytes that were read."""
        return self._before + (self._open.tell() if self._open is not None else 0)

    def __iter__(self) -> Iterator[Incoming | str]:
        for path in self.files:
            name = f"{path.name}, " if len(self.files) > 1 else ""
            with path.open("rb") as file:
                self._open = file
                yield from self._records(file, name)
                self._open = None
            self._before += path.stat().st_size

    def _records(self, file: BinaryIO, name: str) -> Iterator[Incoming | str]:
        translate = self._translate()
        if self._form == "csv" or (self._form == "devise" and _first(file) not in _JSON):
            for row in rows(file):
                yield _incoming(translate, name + row.place, row.members)
        else:
            for record in self._raw(file):
                yield _incoming(translate, name + record.place, record.members)

    def _translate(self) -> Translate:
        match self._form:
            case "csv":
                return partial(formats.own, strict=False)
            case "devise":
                return partial(formats.devise, peppered=self._options.peppered)
            case "firebase":
                return partial(hosted_formats.firebase, config=self._options.firebase)
            case form:
                return _TRANSLATE[form]

    def _raw(self, file: BinaryIO) -> Iterator[RawRecord]:
        if self._form == "keycloak":
            return JsonStream(file).elements_of_each("users")
        if _first(file) == b"[" or self._form == "firebase":
            return JsonStream(file).elements("users")
        return lines(file)


_TRANSLATE: Final[dict[str, Translate]] = {
    "ndjson": formats.own,
    "django": formats.django,
    "keycloak": hosted_formats.keycloak,
    "auth0": hosted_formats.auth0,
}

FORMATS: Final = ("ndjson", "csv", "keycloak", "django", "auth0", "devise", "firebase")


def _incoming(
    translate: Translate, place: str, read: Callable[[], Mapping[str, Any]]
) -> Incoming | str:
    """The record, or the name of what it is if it is skipped."""
    members: Mapping[str, Any] = {}
    try:
        members = read()
        return translate(place, members)
    except formats.Skipped as skipped:
        return str(skipped)
    except formats.Mistake as mistake:
        why = str(mistake)
    except RecursionError:
        why = "record: nested too deep"
    except UnicodeDecodeError:
        why = "record: is not UTF-8"
    except ValueError as error:
        why = f"record: {error}"
    return Incoming(place=place, user=User(id="", username=_name(members)), why=why)


def _name(members: Mapping[str, Any]) -> str:
    """The name of a refused record, for the report."""
    inner = members.get("fields")
    for one in (members, inner if isinstance(inner, dict) else {}):
        for field in ("username", "email"):
            if isinstance(value := one.get(field), str):
                return value[:200]
    return ""


def _first(file: BinaryIO) -> bytes:
    """The first byte that is no space. The file is at its beginning afterwards."""
    head = file.read(HEAD).lstrip()
    file.seek(0)
    return head[:1]


def _files(path: Path, form: str) -> tuple[Path, ...]:
    if not path.is_dir():
        return (path,)
    if form != "keycloak":
        raise UnknownFormat("is a folder: only Keycloak exports to a folder")
    # Keycloak writes REALM-users-0.json, …, and REALM-realm.json without them.
    files = [one for one in path.glob("*-users-*.json") if one.is_file()]
    if not files:
        raise UnknownFormat("holds no file like REALM-users-0.json")
    realms = sorted({one.name.rpartition("-users-")[0] for one in files})
    if len(realms) > 1:
        raise UnknownFormat(f"holds users of {len(realms)} realms, {', '.join(realms)}: export one")
    return tuple(sorted(files, key=_numbered))


def _numbered(file: Path) -> tuple[str, int]:
    stem, _, number = file.stem.rpartition("-")
    return stem, int(number) if number.isdigit() else 0


def guess(path: Path) -> str:
    """The format of a file by its first bytes. Raises UnknownFormat, OSError."""
    if path.is_dir():
        return "keycloak"
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.lstrip()[:1] not in _JSON:
        header = head.partition(b"\n")[0]
        return "devise" if b"encrypted_password" in header else _csv(header)
    first = head.lstrip().partition(b"\n")[0]
    for form, pattern in _MARKERS:
        if pattern.search(head):
            return form
    if b'"username"' in first and first.startswith(b"{"):
        return "ndjson"
    raise UnknownFormat("has no format that is clear: name it with --format")


def _csv(header: bytes) -> str:
    with contextlib.suppress(UnicodeDecodeError):
        if "username" in [one.strip(' "\r') for one in header.decode("utf-8-sig").split(",")]:
            return "csv"
    raise UnknownFormat("has no format that is clear: name it with --format")


_MARKERS: Final = (
    ("django", re.compile(rb'"model"\s*:\s*"\w+\.\w+"')),
    ("firebase", re.compile(rb'"localId"\s*:')),
    ("auth0", re.compile(rb'"(?:user_id|passwordHash)"\s*:')),
    ("devise", re.compile(rb'"encrypted_password"\s*:')),
    ("keycloak", re.compile(rb'"(?:realm|credentialData|hashedSaltedValue|createdTimestamp)"\s*:')),
)
"""Each format, and what no file of another one has in its first bytes."""
