"""`valetkey init`: from an empty folder to an installation with a first owner."""

import asyncio
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from valetkey.cli.administrators import make_owner
from valetkey.cli.context import CommandContext, open_database, operation_name
from valetkey.cli.declare import apply_desired
from valetkey.cli.init_files import (
    COMPOSE_USER,
    HOST_OF_COMPOSE,
    STATE,
    compose_file,
    toml,
    unit_file,
)
from valetkey.cli.master_key.file import make_master_key, open_keys
from valetkey.cli.options import PATH, Command
from valetkey.cli.output.errors import Failed, InvalidUsage, invalid_usage
from valetkey.cli.secrets import read_password, write_private
from valetkey.server.accounts import password, sign_up
from valetkey.server.audit.local import recorded_locally
from valetkey.server.http.new_passwords import NewPasswords
from valetkey.server.model.user import User
from valetkey.server.oauth.admin.apply_plan import DesiredRecord
from valetkey.server.settings import Settings, SettingsError, load
from valetkey.server.store.database import survey
from valetkey.server.store.database_url import PostgresURL
from valetkey.server.store.port import Unavailable, Unusable
from valetkey.wire import address

KINDS: Final = ("here", "systemd", "compose")

MASTER_KEY: Final = "master.key"
SETTINGS: Final = "valetkey.toml"
DATABASE_URL: Final = "database.url"

OWN_PORT: Final = 8000
"""The port behind a proxy."""


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """The answers to the five questions, and the folder."""

    folder: Path
    kind: str
    issuer: str
    name: str
    database: str
    owner: str
    password_hash: str


@click.command(cls=Command)
@click.option(
    "--folder", type=PATH, default=Path(), help="Where the files go; by default, this folder."
)
@click.option("--for", "kind", type=click.Choice(KINDS), help="How the server will run.")
@click.option("--issuer", help="The address by which people and apps reach it.")
@click.option("--name", help="Its name, for people.")
@click.option("--owner", help="The user name of the first owner.")
@click.option("--password-file", type=PATH, help="A file that holds the owner's password.")
@click.option("--password-stdin", is_flag=True, help="Read the owner's password from stdin.")
@click.option("--yes", is_flag=True, help="Ask nothing: use the options and the defaults.")
@click.pass_obj
def init(command: CommandContext, /, *, folder: Path, yes: bool, **options: Any) -> None:
    """Create an installation: settings, master key, first owner.

    Asks five questions, and writes valetkey.toml, the master key, the account of the first owner,
    and a systemd unit or a compose file. Overwrites nothing. VALETKEY_ variables are ignored.
    """
    options["database"] = command.flags.pop("database", None)
    if command.config or command.flags:
        raise InvalidUsage("init writes the settings file: --config and --set come afterwards")
    if not yes and not sys.stdin.isatty():
        raise InvalidUsage("without a terminal, use --yes and options (valetkey init --help)")
    answers = _answers(folder, options, ask=_default if yes else _ask)
    files = _files(answers)
    settings = _check(answers, files)
    _create_folder(folder, private=answers.kind != "systemd")
    _write(folder, files)
    if answers.kind != "compose":
        _create_owner(command, settings, answers)
    written = [str(folder / name) for name in (*files, MASTER_KEY)]
    steps = _next_steps(answers)
    command.show(
        {"issuer": answers.issuer, "owner": answers.owner, "files": written, "next": steps},
        "\n".join((f"wrote {', '.join(written)}", "Next:", *(f"  {step}" for step in steps))),
    )


Ask = Callable[[str, str], str]


def _ask(question: str, default: str) -> str:
    answer: str = click.prompt(question, default=default, err=True)
    return answer.strip()


def _default(question: str, default: str) -> str:
    return default


