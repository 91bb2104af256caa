"""A form that the user filled in before they had to authenticate again. It travels in the address
to which they return, and changes nothing. Only this browser can write one for a page."""

from collections.abc import Mapping
from typing import Final

import msgspec

from valetkey.jose import base64url
from valetkey.jose.seal import same
from valetkey.server.http import csrf
from valetkey.server.http.request import Request
from valetkey.server.oauth.core.context import Context
from valetkey.server.pages.frame import Frame

LONGEST: Final = 1500
"""Characters of a draft. More than any honest form has is not kept."""

UNKEPT: Final = frozenset({"csrf"})


def seal_draft(
    frame: Frame, request: Request, context: Context, *, page: str, form: Mapping[str, str]
) -> str:
    """The draft of a form for the address; "" if it is too long."""
    fields = {name: text for name, text in form.items() if name not in UNKEPT}
    text = base64url.encode(msgspec.json.encode(fields))
    draft = f"{text}.{_mark(frame, request, context, page=page, text=text)}"
    return draft if len(draft) <= LONGEST else ""


def open_draft(
    frame: Frame, request: Request, context: Context, *, page: str, draft: str
) -> dict[str, str]:
    """The fields of a draft; empty for another page's or another browser's."""
    text, _, mark = draft.partition(".")
    if not draft or len(draft) > LONGEST:
        return {}
    known = _mark(frame, request, context, page=page, text=text)
    if not same(mark.encode(), known.encode()):
        return {}
    return msgspec.json.decode(base64url.decode(text), type=dict[str, str])


def _mark(frame: Frame, request: Request, context: Context, *, page: str, text: str) -> str:
    return csrf.token(
        context.installation.keyring,
        browser=frame.cookies.browser_secret(request),
        session="",
        purpose=f"draft {page} {text}",
    )
