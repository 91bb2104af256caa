"""A platform in Python with users of its own: valetkey is a part of its website's process."""

from typing import Final
from urllib.parse import parse_qs, urlsplit

from valetkey.demo.chirp import USER
from valetkey.demo.flows.flow import Flow, Step
from valetkey.demo.flows.own_login import PLANNER, asks, is_known, signs_in, signs_out
from valetkey.demo.play import Play
from valetkey.demo.stage import Website

SITE: Final = Website(
    module="valetkey.demo.chirp.embedding", settings="", state=PLANNER, user=USER, embeds="/id"
)


def leads_there(play: Play) -> None:
    """The app asks; the browser ends up at Chirp's own sign-in page, in the same process."""
    asks(play)
    hop = play.miko.latest("GET", "/login")
    play.voice.exchange(hop, who="Miko's browser → Chirp's website", request=("next",))
    way_back = parse_qs(urlsplit(hop.url).query)["next"][0]
    play.check(
        "the way back is a path on the same host",
        holds=way_back.startswith(f"{urlsplit(play.at.server).path}/continue/"),
    )
    play.check(
        "Miko is at Chirp's own sign-in page",
        holds="Sign in to Chirp" in play.miko.body.page.text,
    )


FLOW: Final = Flow(
    "the platform's own users, and the server in its process",
    "Planner",
    (
        Step("1", "An app asks, and Miko is led to Chirp", (leads_there,)),
        Step("2", "He signs in at Chirp, and consents here", (signs_in,)),
        Step("3", "Chirp knows him by its own id", (is_known,)),
        Step("4", "He signs out at Chirp", (signs_out,)),
    ),
    website=SITE,
)
