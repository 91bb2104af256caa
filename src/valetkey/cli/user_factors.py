"""`valetkey user reset-factors`: for users who lost every second factor."""

from functools import partial

import click

from valetkey.cli.context import CommandContext, settle_and_notify
from valetkey.cli.options import YES, Command
from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.server.accounts.factors import FactorContext
from valetkey.server.model.query import OneByAlias
from valetkey.server.model.user import User, sign_in_name
from valetkey.server.oauth.admin.user_status import MAX_REASON
from valetkey.server.oauth.logout.factor_changes import FactorsReset, reset_factors
from valetkey.server.store.port import Store


@click.command(name="reset-factors", cls=Command)
@click.argument("username")
@click.option("--reason", default="", help="Why, for the history: up to 200 characters.")
@YES
@click.pass_obj
def reset_user_factors(command: CommandContext, username: str, *, reason: str, yes: bool) -> None:
    """Remove all second factors of an account, passkeys too, and end its sessions.

    Afterwards a password is enough to sign in: be sure who asks you.
    """
    if len(reason) > MAX_REASON or not (reason.isprintable() or not reason):
        raise InvalidUsage(f"--reason has over {MAX_REASON} characters, or unprintable ones")
    command.confirm(f"Remove all second factors of {username!r}?", yes=yes)

    async def resetting(store: Store) -> FactorsReset:
        query, context = OneByAlias(User, sign_in_name(username)), command.context()
        account = (await store.read(query)).one(query)
        if account is None:
            raise Failed(f"there is no user {username!r}", type="not-found")
        rules = FactorContext(
            env=context.env,
            keyring=context.installation.keyring,
            notices=context.installation.notices,
        )
        rule = partial(reset_factors, account.id, reason=reason, rules=rules, context=context)
        return await settle_and_notify(store, rule, context)

    outcome = command.run(resetting)
    if not outcome.factors:
        raise Failed(f"{username} has no second factor")
    kinds = [one.kind for one in outcome.factors]
    document = {"username": username, "factors": kinds, "sessions": outcome.sessions}
    text = f"removed {', '.join(kinds)} of {username}, ended {outcome.sessions} sessions"
    command.show(document, text)
