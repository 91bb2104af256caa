"""What comes after the yes: fresh tokens, one permission less, two more, and the end."""

from collections.abc import Callable
from typing import Final

from valetkey.demo.play import (
    APP_TO_BACKEND,
    APP_TO_CHIRP,
    APP_TO_SERVER,
    CHIRP_TO_SERVER,
    MIKO_TO_SERVER,
    Play,
    challenge,
    closed,
    state,
)

_REFRESH: Final = ("grant_type", "client_id", "refresh_token", "other_key_shards")


def refreshes(play: Play) -> None:
    """The app renews its key by itself."""
    play.voice.say("Access tokens live for minutes. stefApp fetches fresh ones.")
    play.window()
    play.listen()
    play.miko.presses("refresh")
    handle = play.hear("POST", "/shard/handle")
    play.voice.exchange(handle, who=APP_TO_BACKEND, response=("handle", "expires_in"))
    fresh = play.hear("POST", "/token")
    play.voice.exchange(
        fresh,
        who=APP_TO_SERVER,
        request=_REFRESH,
        response=("access_token", "expires_in", "refresh_token"),
    )
    play.check(
        "the refresh token has turned into its successor",
        holds=fresh.request["refresh_token"] == play.refresh_token
        and fresh.response["refresh_token"] != play.refresh_token,
    )
    play.check(
        "beside its own part stefApp showed what stands for its server's, once",
        holds=fresh.request["other_key_shards"] == handle.response["handle"],
    )


def takes_away(play: Play) -> None:
    """The user takes one permission back."""
    play.voice.say("Miko opens his connected apps, and takes one permission away.")
    permission = play.expected.removed
    sheet = play.connected_app()
    play.check(f"{permission} is among what stefApp holds", holds=permission in sheet.ids)
    knocks = play.first_refusal("POST", lambda: _unticks(play, permission))
    saved = play.miko.latest("POST", "/apps/")
    play.voice.exchange(
        saved,
        who=MIKO_TO_SERVER,
        request=("action", "permission"),
        response=("location",),
    )
    play.check("it is no longer", holds=permission not in play.miko.reads().ids)
    play.voice.say(
        "Meanwhile somebody knocked at Chirp with stefApp's very token, again and again. Chirp "
        "asks nobody about it: it follows the server's change log."
    )
    play.check(
        f"measured: {knocks.took * 1000:.0f} ms from the click to Chirp's first refusal",
        holds=challenge(knocks.last).reason == "narrowed" and knocks.in_time,
    )
    _posts_in_vain(play, permission)


def _posts_in_vain(play: Play, permission: str) -> None:
    play.voice.say("stefApp has not learned of it yet, and tries to post.")
    play.window()
    play.listen()
    play.miko.body.fill("text", "Can you hear me?")
    play.miko.presses("post")
    refused = play.hear("POST", "/chirps")
    play.voice.exchange(
        refused,
        who=APP_TO_CHIRP,
        request=("authorization", "text"),
        response=("www-authenticate",),
    )
    play.check(
        f"the very next use is refused, though the token is the same: {challenge(refused).scope}",
        holds=refused.status == 403 and challenge(refused).scope == permission,
    )
    learnt = play.hear("POST", "/token")
    play.voice.exchange(learnt, who=APP_TO_SERVER, request=_REFRESH, response=("scope",))
    play.check(
        "stefApp asks what its key still opens, and learns it",
        holds=permission not in learnt.response["scope"].split(),
    )
    why = closed(play.miko.body.page, "post")
    play.check(f'posting is greyed in stefApp: "{why}"', holds=bool(why))
    others = [play.hear("GET", path).status for path in ("/chirps", "/profile")]
    play.check("timeline and profile go on as before", holds=others == [200, 200])


def _unticks(play: Play, permission: str) -> None:
    """Where the page's script sends the change at the first click, the second changes nothing."""
    play.miko.chooses(permission, on=False)
    play.miko.presses("save")


def pauses(play: Play) -> None:
    """The user lets the key rest for a while."""
    play.voice.say("Miko pauses stefApp: nothing is lost, and nothing opens.")
    play.connected_app()
    knocks = play.first_refusal("GET", lambda: play.miko.presses("pause"))
    reason, milliseconds = challenge(knocks.last).reason, knocks.took * 1000
    play.check(
        f"measured: {milliseconds:.0f} ms from the click to Chirp's first refusal: {reason}",
        holds=(knocks.last.status, reason) == (401, "paused") and knocks.in_time,
    )
    page = play.window()
    play.check("stefApp's window is greyed, and says why", holds=state(page) == "paused")


