"""Receivers in the small world: streams, and what waits in them."""

from typing import Any

import msgspec
from tests.server.oauth.forms import call
from tests.server.oauth.world import World

from valetkey.jose import jws
from valetkey.jose.objects import read_object
from valetkey.server.model.client import Client
from valetkey.server.oauth.core.decision import Answer, Refuse
from valetkey.server.oauth.core.feature import Endpoint
from valetkey.server.oauth.signals.shared_signals import SHARED_SIGNALS
from valetkey.wire.security_event import ALGORITHM, EVENTS, TYPE

PUSHED = {"method": "urn:ietf:rfc:8935", "endpoint_url": "https://chirp.example/signals"}


def ask(
    at: World,
    by: str,
    path: str,
    method: str = "POST",
    /,
    *,
    query: dict[str, str] | None = None,
    **document: Any,
) -> Any:
    """What an endpoint of shared signals answers. Raises what it refuses with."""
    (endpoint,) = (one for one in SHARED_SIGNALS.endpoints if one.path == f"/signals/{path}")
    assert isinstance(endpoint, Endpoint)
    assert method in endpoint.methods
    made = msgspec.structs.replace(call(by), method=method, query=query or {}, document=document)
    outcome = at.settle(lambda: endpoint.rule(made, at.context))
    if isinstance(outcome, Refuse):
        raise outcome.error
    assert isinstance(outcome, Answer)
    return outcome.document


def opted_in(at: World, *names: str) -> None:
    """The apps may receive."""
    for name in names:
        at.change(Client, name, understands=("shared_signals",))


def stream(at: World, by: str = "chirp", **said: Any) -> str:
    """A stream of the receiver's, which is polled unless it says otherwise; its name."""
    return str(ask(at, by, "stream", **said)["stream_id"])


def read(at: World, token: str) -> dict[str, Any]:
    """What a token says, once its signature and its type are proved."""
    payload = jws.verify(token, at.at.keyring.published, algorithms=(ALGORITHM,), typ=(TYPE,))
    return read_object(payload)


def waiting(at: World, by: str = "chirp") -> list[dict[str, Any]]:
    """All that a poll brings, acknowledged."""
    sets = ask(at, by, "poll", returnImmediately=True)["sets"]
    ask(at, by, "poll", ack=list(sets), maxEvents=0)
    return [read(at, token) for token in sets.values()]


def short(told: list[dict[str, Any]]) -> list[str]:
    """The last words of their types."""
    assert all(len(one["events"]) == 1 for one in told)
    assert all(next(iter(one["events"])) in EVENTS for one in told)
    return [next(iter(one["events"])).rpartition("/")[2] for one in told]
