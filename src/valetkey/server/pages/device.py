"""The page for the code that another device shows (RFC 8628 3.3)."""

from enum import StrEnum
from typing import ClassVar

from valetkey.server.accounts.throttle import Throttled, attempt_code, forgive_code
from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.query import Rule
from valetkey.server.oauth.authorize.user_code import LENGTH, format_code, plain
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.grant_types.device import PAGE, Unknown, enter
from valetkey.server.pages.authorize import continue_at
from valetkey.server.pages.components import PageForm, View
from valetkey.server.pages.frame import Frame


class CodeProblem(StrEnum):
    """Why the form is displayed again. Wrong and expired codes are one: ``REFUSED``."""

    NONE = "none"
    MISSING = "missing"
    REFUSED = "refused"
    THROTTLED = "throttled"


class EnterCodeView(View, frozen=True, kw_only=True):
    """The form for the code: field ``user_code``, button ``#continue``. ``code`` is the field's
    value. ``retry_after`` goes with ``THROTTLED``."""

    template: ClassVar = "enter_code.html"
    enums: ClassVar = (CodeProblem,)

    form: PageForm
    code: str = ""
    problem: CodeProblem = CodeProblem.NONE
    retry_after: int = 0


class DevicePage:
    """`/device`. Attempts are counted before they are checked, and the answer doesn't tell whether
    a code is wrong or expired (ATTACKS A35)."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def show(self, request: Request) -> Reply:
        """Show the form. A code from the address only fills the field (ATTACKS A36)."""
        return await self._page(request, request.parameters().get("user_code", ""))

    async def submit(self, request: Request) -> Reply:
        """Check the code and continue with its request."""
        context = await self._frame.shell.context()
        form = self._frame.posted(request, context, purpose=PAGE, session="")
        typed = form.get("user_code", "")
        if not plain(typed):
            return await self._page(request, "", problem=CodeProblem.MISSING)
        browser = self._frame.cookies.read_browser(request)
        if self._frame.callers.throttles(request):
            await self._frame.callers.notice_proxy(request)
            judged, context = await self._frame.shell.settle(
                lambda context: attempt_code(browser.id, request.address, context.env.now)
            )
            if isinstance(judged, Throttled):
                wait = max(1, judged.until - context.env.now)
                return await self._page(
                    request, typed, problem=CodeProblem.THROTTLED, retry_after=wait
                )
            await self._frame.callers.wait(judged.wait, request)
        entered, _ = await self._frame.shell.settle(lambda context: enter(typed, browser, context))
        if isinstance(entered, Unknown):
            return await self._page(request, typed, problem=CodeProblem.REFUSED)
        await self._frame.shell.settle(
            lambda context: _forgiven(browser.id, request.address, context.env.now)
        )
        return self._frame.cookies.name_browser(see_other(continue_at(entered.pending.id)), request)

    async def _page(
        self,
        request: Request,
        typed: str,
        *,
        problem: CodeProblem = CodeProblem.NONE,
        retry_after: int = 0,
    ) -> Reply:
        context = await self._frame.shell.context()
        code = plain(typed)
        view = EnterCodeView(
            site=self._frame.site,
            form=self._frame.form(request, context, action=PAGE, purpose=PAGE, session=""),
            code=format_code(code) if len(code) == LENGTH else code,
            problem=problem,
            retry_after=retry_after,
        )
        reply = self._frame.page(request, view, status=_STATUS[problem])
        waits = (b"retry-after", str(retry_after).encode())
        return reply.having(waits) if retry_after else reply


_STATUS = {
    CodeProblem.NONE: 200,
    CodeProblem.MISSING: 400,
    CodeProblem.REFUSED: 400,
    CodeProblem.THROTTLED: 429,
}


def _forgiven(browser: str, address: str, now: int) -> Rule[Outcome]:
    yield from ()
    return Outcome(changes=forgive_code(browser, address, now))
