"""`valetkey admin`: the first owner, roles, and the apps of administrators."""

from functools import partial
from pathlib import Path
from typing import Final, get_args

import click

from valetkey.cli.context import CommandContext, settle_and_notify
from valetkey.cli.declare import apply_desired
from valetkey.cli.local_operations import perform_local
from valetkey.cli.options import PATH, Group
from valetkey.cli.output.errors import Failed, InvalidUsage, invalid_usage
from valetkey.cli.output.formats import columns, format_time
from valetkey.cli.secrets import password_rules, read_password
from valetkey.cli.user_data import find_account
from valetkey.cli.users import hash_of, read_hash
from valetkey.server.accounts import sign_up
from valetkey.server.admin.operations.roles import RolesOrder
from valetkey.server.model.query import Many, One, OneByAlias
from valetkey.server.model.role import PERMISSIONS, PREFIX, Role, RoleBinding
from valetkey.server.model.user import User, sign_in_name
from valetkey.server.oauth.admin.apply_plan import DesiredRecord
from valetkey.server.oauth.admin.roles import (
    COMMAND_LINE,
    AppListed,
    built_in_app,
    list_app,
)
from valetkey.server.oauth.grants.recovery import link_for_support
from valetkey.server.store.port import Store

ROLE: Final = click.Choice(get_args(Role))

LINK_MINUTES: Final = 60


@click.group(cls=Group)
def admin() -> None:
    """Administrators: who may do what."""


@admin.command()
@click.argument("username")
@click.option("--email", default="", help="Their email address, if the account is new.")
@click.option("--name", default="", help="Their display name, if the account is new.")
@click.option("--password-file", type=PATH, help="A file that holds the password.")
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin.")
@click.option(
    "--password-hash-file", type=PATH, help="A file that holds the PHC string of Argon2id."
)
@click.option("--link", is_flag=True, help="Print a link to choose a password, instead.")
@click.option("--if-missing", is_flag=True, help="Change nothing if there is such an account.")
@click.pass_obj
def create(
    command: CommandContext,
    /,
    username: str,
    *,
    email: str,
    name: str,
    password_file: Path | None,
    password_stdin: bool,
    password_hash_file: Path | None,
    link: bool,
    if_missing: bool,
) -> None:
    """Make somebody an owner, with a new account if they have none.

    Owners need two factors to administer: they add a passkey or an authenticator app on their
    security page.
    """
    claims = {"name": name} if name else {}
    fields: dict[str, object] = {"email": email, "claims": claims}
    is_new = command.run(partial(_is_missing, username=username), missing="make")
    if if_missing and not is_new:
        command.show({"username": username, "new": False}, f"there is an account {username}")
        return
    if is_new:
        person = User(id="", username=username, email=email, claims=claims)
        if mistakes := sign_up.mistakes(person):
            raise invalid_usage("nothing was changed", mistakes)
        if password_hash_file:
            fields["password"] = read_hash(password_hash_file)
        elif not link:
            rules, about = password_rules(command.settings()), (username, name, email)
            chosen = read_password(rules, file=password_file, stdin=password_stdin, about=about)
            fields["password"] = hash_of(chosen)
        desired = DesiredRecord(
            place=f"user {username}", kind="user", key=username, fields=fields, new=True
        )
        command.run(lambda store: apply_desired(store, [desired], command=command))

    async def binding(store: Store) -> str:
        user = await make_owner(store, command, username)
        return await _link(store, command, user) if link else ""

    address = command.run(binding)
    document = {"username": username, "roles": ["owner"], "new": is_new}
    if address:
        document["link"] = address
    text = f"{username} is an owner" + (f"\n{address}" if address else "")
    command.show(document, text)
    if command.settings().administration.second_factor:
        security = command.settings().issuer + "/security"
        command.note(f"Two factors are needed to administer: add the second one at {security}")


async def make_owner(store: Store, command: CommandContext, username: str) -> User:
    """Give the account the role, and register the app of the command line. Raises Failed."""
    user = await find_account(store, username)
    await _change_role(store, command, user, add="owner")
    context = command.context()
    await settle_and_notify(store, lambda: built_in_app(context), context)
    return user


async def _is_missing(store: Store, *, username: str) -> bool:
    query = OneByAlias(User, sign_in_name(username))
    return (await store.read(query)).one(query) is None


