"""Moves apps, users and consents out of one export: reads it, and writes what it says.

Users first, then apps, each of which is one commit, then consents in batches. Whatever is there
already stays, so a move that broke off is run again, and goes on.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from valetkey.cli.context import CommandContext, settle_and_notify
from valetkey.cli.imports.apps.records import AppTerms, IncomingApp
from valetkey.cli.imports.apps.staging import Consent, Staging
from valetkey.cli.imports.formats import Mistake, convert
from valetkey.cli.imports.report import Progress, Report, printable
from valetkey.cli.imports.sources import Options, Source
from valetkey.cli.imports.streams import BrokenFile, RawRecord
from valetkey.cli.imports.users import BATCH, Importing, env_now, insist
from valetkey.cli.local_operations import whole_context
from valetkey.server.accounts.importing import OnRefusal, Terms
from valetkey.server.model.client import Client
from valetkey.server.model.query import Rule
from valetkey.server.oauth.admin.apply_plan import DesiredRecord, Plan, Step, plan
from valetkey.server.oauth.admin.grant_import import (
    GrantJudgment,
    ImportedGrants,
    IncomingGrant,
    import_grants,
)
from valetkey.server.oauth.core.context import Context
from valetkey.server.store.port import Store
from valetkey.server.store.settle import ask

OnExistingApp: TypeAlias = Literal["skip", "update", "replace", "fail"]

PROTECTED = frozenset({"redirect_uris", "post_logout_redirect_uris", "auth_method"})
"""Fields of an app that is there already which only `replace` changes, as it does its secret."""


class Format(NamedTuple):
    """How an export is read. `records` yields its records, from a file that `prepare` made of what
    the operator has. `read` translates one, or notes it in the staging file, or says what was
    skipped. `users` is the format of its users, "" if
    it has none, `scopes` maps names that this source has for scopes of everybody."""

    prepare: Callable[[Path, Path], Path]
    records: Callable[[Path], Iterator[RawRecord]]
    read: Callable[..., IncomingApp | str]
    users: str = ""
    scopes: Mapping[str, str] = {}


class MoveTerms(NamedTuple):
    """How to move. `source` names where the users' ids are from, "" for users found by name."""

    apps: AppTerms
    on_existing: OnExistingApp = "skip"
    on_refusal: OnRefusal = "skip"
    source: str = ""
    dry_run: bool = False


