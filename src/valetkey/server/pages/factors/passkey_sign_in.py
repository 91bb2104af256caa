"""Sign-in with a passkey: on the sign-in page of a waiting request and of the user's own pages."""

from collections.abc import Sequence
from typing import Final

from valetkey.server.accounts import passkey_challenge, passkeys
from valetkey.server.accounts.passkeys import Proved, Refused
from valetkey.server.accounts.relying_party import RelyingParty
from valetkey.server.accounts.webauthn import request_options
from valetkey.server.http import log
from valetkey.server.http.reply import Reply, json_reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.factor import Factor
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.authorize.endpoint import resume
from valetkey.server.oauth.authorize.outcome import Login
from valetkey.server.oauth.sign_in.ticket import write_sealed
from valetkey.server.pages.authorize import Steps, continue_at
from valetkey.server.pages.factors.passkeys import PASSKEY_SIGN_IN, PURPOSE, opened_challenge
from valetkey.server.pages.factors.second_factor import (
    PASSKEY_STAGE,
    FactorProblem,
    restart_at,
    show_stage,
    stage_and_user,
)
from valetkey.server.pages.factors.stages import (
    AfterSignIn,
    FirstStage,
    complete_sign_in,
    proceed,
)
from valetkey.server.pages.frame import SIGN_IN, Frame, NoSuchPage
from valetkey.server.pages.interaction import Interaction
from valetkey.server.pages.own_pages import then
from valetkey.server.pages.sign_in import SignInPage, as_confirmation
from valetkey.server.pages.ways import SignInChoice, SignInProblem, SignInRefused
from valetkey.wire import form as forms


def relying_party(frame: Frame) -> RelyingParty:
    """Who asks for passkeys. Raises NoSuchPage where there are none."""
    if frame.passkeys is None:
        raise NoSuchPage
    return frame.passkeys


async def passkey_options(
    frame: Frame, request: Request, *, user: str = "", session: str = ""
) -> Reply:
    """What the browser is asked for, as JSON, and the challenge that goes with the answer: any
    passkey, or one of the `user`'s. Nothing is stored."""
    party, browser = relying_party(frame), frame.cookies.read_browser(request)
    theirs: Sequence[Factor] = ()
    if user:
        theirs = await frame.shell.ask(lambda context: passkeys.passkeys_of(user))
    context = await frame.shell.context()
    challenge = passkey_challenge.new_challenge(
        "get", browser.id, context.env, user=user, session=session
    )
    options = request_options(
        party,
        challenge.random,
        allowed=[one.credential for one in theirs],
        seconds=passkey_challenge.SECONDS,
    )
    sealed = write_sealed(challenge, PURPOSE, context)
    reply = json_reply({"challenge": sealed, "options": options})
    return frame.cookies.name_browser(reply, request)


async def passkey_proof(
    frame: Frame,
    request: Request,
    form: forms.Form,
    *,
    session: str = "",
    alone: bool = True,
    user: str = "",
) -> Proved | Refused:
    """Who answered the challenge with a passkey. `session` is that for which it was asked;
    `alone` and `user` are as in `accounts.passkeys.prove`."""
    party, browser = relying_party(frame), frame.cookies.read_browser(request)
    challenge = opened_challenge(form, await frame.shell.context())
    outcome, _ = await frame.shell.settle(
        lambda context: passkeys.prove(
            form.get("response", ""),
            challenge,
            browser=browser.id,
            session=session,
            alone=alone,
            user=user,
            party=party,
            env=context.env,
            notices=context.installation.notices,
        )
    )
    if isinstance(outcome, Refused):
        log.info("no sign-in with a passkey", why=outcome.why, detail=outcome.detail)
    elif outcome.suspect:
        log.warning("the counter of a passkey went backwards", user=outcome.user.id)
    return outcome


_PROBLEMS: Final[dict[passkeys.Why, SignInProblem]] = {
    "expired": SignInProblem.PASSKEY_EXPIRED,
    "unverified": SignInProblem.PASSKEY_UNVERIFIED,
}


def refusal(refused: Refused) -> SignInRefused:
    """The problem on the sign-in page. An unknown passkey and a wrong one are one."""
    problem = _PROBLEMS.get(refused.why, SignInProblem.PASSKEY_REFUSED)
    return SignInRefused(problem, "")


async def first_stage_of(frame: Frame, request: Request, proved: Proved) -> FirstStage:
    """The first stage of the user whose passkey it is: it is the only one, if the device checked
    who uses it."""
    context = await frame.shell.context()
    username = proved.user.username
    caller = await frame.callers.of(request, username, context)
    proof = proved.proof(context.env.now)
    return FirstStage(user=proved.user, username=username, caller=caller, proof=proof)