def _answers(folder: Path, options: Mapping[str, Any], *, ask: Ask) -> Answers:
    kind = options["kind"] or ask("How will it run (here, systemd, compose)?", "here")
    if kind not in KINDS:
        raise InvalidUsage(f"{kind!r} is none of {', '.join(KINDS)}")
    issuer = options["issuer"] or ask(
        "At which address will people and apps reach it?", f"http://127.0.0.1:{OWN_PORT}"
    )
    name = options["name"] or ask("What is its name, for people?", _name(issuer))
    database = options["database"] or _ask_database(kind, ask)
    owner = options["owner"] or ask("What is the user name of the first owner?", "owner")
    if mistakes := sign_up.mistakes(User(id="", username=owner)):
        raise invalid_usage("nothing was written", mistakes)
    secret = read_password(
        NewPasswords(names=(name, address.host(issuer))),
        file=options["password_file"],
        stdin=options["password_stdin"],
        about=(owner,),
    )
    return Answers(
        folder=folder,
        kind=kind,
        issuer=issuer,
        name=name,
        database=database,
        owner=owner,
        password_hash=password.hash_password(secret, salt=os.urandom(password.SALT)),
    )


def _name(issuer: str) -> str:
    host = address.host(issuer)
    return host if any(one.isalpha() for one in host) else "valetkey"


def _ask_database(kind: str, ask: Ask) -> str:
    if kind == "compose":
        return ""
    usual = f"{STATE}/valetkey.db" if kind == "systemd" else "valetkey.db"
    return ask("Which database: an SQLite file, or postgresql://user@host/name?", usual)


def _files(answers: Answers) -> dict[str, str]:
    """The text of each file, by name, without the master key."""
    files: dict[str, str] = {}
    settings: dict[str, object] = {"issuer": answers.issuer, "name": answers.name}
    match answers.kind:
        case "compose":
            if answers.database:
                raise InvalidUsage("--database: the compose file brings PostgreSQL with it")
            shared = secrets.token_urlsafe(32)
            files["postgres.password"] = shared
            files[DATABASE_URL] = f"postgresql://valetkey:{shared}@database/valetkey\n"
            files["owner.hash"] = answers.password_hash + "\n"
            files["docker-compose.yaml"] = compose_file(answers.owner, port=_port(answers))
            settings |= {"host": "0.0.0.0", "port": OWN_PORT, "database_file": DATABASE_URL}  # noqa: S104 - in a container
        case _:
            settings |= {"port": _port(answers)} | _database(answers, files)
    if answers.kind == "systemd":
        files["valetkey.service"] = unit_file(
            str(answers.folder.resolve()), has_url=DATABASE_URL in files, program=_program()
        )
    settings["master_key_file"] = MASTER_KEY
    if answers.issuer.startswith("https:"):
        proxy = HOST_OF_COMPOSE if answers.kind == "compose" else "127.0.0.1"
        settings["trusted_proxies"] = [proxy]
    return {SETTINGS: toml(settings), **files}


def _program() -> str:
    """This program, as a unit can start it."""
    own = Path(sys.argv[0])
    return str(own.absolute()) if own.name == "valetkey" else f"{sys.executable} -m valetkey"


def _port(answers: Answers) -> int:
    """The issuer's, as far as no proxy is in front."""
    parts = address.read(answers.issuer)
    if parts is None or parts.scheme == "https":
        return OWN_PORT
    return parts.port or address.PORTS[parts.scheme]


def _database(answers: Answers, files: dict[str, str]) -> dict[str, object]:
    """The setting; a URL with a password goes into a file of its own."""
    if "://" in answers.database and PostgresURL(answers.database).has_password:
        files[DATABASE_URL] = answers.database + "\n"
        return {"database_file": DATABASE_URL}
    return {"database": answers.database}


