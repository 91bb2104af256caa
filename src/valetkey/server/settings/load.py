"""Reads the settings from the file, the environment and the command line, and reports all mistakes
at once."""

import difflib
import functools
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeVar

import msgspec

from valetkey.server.model.keys import Secret
from valetkey.server.settings.checks import CHECKS, check_together, why_not_private
from valetkey.server.settings.describe import describe, masked
from valetkey.server.settings.tree import LEAVES, SECRETS, Settings
from valetkey.server.settings.upstream import NAME as UPSTREAM
from valetkey.server.settings.upstream import SECRET, with_secrets
from valetkey.server.store.database_url import Database, PostgresURL, blind, read_database

FILE: Final = Path("valetkey.toml")
T = TypeVar("T", bound=msgspec.Struct)

PREFIX: Final = "VALETKEY_"
CONFIG: Final = PREFIX + "CONFIG"
"""The variable that names the file."""

DATABASE: Final = "database"
DATABASE_FILE: Final = "database_file"


class SettingsError(Exception):
    """The settings are invalid. `mistakes` has one sentence for each mistake."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = mistakes
        many = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__("\n  - ".join((f"{many} in the settings:", *mistakes)))


class Loaded(NamedTuple):
    """The settings, and in `origins` where each value comes from."""

    settings: Settings
    origins: dict[str, str]


def load(flags: Mapping[str, object], environ: Mapping[str, str], file: Path | None) -> Settings:
    """Read the settings. Raises SettingsError with every mistake."""
    return read(flags, environ, file).settings


def read(flags: Mapping[str, object], environ: Mapping[str, str], file: Path | None) -> Loaded:
    """Read the settings and their origins.

    `flags` maps names such as `lifetimes.code` to values; None for an unused flag. `file` is the
    TOML file; if None, VALETKEY_CONFIG names it, or it is `valetkey.toml` if that exists. Raises
    SettingsError with every mistake."""
    values: dict[str, Any] = {}
    origins = dict.fromkeys(LEAVES, "default")
    mistakes: list[str] = []
    try:
        in_file = tuple(_in_file(file, environ))
    except ValueError as error:
        in_file = ()
        mistakes.append(str(error))
    items = (*in_file, *_in_environment(environ), *_in_flags(flags))
    secrets = {
        match[1]: str(item.raw)
        for item in items
        if item.source == "environment" and (match := SECRET.fullmatch(item.name))
    }
    for item in items:
        if item.source == "environment" and SECRET.fullmatch(item.name):
            continue
        try:
            parsed = _settings_from(item)
            values |= parsed
            origins |= dict.fromkeys(parsed, item.origin)
        except ValueError as error:
            mistakes.append(f"{_place(item)}: {error}")
    if UPSTREAM in values or (secrets and all(item.name != UPSTREAM for item in items)):
        # Where the tables are wrong, nobody can say whose the secrets are.
        values[UPSTREAM] = with_secrets(
            values.get(UPSTREAM, ()), secrets, mistakes, read=_secret_in
        )
    mistakes += _twice(items)
    settings = _tree(values)
    if "issuer" not in values:
        settings = msgspec.structs.replace(settings, issuer=settings.own_issuer)
    mistakes += check_together(settings, origins)
    if mistakes:
        raise SettingsError(mistakes)
    _last_origins.clear()
    _last_origins.update(origins)
    return Loaded(settings, origins)


_last_origins: Final[dict[str, str]] = {}
# A process has one set of settings: those that it has read last are in force.


def described(settings: Settings) -> list[tuple[str, Any, str]]:
    """The name, value and origin of each setting, as JSON values, with secrets masked."""
    return [(name, of, _last_origins.get(name, "")) for name, of in masked(settings).items()]


RELOADABLE: Final = frozenset(
    {
        "log_level",
        "name",
        "privacy_url",
        "terms_url",
        "trusted_proxies",
        "unthrottled",
        *(name for name in LEAVES if name.startswith(("brand.", "lifetimes."))),
    }
)
"""Settings that may change while the server runs."""


class Changes(NamedTuple):
    """What differs between the settings of a running server and those that it has read. `settings`
    has what changes `now`; `at_restart` is what stays until then."""

    settings: Settings
    now: tuple[str, ...]
    at_restart: tuple[str, ...]


def changes(old: Settings, new: Settings) -> Changes:
    """Compare the settings."""
    before, after = _leaf_values(old), _leaf_values(new)
    differ = [name for name in LEAVES if before[name] != after[name]]
    now = tuple(name for name in differ if name in RELOADABLE)
    mixed = before | {name: after[name] for name in now}
    return Changes(_tree(mixed), now, tuple(name for name in differ if name not in RELOADABLE))


def _leaf_values(settings: Settings) -> dict[str, Any]:
    return {name: functools.reduce(getattr, name.split("."), settings) for name in LEAVES}


class RawValue(NamedTuple):
    """A value from one source, before conversion. `base` is the folder for a relative path."""

    name: str
    raw: object
    origin: str
    source: Literal["flag", "environment", "file"]
    base: Path = Path()


def _in_file(file: Path | None, environ: Mapping[str, str]) -> Iterator[RawValue]:
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
        yield RawValue(name, raw, str(path), "file", path.parent)


def _flat(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _in_environment(environ: Mapping[str, str]) -> Iterator[RawValue]:
    for variable, raw in sorted(environ.items()):
        if variable.startswith(PREFIX) and variable != CONFIG:
            name = variable.removeprefix(PREFIX).lower().replace("__", ".")
            yield RawValue(name, raw, variable, "environment")


def _in_flags(flags: Mapping[str, object]) -> Iterator[RawValue]:
    for name, raw in flags.items():
        if raw is not None:
            yield RawValue(name, raw, "the command line", "flag")


def _place(value: RawValue) -> str:
    if value.name not in LEAVES:
        return f"{value.name} (from {value.origin})"
    # Somebody may have written a secret into the table.
    text = "…" if value.name in (*SECRETS, UPSTREAM) else repr(value.raw)
    if value.name == DATABASE:
        text = repr(blind(str(value.raw)))
    return f"{value.name} = {text[:80]} (from {value.origin})"


def _settings_from(item: RawValue) -> dict[str, Any]:
    """The settings that a value sets. Each of the database's two names sets both, so that the last
    one wins."""
    value = _value(item)
    match item.name:
        case "database":
            return {DATABASE: value, DATABASE_FILE: None}
        case "database_file":
            return {DATABASE: _in_secret_file(value), DATABASE_FILE: value}
        case name:
            return {name: value}


def _in_secret_file(file: Path) -> Database:
    return read_database(_secret_in(file), base=file.parent)


def _secret_in(file: Path) -> str:
    """The text of a private file. Raises ValueError."""
    try:
        if why := why_not_private(file):
            raise ValueError(why)
        return file.read_text("utf-8", "replace").strip()
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error


def secret_in(value: Secret | None, file: Path | None) -> Secret | None:
    """The secret, or the one in its file, whose mode is checked."""
    return Secret(file.read_text("utf-8").strip("\r\n")) if value is None and file else value


def _twice(items: Iterable[RawValue]) -> Iterator[str]:
    """Report a source that names the database twice."""
    named = {item.source for item in items if item.name == DATABASE}
    for item in items:
        if item.name == DATABASE_FILE and item.source in named:
            yield f"{_place(item)}: {DATABASE} is set in the same place: use only one of them"


def _value(item: RawValue) -> Any:
    if item.name not in LEAVES:
        raise ValueError(_unknown(item))
    if item.name in SECRETS and item.source != "environment":
        raise ValueError(_secret(item))
    kind, raw, strict = LEAVES[item.name].type, item.raw, item.source == "file"
    if isinstance(raw, str) and not strict and _is_list(kind):
        raw = [part.strip() for part in raw.split(",") if part.strip()]
    try:
        value = _checked(item.name, convert(kind, raw, base=item.base, strict=strict))
    except ValueError as error:
        # Of a list of tables, what is wrong is in one of them.
        should = "" if item.name == UPSTREAM else f"; it should be {describe(item.name)}"
        raise ValueError(f"{error}{should}") from error
    if item.source != "environment" and _holds_password(value):
        raise ValueError(f"holds a password: {_secret(item)}, or in what PGPASSFILE names")
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


def _secret(item: RawValue) -> str:
    variable = PREFIX + item.name.upper().replace(".", "__")
    return f"a secret belongs in {variable}, or in the file that {variable}_FILE names"


def _is_list(kind: Any) -> bool:
    info = msgspec.inspect.type_info(kind)
    if isinstance(info, msgspec.inspect.Metadata):
        info = info.type
    return isinstance(info, msgspec.inspect.VarTupleType)


def convert(kind: Any, raw: object, *, base: Path, strict: bool = True) -> Any:
    """Convert `raw` to the type `kind`. If not `strict`, text is converted to other types.

    Relative paths start from `base`. Raises ValueError that says what was expected."""

    def custom(target: type, text: object) -> object:
        if not isinstance(text, str | Path) or not str(text):
            raise ValueError("expected some text")
        if target is Database:
            return read_database(str(text), base=base)
        return base / text if target is Path else Secret(str(text))

    try:
        return msgspec.convert(raw, kind, strict=strict, dec_hook=custom)
    except msgspec.ValidationError as error:
        message = str(error).replace("`", "")
        raise ValueError(message[:1].lower() + message[1:]) from error


def _unknown(item: RawValue) -> str:
    if any(leaf.startswith(f"{item.name}.") for leaf in LEAVES):
        return "is a table of settings, not a value"
    near = difflib.get_close_matches(item.name, LEAVES, n=1)
    if not near:
        return "there is no such setting; `valetkey config schema` lists them"
    suggestion = near[0]
    if item.source == "environment":
        suggestion = PREFIX + suggestion.upper().replace(".", "__")
    return f"there is no such setting; did you mean {suggestion}?"


def _tree(values: Mapping[str, Any]) -> Settings:
    return _built(Settings, values)


def _built(kind: type[T], values: Mapping[str, Any]) -> T:
    """The struct with these values, by their full names within it."""
    flat: dict[str, Any] = {}
    tables: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        table, _, rest = name.partition(".")
        if rest:
            tables.setdefault(table, {})[rest] = value
        else:
            flat[name] = value
    types = {field.name: field.type for field in msgspec.structs.fields(kind)}
    return kind(**flat, **{name: _built(types[name], inside) for name, inside in tables.items()})
