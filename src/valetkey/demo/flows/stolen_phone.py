"""A key in three parts, and a thief with one of them: a phone, a server, a database, a backup."""

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from valetkey.demo.flows.flow import Flow, Step, chirps
from valetkey.demo.narrator import Exchange
from valetkey.demo.play import TIMEOUT, Broken, Play
from valetkey.demo.stefapp.backend import CLIENT_ID as BACKEND
from valetkey.demo.stefapp.program import CLIENT_ID, TIER
from valetkey.jose import base64url
from valetkey.wire import pkce
from valetkey.wire.key_shards import CLAIM_PATH, DELIVERY_PATH, write_tier

PHONE: Final = "the phone → authorization server"
SERVER: Final = "stefApp's server → authorization server"
THIEF: Final = "a thief → authorization server"
WITHIN: Final = 2.0
"""Seconds in which Chirp knows of an alarm."""

_REFRESH: Final = ("grant_type", "refresh_token", "other_key_shards")


def connects(play: Play) -> None:
    """Miko says yes, and each holder gets its part."""
    parts = _hands_out(play)
    claimed = _server(play, CLAIM_PATH, claim_ticket=parts["backend"]["claim_ticket"])
    play.voice.exchange(claimed, who=SERVER, request=("claim_ticket",), response=("holder",))
    play.check("stefApp's server fetches the second", holds=claimed.status == 200)
    play.kept["server"] = claimed.response["key_shard"]
    play.miko.opens(play.kept["page"])
    play.miko.presses("replace-recovery_code")
    shown = play.miko.body.page.by_id("code")
    play.check("Miko prints the third, a recovery code", holds=shown is not None)


def _hands_out(play: Play) -> dict[str, Any]:
    """The parts by their holders, as the phone's token response has them."""
    verifier = pkce.verifier(secrets.token_bytes(32))
    parameters = {
        "client_id": CLIENT_ID,
        "response_type": "code",
        # There is nothing: the story reads the answer from the redirect itself.
        "redirect_uri": f"{play.at.chirp}/callback",
        "scope": "chirps.read offline_access",
        "code_challenge": pkce.challenge(verifier),
        "code_challenge_method": pkce.METHOD,
        "key_shards": write_tier(TIER),
    }
    pushed = play.call("POST", f"{play.at.server}/par", form=parameters)
    play.voice.exchange(
        pushed, who=PHONE, request=("scope", "key_shards"), response=("request_uri",)
    )
    query = {"client_id": CLIENT_ID, "request_uri": pushed.response["request_uri"]}
    play.miko.opens(f"{play.at.server}/authorize?{urlencode(query)}")
    play.miko.signs_in()
    play.miko.presses("allow")
    code = play.miko.latest("POST", "/continue/").response["code"]
    form = {
        "grant_type": "authorization_code",
        "client_id": CLIENT_ID,
        "code": code,
        "code_verifier": verifier,
        "redirect_uri": parameters["redirect_uri"],
    }
    came = play.call("POST", f"{play.at.server}/token", form=form)
    play.voice.exchange(came, who=PHONE, response=("access_token", "refresh_token"))
    parts = {one["holder"]: one for one in json.loads(came.response["key_shards"])["shards"]}
    play.check("the phone gets its own part, and no other", holds=set(parts) == set(TIER.holders))
    play.kept |= {
        "phone": came.response["refresh_token"],
        "page": parts["recovery_code"]["claim_uri"],
    }
    play.kept |= {"access": came.response["access_token"], "backup": play.kept["phone"]}
    return parts


def renews(play: Play) -> None:
    """Two parts open it."""
    renewed = _refresh(play, play.kept["phone"], _handle(play))
    play.voice.exchange(
        renewed,
        who=PHONE,
        request=_REFRESH,
        response=("access_token", "refresh_token"),
    )
    play.check("the phone, and what stands for the server's part", holds=renewed.status == 200)
    play.kept |= {
        "phone": renewed.response["refresh_token"],
        "access": renewed.response["access_token"],
    }


def phone_is_stolen(play: Play) -> None:
    """The phone's part alone."""
    _tries(play, _refresh(play, play.kept["phone"]), error="insufficient_key_shards")
    took = _until(play, 401)
    play.check(
        f"measured: {took * 1000:.0f} ms until Chirp refuses the access token too",
        holds=took < WITHIN,
    )
    _goes_on(play)


