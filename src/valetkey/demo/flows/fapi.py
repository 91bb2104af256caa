"""A bank, held to FAPI 2.0: nothing in the address, and a key that is worth nothing stolen."""

import secrets
import time
from typing import Final
from urllib.parse import urlencode

from valetkey.demo.flows.flow import Flow, Step
from valetkey.demo.narrator import Exchange
from valetkey.demo.play import MIKO_TO_SERVER, Play
from valetkey.jose import jwk
from valetkey.jose.jwk import PrivateKey
from valetkey.wire import assertion, dpop, pkce

BANK: Final = "bank → authorization server"
AT_CHIRP: Final = "bank → Chirp"
HOLDER: Final = jwk.generate("ES256")
"""The key that the bank's tokens are bound to. It never leaves the bank."""

THIEF: Final = jwk.generate("ES256")


def pushes(play: Play) -> None:
    """The request goes ahead, by the bank that signs for itself."""
    play.kept["verifier"] = pkce.verifier(secrets.token_bytes(32))
    bare = play.call("GET", f"{play.at.server}/authorize?{urlencode(_request(play))}")
    play.voice.exchange(bare, who="a browser → authorization server", response=("error",))
    play.check(
        "a request that anybody could have written into an address is refused",
        holds=bare.response["error"] == "invalid_request",
    )
    nobody = _post(play, "/par", _request(play), signed=False)
    play.check("so is one by nobody", holds=nobody.response["error"] == "invalid_client")
    pushed = _post(play, "/par", _request(play))
    play.voice.exchange(
        pushed,
        who=BANK,
        request=("scope", "client_assertion"),
        response=("request_uri", "expires_in"),
    )
    play.check("the bank's own is kept, and named", holds=pushed.status == 201)
    play.kept |= pushed.response


def agrees(play: Play) -> None:
    """Miko sees a name in the address, and no more."""
    query = urlencode({"client_id": "bank", "request_uri": play.kept["request_uri"]})
    play.miko.opens(f"{play.at.server}/authorize?{query}")
    play.miko.signs_in()
    play.miko.presses("allow")
    answer = play.miko.latest("POST", "/continue/")
    play.voice.exchange(answer, who=MIKO_TO_SERVER, response=("code", "iss"))
    play.check("the answer says who gave it", holds=answer.response["iss"] == play.at.server)
    play.kept["code"] = answer.response["code"]


def redeems(play: Play) -> None:
    """The tokens are bound to the bank's key."""
    form = {
        "grant_type": "authorization_code",
        "code": play.kept["code"],
        "redirect_uri": _callback(play),
        "code_verifier": play.kept["verifier"],
    }
    unbound = _post(play, "/token", form)
    play.voice.exchange(unbound, who=BANK, response=("error", "error_description"))
    play.check("without a proof there is no token", holds=unbound.status == 400)
    proven = _post(play, "/token", form, proved=True)
    play.voice.exchange(proven, who=BANK, request=("dpop",), response=("token_type", "scope"))
    play.check("with one it is bound", holds=proven.response["token_type"] == "DPoP")
    play.kept |= proven.response


def is_stolen(play: Play) -> None:
    """A thief of the token, or of the whole call, gets nothing."""
    once = _proof(play, HOLDER)
    used = _chirps(play, "DPoP", once)
    play.voice.exchange(used, who=AT_CHIRP, request=("authorization", "dpop"))
    play.check("the bank reads the timeline", holds=used.status == 200)
    thefts = (
        ("as a bearer token it opens nothing", _chirps(play, "Bearer", "")),
        ("nor with a proof of the thief's", _chirps(play, "DPoP", _proof(play, THIEF))),
        ("nor with the bank's own proof, sent again", _chirps(play, "DPoP", once)),
    )
    for what, tried in thefts:
        play.voice.exchange(tried, who="a thief → Chirp", response=("error",))
        play.check(what, holds=tried.status == 401)
    again = _chirps(play, "DPoP", _proof(play, HOLDER))
    play.check("the bank goes on", holds=again.status == 200)


def _request(play: Play) -> dict[str, str]:
    return {
        "client_id": "bank",
        "response_type": "code",
        "redirect_uri": _callback(play),
        "scope": "chirps.read",
        "code_challenge": pkce.challenge(play.kept["verifier"]),
        "code_challenge_method": pkce.METHOD,
    }


def _callback(play: Play) -> str:
    return f"{play.at.chirp}/callback"


def _post(
    play: Play, path: str, form: dict[str, str], *, signed: bool = True, proved: bool = False
) -> Exchange:
    url, now = play.at.server + path, int(time.time())
    answer = dict(form)
    if signed:
        key = play.stage.keys["bank"]
        text = assertion.write(
            "bank", issuer=play.at.server, key=key, jti=secrets.token_hex(8), now=now
        )
        answer |= {
            "client_assertion": text,
            "client_assertion_type": assertion.ASSERTION_TYPE,
        }
    proof = dpop.make(HOLDER, method="POST", address=url, now=now, jti=secrets.token_hex(8))
    return play.call("POST", url, form=answer, more={dpop.HEADER: proof} if proved else {})


def _proof(play: Play, key: PrivateKey) -> str:
    return dpop.make(
        key,
        method="GET",
        address=f"{play.at.chirp}/chirps",
        now=int(time.time()),
        jti=secrets.token_hex(8),
        access_token=play.kept["access_token"],
    )


def _chirps(play: Play, scheme: str, proof: str) -> Exchange:
    headers = {"Authorization": f"{scheme} {play.kept['access_token']}"}
    more = headers | ({dpop.HEADER: proof} if proof else {})
    return play.call("GET", f"{play.at.chirp}/chirps", more=more)


FLOW: Final = Flow(
    "a key that is worth nothing stolen",
    "a bank's app",
    (
        Step("1", "The bank sends its request ahead", (pushes,)),
        Step("2", "Miko says yes", (agrees,)),
        Step("3", "The key is bound to the bank's own", (redeems,)),
        Step("4", "It is stolen, in vain", (is_stolen,)),
    ),
)
