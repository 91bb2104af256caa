"""The audit log, as the settings have it."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from valetkey.server.audit.recorder import recorder_of
from valetkey.server.audit.service import AuditService
from valetkey.server.audit.streams import AuditStream, Deliver, FileSink
from valetkey.server.http import log
from valetkey.server.http.fetch import Fetcher
from valetkey.server.model.query import Unreachable
from valetkey.server.oauth.signals.notice_delivery import signature_headers
from valetkey.server.settings.audit import audit_terms
from valetkey.server.settings.tree import Settings
from valetkey.server.store.master_key import MasterKey
from valetkey.server.store.port import Store, milliseconds
from valetkey.wire.address import target


def make_audit(
    current: Callable[[], Settings], store: Store, *, master: MasterKey, fetch: Fetcher
) -> AuditService:
    """What the server does for the audit log beside its requests."""
    settings, recorder = current(), recorder_of(store)
    sinks: dict[str, Deliver] = {}
    if settings.audit.stream_file is not None:
        sinks["file"] = FileSink(settings.audit.stream_file)
    if settings.audit.webhook_url:
        sinks["webhook"] = webhook_sink(settings, fetch)
    streams = [
        AuditStream(name, recorder.store, sink, issuer=settings.issuer)
        for name, sink in sinks.items()
    ]
    return AuditService(
        recorder,
        master,
        lambda: audit_terms(current().audit, current().issuer),
        streams=streams,
        complain=lambda event, detail: log.warning(event, detail=detail),
    )


def webhook_sink(settings: Settings, fetch: Fetcher) -> Deliver:
    """Posts events to the webhook, signed (Standard Webhooks)."""
    url, secrets = settings.audit.webhook_url, settings.audit.secrets
    # The webhook is the operator's own, and may be in a network of theirs.
    post = fetch.with_local(target(url).authority).post

    async def deliver(events: Sequence[dict[str, Any]], name: str) -> str:
        body = msgspec.json.encode(list(events))
        headers = signature_headers(body, notice=name, now=milliseconds() // 1000, secrets=secrets)
        answer = await post(url, body, content_type="application/json", headers=headers)
        if isinstance(answer, Unreachable):
            return answer.why
        return "" if 200 <= answer.status < 300 else f"it answers with status {answer.status}"

    return deliver