def resumes(play: Play) -> None:
    """The user lets it go on."""
    play.connected_app()
    knocks = play.first_opening("GET", lambda: play.miko.presses("resume"))
    milliseconds = knocks.took * 1000
    play.check(
        f"measured: {milliseconds:.0f} ms from the click until Chirp lets the same token through",
        holds=knocks.in_time,
    )
    play.check("stefApp goes on as before", holds=state(play.window()) == "connected")


def asks_for_more(play: Play) -> None:
    """The app asks for more; the user sees only that."""
    play.voice.say("stefApp would like to show messages after all. Miko presses Ask for it.")
    play.miko.presses("ask-messages")
    pushed = play.hear("POST", "/par")
    play.voice.exchange(
        pushed,
        who=APP_TO_SERVER,
        request=("scope", "prompt"),
        response=("request_uri",),
    )
    play.miko.opens(play.handed_over())
    sheet = play.miko.reads()
    play.voice.say(f'The page says: "{sheet.heading}".')
    rows = ((f"[{'x' if one.ticked else ' '}]", one.title) for one in sheet.can)
    play.voice.items("new", rows, style="green")
    play.voice.items("kept as it is", (("✓", one) for one in sheet.already_granted), style="dim")
    play.check(
        "Miko is asked for what is new, and for nothing else",
        holds=set(sheet.ids) == play.expected.more,
    )
    for permission in sheet.ids:
        play.miko.chooses(permission, on=True)
    play.miko.presses("allow")
    redeemed = play.hear("POST", "/token")
    play.voice.exchange(redeemed, who=APP_TO_SERVER, request=("grant_type",), response=("scope",))
    granted = set(redeemed.response["scope"].split())
    play.check(
        "the key opens these too now, and what Miko took away stays away",
        holds=play.expected.more <= granted and play.expected.removed not in granted,
    )
    play.listen()
    page = play.window()
    read = play.hear("GET", "/messages")
    play.voice.exchange(read, who=APP_TO_CHIRP, request=("authorization",))
    play.check(
        "stefApp shows the messages", holds=read.status == 200 and not closed(page, "messages")
    )


def stops(play: Play) -> None:
    """The user takes the key back."""
    before = play.introspect()
    play.voice.exchange(
        before, who=CHIRP_TO_SERVER, request=("token",), response=("active", "scope")
    )
    play.check("the access token is good", holds=before.response["active"] == "true")
    play.voice.say("Miko takes the key back.")
    play.connected_app()
    play.miko.presses("stop")
    knocks = play.first_refusal("GET", lambda: play.miko.presses("stop"))
    stopped = play.miko.latest("POST", "/apps/")
    play.voice.exchange(stopped, who=MIKO_TO_SERVER, response=("location",))
    play.check("stefApp is gone from his list", holds=not play.miko.lists("stefapp"))
    play.check(
        f"measured: {knocks.took * 1000:.0f} ms from the click to Chirp's first refusal",
        holds=knocks.last.status == 401 and knocks.in_time,
    )
    after = play.introspect()
    play.voice.exchange(after, who=CHIRP_TO_SERVER, request=("token",), response=("active",))
    play.check(
        "introspection calls the very same token inactive",
        holds=after.response["active"] == "false",
    )
    _is_refused(play)


def _is_refused(play: Play) -> None:
    play.listen()
    page = play.window()
    refused = play.hear("GET", "/chirps")
    play.voice.exchange(
        refused,
        who=APP_TO_CHIRP,
        request=("authorization",),
        response=("www-authenticate",),
    )
    play.check(
        "Chirp refuses it",
        holds=refused.status == 401 and challenge(refused).error == "invalid_token",
    )
    denied = play.hear("POST", "/token")
    play.voice.exchange(
        denied,
        who=APP_TO_SERVER,
        request=_REFRESH,
        response=("error", "error_description"),
    )
    play.check(
        "two parts of the key are worth nothing either",
        holds=denied.status == 400 and denied.response["error"] == "invalid_grant",
    )
    play.check("stefApp greys its window instead of crashing", holds=state(page) == "ended")


SCENES: Final[tuple[Callable[[Play], None], ...]] = (
    refreshes,
    takes_away,
    pauses,
    resumes,
    asks_for_more,
    stops,
)
"""In the order in which they are played."""
