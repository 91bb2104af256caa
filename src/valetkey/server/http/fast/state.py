"""What a connection reads at this moment, as a table of states.

Whether the reply to the last request is sent is known elsewhere: uvicorn's cycles have it.
"""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

State: TypeAlias = Literal["idle", "head", "fast body", "dropped body", "ordinary body"]
"""- idle: no byte of a next request has come
- head: the head of a request, or what may become one
- fast body: the body of a request on the fast path
- dropped body: the rest of a body whose request is refused already, or too late
- ordinary body: the body of a request on uvicorn's path
"""

Event: TypeAlias = Literal["bytes", "begin", "fast", "ordinary", "refuse", "complete"]
"""- bytes: bytes came
- begin: the parser sees the beginning of a request
- fast, ordinary: the head is complete, and the request takes this path
- refuse: the request is answered before its body is complete
- complete: the request is complete
"""

TRANSITIONS: Final[Mapping[State, Mapping[Event, State]]] = {
    "idle": {"bytes": "head", "begin": "head"},
    "head": {"bytes": "head", "begin": "head", "fast": "fast body", "ordinary": "ordinary body"},
    "fast body": {"bytes": "fast body", "refuse": "dropped body", "complete": "idle"},
    "dropped body": {"bytes": "dropped body", "complete": "idle"},
    "ordinary body": {"bytes": "ordinary body", "complete": "idle"},
}
"""The next state, by state and event. What is missing here cannot happen."""

BETWEEN_BODIES: Final[frozenset[State]] = frozenset({"idle", "head"})
"""States in which the next bytes belong to a head."""
