"""A shop asks Miko, who looks at something else (OpenID Connect CIBA)."""

from typing import Final

from valetkey.demo.flows.flow import Flow, Step, follow, seen_by_chirp, token
from valetkey.demo.narrator import Exchange
from valetkey.demo.play import MIKO_TO_SERVER, Play

TILL: Final = "corner shop → authorization server"
GRANT: Final = "urn:openid:params:grant-type:ciba"
WORDS: Final = "Lane 4: W4SCT"


def asks(play: Play) -> None:
    """The till asks, and says so in words that Miko can compare."""
    play.voice.say(f'The till shows "{WORDS}", and asks the server to ask Miko.')
    exchange = _ask(play, WORDS)
    play.voice.exchange(
        exchange,
        who=TILL,
        request=("scope", "login_hint", "binding_message"),
        response=("auth_req_id", "expires_in", "interval"),
    )
    play.kept |= exchange.response
    early = _fetch(play)
    play.voice.exchange(early, who=TILL, request=("grant_type",), response=("error",))
    play.check("it has to wait for Miko", holds=early.response["error"] == "authorization_pending")
    nobody = _ask(play, WORDS, hint="nobody")
    play.check(
        "nobody can be asked who is not there",
        holds=nobody.response["error"] == "unknown_user_id",
    )


def answers(play: Play) -> None:
    """Miko finds the question on his own pages."""
    play.miko.opens(f"{play.at.server}/approvals")
    play.miko.signs_in()
    play.check("the question waits for him", holds=WORDS in play.miko.body.page.text)
    follow(play, "details")
    page = play.miko.body.page.text
    play.check("it says who asks, in which words", holds="Corner shop" in page and WORDS in page)
    play.miko.presses("approve")
    sheet = play.miko.reads()
    play.voice.say(f'Then comes the consent page: "{sheet.heading}".')
    play.check("a yes is a consent, with boxes", holds="chirps.read" in sheet.ids)
    play.miko.presses("allow")
    sent = play.miko.latest("POST", "/continue/")
    play.voice.exchange(sent, who=MIKO_TO_SERVER, request=("action", "permission"))


def works(play: Play) -> None:
    """The till comes for its tokens."""
    tokens = _fetch(play)
    play.voice.exchange(
        tokens,
        who=TILL,
        request=("auth_req_id",),
        response=("access_token", "id_token", "scope"),
    )
    play.check("the till knows who it is, and has its key", holds=tokens.status == 200)
    access = tokens.response["access_token"]
    play.check(
        "Chirp takes the key", holds=seen_by_chirp(play, access).response["active"] == "true"
    )
    again = _fetch(play)
    play.check("a second time there is none", holds=again.response["error"] == "invalid_grant")


def refuses(play: Play) -> None:
    """A question that Miko does not expect."""
    play.voice.say("Somebody tries the same, while Miko is at home. He expects nothing.")
    play.kept |= _ask(play, "Lane 9: QQQQQ").response
    play.miko.opens(f"{play.at.server}/approvals")
    follow(play, "details")
    play.miko.presses("deny")
    refused = _fetch(play)
    play.voice.exchange(refused, who=TILL, response=("error", "error_description"))
    play.check("he says no", holds=refused.response["error"] == "access_denied")


def _ask(play: Play, words: str, hint: str = "miko") -> Exchange:
    form = {"scope": "openid chirps.read", "login_hint": hint, "binding_message": words}
    auth = ("till", play.stage.secrets["till"])
    return play.call("POST", f"{play.at.server}/backchannel", form=form, auth=auth)


def _fetch(play: Play) -> Exchange:
    form = {"grant_type": GRANT, "auth_req_id": play.kept["auth_req_id"]}
    return token(play, form, by="till")


FLOW: Final = Flow(
    "a shop asks, and Miko answers from where he is",
    "a till",
    (
        Step("1", "The till asks", (asks,)),
        Step("2", "Miko answers on his own pages", (answers,)),
        Step("3", "The till gets its key, once", (works,)),
        Step("4", "A question that he does not expect", (refuses,)),
    ),
)
