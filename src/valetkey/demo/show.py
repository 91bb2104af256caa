"""The whole show: sets the stage, tells the story, and clears up, whatever happens."""

import argparse
import contextlib
import io
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

from valetkey.demo.flows import FLOWS
from valetkey.demo.flows.flow import KEYS, SECRETS, STATE, Flow
from valetkey.demo.flows.flow import Step as FlowStep
from valetkey.demo.miko.chromium import ChromiumBody
from valetkey.demo.miko.html import Body
from valetkey.demo.miko.http import HttpBody
from valetkey.demo.miko.person import Miko
from valetkey.demo.narrator import Narrator
from valetkey.demo.play import EXPECTED, Expected, Play
from valetkey.demo.programs import Failed, Programs
from valetkey.demo.stage import OWNER, USER, Stage
from valetkey.demo.story import STEPS, StoryStep

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

WATCH: Final = 0.5
"""Seconds between two looks at the programs that are kept running."""


class Interrupted(KeyboardInterrupt):
    """A signal came, by number. Event loops let this one out."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Fell(Exception):
    """The story ended at a step, because of what this was raised from."""

    def __init__(self, step: StoryStep | FlowStep) -> None:
        super().__init__(f"step {step.number}, {step.title}")


def main(arguments: Sequence[str]) -> int:
    """`valetkey demo`: 0 where every step held."""
    parser = argparse.ArgumentParser(
        prog="valetkey demo",
        description="Play the whole story on this machine: sign-in, consent, use, change, stop.",
        epilog="At a terminal the programs keep running afterwards, until Ctrl-C.",
    )
    after = parser.add_mutually_exclusive_group()
    after.add_argument("--keep", action="store_true", help="keep the programs running anyway")
    after.add_argument("--exit", action="store_true", help="end after the story anyway")
    parser.add_argument(
        "--no-browser", action="store_true", help="play Miko over plain HTTP, without Chromium"
    )
    parser.add_argument(
        "--flow", choices=list(FLOWS), help="play a short story about another way to a key instead"
    )
    options = parser.parse_args(arguments)
    keep = options.keep or (sys.stdout.isatty() and not options.exit)
    flow = None if options.flow is None else FLOWS[options.flow]
    return perform(keep=keep, browser=not options.no_browser, flow=flow)


def perform(
    *,
    keep: bool = False,
    browser: bool = True,
    steps: Sequence[StoryStep] = STEPS,
    expected: Expected = EXPECTED,
    flow: Flow | None = None,
) -> int:
    """Plays the steps, or those of a `flow`. 0 where all of them held, 1 where one did not, which
    is named; where a signal ended it early, 128 and the signal's number."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    voice = Narrator(sys.stdout, color=sys.stdout.isatty() and not os.environ.get("NO_COLOR"))
    try:
        with (
            _interruptible(),
            tempfile.TemporaryDirectory(prefix="valetkey-demo-") as folder,
            contextlib.closing(Programs(Path(folder))) as programs,
        ):
            try:
                if flow is not None:
                    stage = Stage(
                        Path(folder),
                        programs,
                        more=STATE,
                        secrets=SECRETS,
                        keys=KEYS,
                        website=flow.website,
                    )
                    _tell(stage, voice, browser=browser, flow=flow)
                else:
                    stage = Stage(Path(folder), programs, console=keep)
                    _tell(stage, voice, browser=browser, steps=steps, expected=expected)
                if keep:
                    _linger(stage, voice, flow)
            except (Failed, Fell) as error:
                _lament(error, voice, programs)
                return 1
    except Interrupted as interrupted:
        return 128 + interrupted.number
    except BrokenPipeError:
        # Nobody reads on. What Python would still write at its end goes nowhere, in silence.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _tell(
    stage: Stage,
    voice: Narrator,
    *,
    browser: bool,
    steps: Sequence[StoryStep] = STEPS,
    expected: Expected = EXPECTED,
    flow: Flow | None = None,
) -> None:
    began = time.monotonic()
    about = "a key to your account that stays yours" if flow is None else flow.title
    voice.title(f"valetkey: {about}")
    stage.set_up()
    body = _body(browser=browser or (flow is not None and flow.browser))
    miko = Miko(body, username=USER, password=stage.password)
    with contextlib.closing(Play(stage, miko, voice, expected=expected)) as play:
        voice.table(
            (
                ("authorization server", stage.addresses.server),
                ("Chirp, the platform", stage.addresses.chirp),
                ("stefApp, the app", stage.addresses.stefapp)
                if flow is None
                else ("the app", flow.app),
                *((("where Miko signs in", stage.addresses.site),) if stage.addresses.site else ()),
                ("Miko, the user", f"in {body.name}"),
            )
        )
        stage.start(stefapp=flow is None)
        for step in steps if flow is None else flow.steps:
            voice.step(step.number, step.title)
            try:
                for scene in step.scenes:
                    scene(play)
            except BrokenPipeError:
                raise
            except Exception as error:
                raise Fell(step) from error
    stage.door.close()
    voice.end(f"Every step held, in {time.monotonic() - began:.1f} s.")


def _body(*, browser: bool) -> Body:
    if browser:
        with contextlib.suppress(ImportError, OSError):
            return ChromiumBody()
    return HttpBody()


def _linger(stage: Stage, voice: Narrator, flow: Flow | None) -> None:
    """Keeps the programs until a signal comes. Raises Failed where one of them ends."""
    with contextlib.suppress(Interrupted):
        _invite(stage, voice, flow)
        while all(program.alive for program in stage.programs.running):
            time.sleep(WATCH)
        raise Failed("one of the programs has ended")
    voice.say("Stopped. Nothing is left behind.")


def _invite(stage: Stage, voice: Narrator, flow: Flow | None) -> None:
    if flow is None:
        stage.make_owner()
    voice.say("All of it keeps running: now do it by hand, in a browser of your own.")
    voice.table(
        (
            ("stefApp's window", stage.addresses.window)
            if flow is None
            else ("a device's code", f"{stage.addresses.server}/device"),
            ("connected apps", f"{stage.addresses.server}/apps"),
            ("Chirp's API", f"{stage.addresses.chirp}/chirps"),
            ("user name", USER),
            ("password", stage.password),
            *(
                (
                    ("the platform's console", f"{stage.addresses.server}/console"),
                    ("its owner's user name", f"{OWNER}, with the same password"),
                )
                if flow is None
                else ()
            ),
        )
    )
    voice.say("Ctrl-C ends it.")


def _lament(error: Failed | Fell, voice: Narrator, programs: Programs) -> None:
    """Says what did not hold, and what the programs said last."""
    why = error.__cause__
    voice.fails(str(error) if why is None else _describe_error(why))
    if isinstance(error, Failed):
        voice.raw(error.output)
    for program in programs.running:
        voice.say(f"The last lines of {program.name}:")
        voice.raw(program.last_words())
    what = "A program failed" if isinstance(error, Failed) else "This did not hold"
    voice.end(f"{what}: {error}.")


def _describe_error(error: BaseException) -> str:
    plain = type(error).__module__.startswith("valetkey.")
    return str(error) if plain else f"{type(error).__name__}: {error}"


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Within, a signal raises Interrupted, once: clearing up is not interrupted again."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        for one in SIGNALS:
            signal.signal(one, signal.SIG_IGN)
        raise Interrupted(number)

    before = {one: signal.signal(one, interrupt) for one in SIGNALS}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
