"""`valetkey import`: users, and whole authorization servers with their apps and consents."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import msgspec

from valetkey.cli.context import CommandContext
from valetkey.cli.imports.apps import auth0, dot, hydra, keycloak
from valetkey.cli.imports.apps.moving import Format, Move, MoveTerms, OnExistingApp
from valetkey.cli.imports.apps.records import AppTerms
from valetkey.cli.imports.apps.staging import private_folder
from valetkey.cli.imports.report import printable
from valetkey.cli.imports.streams import BrokenFile, JsonStream, RawRecord, lines
from valetkey.cli.imports.users import users
from valetkey.cli.options import PATH, Command, Group
from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.server.accounts.importing import OnRefusal
from valetkey.server.settings.checks import why_not_private

F = TypeVar("F", bound=Callable[..., Any])


@click.group(cls=Group, name="import")
def imports() -> None:
    """Move to this server from another system."""


imports.add_command(users)

PAIR: Final = "NAME=NAME"

OPTIONS: Final = (
    click.option("--dry-run", is_flag=True, help="Only report what would happen."),
    click.option(
        "--on-error",
        type=click.Choice(["skip", "stop"]),
        default="skip",
        show_default=True,
        help="Go on after a record that is refused, or stop.",
    ),
    click.option(
        "--on-existing",
        type=click.Choice(["skip", "update", "replace", "fail"]),
        default="skip",
        show_default=True,
        help="Leave an app that exists; update it, but for its secret, authentication and redirect "
        "URIs; replace these too; or refuse the record.",
    ),
    click.option(
        "--scope",
        "scopes",
        multiple=True,
        metavar="THERE=HERE",
        help="A scope there that has another name in a catalog here.",
    ),
    click.option("--allow-scope", default="", help="Scopes that every app may request, too."),
    click.option(
        "--redirect-uri",
        "redirect_uris",
        multiple=True,
        metavar="APP=URI",
        help="A redirect URI of an app, instead of those in the file.",
    ),
    click.option(
        "--auth-method",
        type=click.Choice(["client_secret_basic", "client_secret_post"]),
        default="client_secret_basic",
        show_default=True,
        help="How apps with a secret authenticate, if the file does not say it.",
    ),
    click.option("--policy", default="default", help="The policy of the apps."),
    click.option(
        "--secrets", type=PATH, help="Secrets or their hashes, as NDJSON, in a file of mode 0600."
    ),
    click.option("--source", default="", help="Where users sign in with the ids in the file."),
    click.option("--report", type=PATH, help="Write every refused record to this file, as NDJSON."),
)


def _options(command: F) -> F:
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def _pairs(option: str, values: tuple[str, ...]) -> list[tuple[str, str]]:
    pairs = [(left, right) for left, _, right in (one.partition("=") for one in values)]
    wrong = next(
        (one for one, (left, right) in zip(values, pairs, strict=True) if not (left and right)), ""
    )
    if wrong:
        raise InvalidUsage(f"{option} {wrong!r}: write it as NAME=VALUE")
    return pairs


def _uris(values: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    uris: dict[str, tuple[str, ...]] = {}
    for name, uri in _pairs("--redirect-uri", values):
        uris[name] = (*uris.get(name, ()), uri)
    return uris


class _SecretLine(msgspec.Struct):
    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return "_SecretLine(…)"


def _secrets(file: Path | None) -> Mapping[str, str]:
    """The secrets or hashes in a private file, by the app's id. Raises InvalidUsage."""
    if file is None:
        return {}
    try:
        if why := why_not_private(file):
            raise InvalidUsage(f"{file} {why}")
        secrets = {}
        for number, line in enumerate(file.read_bytes().splitlines(), 1):
            if line.strip():
                try:
                    one = msgspec.json.decode(line, type=_SecretLine)
                except msgspec.DecodeError:
                    why = "has no client_id and client_secret"
                    raise InvalidUsage(f"{file}, line {number}: {why}") from None
                secrets[one.client_id] = one.client_secret
    except OSError as error:
        raise InvalidUsage(f"{file}: cannot be read: {error.strerror}") from error
    return secrets


