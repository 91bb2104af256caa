"""Where users go on after they signed in: at one of their own pages."""

import re
from collections.abc import Mapping
from typing import Final

from valetkey.server.http.request import Request
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.core.context import Context
from valetkey.server.pages.components import PageForm, Section
from valetkey.server.pages.console.parts import CONSOLE
from valetkey.server.pages.frame import APPROVALS, APPS, LINKED, SIGN_IN, Frame

_DRAFT: Final = re.compile(r"[A-Za-z0-9_-]{1,1500}\.[A-Za-z0-9_-]{1,64}", re.ASCII)

OWN_PAGES: Final = (APPS, APPROVALS, LINKED, CONSOLE, *(f"/{one}" for one in Section))
"""The user's own pages, and the console: these paths, and those below."""

_BESIDE: Final = str.maketrans("", "", "-_~")
"""Characters of segments, besides letters and digits."""


def then(query: Mapping[str, str]) -> str:
    """The path to go to after sign-in: one of the user's own pages, with a draft if there is
    one."""
    target, draft = own_page(query.get("next", "")), query.get("draft", "")
    return f"{target}?draft={draft}" if _DRAFT.fullmatch(draft) else target


def own_page(path: str) -> str:
    """The path, if it is one of the user's own pages; else the list of apps (ATTACKS A69)."""
    parts = path.split("/")
    plain = all(part.isascii() and part.translate(_BESIDE).isalnum() for part in parts[1:])
    own = any(f"{path}/".startswith(f"{one}/") for one in OWN_PAGES)
    return path if own and plain else APPS


def after_sign_in(target: str, *, at: str = SIGN_IN, again: bool = False) -> str:
    """The address of a page of the sign-in, after which the user goes on at `target` (see `then`).
    `again`: they are signed in, and prove again who they are."""
    return f"{at}?next={target.replace('?', '&')}{'&again=1' if again else ''}"


def own_form(
    frame: Frame,
    request: Request,
    person: Person,
    *,
    context: Context,
    path: str,
    hidden: tuple[tuple[str, str], ...] = (),
) -> PageForm:
    """A form of the signed-in user's, which goes to `path` and is good for nothing else."""
    session = person.session.id
    return frame.form(request, context, action=path, purpose=path, session=session, hidden=hidden)
