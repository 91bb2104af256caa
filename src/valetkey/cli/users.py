"""`valetkey user`: the people."""

import os
from functools import partial
from pathlib import Path
from typing import Any

import click

from valetkey.cli.context import Desk, Failed, Wrong, columns, fields, moment, wrong
from valetkey.cli.declare import declare
from valetkey.cli.options import PATH, YES, Group
from valetkey.cli.remove import remove_by
from valetkey.cli.secrets import read_password
from valetkey.cli.settle import settled
from valetkey.server.accounts import password, profile
from valetkey.server.model.query import Many, OneByAlias
from valetkey.server.model.user import Session, User, sign_in_name
from valetkey.server.oauth.admin import removal
from valetkey.server.oauth.admin.apply_plan import DesiredRecord
from valetkey.server.oauth.logout.sessions import everywhere
from valetkey.server.store.port import Store


@click.group(cls=Group)
def user() -> None:
    """The people."""


@user.command()
@click.argument("username")
@click.option("--email", default="")
@click.option("--email-verified", is_flag=True, help="The address is known to be theirs.")
@click.option("--phone", "phone_number", default="", help="Such as +49 30 123456.")
@click.option("--phone-verified", "phone_number_verified", is_flag=True, help="It is theirs.")
@click.option("--address", multiple=True, metavar="PART=VALUE", help="Of the postal address.")
@click.option("--name", default="", help="Their name, as apps and pages show it.")
@click.option("--claim", "claims", multiple=True, metavar="NAME=VALUE", help="Of the profile.")
@click.option("--password-file", type=PATH, help="A file that holds the password.")
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin.")
@click.pass_obj
def add(
    desk: Desk, /, username: str, *, password_file: Path | None, password_stdin: bool, **given: Any
) -> None:
    """Add an account. At a terminal the password is asked for."""
    name = given.pop("name")
    given["claims"] = ({"name": name} if name else {}) | _pairs("--claim", given["claims"])
    given["address"] = _pairs("--address", given["address"])
    mistakes = profile.mistakes(User(id="", username=username, **given))
    if mistakes:
        raise wrong("nothing was changed", mistakes)
    secret = read_password(file=password_file, stdin=password_stdin)
    given["password"] = password.hash_password(secret, salt=os.urandom(password.SALT))
    wish = DesiredRecord(
        place=f"user {username}", kind="user", key=username, fields=given, new=True
    )
    added = desk.run(lambda store: declare(store, [wish], desk=desk), missing="make")
    (step,) = added.steps
    document = fields(step.after, hide=("password", "mark"))
    desk.show(document, f"added {username}, whose sub is {document['id']}")


def _pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals:
            raise Wrong(f"{option} {one!r} is not NAME=VALUE")
        found[name] = value
    return found


@user.command(name="list")
@click.pass_obj
def list_users(desk: Desk) -> None:
    """List the accounts."""

    async def everybody(store: Store) -> tuple[User, ...]:
        wanted = Many(User)
        return (await store.read(wanted)).many(wanted)

    found = sorted(desk.run(everybody), key=lambda one: one.alias)
    rows = [
        (one.username, one.claims.get("name", ""), one.email, one.status, moment(one.created))
        for one in found
    ]
    text = columns(("username", "name", "email", "status", "created"), rows)
    desk.show([fields(one, hide=("password", "mark")) for one in found], text)


@user.command(name="sign-out")
@click.argument("username")
@click.pass_obj
def sign_out(desk: Desk, username: str) -> None:
    """End every session of an account, and tell the apps that know one. Keys stay as they are."""

    async def ending(store: Store) -> int:
        wanted = OneByAlias(User, sign_in_name(username))
        found = (await store.read(wanted)).one(wanted)
        if found is None:
            raise Failed(f"there is no user {username!r}")
        name, context = found.id, desk.context()
        rule = partial(everywhere, name, by="administrator", context=context)
        outcome = await settled(store, rule, context)
        return sum(isinstance(one.record, Session) for one in outcome.changes)

    count = desk.run(ending)
    desk.show({"username": username, "sessions": count}, f"ended {count} sessions of {username}")


@user.command()
@click.argument("username")
@YES
@click.pass_obj
def remove(desk: Desk, username: str, *, yes: bool) -> None:
    """Remove an account. Its sessions and all access that it gave are over at once."""
    desk.sure(f"Remove the user {username!r} and stop all access that they gave?", yes=yes)
    remove_by(desk, removal.user, username)
