"""`valetkey user`: the users."""

import os
from functools import partial
from pathlib import Path
from typing import Any

import click

from valetkey.cli.context import CommandContext, settle_and_notify
from valetkey.cli.declare import apply_desired, remove_by
from valetkey.cli.options import PATH, YES
from valetkey.cli.output.errors import Failed, InvalidUsage, invalid_usage
from valetkey.cli.output.formats import columns, fields, format_time
from valetkey.cli.remote.groups import OperationGroup
from valetkey.cli.secrets import password_rules, read_password, read_secret
from valetkey.cli.user_data import erase, export, find_account, id_of, restore
from valetkey.cli.user_factors import reset_user_factors
from valetkey.cli.user_throttle import list_throttled, unlock_user
from valetkey.server.accounts import password, password_forms, sign_up
from valetkey.server.model.keys import Secret
from valetkey.server.model.query import Many, OneByAlias
from valetkey.server.model.user import ADMINISTRATOR, Session, Status, User, sign_in_name
from valetkey.server.oauth.admin import removal
from valetkey.server.oauth.admin.apply_plan import DesiredRecord
from valetkey.server.oauth.admin.user_status import (
    EVERYBODY,
    MAX_REASON,
    UserStatus,
    change_user_status,
    disablers,
)
from valetkey.server.oauth.grants.credentials import CredentialsChanged, change_password
from valetkey.server.oauth.grants.recovery import link_for_support
from valetkey.server.oauth.grants.sent_codes import RecoveryRequest
from valetkey.server.oauth.logout.sessions import everywhere
from valetkey.server.store.port import Store


@click.group(cls=OperationGroup)
def user() -> None:
    """The users."""


@user.command()
@click.argument("username")
@click.option("--email", default="")
@click.option("--email-verified", is_flag=True, help="Their email address is verified.")
@click.option("--phone", "phone_number", default="", help="Such as +49 30 123456.")
@click.option(
    "--phone-verified",
    "phone_number_verified",
    is_flag=True,
    help="The phone is verified.",
)
@click.option("--address", multiple=True, metavar="PART=VALUE", help="Postal address.")
@click.option("--name", default="", help="Their display name.")
@click.option("--claim", "claims", multiple=True, metavar="NAME=VALUE", help="A profile claim.")
@click.option("--password-file", type=PATH, help="A file that holds the password.")
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin.")
@click.option(
    "--password-hash-file", type=PATH, help="A file that holds the PHC string of Argon2id."
)
@click.option("--if-missing", is_flag=True, help="Change nothing if there is such an account.")
@click.pass_obj
def add(
    command: CommandContext,
    /,
    username: str,
    *,
    password_file: Path | None,
    password_stdin: bool,
    password_hash_file: Path | None,
    if_missing: bool,
    **options: Any,
) -> None:
    """Add an account. At a terminal, it prompts for the password."""
    name = options.pop("name")
    options["claims"] = ({"name": name} if name else {}) | _pairs("--claim", options["claims"])
    options["address"] = _pairs("--address", options["address"])
    mistakes = sign_up.mistakes(User(id="", username=username, **options))
    if mistakes:
        raise invalid_usage("nothing was changed", mistakes)
    if if_missing and command.run(partial(_has_account, username=username), missing="make"):
        command.show({"username": username, "added": False}, f"there is an account {username}")
        return
    options["password"] = (
        read_hash(password_hash_file)
        if password_hash_file
        else hash_of(
            read_password(
                password_rules(command.settings()),
                file=password_file,
                stdin=password_stdin,
                about=(username, name, options["email"]),
            )
        )
    )
    desired = DesiredRecord(
        place=f"user {username}", kind="user", key=username, fields=options, new=True
    )
    added = command.run(
        lambda store: apply_desired(store, [desired], command=command), missing="make"
    )
    (step,) = added.steps
    document = fields(step.after, hide=("password", "mark"))
    command.show(document, f"added {username}, whose sub is {document['id']}")


async def _has_account(store: Store, *, username: str) -> bool:
    wanted = OneByAlias(User, sign_in_name(username))
    return (await store.read(wanted)).one(wanted) is not None


def hash_of(secret: Secret) -> str:
    """The stored form of a new password."""
    return password.hash_password(secret, salt=os.urandom(password.SALT))


def read_hash(file: Path) -> str:
    """The stored form of a password, in a file. Raises InvalidUsage."""
    try:
        text = read_secret(file).reveal()
    except (OSError, ValueError) as error:
        raise InvalidUsage(f"--password-hash-file {file}: {error}") from error
    if why := password_forms.why_not_imported(text):
        raise InvalidUsage(f"--password-hash-file {file} {why}")
    return text


def _pairs(option: str, pairs: tuple[str, ...]) -> dict[str, str]:
    values = {}
    for one in pairs:
        name, equals, value = one.partition("=")
        if not equals:
            raise InvalidUsage(f"{option} {one!r} is not NAME=VALUE")
        values[name] = value
    return values


@user.command(name="list")
@click.pass_obj
def list_users(command: CommandContext) -> None:
    """List the accounts."""

    async def everybody(store: Store) -> tuple[User, ...]:
        wanted = Many(User)
        return (await store.read(wanted)).many(wanted)

    users = sorted(command.run(everybody), key=lambda one: one.alias)
    rows = [
        (one.username, one.claims.get("name", ""), one.email, one.status, format_time(one.created))
        for one in users
    ]
    text = columns(("username", "name", "email", "status", "created"), rows)
    command.show([fields(one, hide=("password", "mark")) for one in users], text)


