"""Every kind of record is an event that the schema of OCSF 1.3.0 allows (`ocsf_1_3_0.json`, a
subset of our own writing, from the public definitions of its classes and objects)."""

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from tests.server.audit.log import ISSUER, now_env

from valetkey.server.audit.ocsf import event_of, head_event
from valetkey.server.audit.reading import OpenPart, OpenRecord
from valetkey.server.audit.recorder import record, sealed
from valetkey.server.model import ids
from valetkey.server.model.audit import AuditActor, AuditDraft, AuditTarget
from valetkey.server.model.event import Kind

SCHEMA = json.loads(Path(__file__).with_name("ocsf_1_3_0.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

USER = ids.user_id(now_env())
PERSON = AuditActor(kind="user", id=USER, session="s")


def opened(
    operation: str,
    *,
    actor: AuditActor = PERSON,
    target: AuditTarget | None = None,
    outcome: str = "success",
    address: str = "192.0.2.7",
) -> OpenRecord:
    change = record(
        now_env(),
        actor=actor,
        operation=operation,
        target=AuditTarget(user=USER, client="stefapp") if target is None else target,
        outcome=outcome,
        request_id="r1",
        address=address,
        agent="a browser",
    )
    draft = change.record
    assert isinstance(draft, AuditDraft)
    row = sealed(draft, {USER: b"k" * 32})
    parts = tuple(OpenPart(person, content) for person, content in draft.personal)
    return OpenRecord(row, row.facts, parts)


def problems(event: dict[str, Any]) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(json.loads(json.dumps(event)))]


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_kind_of_event(kind: str) -> None:
    for target in (None, AuditTarget(), AuditTarget(client="stefapp")):
        event = event_of(opened(kind, target=target), issuer=ISSUER, sequence="0.7.3")
        assert problems(event) == []
        assert event["metadata"]["event_code"] == "0.7.3"


CLASSES = (
    ("signed-in", 3002, 1),
    ("signed-out", 3002, 2),
    ("sign-in-refused", 3002, 1),
    ("password-changed", 3001, 3),
    ("factor-added", 3001, 10),
    ("granted", 3005, 1),
    ("stopped", 3005, 2),
    ("client.add", 3004, 1),
    ("policies.edit", 3004, 3),
    ("keys.rotate", 3004, 3),
)


@pytest.mark.parametrize("operation, kind, activity", CLASSES)
def test_the_class_of_a_record(operation: str, kind: int, activity: int) -> None:
    event = event_of(opened(operation), issuer=ISSUER)
    assert (event["class_uid"], event["activity_id"]) == (kind, activity)
    assert event["type_uid"] == kind * 100 + activity
    assert problems(event) == []


@pytest.mark.parametrize("address", ["192.0.2.7", ""])
@pytest.mark.parametrize("kind", ["user", "app", "local", "server", "administrator", "stranger"])
def test_what_is_refused_to_an_administrator(kind: Any, address: str) -> None:
    actor = AuditActor(kind=kind, id="" if kind in ("server", "stranger") else "x", client="c")
    one = opened("users.erase", actor=actor, outcome="refused", address=address)
    event = event_of(one, issuer=ISSUER)
    assert (event["class_uid"], event["status_id"]) == (6003, 2)
    assert problems(event) == []


def test_a_head() -> None:
    assert problems(head_event("a note", at=1, sequence="0.7")) == []


def test_the_schema_refuses_what_is_none() -> None:
    event = event_of(opened("signed-in"), issuer=ISSUER)
    for name in ("time", "metadata", "type_uid", "user", "service"):
        assert problems({key: value for key, value in event.items() if key != name})
    assert problems(event | {"activity_id": 12})
    assert problems(event | {"class_uid": 3005})
