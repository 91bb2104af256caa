"""Where users go on after they signed in: at one of their own pages."""

import re
from collections.abc import Mapping
from typing import Final

from valetkey.server.pages.components import Section
from valetkey.server.pages.frame import APPROVALS, APPS, LINKED

_DRAFT: Final = re.compile(r"[A-Za-z0-9_-]{1,1500}\.[A-Za-z0-9_-]{1,64}", re.ASCII)

OWN_PAGES: Final = (APPS, APPROVALS, LINKED, *(f"/{one}" for one in Section))
"""The user's own pages: these paths, and those below."""


def then(query: Mapping[str, str]) -> str:
    """The path to go to after sign-in: one of the user's own pages, with a draft if there is
    one."""
    target, draft = own_page(query.get("next", "")), query.get("draft", "")
    return f"{target}?draft={draft}" if _DRAFT.fullmatch(draft) else target


def own_page(path: str) -> str:
    """The path, if it is one of the user's own pages; else the list of apps (ATTACKS A69)."""
    parts = path.split("/")
    plain = all(part.isascii() and part.isalnum() for part in parts[1:])
    own = any(f"{path}/".startswith(f"{one}/") for one in OWN_PAGES)
    return path if own and plain else APPS
