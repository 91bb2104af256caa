"""The pages that explain the API, made from its tables: operations, and problems.

They have no script, and the style sheet of the other pages.
"""

from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from msgspec.structs import fields

from valetkey.server.admin.openapi import NOUNS
from valetkey.server.admin.operation import AnyOperation
from valetkey.server.admin.problems import PROBLEMS
from valetkey.server.http.reply import SAFE, Reply
from valetkey.server.model.role import PATH, PREFIX

POLICY: Final = (
    b"default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'none'"
)

_HEAD: Final = """<!doctype html>
<html lang="en" dir="ltr"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">
<title>{title}</title><link rel="stylesheet" href="{base}/static/valetkey.css"></head>
<body><main id="main"><h1>{title}</h1>
"""


def page(title: str, parts: Iterable[str], *, base: str) -> Reply:
    """A page with these parts. `base` is the path of the issuer."""
    head = _HEAD.format(title=escape(title), base=escape(base))
    body = "".join((head, *parts, "</main></body></html>\n"))
    headers = (
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", POLICY),
        (b"cache-control", b"public, max-age=3600"),
        *SAFE,
    )
    return Reply(200, headers, body.encode())


def problems() -> Iterator[str]:
    """The problems that a call can end with, each at its own anchor."""
    for name, kind in PROBLEMS.items():
        yield (
            f'<section id="{name}"><h2><code>{name}</code></h2>'
            f"<p>{kind.status}: {escape(kind.title)}.</p><p>{_text(kind.remedy)}</p></section>\n"
        )


def operations(every: Iterable[AnyOperation], *, base: str) -> Iterator[str]:
    """All operations, by what they are about."""
    yield (
        f'<p>The same as <a href="{base}{PATH}/openapi.json">OpenAPI</a>. '
        f'What can go wrong: <a href="{base}{PATH}/problems">problems</a>.</p>\n'
    )
    by_noun: dict[str, list[AnyOperation]] = {}
    for one in every:
        by_noun.setdefault(one.noun, []).append(one)
    for noun, group in by_noun.items():
        yield f'<section id="{noun}"><h2>{noun}</h2><p>{escape(NOUNS.get(noun, ""))}</p>\n'
        for one in group:
            yield "".join(_operation(one))
        yield "</section>\n"


def _operation(one: AnyOperation) -> Iterator[str]:
    yield f'<article id="{one.name}"><h3>{escape(one.summary)}</h3>'
    yield f"<p><code>{one.method} {escape(one.path)}</code></p>"
    if one.description:
        yield f"<p>{_text(one.description)}</p>"
    if one.permission:
        yield f"<p>Needs <code>{PREFIX}{one.permission}</code>."
    else:
        yield "<p>Any token of this API is enough."
    if one.sensitive:
        yield " People need a sign-in with two factors of the last ten minutes."
    yield "</p>"
    names = {"Query": one.query, "Body": one.body}
    for title, kind in names.items():
        listed = ", ".join(f"<code>{field.encode_name}</code>" for field in fields(kind))
        if listed:
            yield f"<p>{title}: {listed}</p>"
    yield "</article>\n"


def _text(text: str) -> str:
    """A text with code between backquotes."""
    parts = escape(text).split("`")
    return "".join(f"<code>{one}</code>" if at % 2 else one for at, one in enumerate(parts))
