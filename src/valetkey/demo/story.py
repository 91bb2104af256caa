"""The story, step by step: what happens, what is shown of it, and what has to hold."""

import json
from collections.abc import Callable
from typing import Final, TypeAlias
from urllib.parse import parse_qs, urlsplit

import msgspec

from valetkey.demo import afterwards, bounds
from valetkey.demo.miko.person import Choice
from valetkey.demo.play import (
    ANYBODY_TO_CHIRP,
    APP_TO_BACKEND,
    APP_TO_CHIRP,
    APP_TO_SERVER,
    MIKO_TO_APP,
    MIKO_TO_SERVER,
    Play,
    challenge,
    closed,
    state,
)
from valetkey.demo.tape import disguises

Scene: TypeAlias = Callable[[Play], None]


def wants(play: Play) -> None:
    """Miko finds an app."""
    play.voice.say("Chirp is a platform with an API. Without a key it opens nothing.")
    refused = play.call("GET", f"{play.at.chirp}/chirps")
    play.voice.exchange(refused, who=ANYBODY_TO_CHIRP, response=("www-authenticate",))
    play.check(
        "Chirp refuses, and says where to learn who hands out keys",
        holds=refused.status == 401 and play.at.chirp in challenge(refused).resource_metadata,
    )
    play.voice.say("stefApp is an app for Chirp. Miko opens its window, and presses Connect.")
    page = play.window()
    play.check("stefApp has no key yet", holds=state(page) == "new")
    play.miko.presses("connect")


def begins(play: Play) -> None:
    """stefApp asks the authorization server, before any browser opens."""
    metadata = play.hear("GET", "/.well-known/oauth-authorization-server")
    play.voice.exchange(
        metadata,
        who=APP_TO_SERVER,
        response=(
            "issuer",
            "pushed_authorization_request_endpoint",
            "code_challenge_methods_supported",
        ),
    )
    play.check(
        "the metadata is this very server's (RFC 8414)",
        holds=metadata.response["issuer"] == play.at.server,
    )
    pushed = play.hear("POST", "/par")
    names = ("client_id", "redirect_uri", "scope", "code_challenge", "code_challenge_method")
    play.voice.exchange(
        pushed,
        who=APP_TO_SERVER,
        request=(*names, "state"),
        response=("request_uri", "expires_in"),
    )
    fields = pushed.request
    play.check(
        "the request is pushed ahead (RFC 9126), with PKCE, by an app that has no secret",
        holds=pushed.status == 201
        and fields["code_challenge_method"] == "S256"
        and "client_secret" not in fields,
    )
    play.check(
        "the answer is to come to a port of the moment on this machine (RFC 8252)",
        holds=fields["redirect_uri"].startswith("http://127.0.0.1:"),
    )


def signs_in(play: Play) -> None:
    """The browser opens; Miko proves who he is, to the platform."""
    address = play.handed_over()
    query = parse_qs(urlsplit(address).query)
    play.check(
        "the browser is given the name of the pushed request, and nothing else",
        holds=address.startswith(f"{play.at.server}/authorize?")
        and set(query) == {"client_id", "request_uri"},
    )
    play.miko.opens(address)
    opened = play.miko.latest("GET", "/authorize")
    play.voice.exchange(
        opened,
        who=MIKO_TO_SERVER,
        request=("client_id", "request_uri"),
        response=("location",),
    )
    field = play.miko.body.page.by_id("password")
    play.check(
        "the sign-in page is the platform's, at the platform's address",
        holds=field is not None and play.miko.body.url.startswith(f"{play.at.server}/"),
    )
    play.miko.signs_in()
    exchange = play.miko.latest("POST", "/continue/")
    play.voice.exchange(
        exchange,
        who=MIKO_TO_SERVER,
        request=("username", "password", "csrf"),
        response=("location",),
    )
    play.check("Miko is signed in", holds=exchange.status == 303)


def reads(play: Play) -> None:
    """The consent page: what stefApp can do, and what it cannot."""
    sheet, expected = play.miko.reads(), play.expected
    play.voice.say(f'The page says: "{sheet.heading}".')
    play.voice.items("stefApp can", ((_box(one), _words(one)) for one in sheet.can), style="green")
    play.voice.items("stefApp cannot", (("✗", one) for one in sheet.cannot), style="red")
    required = {one.id for one in sheet.can if one.required}
    play.check(
        "what stefApp cannot do without is fixed, and the page says so",
        holds=required == expected.required
        and all("work without it" in one.notes for one in sheet.can if one.required),
    )
    play.check(
        "everything else is Miko's to choose",
        holds={one.id for one in sheet.can if not one.required} == expected.optional,
    )
    play.check(
        "all that Chirp could open and stefApp did not ask for is named as locked",
        holds=set(sheet.cannot) == expected.cannot,
    )
    play.check(
        "what is sensitive is not ticked for him",
        holds=not any(one.ticked for one in sheet.can if one.id == expected.unticked),
    )
    play.voice.say("Miko leaves it so: his direct messages are none of stefApp's business.")


def agrees(play: Play) -> None:
    """Miko says yes, and the answer goes back to the app."""
    play.miko.presses("allow")
    exchange = play.miko.latest("POST", "/continue/")
    play.voice.exchange(
        exchange,
        who=MIKO_TO_SERVER,
        request=("action", "permission"),
        response=("code", "state", "iss"),
    )
    back = play.hear("GET", "/callback")
    play.voice.exchange(back, who=MIKO_TO_APP, request=("code", "state", "iss"))
    play.check(
        "the code comes back to stefApp, and says whose it is (RFC 9207)",
        holds=back.request["iss"] == play.at.server and back.status == 200,
    )


