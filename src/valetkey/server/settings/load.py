"""Reads the settings from where they may stand, and says all that is wrong at once."""

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec

from valetkey.server.model.policy import Lifetimes
from valetkey.server.model.secret import Secret
from valetkey.server.settings.checks import CHECKS, together
from valetkey.server.settings.tree import LEAVES, SECRETS, Settings, describe
from valetkey.server.store.database import Database, PostgresURL, blind, read_database

FILE: Final = Path("valetkey.toml")
PREFIX: Final = "VALETKEY_"
CONFIG: Final = PREFIX + "CONFIG"
"""The variable that names the file."""

DATABASE: Final = "database"
DATABASE_FILE: Final = "database_file"


class SettingsError(Exception):
    """Settings that do not hold. `mistakes` has one sentence for each."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = mistakes
        many = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__("\n  - ".join((f"{many} in the settings:", *mistakes)))


class Loaded(NamedTuple):
    """The settings; `origins` says where each value came from."""

    settings: Settings
    origins: dict[str, str]


def load(flags: Mapping[str, object], environ: Mapping[str, str], file: Path | None) -> Settings:
    """The settings. Raises SettingsError with every mistake."""
    return read(flags, environ, file).settings


def read(flags: Mapping[str, object], environ: Mapping[str, str], file: Path | None) -> Loaded:
    """The settings and their origins. `flags` maps names such as `lifetimes.code` to values, None
    for a flag that was not given; `file` is the TOML file, None for the one that VALETKEY_CONFIG
    names, or for `valetkey.toml` where there is one. Raises SettingsError with every mistake."""
    values: dict[str, Any] = {}
    origins = dict.fromkeys(LEAVES, "default")
    mistakes: list[str] = []
    try:
        in_file = tuple(_in_file(file, environ))
    except ValueError as error:
        in_file = ()
        mistakes.append(str(error))
    givens = (*in_file, *_in_environment(environ), *_in_flags(flags))
    for given in givens:
        try:
            taken = _taken(given)
            values |= taken
            origins |= dict.fromkeys(taken, given.origin)
        except ValueError as error:
            mistakes.append(f"{_place(given)}: {error}")
    mistakes += _twice(givens)
    settings = _tree(values)
    mistakes += together(settings, origins)
    if mistakes:
        raise SettingsError(mistakes)
    return Loaded(settings, origins)


class Given(NamedTuple):
    """A value that somebody gave. `base` is the folder that a relative path is meant from."""

    name: str
    raw: object
    origin: str
    source: Literal["flag", "environment", "file"]
    base: Path = Path()


def _in_file(file: Path | None, environ: Mapping[str, str]) -> Iterator[Given]:
    named = environ.get(CONFIG)
    path = file or (Path(named) if named else FILE)
    if path is FILE and not path.exists():
        return
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"{path}: is not TOML: {error}") from error
    for name, raw in _flat(tables):
        yield Given(name, raw, str(path), "file", path.parent)


def _flat(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _in_environment(environ: Mapping[str, str]) -> Iterator[Given]:
    for variable, raw in sorted(environ.items()):
        if variable.startswith(PREFIX) and variable != CONFIG:
            name = variable.removeprefix(PREFIX).lower().replace("__", ".")
            yield Given(name, raw, variable, "environment")


def _in_flags(flags: Mapping[str, object]) -> Iterator[Given]:
    for name, raw in flags.items():
        if raw is not None:
            yield Given(name, raw, "the command line", "flag")


def _place(given: Given) -> str:
    if given.name not in LEAVES:
        return f"{given.name} (from {given.origin})"
    text = "…" if given.name in SECRETS else repr(given.raw)
    if given.name == DATABASE:
        text = repr(blind(str(given.raw)))
    return f"{given.name} = {text[:80]} (from {given.origin})"


def _taken(given: Given) -> dict[str, Any]:
    """The settings that a value makes. The database's two names make both, so that the last of them
    that was given counts."""
    value = _value(given)
    match given.name:
        case "database":
            return {DATABASE: value, DATABASE_FILE: None}
        case "database_file":
            return {DATABASE: _in_secret_file(value), DATABASE_FILE: value}
        case name:
            return {name: value}


def _in_secret_file(file: Path) -> Database:
    try:
        if file.stat().st_mode & 0o077:
            raise ValueError(f"may be read by others: chmod 600 {file}")
        text = file.read_text("utf-8", "replace").strip()
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    return read_database(text, base=file.parent)


def _twice(givens: Iterable[Given]) -> Iterator[str]:
    """The database is named once in each place."""
    named = {given.source for given in givens if given.name == DATABASE}
    for given in givens:
        if given.name == DATABASE_FILE and given.source in named:
            yield f"{_place(given)}: {DATABASE} is given in the same place: only one of them"


def _value(given: Given) -> Any:
    if given.name not in LEAVES:
        raise ValueError(_unknown(given))
    if given.name in SECRETS and given.source != "environment":
        raise ValueError(_secret(given))
    kind, raw, strict = LEAVES[given.name].type, given.raw, given.source == "file"
    if isinstance(raw, str) and not strict and _is_list(kind):
        raw = [part.strip() for part in raw.split(",") if part.strip()]
    try:
        value = _checked(given.name, convert(kind, raw, base=given.base, strict=strict))
    except ValueError as error:
        raise ValueError(f"{error}; it should be {describe(given.name)}") from error
    if given.source != "environment" and _holds_password(value):
        raise ValueError(f"holds a password: {_secret(given)}, or in what PGPASSFILE names")
    return value


def _checked(name: str, value: Any) -> Any:
    wrong = CHECKS[name](value) if name in CHECKS else ""
    if wrong:
        raise ValueError(wrong)
    return value


def _holds_password(value: object) -> bool:
    match value:
        case Database(at=PostgresURL(has_password=held)):
            return held
        case _:
            return False


def _secret(given: Given) -> str:
    variable = PREFIX + given.name.upper()
    return f"a secret stands in {variable}, or in the file that {variable}_FILE names"


def _is_list(kind: Any) -> bool:
    info = msgspec.inspect.type_info(kind)
    if isinstance(info, msgspec.inspect.Metadata):
        info = info.type
    return isinstance(info, msgspec.inspect.VarTupleType)


def convert(kind: Any, raw: object, *, base: Path, strict: bool = True) -> Any:
    """`raw` as a value of the type `kind`; not `strict` where it may be text for another type.
    Relative paths are meant from `base`. Raises ValueError that says what was expected."""

    def custom(wanted: type, text: object) -> object:
        if not isinstance(text, str | Path) or not str(text):
            raise ValueError("expected some text")
        if wanted is Database:
            return read_database(str(text), base=base)
        return base / text if wanted is Path else Secret(str(text))

    try:
        return msgspec.convert(raw, kind, strict=strict, dec_hook=custom)
    except msgspec.ValidationError as error:
        said = str(error).replace("`", "")
        raise ValueError(said[:1].lower() + said[1:]) from error


def _unknown(given: Given) -> str:
    if any(leaf.startswith(f"{given.name}.") for leaf in LEAVES):
        return "is a table of settings, not a value"
    near = difflib.get_close_matches(given.name, LEAVES, n=1)
    if not near:
        return "there is no such setting; `valetkey config schema` lists them"
    meant = near[0]
    if given.source == "environment":
        meant = PREFIX + meant.upper().replace(".", "__")
    return f"there is no such setting; did you mean {meant}?"


def _tree(values: Mapping[str, Any]) -> Settings:
    nested = {name.partition(".")[2]: value for name, value in values.items() if "." in name}
    flat = {name: value for name, value in values.items() if "." not in name}
    return Settings(**flat, lifetimes=Lifetimes(**nested))
