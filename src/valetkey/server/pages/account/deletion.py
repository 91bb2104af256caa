"""Deletion of the user's own account, and the page that cancels it."""

from typing import ClassVar, Final

from valetkey.server.http.reply import Reply
from valetkey.server.http.request import Request
from valetkey.server.oauth.admin.erasure import cancel_deletion, new_code, request_deletion
from valetkey.server.pages.account.profile import DELETE, PROFILE
from valetkey.server.pages.components import Account, PageForm, Section, View
from valetkey.server.pages.frame import SIGN_IN, Frame, prove_again

RESTORE: Final = "/restore"

_DAY: Final = 86_400


class DeleteView(View, frozen=True, kw_only=True):
    """Confirm that the account is deleted: button ``#delete``. ``days`` is the grace, 0 for
    none."""

    template: ClassVar = "delete_account.html"
    section: ClassVar = Section.PROFILE

    account: Account
    form: PageForm
    days: int
    back: str


class DeletionView(View, frozen=True, kw_only=True):
    """The account is deleted at ``due``, in seconds since 1970, 0 if it is. ``code`` cancels the
    deletion at ``restore``."""

    template: ClassVar = "deletion.html"

    due: int
    code: str
    restore: str


class RestoreView(View, frozen=True, kw_only=True):
    """Cancel a deletion: field ``code``, button ``#restore``. ``restored``: it is canceled, and
    ``sign_in`` leads on. ``wrong``: there is no such code."""

    template: ClassVar = "restore.html"

    form: PageForm
    sign_in: str
    restored: bool = False
    wrong: bool = False


class DeletionPages:
    """`/profile/delete` and `/restore`."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def ask(self, request: Request) -> Reply:
        """Ask the user to confirm."""
        person = await self._frame.require_person(request)
        if not await self._frame.has_fresh_proof(person):
            return prove_again(DELETE)
        context = await self._frame.shell.context()
        grace = context.installation.lifetimes.erasure_grace
        view = DeleteView(
            site=self._frame.site,
            account=self._frame.account(person.user),
            form=self._frame.form(
                request, context, action=DELETE, purpose=DELETE, session=person.session.id
            ),
            days=-(-grace // _DAY),
            back=PROFILE,
        )
        return self._frame.page(request, view)

    async def delete(self, request: Request) -> Reply:
        """Delete the account, and show once the code that cancels it."""
        person = await self._frame.require_person(request)
        context = await self._frame.shell.context()
        self._frame.posted(request, context, purpose=DELETE, session=person.session.id)
        if not await self._frame.has_fresh_proof(person):
            return prove_again(DELETE)
        code = new_code(context)
        outcome, _ = await self._frame.shell.settle(
            lambda context: request_deletion(person.user.id, by="user", code=code, context=context)
        )
        waits = outcome.result == "requested"
        view = DeletionView(
            site=self._frame.site,
            due=outcome.due,
            code=code if waits else "",
            restore=RESTORE,
        )
        return self._frame.cookies.sign_out(self._frame.page(request, view))

    async def ask_code(self, request: Request) -> Reply:
        """Ask for the code."""
        return self._frame.page(request, await self._restore(request))

    async def restore(self, request: Request) -> Reply:
        """Cancel the deletion. This signs nobody in."""
        context = await self._frame.shell.context()
        form = self._frame.posted(request, context, purpose=RESTORE, session="")
        code = form.get("code", "")[:100]
        outcome, _ = await self._frame.shell.settle(
            lambda context: cancel_deletion(code=code, by="user", context=context)
        )
        wrong = outcome.result != "restored"
        view = await self._restore(request, restored=not wrong, wrong=wrong)
        return self._frame.page(request, view, status=400 if wrong else 200)

    async def _restore(
        self, request: Request, *, restored: bool = False, wrong: bool = False
    ) -> RestoreView:
        context = await self._frame.shell.context()
        return RestoreView(
            site=self._frame.site,
            form=self._frame.form(request, context, action=RESTORE, purpose=RESTORE, session=""),
            sign_in=SIGN_IN,
            restored=restored,
            wrong=wrong,
        )
