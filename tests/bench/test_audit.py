"""The bench of the audit log, small: what it fills in is what the server itself would verify."""

from pathlib import Path

import pytest
from bench.audit import WORK, AuditSubject, fill
from bench.audit_rows import A_DAY, DAY, ISSUER

from valetkey.server.audit.bundle import read_bundle
from valetkey.server.audit.bundle_writer import write_bundle
from valetkey.server.audit.reading import opened_records, search
from valetkey.server.audit.verify import verify
from valetkey.server.store.port import milliseconds

pytestmark = pytest.mark.anyio

SIZE = 2_000


async def test_what_it_fills_in_is_sealed_and_opens(tmp_path: Path) -> None:
    now = milliseconds()
    store = await fill(str(tmp_path / "audit.db"), SIZE, now)
    lines = [line async for line in write_bundle(store, ISSUER)]
    verdict = verify(read_bundle(lines))
    assert (verdict.findings, verdict.records) == ((), SIZE)
    (record,) = await opened_records(store, (await search(store, {}, limit=1))[0])
    assert record.personal("address") == "192.0.2.7"
    assert record.facts.at == now - DAY // A_DAY
    subject = AuditSubject(store, SIZE, now)
    found = {name: await work(subject) for name, work in WORK.items() if "search" in name}
    assert min(found.values()) >= 0
    assert found["search by request"] == 1
    await store.close()