async def _link(store: Store, command: CommandContext, user: User) -> str:
    context = command.context()
    rule = partial(link_for_support, user, seconds=LINK_MINUTES * 60, context=context)
    outcome = await settle_and_notify(store, rule, context)
    return command.settings().issuer + outcome.secret


async def _change_role(
    store: Store,
    command: CommandContext,
    user: User,
    *,
    add: Role | None = None,
    remove: Role | None = None,
) -> tuple[Role, ...]:
    query = One(RoleBinding, user.id)
    binding = (await store.read(query)).one(query)
    roles = set(() if binding is None else binding.roles)
    roles |= {add} if add else set()
    roles -= {remove} if remove else set()
    order = RolesOrder(roles=tuple(sorted(roles)))
    result = await perform_local(store, command, "roles.set", path={"user": user.id}, body=order)
    after: tuple[Role, ...] = result.response.roles
    return after


@admin.command(name="grant-role")
@click.argument("username")
@click.argument("role", type=ROLE)
@click.pass_obj
def grant_role(command: CommandContext, username: str, role: Role) -> None:
    """Give somebody a role. It counts at once."""
    _show_change(command, username, add=role)


@admin.command(name="revoke-role")
@click.argument("username")
@click.argument("role", type=ROLE)
@click.pass_obj
def revoke_role(command: CommandContext, username: str, role: Role) -> None:
    """Take a role from somebody. It counts at once. The last owner stays one."""
    _show_change(command, username, remove=role)


def _show_change(
    command: CommandContext, username: str, *, add: Role | None = None, remove: Role | None = None
) -> None:
    async def changing(store: Store) -> tuple[Role, ...]:
        user = await find_account(store, username)
        return await _change_role(store, command, user, add=add, remove=remove)

    roles = command.run(changing)
    text = f"{username} is {', '.join(roles)}" if roles else f"{username} has no role"
    command.show({"username": username, "roles": list(roles)}, text)


@admin.command()
@click.pass_obj
def roles(command: CommandContext) -> None:
    """List who has which role."""

    async def reading(store: Store) -> list[tuple[RoleBinding, str]]:
        query = Many(RoleBinding)
        bindings = (await store.read(query)).many(query)
        people = {one.user: One(User, one.user) for one in bindings}
        results = await store.read(*people.values()) if people else None
        names = {
            name: user.username
            for name, want in people.items()
            if results is not None and (user := results.one(want)) is not None
        }
        return [(one, names.get(one.user, one.user)) for one in bindings]

    every = sorted(command.run(reading), key=lambda pair: pair[1])
    document = [
        {"username": name, "user": one.user, "roles": list(one.roles), "by": one.by}
        for one, name in every
    ]
    rows = [(name, ", ".join(one.roles), one.by, format_time(one.changed)) for one, name in every]
    command.show(document, columns(("username", "roles", "by", "changed"), rows))


@admin.command(name="list-app")
@click.argument("app", metavar="ID")
@click.option(
    "--permission",
    "permissions",
    multiple=True,
    type=click.Choice(PERMISSIONS),
    metavar="NAME",
    help="One that it may request, such as users.read.",
)
@click.option("--all", "everything", is_flag=True, help="Every permission.")
@click.option("--none", "nothing", is_flag=True, help="No permission any more.")
@click.pass_obj
def list_application(
    command: CommandContext,
    app: str,
    *,
    permissions: tuple[str, ...],
    everything: bool,
    nothing: bool,
) -> None:
    """Let an app request permissions of the administration API: exactly these.

    What it can do is also limited by the roles of the person who allows it. The app valetkey-cli,
    which is the command line itself, is created if it is missing.
    """
    if (bool(permissions) + everything + nothing) != 1:
        raise InvalidUsage("use --permission, or --all, or --none")
    scopes = tuple(PREFIX + one for one in (PERMISSIONS if everything else permissions))

    async def listing(store: Store) -> AppListed:
        context = command.context()
        if app == COMMAND_LINE:
            await settle_and_notify(store, lambda: built_in_app(context), context)
        return await settle_and_notify(store, lambda: list_app(app, scopes, context), context)

    client = command.run(listing).client
    if client is None:
        raise Failed(f"there is no client {app!r}")
    listed = [one.removeprefix(PREFIX) for one in client.admin]
    text = f"{app} may request {', '.join(listed)}" if listed else f"{app} may request nothing"
    command.show({"client_id": app, "permissions": listed}, text)