class OwnPasskeySignIn:
    """`/sign-in/passkey`: for the user's own pages."""

    def __init__(self, frame: Frame, choice: SignInChoice) -> None:
        self._frame = frame
        self._choice = choice
        self._page = SignInPage(frame, choice)

    async def options(self, request: Request) -> Reply:
        """What the browser is asked for."""
        person = await self._again(request)
        user, session = ("", "") if person is None else (person.user.id, person.session.id)
        return await passkey_options(self._frame, request, user=user, session=session)

    async def submit(self, request: Request) -> Reply:
        """Sign in."""
        person = await self._again(request)
        target, context = then(request.parameters()), await self._frame.shell.context()
        form = self._frame.posted(request, context, purpose=PASSKEY_SIGN_IN, session="")
        session = "" if person is None else person.session.id
        proved = await passkey_proof(self._frame, request, form, session=session)
        if isinstance(proved, Refused):
            refused = refusal(proved)
            view = refused.on(await self._page.view(request, target, again=person is not None))
            if person is not None:
                view = as_confirmation(view, person.user)
            return self._frame.page(request, view, status=refused.status)
        first = await first_stage_of(self._frame, request, proved)
        destination = AfterSignIn(target=target, again=person is not None)
        return await proceed(self._frame, request, first, destination=destination)

    async def _again(self, request: Request) -> Person | None:
        """The signed-in user who has to prove again who they are, None for a first sign-in."""
        if self._choice.form is None:
            raise NoSuchPage
        person = await self._frame.current_person(request)
        return person if "again" in request.parameters() else None


class PasskeyInteraction:
    """`/continue/{pending}/passkey`: for a waiting request."""

    def __init__(self, frame: Frame, choice: SignInChoice) -> None:
        self._frame = frame
        self._choice = choice
        self._steps = Steps(frame)
        self._interaction = Interaction(frame, choice)

    async def options(self, request: Request) -> Reply:
        """What the browser is asked for."""
        login = await self._login(request)
        if login is None:
            raise NoSuchPage
        user = "" if login.user is None else login.user.id
        return await passkey_options(self._frame, request, user=user)

    async def submit(self, request: Request) -> Reply:
        """Sign in and continue the request."""
        name = request.path_parameters["pending"]
        form = await self._steps.posted(request, "passkey")
        login = await self._login(request)
        if login is None:
            return see_other(continue_at(name))
        proved = await passkey_proof(self._frame, request, form)
        if isinstance(proved, Refused):
            context, refused = await self._frame.shell.context(), refusal(proved)
            view = refused.on(self._interaction.sign_in_view(request, login, context))
            return self._steps.page(request, view, login, status=refused.status)
        first = await first_stage_of(self._frame, request, proved)
        destination = AfterSignIn(pending=name)
        return await proceed(self._frame, request, first, destination=destination, login=login)

    async def _login(self, request: Request) -> Login | None:
        """The request, if it waits for a sign-in of this browser."""
        if self._choice.form is None:
            raise NoSuchPage
        name, browser = (
            request.path_parameters["pending"],
            self._frame.cookies.read_browser(request),
        )
        decision = await self._frame.shell.ask(lambda context: resume(name, browser, context))
        return decision if isinstance(decision, Login) else None


class PasskeyStage:
    """`/sign-in/second-factor/passkey`: after a password."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def options(self, request: Request) -> Reply:
        """What the browser is asked for."""
        return await passkey_options(self._frame, request)

    async def submit(self, request: Request) -> Reply:
        """Take the passkey, and open the session."""
        frame, context = self._frame, await self._frame.shell.context()
        form = frame.posted(request, context, purpose=PASSKEY_STAGE, session="")
        stage, user = await stage_and_user(frame, request, form.get("stage", ""))
        if stage is None or user is None:
            return see_other(SIGN_IN if stage is None else restart_at(stage))
        proved = await passkey_proof(frame, request, form, alone=False, user=user.id)
        if isinstance(proved, Refused):
            problem = FactorProblem.PASSKEY
            return await show_stage(frame, request, stage, following="code", problem=problem)
        caller = await frame.callers.of(request, stage.username, context)
        first = FirstStage(
            user=user, username=stage.username, proof=proved.beside(stage.proof), caller=caller
        )
        return await complete_sign_in(frame, request, first, destination=stage.destination)