def server_is_robbed(play: Play) -> None:
    """The server's part alone, and then with the server's way of showing it."""
    stolen = _refresh(play, play.kept["server"])
    play.voice.exchange(stolen, who=THIEF, request=_REFRESH, response=("error",))
    play.check("it is no refresh token", holds=stolen.status == 400)
    form = {"key_shard": play.kept["server"], "client_id": BACKEND}
    delivered = play.call("POST", f"{play.at.server}{DELIVERY_PATH}", form=form)
    play.voice.exchange(delivered, who=THIEF, request=("key_shard",), response=("error",))
    play.check(
        "and nobody delivers it without the server's own secret", holds=delivered.status == 401
    )
    _goes_on(play)


def database_is_copied(play: Play) -> None:
    """All that the authorization server has written down."""
    written = b"".join(
        file.read_bytes() for file in play.stage.folder.glob("server.db*") if file.is_file()
    )
    play.voice.say(f"The database: {len(written)} bytes, in which the thief reads every row.")
    stolen = [play.kept["phone"], play.kept["server"], play.kept["access"].rpartition(".")[2]]
    # The end of a part is the server's seal on it: as text, and as the bytes that it stands for.
    forms = [one[-30:].encode() for one in stolen]
    forms += [base64url.decode(one[len("vk_rt_") :])[-20:-4] for one in stolen[:2]]
    play.check(
        "none of the parts stands in it, and no token",
        holds=bool(written) and not any(form in written for form in forms),
    )


def backup_is_found(play: Play) -> None:
    """The phone's part as it was last week, even beside a good handle."""
    renews(play)
    old = _refresh(play, play.kept["backup"], _handle(play))
    _tries(play, old, error="invalid_grant")
    _goes_on(play)


def owner_goes_on(play: Play) -> None:
    """The owner of the key has lost nothing."""
    renews(play)
    play.check("Miko's own phone shows the timeline", holds=_until(play, 200) < WITHIN)


def _until(play: Play, status: int) -> float:
    """Seconds until Chirp answers the access token like this. Raises Broken where it never does."""
    began = time.monotonic()
    while chirps(play, play.kept["access"]).status != status:
        if time.monotonic() - began > TIMEOUT:
            raise Broken(f"Chirp never answers {status}")
    return time.monotonic() - began


def _refresh(play: Play, shard: str, *others: str) -> Exchange:
    form = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "refresh_token": shard}
    beside = {"other_key_shards": " ".join(others)} if others else {}
    return play.call("POST", f"{play.at.server}/token", form=form | beside)


def _server(play: Play, path: str, **form: str) -> Exchange:
    auth = (BACKEND, play.stage.backend_secret)
    return play.call("POST", play.at.server + path, form=form, auth=auth)


def _handle(play: Play) -> str:
    """stefApp's server delivers its part, and keeps the next one."""
    delivered = _server(play, DELIVERY_PATH, key_shard=play.kept["server"])
    if delivered.status != 200:
        raise Broken("stefApp's server cannot deliver its part")
    play.kept["server"] = delivered.response["key_shard"]
    return delivered.response["handle"]


def _tries(play: Play, tried: Exchange, *, error: str) -> None:
    play.voice.exchange(tried, who=THIEF, request=_REFRESH, response=("error",))
    play.check("it opens nothing", holds=tried.response["error"] == error)
    again = play.call("POST", f"{play.at.server}/token", form=_as_it_was(tried.request))
    play.check(
        "and the key is suspended: nobody gets anything now",
        holds=again.response["error"] == "key_suspended",
    )


def _as_it_was(parameters: Mapping[str, str]) -> dict[str, str]:
    names = ("client_id", "grant_type", "refresh_token", "other_key_shards")
    return {name: parameters[name] for name in names if name in parameters}


def _goes_on(play: Play) -> None:
    """Miko reads of the alarm where it happened, and lets the key go on."""
    play.miko.opens(play.kept["page"])
    if play.miko.body.page.by_id("resume") is None:
        play.check("no alarm: nothing was shown that the key knows", holds=True)
        return
    play.check("Miko is told", holds="Misused" in play.miko.body.page.text)
    play.miko.presses("resume")
    resumed = play.miko.latest("POST", "/apps/")
    play.check("he lets the key go on", holds=resumed.status == 303)


FLOW: Final = Flow(
    "a key in parts, and a thief",
    "stefApp, on a phone and on a server",
    (
        Step("1", "A key in three parts, of which two open it", (connects, renews)),
        Step("2", "A thief has the phone's part", (phone_is_stolen,)),
        Step("3", "A thief has the server's part", (server_is_robbed,)),
        Step("4", "A thief has a copy of the database", (database_is_copied,)),
        Step("5", "A thief has an old backup of the phone", (backup_is_found,)),
        Step("6", "And Miko", (owner_goes_on,)),
    ),
)
