"""A program at night, with no user behind it (RFC 6749 4.4)."""

from typing import Final

from valetkey.demo.flows.flow import Flow, Step, chirps, seen_by_chirp, token
from valetkey.demo.play import Play

NIGHT: Final = "night job → authorization server"
OWN: Final = {"grant_type": "client_credentials"}


def begins(play: Play) -> None:
    """It proves who it is, and gets a token of its own."""
    play.voice.say("The night job acts for itself. It proves who it is by its secret.")
    url = f"{play.at.server}/token"
    wrong = play.call("POST", url, form=OWN, auth=("night", "not the secret"))
    play.voice.exchange(wrong, who="anybody → authorization server", response=("error",))
    play.check(
        "without the secret there is nothing",
        holds=wrong.status == 401 and wrong.response["error"] == "invalid_client",
    )
    own = token(play, OWN, by="night")
    play.voice.exchange(own, who=NIGHT, request=("grant_type",), response=("access_token", "scope"))
    play.check(
        "there is no refresh token: it can ask again",
        holds=own.status == 200 and "refresh_token" not in own.response,
    )
    play.kept |= own.response


def is_nobody(play: Play) -> None:
    """A program is never taken for a person."""
    introspection = seen_by_chirp(play, play.kept["access_token"])
    play.voice.exchange(
        introspection,
        who="Chirp → authorization server",
        response=("active", "sub", "scope"),
    )
    play.check("its name is no user's", holds=introspection.response["sub"] == "client:night")
    read = chirps(play, play.kept["access_token"])
    play.voice.exchange(read, who="night job → Chirp", response=("error_description",))
    play.check(
        "Chirp knows the key, and nobody whose timeline that would be", holds=read.status == 404
    )
    more = token(play, {**OWN, "scope": "chirps.write"}, by="night")
    play.voice.exchange(more, who=NIGHT, request=("scope",), response=("error",))
    play.check(
        "it gets no more than it is registered for",
        holds=more.response["error"] == "invalid_scope",
    )


def ends(play: Play) -> None:
    """It gives the token back."""
    auth = ("night", play.stage.secrets["night"])
    form = {"token": play.kept["access_token"]}
    revocation = play.call("POST", f"{play.at.server}/revoke", form=form, auth=auth)
    play.voice.exchange(revocation, who=NIGHT, request=("token",))
    introspection = seen_by_chirp(play, play.kept["access_token"])
    play.check(
        "what was given back is worth nothing at once",
        holds=revocation.status == 200 and introspection.response["active"] == "false",
    )


FLOW: Final = Flow(
    "a program with no user behind it",
    "a night job",
    (
        Step("1", "The night job gets a token of its own", (begins,)),
        Step("2", "It is nobody's key but its own", (is_nobody,)),
        Step("3", "It gives it back", (ends,)),
    ),
)
