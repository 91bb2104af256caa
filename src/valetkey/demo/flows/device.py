"""A television shows a code; Miko types it on his phone (RFC 8628)."""

from typing import Final

from valetkey.demo.flows.flow import DEVICE, Flow, Step, chirps, seen_by_chirp, token
from valetkey.demo.narrator import Exchange
from valetkey.demo.play import APP_TO_CHIRP, MIKO_TO_SERVER, Play

TV: Final = "television → authorization server"


def asks(play: Play) -> None:
    """The television asks, and shows what it is told."""
    play.voice.say("The television has no keyboard and no browser. It asks for a code to show.")
    exchange = play.call(
        "POST",
        f"{play.at.server}/device_authorization",
        form={"client_id": "tv", "scope": "openid offline_access chirps"},
    )
    names = ("device_code", "user_code", "verification_uri", "expires_in", "interval")
    play.voice.exchange(exchange, who=TV, request=("client_id", "scope"), response=names)
    play.check(
        "the code is for Miko's eyes, the device code for the television's",
        holds=len(exchange.response["user_code"]) == 9
        and len(exchange.response["device_code"]) > 60,
    )
    play.kept |= exchange.response
    _shows(play)
    risky = play.call(
        "POST",
        f"{play.at.server}/device_authorization",
        form={"client_id": "tv", "scope": "chirps dms.read"},
    )
    play.voice.exchange(risky, who=TV, request=("scope",), response=("error", "error_description"))
    play.check(
        "direct messages are too much to give away by a code, though it is registered for them",
        holds=risky.status == 400 and risky.response["error"] == "invalid_scope",
    )


def _shows(play: Play) -> None:
    """The address with the code in it, as a picture. A person who scans it has typed nothing yet:
    the page only fills the code in."""
    try:
        from valetkey.client import device_and_ciba  # noqa: PLC0415
    except ImportError:
        # The extra `holders`, which brings what draws it, is not installed.
        return
    play.voice.say("It shows the same as a picture, for a phone to scan:")
    play.voice.raw(device_and_ciba.terminal(play.kept["verification_uri_complete"]))


def polls(play: Play) -> None:
    """It comes for an answer before there is one, and too soon."""
    for expected in ("authorization_pending", "slow_down"):
        early = _fetch(play)
        play.voice.exchange(early, who=TV, request=("grant_type",), response=("error",))
        play.check(f"it is told {expected}", holds=early.response["error"] == expected)


def types(play: Play) -> None:
    """Miko opens the address, and is asked whether this is his doing."""
    play.miko.opens(play.kept["verification_uri_complete"])
    field = play.miko.body.page.by_id("user_code")
    play.check(
        "the address fills the code in, and nothing more",
        holds=field is not None and field.attributes["value"] == play.kept["user_code"],
    )
    play.miko.presses("continue")
    page = play.miko.body.page.text
    play.voice.say("The page says what asks, since when and from where.")
    play.check("it names the app and shows the code", holds="Living room TV" in page)
    play.check("it says from which address", holds="127.0.0.1" in page and "just now" in page)
    play.check("it warns", holds="Continue only if you started this yourself" in page)
    play.miko.presses("confirm")
    play.miko.signs_in()
    sheet = play.miko.reads()
    play.check(
        "then comes the consent page, as for any app",
        holds="chirps.write" in sheet.ids and "Read your direct messages" in sheet.cannot,
    )
    play.voice.say("Miko unticks one: the television may look, and not post.")
    play.miko.chooses("chirps.write", on=False)
    play.miko.presses("allow")
    sent = play.miko.latest("POST", "/continue/")
    play.voice.exchange(sent, who=MIKO_TO_SERVER, request=("action", "permission"))
    play.check(
        "nobody is sent anywhere: the television comes for the answer",
        holds="Connected" in play.miko.body.page.text,
    )


def works(play: Play) -> None:
    """The television gets its tokens, and shows the timeline."""
    tokens = _fetch(play)
    play.voice.exchange(
        tokens,
        who=TV,
        request=("device_code",),
        response=("access_token", "refresh_token", "scope"),
    )
    play.check(
        "the key opens what Miko left ticked",
        holds=set(tokens.response["scope"].split()) == {"openid", "offline_access", "chirps.read"},
    )
    access = tokens.response["access_token"]
    read = chirps(play, access)
    play.voice.exchange(read, who=APP_TO_CHIRP.replace("stefApp", "television"))
    play.check("the television shows the timeline", holds=read.status == 200)
    again = _fetch(play)
    play.voice.exchange(again, who="somebody else, with the same device code", response=("error",))
    play.check("a device code is good once", holds=again.response["error"] == "invalid_grant")
    play.check(
        "and since it was in two hands, the key is closed",
        holds=seen_by_chirp(play, access).response["active"] == "false",
    )


def _fetch(play: Play) -> Exchange:
    form = {"grant_type": DEVICE, "client_id": "tv", "device_code": play.kept["device_code"]}
    return token(play, form)


FLOW: Final = Flow(
    "a television and a phone",
    "a television",
    (
        Step("1", "The television asks for a code", (asks, polls)),
        Step("2", "Miko types it on his phone", (types,)),
        Step("3", "The television gets its key, once", (works,)),
    ),
)