class _Way:
    """The progress through the consents."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.position = 0


class Move:
    """One run. `reports` are those of users, apps and grants."""

    def __init__(
        self, command: CommandContext, form: Format, terms: MoveTerms, *, report: Path | None
    ) -> None:
        self._command = command
        self._form = form
        self._terms = terms
        users = Report(report)
        self.reports = {
            "users": users,
            "apps": Report(users, "apps"),
            "grants": Report(users, "grants"),
        }
        self._coming: dict[str, Client] = {}
        self.broken = ""

    @property
    def refused(self) -> int:
        """How many records were refused."""
        return sum(one.counts["refused"] for one in self.reports.values())

    def close(self) -> None:
        """Close the file of refusals."""
        self.reports["users"].close()

    async def run(self, store: Store, *, file: Path, folder: Path) -> None:
        """Move everything. `folder` is private, and deleted afterwards. Raises BrokenFile,
        OSError."""
        file = self._form.prepare(file, folder)
        staging = Staging(folder)
        try:
            apps = list(self._staged(file, staging))
            if self._stops():
                return
            await self._users(store, file)
            if self._stops():
                return
            context = await self._context_of(store)
            for one in apps:
                await self._app(store, self._scoped(one, staging), context)
                if self._stops():
                    return
            await self._grants(store, staging)
        finally:
            staging.close()

    def _stops(self) -> bool:
        return self._terms.on_refusal == "stop" and bool(self.refused)

    def _staged(self, file: Path, staging: Staging) -> Iterator[IncomingApp]:
        """The apps. What else the file says goes to the staging file."""
        report, skipped = self.reports["apps"], Counter[str]()
        for record in self._form.records(file):
            members: dict[str, Any] = {}
            try:
                members = record.members()
                one = self._form.read(
                    record.place, members, staging=staging, terms=self._terms.apps
                )
            except (ValueError, RecursionError, UnicodeDecodeError) as error:
                if isinstance(error, BrokenFile):
                    raise
                why = str(error) if isinstance(error, Mistake) else f"record: {error}"
                report.count("refused", {"place": record.place, "client": _id(members)}, why=why)
                if self._stops():
                    return
                continue
            if isinstance(one, IncomingApp):
                if one.number:
                    staging.add_app(one.number, one.id)
                yield one
            elif one:
                skipped[one] += 1
        report.skipped += skipped
        ended = staging.drop_ended(int(time.time()))
        if ended:
            self.reports["grants"].skipped["consents that have ended"] += ended

    def _scoped(self, one: IncomingApp, staging: Staging) -> IncomingApp:
        """The app with the names of its scopes here. For a source that does not say which scopes an
        app may request, those of its tokens count."""
        terms = self._terms.apps
        there = one.scope or staging.scopes_of(one.number or one.id)
        scope = dict.fromkeys((*terms.allowed, *terms.names_here(there)))
        return msgspec.structs.replace(one, scope=tuple(scope))

    async def _users(self, store: Store, file: Path) -> None:
        if not self._form.users:
            return
        source = Source(file, self._form.users, Options())
        progress = Progress(source)
        terms = Terms(on_refusal=self._terms.on_refusal, source=self._terms.source)
        importing = Importing(self._command, self.reports["users"], terms)
        work = importing.preview if self._terms.dry_run else importing.run
        try:
            await work(store, source=source, progress=progress)
        finally:
            progress.end()
        # They are counted with the apps.
        self.reports["users"].skipped.pop("other models", None)

    async def _app(self, store: Store, one: IncomingApp, context: Context) -> None:
        offer = context.installation.offer
        scope = tuple(dict.fromkeys(name for name in one.scope if name in offer.scopes))
        missing = [f"the scope {name[:60]!r}" for name in one.scope if name not in scope]
        record = {"place": one.place, "client": one.id}
        report = self.reports["apps"]
        fields = dict(one.fields) | {"scope": scope, "policy": self._terms.apps.policy}
        if (uris := self._terms.apps.redirect_uris.get(one.id)) is not None:
            fields["redirect_uris"] = uris
        try:
            convert(Client, {"id": one.id, **fields})
        except Mistake as mistake:
            report.count("refused", record, why=str(mistake))
            return
        desired = DesiredRecord(
            place="", kind="client", key=one.id, fields=fields | {"verified": False}
        )
        desired = msgspec.structs.replace(desired, secret=one.secret)
        context = msgspec.structs.replace(context, env=env_now())
        decided = await self._planned(store, desired, context)
        step = decided.steps[0]
        if step.before is not None and self._terms.on_existing != "replace":
            desired = self._without_protected(desired, step)
            decided = await self._planned(store, desired, context)
            step = decided.steps[0]
        verdict, why = self._verdict(decided, step)
        if verdict in {"added", "changed"} and not self._terms.dry_run:
            rule = partial(plan, [desired], context)
            decided = await insist(lambda: settle_and_notify(store, rule, context))
            last, why = self._verdict(decided, decided.steps[0])
            # An attempt whose answer was lost has written it.
            verdict = verdict if last == "unchanged" else last
        if verdict == "added" and isinstance(step.after, Client):
            self._coming[one.id] = step.after
        report.count(verdict, record, why=why, dropped=(*one.dropped, *missing))

    async def _context_of(self, store: Store) -> Context:
        return await insist(lambda: whole_context(store, self._command))

    @staticmethod
    async def _planned(store: Store, desired: DesiredRecord, context: Context) -> Plan:
        return await insist(lambda: ask(store, plan([desired], context)))

    @staticmethod
    def _without_protected(desired: DesiredRecord, step: Step) -> DesiredRecord:
        fields = {name: one for name, one in desired.fields.items() if name not in PROTECTED}
        if isinstance(step.before, Client):
            # An operator who has verified an app, or chosen its policy, has decided that.
            fields |= {"verified": step.before.verified, "policy": step.before.policy}
        return msgspec.structs.replace(desired, fields=fields, secret="")

    def _verdict(self, decided: Plan, step: Step) -> tuple[str, str]:
        if decided.mistakes:
            return "refused", decided.mistakes[0].removeprefix(": ")
        if step.before is None or step.verdict == "unchanged":
            return step.verdict, ""
        match self._terms.on_existing:
            case "skip":
                return "kept", ""
            case "fail":
                return "refused", "id: an app with this id exists"
            case _:
                return "changed", ""

    async def _grants(self, store: Store, staging: Staging) -> None:
        way = _Way(staging.size)
        progress = Progress(way)
        batch: list[IncomingGrant] = []
        try:
            for consent in staging.consents():
                batch.append(self._incoming(consent))
                if len(batch) == BATCH:
                    if await self._write_grants(store, batch):
                        return
                    way.position += len(batch)
                    progress.show(self.reports["grants"])
                    batch = []
            if batch:
                await self._write_grants(store, batch)
        finally:
            progress.end()

    def _incoming(self, consent: Consent) -> IncomingGrant:
        return IncomingGrant(
            place=consent.place,
            client=consent.client,
            username=consent.username or ("" if self._form.users else consent.subject),
            subject=consent.subject,
            scope=self._terms.apps.names_here(consent.scope),
            created=consent.created,
            coming=self._terms.dry_run and bool(self._form.users and consent.username),
        )

    async def _write_grants(self, store: Store, batch: list[IncomingGrant]) -> bool:
        """Write a batch. Whether to stop."""
        began = time.monotonic()
        context = await self._context_of(store)
        added: dict[IncomingGrant, GrantJudgment] = {}

        def deciding() -> Rule[ImportedGrants]:
            outcome = yield from import_grants(
                batch,
                source=self._terms.source,
                stop=self._terms.on_refusal == "stop",
                coming=self._coming if self._terms.dry_run else {},
                context=context,
            )
            added.update({one.incoming: one for one in outcome.judgments if one.verdict == "added"})
            return outcome

        if self._terms.dry_run:
            outcome = await insist(lambda: ask(store, deciding()))
        else:
            outcome = await insist(lambda: settle_and_notify(store, deciding, context))
            # As long as it took: a server on this database gets every other turn.
            await asyncio.sleep(time.monotonic() - began)
        for judgment in outcome.judgments:
            # An attempt whose answer was lost has written it.
            one = judgment
            if judgment.verdict == "unchanged":
                one = added.get(judgment.incoming, judgment)
            record = {
                "place": one.incoming.place,
                "client": one.incoming.client,
                "user": one.incoming.username or one.incoming.subject,
            }
            dropped = [f"the scope {name[:60]!r}" for name in one.dropped]
            self.reports["grants"].count(one.verdict, record, why=one.why, dropped=dropped)
        return self._stops()


def _id(members: dict[str, Any]) -> str:
    inner = members.get("fields")
    for one in (members, inner if isinstance(inner, dict) else {}):
        for name in ("client_id", "clientId"):
            if isinstance(value := one.get(name), str):
                return printable(value)
    return ""
