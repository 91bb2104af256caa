"""The secrets of an app: several at a time, so that it moves from one to the next."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from valetkey.server.admin.operation import AnyOperation, Call, Nothing, Operation, Parameters
from valetkey.server.admin.operations.apps import find_app, find_reachable
from valetkey.server.admin.operations.users import Time
from valetkey.server.admin.problems import Problem
from valetkey.server.model.keys import Secret
from valetkey.server.model.query import Rule
from valetkey.server.oauth.admin.client_secrets import (
    MAX_OVERLAP,
    SecretsChanged,
    SecretUse,
    revoke_secret,
    rotate_secret,
    secrets_of,
)
from valetkey.server.oauth.core.context import Context
from valetkey.wire import opaque


class AppSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A secret of an app, without itself. `used` is the day on which it was last used, 0 if it was
    not in the last 90 days; `until` is when it ends, 0 for never."""

    id: str
    last_four: str
    created: Time
    until: Time
    used: Time


class AppSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """The secrets of an app that work, the newest first."""

    items: tuple[AppSecret, ...]


class Rotation(Parameters, frozen=True, kw_only=True):
    """How to rotate."""

    keep_old: Annotated[
        int,
        Meta(ge=0, le=MAX_OVERLAP, description="Seconds for which the old secrets go on working."),
    ] = 7 * 86400


class NewAppSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A new secret, shown once. `old_until` is when the old ones end, 0 if there is none."""

    id: str
    client_secret: str
    old_until: Time


async def list_secrets(call: Call[Nothing, Nothing]) -> AppSecrets:
    """The secrets of an app."""

    def rule(context: Context) -> Rule[tuple[SecretUse, ...]]:
        client = yield from find_app(call.path["app"])
        return (yield from secrets_of(client, context))

    listed = await call.ask(rule)
    return AppSecrets(items=tuple(AppSecret(**msgspec.structs.asdict(one)) for one in listed))


async def rotate_app_secret(call: Call[Nothing, Rotation]) -> NewAppSecret:
    """Adds a secret, and lets the others end."""
    plain: list[str] = []

    def rule(context: Context) -> Rule[SecretsChanged]:
        client = yield from find_reachable(call)
        # Each attempt has a secret of its own; the committed one is the last.
        plain.append(opaque.write("cs", context.env.random_bytes(32)))
        secret = Secret(plain[-1])
        return (
            yield from rotate_secret(client.id, secret, overlap=call.body.keep_old, context=context)
        )

    def answer(outcome: SecretsChanged) -> NewAppSecret:
        if outcome.client is None or outcome.added is None:
            raise Problem("conflict", outcome.why)
        until = max((one.until for one in outcome.client.secrets), default=0)
        return NewAppSecret(id=outcome.added.name, client_secret=plain[-1], old_until=until)

    return await call.settle(rule, answer)


async def revoke_app_secret(call: Call[Nothing, Nothing]) -> AppSecrets:
    """Ends one secret at once."""

    def rule(context: Context) -> Rule[SecretsChanged]:
        client = yield from find_reachable(call)
        return (yield from revoke_secret(client.id, call.path["secret"], context=context))

    def answer(outcome: SecretsChanged) -> AppSecrets:
        if outcome.client is None or not outcome.changes:
            kind = "not-found" if outcome.client is None else "conflict"
            raise Problem(kind, outcome.why)
        return AppSecrets(
            items=tuple(
                AppSecret(
                    id=one.name,
                    last_four=one.last_four,
                    created=one.created,
                    until=one.until,
                    used=0,
                )
                for one in outcome.client.secrets
            )
        )

    return await call.settle(rule, answer)


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="apps.secrets",
        method="GET",
        path="/apps/{app}/secrets",
        permission="apps.read",
        query=Nothing,
        body=Nothing,
        response=AppSecrets,
        run=list_secrets,
        summary="List the secrets of an app",
        description="Each by its last four characters, with the day of its last use.",
    ),
    Operation(
        name="apps.rotate-secret",
        method="POST",
        path="/apps/{app}/secrets",
        permission="apps.manage",
        query=Nothing,
        body=Rotation,
        response=NewAppSecret,
        run=rotate_app_secret,
        summary="Give an app a new secret",
        description="The old ones go on working for a while, so that the app can move.",
        sensitive=True,
        secret=("client_secret",),
    ),
    Operation(
        name="apps.revoke-secret",
        method="DELETE",
        path="/apps/{app}/secrets/{secret}",
        permission="apps.manage",
        query=Nothing,
        body=Nothing,
        response=AppSecrets,
        run=revoke_app_secret,
        summary="End a secret of an app at once",
        description="The last one that works stays: suspend the app instead.",
        narrows=True,
        sensitive=True,
    ),
)