def _check(answers: Answers, files: Mapping[str, str]) -> Settings:
    """The settings as they will be read. Raises InvalidUsage, Failed if something is wrong with
    them, or would be overwritten."""
    folder = answers.folder
    there = [str(folder / name) for name in (*files, MASTER_KEY) if (folder / name).exists()]
    if there:
        raise Failed(f"{', '.join(there)}: there already, and init overwrites nothing")
    base = folder.absolute()
    database = answers.database or "postgresql://valetkey@database/valetkey"
    if "://" not in database:
        file = base / database
        if file.exists():
            raise Failed(f"the database {file} is there already: use `valetkey admin create`")
        if answers.kind == "systemd":
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        elif file.parent == base and not base.exists():
            base.mkdir(mode=0o700, parents=True)
        database = str(file)
    flags = {
        "issuer": answers.issuer,
        "name": answers.name,
        "master_key_file": str(base / MASTER_KEY),
    }
    # As from the environment, which may hold a password.
    environ = {"VALETKEY_DATABASE": database}
    try:
        settings = load(flags, environ, Path(os.devnull))
    except SettingsError as error:
        raise InvalidUsage(str(error)) from error
    if answers.kind != "compose" and isinstance(settings.database.at, PostgresURL):
        _check_empty(settings)
    return settings


def _check_empty(settings: Settings) -> None:
    try:
        ran = asyncio.run(survey(settings.database)).ran
    except (Unavailable, Unusable) as error:
        raise Failed(f"the database {settings.database} cannot be opened: {error}") from error
    if ran:
        raise Failed(f"{settings.database} is in use already: use `valetkey admin create`")


def _create_folder(folder: Path, *, private: bool) -> None:
    folder.mkdir(mode=0o700 if private else 0o755, parents=True, exist_ok=True)


PUBLIC: Final = frozenset({SETTINGS, "docker-compose.yaml", "valetkey.service"})
"""Files without secrets."""


def _write(folder: Path, files: Mapping[str, str]) -> None:
    try:
        make_master_key(folder / MASTER_KEY)
        for name, text in files.items():
            write_private(folder / name, text)
            if name in PUBLIC:
                (folder / name).chmod(0o644)
        if "docker-compose.yaml" in files and os.geteuid() == 0:
            for name in (*files.keys() - PUBLIC, MASTER_KEY):
                os.chown(folder / name, COMPOSE_USER, COMPOSE_USER)
    except OSError as error:
        raise Failed(f"cannot write to {folder}: {error.strerror}: {error.filename}") from error


def _create_owner(command: CommandContext, settings: Settings, answers: Answers) -> None:
    async def creating() -> None:
        opened = await open_database(settings.database)
        store = recorded_locally(opened, operation_name())
        try:
            await open_keys(settings, opened)
            fields = {"username": answers.owner, "password": answers.password_hash}
            desired = DesiredRecord(
                place=f"user {answers.owner}",
                kind="user",
                key=answers.owner,
                fields=fields,
                new=True,
            )
            await apply_desired(store, [desired], command=command)
            await make_owner(store, command, answers.owner)
        finally:
            await store.close()

    try:
        asyncio.run(creating())
    except Unavailable as error:
        raise Failed(
            f"the files are written, but the database cannot answer: {error}; "
            f"add the owner with `valetkey admin create {answers.owner}`"
        ) from error


def _next_steps(answers: Answers) -> list[str]:
    return list(_steps(answers))


def _steps(answers: Answers) -> Iterator[str]:
    folder = answers.folder.resolve()
    match answers.kind:
        case "here":
            yield f"cd {folder} && valetkey serve"
        case "systemd":
            yield f"systemctl enable --now {folder}/valetkey.service"
            yield f"valetkey doctor --config {folder}/{SETTINGS}"
        case _:
            yield f"cd {folder} && docker compose up --detach --wait"
    if answers.issuer.startswith("https:"):
        yield f"let a proxy end TLS for {answers.issuer} and forward to port {OWN_PORT}"
    yield f"open {answers.issuer}/security, sign in as {answers.owner}, and add a second factor"
    yield f"administer it at {answers.issuer}/console"
