"""A user with a passkey: signs up, proves more for an app, loses the device, and comes back.

The device is Chromium's virtual authenticator, so this story needs Chromium and playwright.
"""

import json
import secrets
from importlib.util import find_spec
from typing import Final
from urllib.parse import urlencode

from valetkey.demo.flows.flow import Flow, Step, follow, token
from valetkey.demo.miko.chromium import ChromiumBody, executable
from valetkey.demo.play import MIKO_TO_SERVER, Broken, Play
from valetkey.demo.programs import Failed
from valetkey.demo.stefapp.program import CLIENT_ID
from valetkey.jose import base64url
from valetkey.wire import pkce

NAME: Final = "miko.k"
NEEDS: Final = "this story needs Chromium, and the Python package playwright"
PHR: Final = "phr"
"""Phishing-resistant, in the words of `acr`."""


def signs_up(play: Play) -> None:
    """The operator lets people sign up; Miko makes an account."""
    _chromium(play)
    settings = play.stage.folder / "valetkey.toml"
    text = settings.read_text("utf-8")
    settings.write_text(f'enable = ["sign-up"]\n{text}', "utf-8")
    play.stage.programs.end("server")
    play.stage.start_server()
    body = play.miko.body
    body.open(f"{play.at.server}/sign-up")
    body.fill("username", NAME)
    body.fill("password", play.stage.password)
    body.press("sign-up")
    offer = f"{play.at.server}/security/passkeys/add?"
    play.check("he has an account, and is offered a passkey", holds=body.url.startswith(offer))


def adds_a_passkey(play: Play) -> None:
    """He adds a passkey, with a finger."""
    body = _chromium(play)
    body.new_device()
    body.open(f"{play.at.server}/security/passkeys/add")
    body.fill("name", "Laptop")
    body.press_with_finger("add-passkey")
    codes = _codes(play)
    play.voice.say(f"The page shows {len(codes)} recovery codes, once. He prints them.")
    play.check("there are ten", holds=len(codes) == 10)
    play.kept["code"] = codes[0]
    body.press("continue")
    play.check("the passkey is in his list", holds="Laptop" in body.page.text)


def asks_for_more(play: Play) -> None:
    """An app asks for his direct messages, and wants a sign-in that nobody can phish."""
    body = _chromium(play)
    play.kept["verifier"] = pkce.verifier(secrets.token_bytes(32))
    body.open(_address(play))
    page = body.page.text
    play.voice.say("He is signed in. But stefApp requires more, so the server asks him again.")
    play.check("it asks him to confirm", holds="Confirm it" in page)
    alone = body.page.by_id("password") is None and body.page.by_id("passkey") is not None
    play.check("by what is missing alone: his passkey, and no password", holds=alone)
    body.press_with_finger("passkey")
    sheet = play.miko.reads()
    play.check("then he is asked for the messages", holds="dms.read" in sheet.ids)
    play.miko.chooses("dms.read", on=True)
    body.press("allow")
    posted = play.miko.latest("POST", "/continue/")
    play.voice.exchange(posted, who=MIKO_TO_SERVER, request=("action",), response=("code",))
    form = {
        "grant_type": "authorization_code",
        "client_id": CLIENT_ID,
        "code": posted.response["code"],
        "redirect_uri": _callback(play),
        "code_verifier": play.kept["verifier"],
    }
    claims = _claims(token(play, form).response["id_token"])
    play.voice.say(f"The ID Token says: acr {claims['acr']}, amr {' '.join(claims['amr'])}.")
    play.check("the app knows that it was phishing-resistant", holds=claims["acr"] == PHR)


def signs_in_without_a_name(play: Play) -> None:
    """He comes back: neither a name nor a password is typed."""
    body = _chromium(play)
    _signs_out(play)
    body.open(f"{play.at.server}/security/passkeys")
    body.press_with_finger("passkey")
    play.check("he is signed in, as himself", holds="Last used just now" in body.page.text)


def loses_it(play: Play) -> None:
    """The laptop is gone. He has his password, and the paper."""
    body = _chromium(play)
    _signs_out(play)
    body.lose_device()
    body.open(f"{play.at.server}/security/passkeys")
    body.fill("username", NAME)
    body.fill("password", play.stage.password)
    body.press("sign-in")
    play.check(
        "the password alone is not enough, for a thief neither",
        holds=body.page.by_id("code") is not None,
    )
    body.fill("code", play.kept["code"])
    body.press("continue")
    play.check("a recovery code lets him in", holds="Laptop" in body.page.text)
    _removes(play)


def gets_a_new_one(play: Play) -> None:
    """He removes what is lost, and adds a passkey on the new laptop."""
    body = _chromium(play)
    body.new_device()
    body.open(f"{play.at.server}/security/passkeys/add")
    body.fill("name", "New laptop")
    body.press_with_finger("add-passkey")
    codes = _codes(play)
    play.check("with new recovery codes", holds=play.kept["code"] not in codes and bool(codes))
    body.press("continue")
    signs_in_without_a_name(play)


def _chromium(play: Play) -> ChromiumBody:
    """Miko's browser. Raises Failed where it is no real one."""
    body = play.miko.body
    if isinstance(body, ChromiumBody):
        return body
    raise Failed(why_no_browser())


def why_no_browser() -> str:
    """What is missing for a real browser."""
    if find_spec("playwright") is None:
        return f"{NEEDS}: pip install playwright"
    if executable() is None:
        return f"{NEEDS}: there is no Chromium on this machine"
    return f"{NEEDS}: Chromium does not start"


def _removes(play: Play) -> None:
    follow(play, "details")
    play.miko.body.press("remove")
    page = play.miko.body.page.text
    play.check("the lost passkey opens nothing any more", holds="The passkey was removed" in page)


def _signs_out(play: Play) -> None:
    play.miko.body.open(f"{play.at.server}/sign-out")
    play.miko.body.press("sign-out")


def _codes(play: Play) -> list[str]:
    codes = [one.text.strip() for one in play.miko.body.page.all("code")]
    if not codes:
        raise Broken("there are no recovery codes on the page")
    return codes


def _claims(id_token: str) -> dict[str, str]:
    claims: dict[str, str] = json.loads(base64url.decode(id_token.split(".")[1]))
    return claims


def _address(play: Play) -> str:
    level = {"id_token": {"acr": {"essential": True, "values": [PHR]}}}
    query = {
        "client_id": CLIENT_ID,
        "response_type": "code",
        "redirect_uri": _callback(play),
        "scope": "openid chirps.read dms.read",
        "claims": json.dumps(level),
        "code_challenge": pkce.challenge(play.kept["verifier"]),
        "code_challenge_method": pkce.METHOD,
    }
    return f"{play.at.server}/authorize?{urlencode(query)}"


def _callback(play: Play) -> str:
    return f"{play.at.chirp}/callback"


FLOW: Final = Flow(
    "a passkey, a lost laptop, and the way back",
    "stefApp",
    (
        Step("1", "Miko signs up", (signs_up,)),
        Step("2", "He adds a passkey", (adds_a_passkey,)),
        Step("3", "An app asks for more, and for a stronger sign-in", (asks_for_more,)),
        Step("4", "He signs in without a name", (signs_in_without_a_name,)),
        Step("5", "The laptop is lost", (loses_it,)),
        Step("6", "He gets a new one", (gets_a_new_one,)),
    ),
    browser=True,
)