@user.command(name="sign-out")
@click.argument("username")
@click.pass_obj
def sign_out(command: CommandContext, username: str) -> None:
    """End every session of an account, and notify the apps. Grants stay as they are."""

    async def ending(store: Store) -> int:
        name, context = await id_of(store, username), command.context()
        rule = partial(everywhere, name, by="administrator", context=context)
        outcome = await settle_and_notify(store, rule, context)
        return sum(isinstance(one.record, Session) for one in outcome.changes)

    count = command.run(ending)
    command.show({"username": username, "sessions": count}, f"ended {count} sessions of {username}")


REASON = click.option("--reason", default="", help="Why, for the history: up to 200 characters.")


@user.command()
@click.argument("username")
@REASON
@click.pass_obj
def disable(command: CommandContext, username: str, *, reason: str) -> None:
    """Refuse an account everywhere, and end its sessions. Its grants stay."""
    ended = _change_status(command, username, "disabled", reason=reason).sessions
    document = {"username": username, "status": "disabled", "sessions": ended}
    command.show(document, f"disabled {username}, ended {ended} sessions")


@user.command()
@click.argument("username")
@REASON
@click.option("--override", is_flag=True, help="Enable it even if a source has disabled it.")
@click.pass_obj
def enable(command: CommandContext, username: str, *, reason: str, override: bool) -> None:
    """Let a disabled account in again, with all its grants."""
    by = EVERYBODY if override else ADMINISTRATOR
    outcome = _change_status(command, username, "active", by=by, reason=reason)
    others = () if outcome.user is None else sorted(disablers(outcome.user))
    if others:
        raise Failed(
            f"{username} is still disabled by {', '.join(others)}: enable the user there, or use "
            "--override"
        )
    command.show({"username": username, "status": "active"}, f"enabled {username}")


def _check_reason(reason: str) -> None:
    if len(reason) > MAX_REASON or not (reason.isprintable() or not reason):
        raise InvalidUsage(f"--reason has over {MAX_REASON} characters, or unprintable ones")


def _change_status(
    command: CommandContext,
    username: str,
    status: Status,
    *,
    by: str = ADMINISTRATOR,
    reason: str,
) -> UserStatus:
    """Change the status of an account."""
    _check_reason(reason)

    async def changing(store: Store) -> UserStatus:
        name, context = await id_of(store, username), command.context()
        rule = partial(change_user_status, name, status, by=by, reason=reason, context=context)
        return await settle_and_notify(store, rule, context)

    return command.run(changing)


@user.command(name="set-password")
@click.argument("username")
@click.option("--password-file", type=PATH, help="A file that holds the password.")
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin.")
@click.option("--stop-apps", is_flag=True, help="Also stop the access of every app.")
@REASON
@click.pass_obj
def set_password(
    command: CommandContext,
    /,
    username: str,
    *,
    password_file: Path | None,
    password_stdin: bool,
    stop_apps: bool,
    reason: str,
) -> None:
    """Give an account a new password, and end its sessions. Its second factors stay."""

    async def finding(store: Store) -> User:
        return await find_account(store, username)

    _check_reason(reason)
    account = command.run(finding)
    rules = password_rules(command.settings())
    about = (account.username, account.email, *account.claims.values())
    hashed = hash_of(read_password(rules, file=password_file, stdin=password_stdin, about=about))

    async def changing(store: Store) -> CredentialsChanged:
        context = command.context()
        rule = partial(
            change_password,
            account.id,
            hashed,
            by="administrator",
            reason=reason,
            stop_apps=stop_apps,
            context=context,
        )
        return await settle_and_notify(store, rule, context)

    changed = command.run(changing)
    document = {"username": username, "sessions": changed.sessions, "stopped": changed.stopped}
    stopped = f", stopped {changed.stopped} apps" if stop_apps else ""
    command.show(
        document, f"set the password of {username}, ended {changed.sessions} sessions{stopped}"
    )


@user.command(name="reset-link")
@click.argument("username")
@click.option(
    "--minutes",
    type=click.IntRange(1, 24 * 60),
    default=60,
    show_default=True,
    help="How long it can be used.",
)
@click.pass_obj
def reset_link(command: CommandContext, username: str, *, minutes: int) -> None:
    """Print a link with which the user chooses a new password, once. Their second factors stay.

    Anybody who has the link can use it: be sure to whom you give it.
    """

    async def making(store: Store) -> RecoveryRequest:
        account, context = await find_account(store, username), command.context()
        rule = partial(link_for_support, account, seconds=minutes * 60, context=context)
        return await settle_and_notify(store, rule, context)

    link = command.settings().issuer + command.run(making).secret
    command.show({"username": username, "link": link, "minutes": minutes}, link)


@user.command()
@click.argument("username")
@YES
@click.pass_obj
def remove(command: CommandContext, username: str, *, yes: bool) -> None:
    """Remove an account. Its sessions and all access that it gave end at once."""
    command.confirm(f"Remove the user {username!r} and stop all access that they gave?", yes=yes)
    remove_by(command, removal.user, username)


for one in (list_throttled, unlock_user, erase, restore, export, reset_user_factors):
    user.add_command(one)
