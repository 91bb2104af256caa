"""Limits that Miko sets on the key: used up, refused, raised, lifted."""

import time
from collections.abc import Callable
from typing import Final

from valetkey.demo.narrator import Exchange
from valetkey.demo.play import APP_TO_CHIRP, MAX_STALENESS, MIKO_TO_SERVER, Play, challenge

TIMES: Final = 2
MORE: Final = 5
"""How often a day stefApp may post: at first, and then."""


def sets_a_limit(play: Play) -> None:
    """The user bounds what the key may do."""
    play.voice.say(f"Miko lets stefApp post {TIMES} times a day, and no more.")
    _limits(play, str(TIMES))
    saved = play.miko.latest("POST", "/apps/")
    play.voice.exchange(saved, who=MIKO_TO_SERVER, request=("permission", "often-day"))
    page = play.miko.body.page.text
    play.check("the page says how much of it is used", holds=f"Used 0 of {TIMES}" in page)
    # Within the bound of what Chirp may not know yet.
    time.sleep(MAX_STALENESS)


def is_held_to_it(play: Play) -> None:
    """The app uses what it may, and is refused the next one."""
    for number in range(1, TIMES + 1):
        posted = _posts(play, f"Number {number} of {TIMES}.")
        play.check(f"chirp {number} of {TIMES} is posted", holds=posted.status == 201)
    refused = _posts(play, "One too many.")
    play.voice.exchange(
        refused,
        who=APP_TO_CHIRP,
        request=("authorization", "text"),
        response=("www-authenticate",),
    )
    error = challenge(refused)
    play.check(
        f"Chirp refuses the next one, and says why: {error.error}, {error.most} per {error.per}",
        holds=(refused.status, error.error, error.most, error.per)
        == (403, "limit_reached", str(TIMES), "day"),
    )
    notice = play.miko.body.page.by_id("notice")
    told = "" if notice is None else notice.text
    play.check(f'stefApp\'s window says it too: "{told}"', holds="2 times a day" in told)


def raises_it(play: Play) -> None:
    """The user raises the limit, then lifts it."""
    play.voice.say(f"Miko raises it to {MORE}. Somebody knocks with stefApp's token meanwhile.")
    _limits(play)
    play.miko.body.fill("often-day-1", str(MORE))
    knocks = play.first_opening("POST", lambda: play.miko.presses("save"))
    play.check(
        f"measured: {knocks.took * 1000:.0f} ms from the click until Chirp lets it through",
        holds=knocks.in_time,
    )
    posted = _posts(play, "Within the new limit.")
    play.check("stefApp posts again, with the very same token", holds=posted.status == 201)
    _limits(play, "")
    play.check("Miko lifts the limit", holds="Used" not in play.miko.body.page.text)
    time.sleep(MAX_STALENESS)


def _limits(play: Play, number: str | None = None) -> None:
    """Miko at the limits of stefApp's key; with a number, that is how often it may post."""
    play.connected_app()
    play.miko.presses("limits")
    if number is not None:
        play.miko.body.fill("often-day-1", number)
        play.miko.presses("save")


def _posts(play: Play, text: str) -> Exchange:
    """Miko posts in stefApp's window."""
    play.window()
    play.listen()
    play.miko.body.fill("text", text)
    play.miko.presses("post")
    return play.hear("POST", "/chirps")


SCENES: Final[tuple[Callable[[Play], None], ...]] = (sets_a_limit, is_held_to_it, raises_it)
"""In the order in which they are played."""
