"""The page of a split key: its parts, replacing a part, and resuming after an alarm."""

from typing import ClassVar, Final

from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.client import Client
from valetkey.server.model.grant import TokenFamily
from valetkey.server.model.query import One
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.grants.changes import NotFound
from valetkey.server.oauth.shards import reissue
from valetkey.server.oauth.shards.reissue import Replaced
from valetkey.server.oauth.shards.response import path
from valetkey.server.pages import presenters
from valetkey.server.pages.components import Account, App, KeyPart, PageForm, Section, View
from valetkey.server.pages.frame import APPS, Frame, NoSuchPage, prove_again
from valetkey.spec.errors import InvalidRequest

EDGE: Final = 4
"""White modules around a QR code (ISO/IEC 18004 6.3.8)."""


class PartsView(View, frozen=True, kw_only=True):
    """The parts of a split key on one device, ``threshold`` of which together give access. All
    forms post to ``form``: ``replace`` comes with a ``holder``, ``resume`` alone. ``ticket`` or
    ``code`` is the new part for ``holder``, displayed only once; ``picture`` is the same as a QR
    code of ``size`` modules."""

    template: ClassVar = "key_parts.html"
    section: ClassVar = Section.APPS

    account: Account
    app: App
    form: PageForm
    device: str
    parts: tuple[KeyPart, ...]
    threshold: int
    suspended: bool
    back: str
    now: int
    holder: str = ""
    ticket: str = ""
    code: str = ""
    size: int = 0
    picture: str = ""


class PartsPage:
    """`/apps/{grant}/shards/{family}`."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def show(self, request: Request) -> Reply:
        """Show the parts."""
        person, family, context = await self._read(request)
        return await self._page(request, person, family, context=context)

    async def change(self, request: Request) -> Reply:
        """Replace a part, or resume suspended access."""
        person, family, context = await self._read(request)
        here = path(family)
        form = self._frame.posted(request, context, purpose=here, session=person.session.id)
        if not await self._frame.has_fresh_proof(person):
            # A part of a key is not given to anyone who finds the browser open.
            return prove_again(here)
        action, holder = form.get("action", ""), form.get("holder", "")
        if action == "replace":
            return await self._replace(request, person, family, holder=holder, context=context)
        if action == "resume":
            await self._resume(person, family)
            return see_other(here)
        raise InvalidRequest("the form asks for nothing that is done here")

    async def _replace(
        self,
        request: Request,
        person: Person,
        family: TokenFamily,
        *,
        holder: str,
        context: Context,
    ) -> Reply:
        replaced, _ = await self._frame.shell.settle(
            lambda context: reissue.replace_shard(
                family.id, holder, user=person.user.id, by="user", context=context
            )
        )
        if isinstance(replaced, NotFound):
            raise NoSuchPage
        return await self._page(
            request, person, replaced.family, replaced=replaced, context=context
        )

    async def _resume(self, person: Person, family: TokenFamily) -> None:
        replaced, _ = await self._frame.shell.settle(
            lambda context: reissue.resume(
                family.id, user=person.user.id, by="user", context=context
            )
        )
        if isinstance(replaced, NotFound):
            raise NoSuchPage

    async def _page(
        self,
        request: Request,
        person: Person,
        family: TokenFamily,
        *,
        context: Context,
        replaced: Replaced | None = None,
    ) -> Reply:
        of_client = One(Client, family.client)
        client = (await self._frame.shell.store.read(of_client)).one(of_client)
        latest = replaced or Replaced(family=family, holder="")
        size, picture = _squares(latest.ticket) if latest.ticket else (0, "")
        here = path(family)
        view = PartsView(
            site=self._frame.site,
            account=self._frame.account(person.user),
            app=presenters.app(client, family.client),
            form=self._frame.form(
                request, context, action=here, purpose=here, session=person.session.id
            ),
            device=family.device,
            parts=presenters.parts(family),
            threshold=family.shards.threshold if family.shards else 1,
            suspended=family.status == "suspended",
            back=f"{APPS}/{family.grant}",
            now=context.env.now,
            holder=latest.holder,
            ticket=latest.ticket,
            code=latest.code,
            size=size,
            picture=picture,
        )
        return self._frame.page(request, view)

    async def _read(self, request: Request) -> tuple[Person, TokenFamily, Context]:
        person = await self._frame.require_person(request)
        name, grant = request.path_parameters["family"], request.path_parameters["grant"]
        context = await self._frame.shell.context()
        family = await self._frame.shell.ask(
            lambda context: reissue.find_sharded(name, person.user.id, context)
        )
        if family is None or family.grant != grant:
            raise NoSuchPage
        return person, family, context


def _squares(text: str) -> tuple[int, str]:
    """A QR code: its side in modules, and the dark modules as the path of an SVG. It is (0, "")
    without the extra `holders`."""
    try:
        import segno  # noqa: PLC0415
    except ImportError:
        return 0, ""
    rows = segno.make(text, error="m", micro=False).matrix
    path = (
        f"M{EDGE + x} {EDGE + y}h1v1h-1z"
        for y, row in enumerate(rows)
        for x, dark in enumerate(row)
        if dark
    )
    return len(rows) + 2 * EDGE, "".join(path)
