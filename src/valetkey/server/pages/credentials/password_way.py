"""The password as a way to sign in: of this server, of a directory, or of the platform from which
users move. Its form is on the sign-in page."""

from typing import Final

from valetkey.server.accounts.proof_of_work import marker, puzzle
from valetkey.server.accounts.sign_in import Proof, candidate, refused, unjudged
from valetkey.server.accounts.throttle import BROWSER, Throttled, account_of
from valetkey.server.http.directory import DirectoryAway
from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.keys import Secret
from valetkey.server.oauth.core.context import Context
from valetkey.server.pages.authorize import continue_at
from valetkey.server.pages.factors.stages import FirstStage, PasskeyOffer
from valetkey.server.pages.frame import Frame
from valetkey.server.pages.own_pages import after_sign_in
from valetkey.server.pages.password_check import proved
from valetkey.server.pages.ways import FormWay, SignInProblem, SignInRefused, Waiting
from valetkey.wire.form import Form

UNSURE: Final = 3
"""Attempts after which the page says when a correct password is refused too."""


class PasswordWay(FormWay):
    """A username and a password. It has no button."""

    name = label = "password"

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def begin(self, request: Request, waiting: Waiting) -> Reply:
        """Send the browser to the form."""
        if waiting.login is not None:
            return see_other(continue_at(waiting.login.pending.id))
        return see_other(after_sign_in(waiting.target, again=waiting.again))

    async def check(self, request: Request, form: Form) -> FirstStage | SignInRefused:
        """Check a username and a password. Attempts are counted before they are checked, and an
        unknown name gets the same answer after the same time."""
        frame = self._frame
        username = form.get("username", "").strip()
        if not username:
            return SignInRefused(SignInProblem.USERNAME_MISSING, "")
        if "password" not in form:
            return SignInRefused(SignInProblem.PASSWORD_MISSING, username)
        context = await frame.shell.context()
        caller = await frame.callers.of(request, username, context)
        solved = _solved_puzzle(form, username, context)
        attempt, context = await frame.shell.settle(
            lambda context: candidate(username, caller=caller, now=context.env.now, solved=solved)
        )
        if isinstance(attempt, Throttled):
            return self._throttled(request, username, attempt, context=context)
        await frame.callers.wait(attempt.wait, request)
        typed = Secret(form["password"])
        try:
            user = await proved(frame, typed, attempt, username=username, caller=caller)
        except DirectoryAway:
            if caller is not None:
                await frame.shell.settle(lambda context: unjudged(username, caller, context.env))
            raise
        if user is None:
            frame.callers.failures.add(account_of(username), request.address)
            await frame.shell.settle(
                lambda context: refused(
                    attempt.user,
                    context.env,
                    closes=attempt.closes,
                    notices=context.installation.notices,
                )
            )
            return SignInRefused(SignInProblem.REFUSED, username, unsure=attempt.tried >= UNSURE)
        proof = Proof(auth_time=context.env.now, amr=("pwd",))
        offer: PasskeyOffer = "silent" if form.get("passkeys", "") == "conditional" else ""
        return FirstStage(user=user, username=username, proof=proof, caller=caller, offer=offer)

    def _throttled(
        self, request: Request, username: str, throttled: Throttled, *, context: Context
    ) -> SignInRefused:
        self._frame.callers.failures.add(account_of(username), request.address, read=False)
        wait = max(1, throttled.until - context.env.now)
        if throttled.budget is BROWSER:
            return SignInRefused(SignInProblem.THROTTLED_HERE, username, wait)
        task = puzzle(account_of(username), context.installation.keyring, context.env)
        return SignInRefused(SignInProblem.THROTTLED, username, wait, task)


def _solved_puzzle(form: Form, username: str, context: Context) -> SingleUse | None:
    """The mark of the puzzle that a form brings, None unless it is solved."""
    return marker(
        form.get("puzzle", ""),
        form.get("work", ""),
        account=account_of(username),
        keyring=context.installation.keyring,
        now=context.env.now,
    )