def redeems(play: Play) -> None:
    """The code becomes tokens."""
    redeemed = play.hear("POST", "/token")
    play.voice.exchange(
        redeemed,
        who=APP_TO_SERVER,
        request=("grant_type", "client_id", "code", "code_verifier", "redirect_uri"),
        response=("access_token", "token_type", "expires_in", "refresh_token", "scope"),
    )
    shards = json.loads(redeemed.response["key_shards"])
    play.check(
        f"the key came in {len(shards['shards'])} parts; {shards['threshold']} of them open it",
        holds=[one["holder"] for one in shards["shards"]] == ["device", "backend", "recovery_code"]
        and shards["threshold"] == 2,
    )
    claimed = play.hear("POST", "/shard/claim")
    play.voice.exchange(claimed, who=APP_TO_BACKEND, request=("claim_ticket",))
    play.check("stefApp's own server has fetched its part", holds=claimed.status == 200)
    granted = set(redeemed.response["scope"].split())
    expected = (play.expected.required | play.expected.optional) - {play.expected.unticked}
    play.check(
        "the key opens what Miko left ticked, and nothing else",
        holds=granted - {"chirps"} == expected,
    )
    play.refresh_token = redeemed.response["refresh_token"]
    play.window()
    mode = play.stage.tokens.stat().st_mode & 0o777
    play.check(f"the tokens are in a file with mode {mode:04o}", holds=mode == 0o600)


def posts(play: Play) -> None:
    """stefApp does what it may."""
    page = play.window()
    play.check("stefApp is connected, as Miko", holds="as Miko" in page.text)
    play.miko.body.fill("text", play.expected.chirp)
    play.miko.presses("post")
    posted = play.hear("POST", "/chirps")
    play.voice.exchange(
        posted,
        who=APP_TO_CHIRP,
        request=("authorization", "text"),
        response=("id", "handle", "text", "by"),
    )
    play.check(
        "stefApp has posted a chirp on Miko's behalf",
        holds=posted.status == 201 and play.expected.chirp in play.miko.body.page.text,
    )


def is_refused(play: Play) -> None:
    """stefApp does not get what it may not have."""
    why = closed(play.window(), "messages")
    play.check(f'messages are greyed in stefApp: "{why}"', holds=bool(why))
    play.miko.presses("try-messages")
    refused = play.hear("GET", "/messages")
    play.voice.exchange(
        refused,
        who=APP_TO_CHIRP,
        request=("authorization",),
        response=("www-authenticate",),
    )
    error = challenge(refused)
    play.check(
        f"Chirp refuses, and names what is missing (RFC 6750): {error.scope}",
        holds=refused.status == 403
        and (error.error, error.scope) == ("insufficient_scope", play.expected.unticked),
    )


def never_passed(play: Play) -> None:
    """Every byte that stefApp sent or received is on record; the password is not among them."""
    tape, miko = play.stage.tape, play.miko
    streams = tape.streams()
    passed = sum(len(one.outgoing) + len(one.incoming) for one in streams)
    play.voice.say(
        f"stefApp's sockets were recorded from its first byte: {len(streams)} connections, "
        f"{passed} bytes."
    )
    play.check("no connection of stefApp's went past the recorder", holds=not tape.escaped())
    own = ("grant_type=authorization_code", play.refresh_token, play.expected.chirp)
    play.check(
        "what stefApp did is on the record: its token request, its tokens, its chirp",
        holds=all(tape.holds(one) for one in own),
    )
    password, *cookies = miko.secrets
    typed = [one.request_body for one in miko.body.exchanges if one.path.endswith("/sign-in")]
    play.check(
        "the password was typed, and the search would know it",
        holds=any(form in exchange for form in disguises(password) for exchange in typed),
    )
    play.check(
        "the password is not on the record: not as it is, nor percent-encoded, nor in base64",
        holds=not tape.holds(password),
    )
    play.check(
        "neither is any cookie of Miko's, so stefApp could not have posed as him",
        holds=bool(cookies) and not any(tape.holds(one) for one in cookies),
    )


def _box(choice: Choice) -> str:
    return "[x]" if choice.ticked else "[ ]"


def _words(choice: Choice) -> str:
    need = "required" if choice.required else "optional"
    risk = f", {choice.risk.lower()}" if choice.risk else ""
    why = f". {choice.notes}" if choice.required else ""
    return f"{choice.title} ({need}{risk}){why}"


class StoryStep(msgspec.Struct, frozen=True):
    """A step, and its scenes in order."""

    number: str
    title: str
    scenes: tuple[Scene, ...]


STEPS: Final = (
    StoryStep("1", "stefApp wants Chirp", (wants,)),
    StoryStep("2", "Behind the scenes: discovery, and a pushed request", (begins,)),
    StoryStep("3", "The platform's sign-in page", (signs_in,)),
    StoryStep("4", "What stefApp can do, and what it cannot", (reads,)),
    StoryStep("5", "Miko agrees, and stefApp goes to work", (agrees, redeems, posts, is_refused)),
    StoryStep("6", "Limits that Miko sets", bounds.SCENES),
    StoryStep("7", "Afterwards, the key is still Miko's", afterwards.SCENES),
    StoryStep("·", "And the password?", (never_passed,)),
)
