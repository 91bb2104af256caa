"""Records as events of the Open Cybersecurity Schema Framework, version 1.3.0.

| class | what |
| --- | --- |
| 3002 Authentication | sign-in and sign-out |
| 3001 Account Change | accounts, passwords, second factors |
| 3005 User Access Management | grants |
| 3004 Entity Management | apps, policies, APIs, keys |
| 6003 API Activity | what was refused to administrators |
| 0 Base Event | the audit log itself |
"""

from typing import Any, Final

from valetkey import __version__
from valetkey.server.audit.reading import OpenRecord
from valetkey.server.model.audit import AuditActor, AuditFacts

VERSION: Final = "1.3.0"

_NAMES: Final = {
    0: ("Base Event", 0, "Uncategorized"),
    3001: ("Account Change", 3, "Identity & Access Management"),
    3002: ("Authentication", 3, "Identity & Access Management"),
    3004: ("Entity Management", 3, "Identity & Access Management"),
    3005: ("User Access Management", 3, "Identity & Access Management"),
    6003: ("API Activity", 6, "Application Activity"),
}
"""Each class: its name, its category and the name of that."""

_OTHER: Final = 99

_ACCOUNT: Final = {
    "signed-up": 1,
    "enabled": 2,
    "password-changed": 3,
    "reset-link-made": 4,
    "disabled": 5,
    "erased": 6,
    "password-closed": 9,
    "factor-added": 10,
    "recovery-codes-made": 10,
    "factor-removed": 11,
    "factors-reset": 11,
}
"""Activities of Account Change."""

_AUTHENTICATION: Final = {
    "signed-in": 1,
    "sign-in-refused": 1,
    "code-refused": 1,
    "recovery-code-used": 1,
    "signed-out": 2,
}
"""Activities of Authentication."""

_ACCESS: Final = {
    **dict.fromkeys(("granted", "upgraded", "resumed", "approved", "reissued", "readmitted"), 1),
    **dict.fromkeys(("downgraded", "paused", "stopped", "limited", "cut", "suspended"), 2),
}
"""Activities of User Access Management."""

_VERBS: Final = (
    (("add", "create", "registered", "import", "init"), 1),
    (("show", "list", "export", "get", "search"), 2),
    (("remove", "delete", "erase", "revoke"), 4),
)
"""Activities of Entity Management and of API Activity, by the verb of the operation."""

_ACTIVITIES: Final = {
    3001: {
        1: "Create",
        2: "Enable",
        3: "Password Change",
        4: "Password Reset",
        5: "Disable",
        6: "Delete",
        9: "Lock",
        10: "MFA Factor Enable",
        11: "MFA Factor Disable",
    },
    3002: {1: "Logon", 2: "Logoff"},
    3004: {1: "Create", 2: "Read", 3: "Update", 4: "Delete"},
    3005: {1: "Assign Privileges", 2: "Revoke Privileges"},
    6003: {1: "Create", 2: "Read", 3: "Update", 4: "Delete"},
}


def event_of(one: OpenRecord, *, issuer: str, sequence: str = "") -> dict[str, Any]:
    """The event for a record. `sequence` is its place in the chain, such as `42/7`."""
    facts = one.facts
    kind, activity = _kind(facts)
    event = _base(kind, activity, facts.at)
    refused = facts.outcome != "success"
    event |= {
        "message": facts.operation,
        "severity_id": 2 if refused else 1,
        "severity": "Low" if refused else "Informational",
        "status_id": 2 if refused else 1,
        "status": "Failure" if refused else "Success",
        "count": facts.count,
        "actor": _actor(facts.actor),
        "unmapped": {"valetkey": one.document},
    }
    event["metadata"] |= {"uid": facts.id, "labels": [facts.category]}
    if facts.request:
        event["metadata"]["correlation_uid"] = facts.request
    if sequence:
        event["metadata"]["event_code"] = sequence
    address, agent = one.personal("address"), one.personal("agent")
    if address:
        event["src_endpoint"] = {"ip": address}
    if agent:
        event["http_request"] = {"user_agent": agent, "uid": facts.request}
    return event | _of_class(kind, one, issuer)


