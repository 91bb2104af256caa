"""A voice assistant works with a key that Miko gave to his television (RFC 8693)."""

from typing import Final

from valetkey.demo.flows.flow import Flow, Step, connect_device, seen_by_chirp, token
from valetkey.demo.narrator import Exchange
from valetkey.demo.play import MIKO_TO_SERVER, Play

AGENT: Final = "voice assistant → authorization server"
GRANT: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS: Final = "urn:ietf:params:oauth:token-type:access_token"


def begins(play: Play) -> None:
    """The television has a key of Miko's."""
    _, tokens = connect_device(play, "openid offline_access chirps")
    play.check(
        "Miko has given his television a key to read and to post",
        holds="chirps.write" in tokens.response["scope"],
    )
    play.kept["held"] = tokens.response["access_token"]


def passes_on(play: Play) -> None:
    """The assistant exchanges it for a smaller one of its own."""
    play.voice.say("The television hands its key to a voice assistant, which only has to read.")
    got = _exchange(play, "chirps.read")
    names = ("grant_type", "subject_token_type", "audience", "scope")
    play.voice.exchange(
        got,
        who=AGENT,
        request=names,
        response=("access_token", "issued_token_type", "expires_in", "scope"),
    )
    play.check("it gets a key that reads", holds=got.response["scope"] == "chirps.read")
    play.kept["passed"] = got.response["access_token"]
    introspection = seen_by_chirp(play, play.kept["passed"])
    play.voice.exchange(
        introspection,
        who="Chirp → authorization server",
        response=("sub", "client_id", "act", "scope"),
    )
    play.check(
        "Chirp sees for whom it acts, and who acts",
        holds="client:agent" in introspection.response["act"]
        and introspection.response["client_id"] == "agent",
    )


def stays_small(play: Play) -> None:
    """It cannot be made larger, nor used elsewhere."""
    more = _exchange(play, "dms.read")
    play.voice.exchange(more, who=AGENT, request=("scope",), response=("error",))
    play.check("it opens no more", holds=more.response["error"] == "invalid_scope")
    other = _exchange(play, "", audience="https://elsewhere.example")
    play.voice.exchange(other, who=AGENT, request=("audience",), response=("error",))
    play.check("and nothing elsewhere", holds=other.response["error"] == "invalid_target")
    again = _exchange(play, "", subject=play.kept["passed"])
    play.check(
        "its own key it cannot pass on: nothing was registered for that",
        holds=again.response["error"] == "invalid_request",
    )


def stops(play: Play) -> None:
    """One stop ends both."""
    play.voice.say("Miko takes the key back from his television.")
    play.miko.opens(f"{play.at.server}/apps")
    play.miko.finds_app("tv")
    play.miko.presses("stop")
    play.miko.presses("stop")
    play.voice.exchange(
        play.miko.latest("POST", "/apps/"), who=MIKO_TO_SERVER, response=("location",)
    )
    for whose in ("held", "passed"):
        introspection = seen_by_chirp(play, play.kept[whose])
        who = "the television's" if whose == "held" else "the assistant's"
        play.check(f"{who} key is worth nothing", holds=introspection.response["active"] == "false")
    over = _exchange(play, "chirps.read")
    play.check("and no new one comes of it", holds=over.response["error"] == "invalid_request")


def _exchange(play: Play, scope: str, *, audience: str = "", subject: str = "") -> Exchange:
    form = {
        "grant_type": GRANT,
        "subject_token": subject or play.kept["held"],
        "subject_token_type": ACCESS,
        "audience": audience or play.at.chirp,
        "scope": scope,
    }
    sent = {name: value for name, value in form.items() if value}
    return token(play, sent, by="agent")


FLOW: Final = Flow(
    "a key that is passed on",
    "a television and its voice assistant",
    (
        Step("1", "The television has a key", (begins,)),
        Step("2", "The assistant gets a smaller one", (passes_on,)),
        Step("3", "It stays small", (stays_small,)),
        Step("4", "One stop ends both", (stops,)),
    ),
)
