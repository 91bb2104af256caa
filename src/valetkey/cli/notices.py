"""`valetkey mail` and `valetkey notices`: what users are notified of, and what did not arrive."""

import asyncio
import time
from collections.abc import Iterator
from typing import Literal

import click

from valetkey.cli.context import CommandContext, open_database
from valetkey.cli.options import Group
from valetkey.cli.output.errors import Failed
from valetkey.cli.output.formats import columns, format_time
from valetkey.server.accounts.notices import MAIL, WEBHOOK, Letter, is_address
from valetkey.server.model.change import Stale
from valetkey.server.model.query import PageQuery
from valetkey.server.model.stream import Job
from valetkey.server.oauth.signals.notice_delivery import FAILED, resend
from valetkey.server.settings import Settings
from valetkey.server.settings.mail import plain_mailer, post_test
from valetkey.server.store.port import Store

PAGE = 200
"""Messages that are read at once."""


@click.group(cls=Group)
def mail() -> None:
    """The mails to users."""


@mail.command(name="test")
@click.argument("address")
@click.pass_obj
def send_test(command: CommandContext, address: str) -> None:
    """Send a test mail to ADDRESS, now, and say whether the mail server took it."""
    settings = command.settings()
    if not settings.mail.host:
        raise Failed("no mail server is set: see [mail] in the settings")
    if not is_address(address):
        raise click.BadParameter("is no email address", param_hint="ADDRESS")
    now = int(time.time())
    letter = Letter(id=f"test.{time.time_ns()}", kind="test", to=address, at=now)
    why, _ = asyncio.run(plain_mailer(settings)(letter))
    if why:
        raise Failed(f"{settings.mail.host}:{settings.mail.port} did not take the mail: {why}")
    command.show(
        {"sent": address}, f"{settings.mail.host}:{settings.mail.port} took a mail to {address}"
    )


@click.group(cls=Group)
def notices() -> None:
    """The notices to users, by mail and through the webhook."""


@notices.command(name="list")
@click.pass_obj
def list_failed(command: CommandContext) -> None:
    """List the notices that could not be delivered. They are kept for 14 days."""
    failed = command.run(_failed)
    rows = [
        (one.id, one.kind, one.facts["notice"], format_time(one.created), one.facts[FAILED])
        for one in failed
    ]
    documents = [
        {
            "id": one.id,
            "by": one.kind,
            "notice": one.facts["notice"],
            "user": one.user,
            "created": one.created,
            "why": one.facts[FAILED],
        }
        for one in failed
    ]
    command.show(documents, columns(("id", "by", "notice", "created", "why"), rows))


@notices.command(name="resend")
@click.argument("ids", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Send all of them again.")
@click.pass_obj
def send_again(command: CommandContext, ids: tuple[str, ...], *, every: bool) -> None:
    """Send the notices IDS again, which could not be delivered. A running server sends them within
    seconds, to where the settings say now."""
    if bool(ids) == every:
        raise click.UsageError("name one or more notices, or use --all")
    settings = command.settings()

    async def sending(store: Store) -> list[str]:
        failed = await _failed(store)
        unknown = set(ids) - {one.id for one in failed}
        if unknown:
            raise Failed(f"{min(unknown)} is no failed notice: see `valetkey notices list`")
        chosen = [one for one in failed if every or one.id in ids]
        for one in chosen:
            _check(one, settings)
        return [one.id for one in chosen if await _sent_again(store, one, settings)]

    again = command.run(sending)
    command.show(
        {"resent": again}, f"{len(again)} will be sent again" if again else "nothing to do"
    )


def _check(job: Job, settings: Settings) -> None:
    there = {MAIL: settings.mail.host, WEBHOOK: settings.webhook.url}[job.kind]
    if not there:
        raise Failed(f"{job.id} goes by {job.kind}, which is not set: see the settings")


async def _sent_again(store: Store, job: Job, settings: Settings) -> bool:
    try:
        changes = resend(job, webhook=settings.webhook.url, now=int(time.time()))
        await store.commit(changes)
    except Stale:
        return False  # Another process was first.
    return True


async def _failed(store: Store) -> list[Job]:
    failed: list[Job] = []
    before = ""
    while True:
        page = await store.page(PageQuery(record=Job, before=before, limit=PAGE))
        failed += [one for one in page.records if FAILED in one.facts]
        before = page.next
        if not before:
            return sorted(failed, key=lambda one: one.created)


@notices.command(name="test")
@click.pass_obj
def test_webhook(command: CommandContext) -> None:
    """Post a signed test event to the webhook, now, and say what it answers."""
    settings = command.settings()
    if not settings.webhook.url:
        raise Failed("no webhook is set: see [webhook] in the settings")
    why = asyncio.run(post_test(settings))
    if why:
        raise Failed(f"the webhook did not accept the test event: {why}")
    command.show({"accepted": True}, "the webhook accepted a test event")


def notice_checks(
    settings: Settings, *, opens: bool
) -> Iterator[tuple[str, Literal["ok", "warn", "fail"], str]]:
    """The rows of `valetkey doctor`. `opens`: the database can be read."""
    if not settings.mail.host and not settings.webhook.url:
        yield "notices", "warn", "users are notified of nothing: set [mail] or [webhook]"
        return
    if settings.mail.host:
        place = f"{settings.mail.host}:{settings.mail.port}"
        why = asyncio.run(plain_mailer(settings).check())
        says = f"{place} does not take mails: {why}" if why else f"{place} answers, and takes mails"
        yield "mail", "fail" if why else "ok", says
    if settings.webhook.url:
        count = len(settings.webhook.secrets)
        secrets = "1 secret" if count == 1 else f"{count} secrets"
        yield "webhook", "ok", f"notices go to {settings.webhook.url}, signed with {secrets}"
    failed = asyncio.run(_count_failed(settings)) if opens else 0
    if failed:
        yield "notices", "warn", f"{failed} could not be delivered: see valetkey notices list"


async def _count_failed(settings: Settings) -> int:
    store = await open_database(settings.database)
    try:
        return len(await _failed(store))
    finally:
        await store.close()
