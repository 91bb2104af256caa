"""A platform with users and a sign-in page of its own: valetkey has neither."""

import secrets
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from valetkey.demo.chirp import USER
from valetkey.demo.flows.flow import Flow, Step, chirps, seen_by_chirp, token
from valetkey.demo.play import MIKO_TO_SERVER, Play
from valetkey.demo.stage import Website
from valetkey.wire import pkce

PLANNER: Final = """
[[client]]
id = "planner"
name = "Planner"
uri = "https://planner.example"
auth_method = "none"
redirect_uris = ["http://127.0.0.1/callback"]
grant_types = ["authorization_code", "refresh_token"]
scope = "openid profile offline_access chirps"
"""

SITE: Final = Website(
    module="valetkey.demo.chirp.site",
    settings="""
[sign_in]
password = false

[sign_in.handoff]
url = "$site/valetkey-login"
""",
    state="""
[[client]]
id = "chirp-website"
name = "Chirp"
auth_method = "client_secret_basic"
secret_file = "site.secret"
grant_types = ["client_credentials"]
scope = "interactions.answer"
"""
    + PLANNER,
    user=USER,
)


def asks(play: Play) -> None:
    """The app sends Miko's browser to the authorization server."""
    play.kept["verifier"] = pkce.verifier(secrets.token_bytes(32))
    play.miko.opens(_address(play))


def leads_there(play: Play) -> None:
    """The app asks; the browser ends up at Chirp's own sign-in page."""
    asks(play)
    hop = play.miko.latest("GET", "/valetkey-login")
    play.voice.exchange(hop, who="Miko's browser → Chirp's website", request=("interaction",))
    play.check(
        "the address that leads there holds a handle, and nothing else",
        holds=set(parse_qs(urlsplit(hop.url).query)) == {"interaction"},
    )
    page = play.miko.body
    play.check(
        "Miko is at Chirp's own sign-in page",
        holds=page.url.startswith(f"{play.at.site}/login") and "Sign in to Chirp" in page.page.text,
    )


def signs_in(play: Play) -> None:
    """He signs in there, and is asked here."""
    play.miko.signs_in()
    here = f"{urlsplit(play.at.server).path}/continue/"
    back = play.miko.latest("GET", here)
    play.check(
        "his browser comes back to the authorization server",
        holds=back.url.startswith(play.at.server),
    )
    sheet = play.miko.reads()
    play.check("which asks what Planner may do", holds="chirps.write" in sheet.ids)
    play.check("it knows him by name, and has no password of his", holds="Miko" in _text(play))
    play.miko.presses("allow")
    answer = play.miko.latest("POST", here)
    play.voice.exchange(answer, who=MIKO_TO_SERVER, request=("action",), response=("code",))
    play.kept["code"] = answer.response["code"]


def is_known(play: Play) -> None:
    """Chirp's API knows the user by Chirp's own id."""
    form = {
        "grant_type": "authorization_code",
        "client_id": "planner",
        "code": play.kept["code"],
        "redirect_uri": _callback(play),
        "code_verifier": play.kept["verifier"],
    }
    tokens = token(play, form)
    play.kept |= tokens.response
    introspection = seen_by_chirp(play, play.kept["access_token"])
    play.voice.exchange(introspection, who="Chirp → authorization server", response=("sub_id",))
    play.check(
        f"the token says that he is Chirp's user {USER}",
        holds=f'"{USER}"' in introspection.response["sub_id"],
    )
    read = chirps(play, play.kept["access_token"])
    play.check("Chirp answers with his timeline", holds=read.status == 200)


def signs_out(play: Play) -> None:
    """Signing out at Chirp is signing out here; the app keeps what Miko allowed."""
    play.miko.opens(f"{play.at.server}/apps")
    play.check("he is signed in here", holds="Planner" in _text(play))
    play.miko.opens(play.at.site)
    play.miko.presses("sign-out")
    play.voice.say("Miko signs out at Chirp. Its website says so to the authorization server.")
    play.miko.opens(f"{play.at.server}/apps")
    play.check(
        "he is signed out here as well",
        holds=play.miko.body.url.startswith(f"{play.at.site}/login"),
    )
    read = chirps(play, play.kept["access_token"])
    play.check("Planner keeps its access: signing out stops no app", holds=read.status == 200)


def _address(play: Play) -> str:
    query = {
        "client_id": "planner",
        "response_type": "code",
        "redirect_uri": _callback(play),
        "scope": "openid profile chirps",
        "code_challenge": pkce.challenge(play.kept["verifier"]),
        "code_challenge_method": pkce.METHOD,
    }
    return f"{play.at.server}/authorize?{urlencode(query)}"


def _callback(play: Play) -> str:
    return f"{play.at.chirp}/callback"


def _text(play: Play) -> str:
    return play.miko.body.page.text


FLOW: Final = Flow(
    "the platform's own users and sign-in page",
    "Planner",
    (
        Step("1", "An app asks, and Miko is led to Chirp", (leads_there,)),
        Step("2", "He signs in at Chirp, and consents here", (signs_in,)),
        Step("3", "Chirp knows him by its own id", (is_known,)),
        Step("4", "He signs out at Chirp", (signs_out,)),
    ),
    website=SITE,
)