def head_event(note: str, *, at: int, sequence: str) -> dict[str, Any]:
    """The event that ships a head."""
    event = _base(0, 0, at)
    event |= {
        "message": "audit.head",
        "severity_id": 1,
        "severity": "Informational",
        "status_id": 1,
        "status": "Success",
        "unmapped": {"valetkey": {"head": note}},
    }
    event["metadata"] |= {"uid": f"head-{sequence}", "labels": ["system"], "event_code": sequence}
    return event


def _base(kind: int, activity: int, at: int) -> dict[str, Any]:
    name, category, category_name = _NAMES[kind]
    activities = _ACTIVITIES.get(kind, {})
    return {
        "activity_id": activity,
        "activity_name": activities.get(activity, "Other" if activity else "Unknown"),
        "category_uid": category,
        "category_name": category_name,
        "class_uid": kind,
        "class_name": name,
        "type_uid": kind * 100 + activity,
        "time": at,
        "metadata": {
            "version": VERSION,
            "product": {"name": "valetkey", "vendor_name": "valetkey", "version": __version__},
            "log_name": "audit",
        },
    }


def _kind(facts: AuditFacts) -> tuple[int, int]:
    operation = facts.operation
    if facts.category == "system":
        return 0, 0
    if operation in _AUTHENTICATION:
        return 3002, _AUTHENTICATION[operation]
    if operation in _ACCOUNT and facts.target.user:
        return 3001, _ACCOUNT[operation]
    if facts.category in ("account", "sign-in"):
        return (3001, _OTHER) if facts.target.user else (0, 0)
    if facts.category == "access":
        return (3005, _ACCESS.get(operation, _OTHER)) if facts.target.user else (0, 0)
    verb = operation.rpartition(".")[2]
    activity = next((number for verbs, number in _VERBS if verb in verbs), 3)
    return (3004 if facts.outcome == "success" else 6003), activity


def _actor(actor: AuditActor) -> dict[str, Any]:
    actor_object: dict[str, Any] = {}
    match actor.kind:
        case "user" | "local":
            actor_object["user"] = {"uid": actor.id}
        case "app":
            actor_object["app_uid"] = actor.id
        case "server":
            actor_object["app_name"] = "valetkey"
        case _:
            actor_object["user"] = {"name": actor.id or actor.kind}
    if actor.session:
        actor_object["session"] = {"uid": actor.session}
    if actor.client:
        actor_object["app_uid"] = actor.client
    return actor_object


def _of_class(kind: int, one: OpenRecord, issuer: str) -> dict[str, Any]:
    facts = one.facts
    target = facts.target
    user = {"uid": target.user} if target.user else {"name": "unknown"}
    match kind:
        case 3001:
            return {"user": user}
        case 3002:
            return {"user": user, "service": {"name": issuer}, "is_remote": True}
        case 3004:
            return {"entity": _entity(facts)}
        case 3005:
            return {
                "user": user,
                # An empty list stands for everything that the app had.
                "privileges": list(facts.permissions) or ["*"],
                "resource": {"uid": target.grant or target.client, "type": "grant"},
            }
        case 6003:
            more: dict[str, Any] = {
                "api": {"operation": facts.operation, "service": {"name": issuer}},
                "resources": [_entity(facts)],
            }
            if not one.personal("address"):
                more["src_endpoint"] = {"name": "unknown"}
            return more
        case _:
            return {}


def _entity(facts: AuditFacts) -> dict[str, Any]:
    target = facts.target
    for kind, name in (("user", target.user), ("app", target.client), ("grant", target.grant)):
        if name:
            return {"uid": name, "type": kind}
    return {"uid": target.id or facts.operation, "type": target.kind or "operation"}
