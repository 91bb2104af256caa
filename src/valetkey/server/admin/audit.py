"""The audit record of an operation: one function, so that every driver writes the same."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from valetkey.server.audit.caller import current_caller
from valetkey.server.audit.recorder import record
from valetkey.server.model.audit import AuditActor, AuditTarget
from valetkey.server.model.change import Change
from valetkey.server.model.environment import Env
from valetkey.server.oauth.endpoints.administration import Actor

OperationOutcome: TypeAlias = Literal["done", "nothing to change", "refused"]


def audit_change(
    env: Env,
    *,
    actor: Actor,
    operation: str,
    target: str,
    outcome: OperationOutcome,
    request_id: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> tuple[Change, ...]:
    """The changes that write the audit record, for the commit of what it is about. `before` and
    `after` have the fields that changed, without secrets; a refusal has `why` in `before`."""
    before, after = dict(before or {}), dict(after or {})
    why = str(before.pop("why", ""))
    about = target_of(target)
    return (
        record(
            env,
            actor=AuditActor(
                kind=actor.kind, id=actor.id, client=actor.client, session=actor.session
            ),
            operation=operation,
            target=about,
            outcome="refused" if outcome == "refused" else "success",
            request_id=request_id,
            before=before,
            after=after,
            note=why,
            address=actor.address,
            agent=current_caller().agent,
            private=bool(about.user),
        ),
    )


def target_of(path: str) -> AuditTarget:
    """What the path of an operation is about, such as `/users/USER/disable`."""
    noun, name, *_ = (*path.strip("/").split("/"), "", "")
    match noun:
        case "users":
            return AuditTarget(user=name, kind=noun, id=name)
        case "apps":
            return AuditTarget(client=name, kind=noun, id=name)
        case "grants":
            return AuditTarget(grant=name, kind=noun, id=name)
        case _:
            return AuditTarget(kind=noun, id=name)
