"""`valetkey user throttled` and `unlock`: whose sign-ins are refused, and how to end that."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

import click
import msgspec

from valetkey.cli.context import CommandContext
from valetkey.cli.options import Command
from valetkey.cli.output.errors import Failed
from valetkey.cli.output.formats import columns, format_time
from valetkey.server.accounts.notices import NOBODY
from valetkey.server.accounts.sign_in import password_opened
from valetkey.server.accounts.throttle import account_of, is_closed, unlock
from valetkey.server.accounts.throttle_report import ThrottledEntry, throttled
from valetkey.server.model.counters import Throttle
from valetkey.server.model.query import One, OneByAlias, Rule
from valetkey.server.model.user import User, sign_in_name
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.store.port import Store, every_record
from valetkey.server.store.settle import settle


@click.command(name="throttled", cls=Command)
@click.pass_obj
def list_throttled(command: CommandContext) -> None:
    """List whose attempts to sign in are refused or delayed."""
    entries, names = command.run(_entries)
    document = [
        msgspec.structs.asdict(one) | {"username": names.get(one.account, "")} for one in entries
    ]
    text = columns(("user", "effect", "from", "attempts", "until"), _rows(entries, names))
    command.show(document, text or "nothing is throttled")


def _rows(
    entries: Sequence[ThrottledEntry], names: dict[str, str]
) -> Iterable[tuple[str, str, str, str, str]]:
    for one in entries:
        effect = f"delayed {one.seconds:g} s" if one.seconds else one.effect
        until = "the user signs in" if one.effect == "closed" else format_time(one.until)
        name = names.get(one.account, "(no such user)") if one.account else ""
        yield name, effect, one.source or "new browsers", str(one.attempts), until


async def _entries(store: Store) -> tuple[list[ThrottledEntry], dict[str, str]]:
    """What is throttled, and the usernames of the accounts in it."""
    entries = throttled(await _counters(store), int(time.time()))
    accounts = {one.account for one in entries if one.account}
    names: dict[str, str] = {}
    if accounts:
        # Only digests of names are stored: people type passwords into the field by mistake.
        async for users in every_record(store, User):
            for user in users:
                for key in {user.id, account_of(user.username)} & accounts:
                    names[key] = user.username
    return entries, names


async def _counters(store: Store) -> list[Throttle]:
    return [row async for rows in every_record(store, Throttle) for row in rows]


@click.command(name="unlock", cls=Command)
@click.argument("username")
@click.pass_obj
def unlock_user(command: CommandContext, username: str) -> None:
    """Forget an account's failed attempts, and open its password to new browsers again."""

    async def unlocking(store: Store) -> Outcome:
        rows, context = await _counters(store), command.context()
        return await settle(store, lambda: _unlocked(username, rows, context))

    outcome: Any = command.run(unlocking)
    count = len(outcome.changes)
    command.show({"username": username, "counters": count}, f"unlocked {username}")


def _unlocked(username: str, rows: Sequence[Throttle], context: Context) -> Rule[Outcome]:
    by_name, by_id = OneByAlias(User, sign_in_name(username)), One(User, username)
    results = yield (by_name, by_id)
    user = results.one(by_name) or results.one(by_id)
    if user is None:
        raise Failed(f"there is no user {username!r}", type="not-found")
    changes = unlock(user.username, user.id, rows, now=context.env.now)
    to = (
        context.installation.notices if (yield from is_closed(user.id, context.env.now)) else NOBODY
    )
    opened = password_opened(user.id, by="administrator", to=to, env=context.env)
    return Outcome(changes=(*changes, *opened.changes), events=opened.events)