def _move(command: CommandContext, form: Format, *, file: Path, options: dict[str, Any]) -> None:
    on_existing: OnExistingApp = options["on_existing"]
    on_refusal: OnRefusal = options["on_error"]
    dry_run: bool = options["dry_run"]
    apps = AppTerms(
        scopes={**form.scopes, **dict(_pairs("--scope", options["scopes"]))},
        allowed=tuple(options["allow_scope"].split()),
        auth_method=options["auth_method"],
        policy=options["policy"],
        redirect_uris=_uris(options["redirect_uris"]),
        secrets=_secrets(options["secrets"]),
    )
    terms = MoveTerms(apps, on_existing, on_refusal, options["source"], dry_run)
    move = Move(command, form, terms, report=options["report"])
    broken = ""
    try:
        with private_folder() as folder:
            command.run(
                partial(move.run, file=file, folder=folder),
                missing="pretend" if dry_run else "make",
            )
    except (BrokenFile, OSError) as error:
        broken = f"{file}: {printable(str(error))}; what was written stays, run it again"
    except KeyboardInterrupt:
        broken = "interrupted: run the same command again, and it goes on"
    finally:
        move.close()
    _show(command, move, dry_run=dry_run)
    if broken:
        raise Failed(broken)
    if move.refused:
        raise SystemExit(1)


def _show(command: CommandContext, move: Move, *, dry_run: bool) -> None:
    document: dict[str, Any] = {"dry_run": dry_run}
    text = []
    for noun, report in move.reports.items():
        document[noun] = report.document(dry_run=dry_run)
        del document[noun]["dry_run"]
        if report.total:
            text += [f"{noun}:", *(f"  {line}" for line in report.lines(dry_run=dry_run))]
    command.show(document, "\n".join(text) or "there is nothing in the file")


def _unchanged(file: Path, folder: Path) -> Path:
    return file


def _dumpdata(file: Path, folder: Path) -> Path:
    """The file, or what is in it if it is a database of SQLite."""
    with file.open("rb") as opened:
        is_sqlite = opened.read(len(dot.SQLITE)) == dot.SQLITE
    if not is_sqlite:
        return file
    out = folder / "dumpdata.jsonl"
    dot.dump_sqlite(file, out)
    return out


def _objects(file: Path) -> Iterator[RawRecord]:
    with file.open("rb") as opened:
        is_list = opened.read(1 << 16).lstrip()[:1] == b"["
        opened.seek(0)
        yield from JsonStream(opened).elements("") if is_list else lines(opened)


def _pages(file: Path) -> Iterator[RawRecord]:
    with file.open("rb") as opened:
        yield from JsonStream(opened).values()


AUTH0: Final = Format(_unchanged, _pages, auth0.read)
DOT: Final = Format(_dumpdata, _objects, dot.read, users="django")
HYDRA: Final = Format(_unchanged, _pages, hydra.read, scopes={"offline": "offline_access"})
KEYCLOAK: Final = Format(_unchanged, keycloak.records, keycloak.read, users="keycloak")


@imports.command(name="auth0", cls=Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_options
@click.pass_obj
def import_auth0(command: CommandContext, /, file: Path, **options: Any) -> None:
    """Move from Auth0: FILE has answers of its Management API, one after another.

    Its apps come with their secrets, and what users granted becomes grants. Import your users
    before, and append their export to FILE: it says whose an id is. With --source it is not needed.
    """
    _move(command, AUTH0, file=file, options=options)


@imports.command(name="dot", cls=Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_options
@click.pass_obj
def import_dot(command: CommandContext, /, file: Path, **options: Any) -> None:
    """Move from django-oauth-toolkit: FILE is what `manage.py dumpdata` wrote, or the SQLite file.

    Users come with their passwords, apps with their secrets, and consents become grants. Each user
    signs in once; no consent page follows. Run it again at any time: nobody is imported twice, and
    no grant that has been removed here comes back.
    """
    _move(command, DOT, file=file, options=options)


@imports.command(name="hydra", cls=Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_options
@click.pass_obj
def import_hydra(command: CommandContext, /, file: Path, **options: Any) -> None:
    """Move from Ory Hydra: FILE has answers of its admin API, one after another.

    Its apps come, with the hashes of their secrets from --secrets, and remembered consents become
    grants. Import your users before: a subject is their user name, or with --source their id there.
    """
    _move(command, HYDRA, file=file, options=options)


@imports.command(name="keycloak", cls=Command)
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@_options
@click.pass_obj
def import_keycloak(command: CommandContext, /, file: Path, **options: Any) -> None:
    """Move from Keycloak: FILE is the export of a realm by `kc.sh`, a file or a folder.

    Users come with their passwords, apps with their secrets, and consents become grants. Each user
    signs in once; no consent page follows for what they had allowed.
    """
    _move(command, KEYCLOAK, file=file, options=options)
