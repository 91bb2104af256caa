"""Counts the lines that an operator writes so that their users can sign in: `python -m
docs._ext.operator_lines`.

A line counts unless it is empty or a comment. Users, the sign-in page and sessions don't count: the
operator has them already. With `--others FOLDER`, it counts what the samples of other projects
need, too, in checkouts in that folder, and fails if the table is wrong.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
NO_CODE: Final = re.compile(r'\s*(#|//|/?\*|"""[^"]*"""\s*$|$)')


class Part(NamedTuple):
    """The lines of a file that count: those from one that contains the first text to the next that
    is the second, and each that contains one of `also`."""

    file: str
    ranges: tuple[tuple[str, str], ...] = ()
    also: tuple[str, ...] = ()


class Ours(NamedTuple):
    """A way to connect a platform: what is code in it, what is settings, and what it gives."""

    name: str
    code: Part | None
    settings: tuple[Part, ...]
    gives: str


class Others(NamedTuple):
    """Another project: the lines of these files at `commit`; or, without files, `lines` as the page
    `where` of its documentation has them."""

    name: str
    lines: int
    where: str
    gives: str
    repository: str = ""
    commit: str = ""
    files: tuple[str, ...] = ()


CLIENT: Final = Part(
    "docs/howto/own-login.md",
    (
        ("[[client]]", 'scope = "interactions.answer"'),
        ("[sign_in]", 'url = "https://chirp.example/valetkey-login"'),
    ),
)
WHOLE: Final = (
    "consent with choices and limits, *Connected apps*, OpenID Connect, DPoP, PAR, FAPI 2.0, "
    "device, CIBA, logout on both sides"
)
SAME: Final = "the same"

OURS: Final = (
    Ours(
        "valetkey inside Django",
        Part(
            "examples/embedded-django/embedded_django.py",
            (("    VALETKEY={", "    },"),),
            ("import include, path", 'include("valetkey.embedded.django")'),
        ),
        (),
        WHOLE,
    ),
    Ours(
        "valetkey inside FastAPI",
        Part(
            "examples/embedded-fastapi/embedded_fastapi.py",
            (
                ("def who_is_signed_in", "    )"),
                ("def sign_out", "    request.session.clear()"),
                ("vk = Valetkey(", ")"),
            ),
            ("from valetkey.", "vk."),
        ),
        (),
        SAME,
    ),
    Ours(
        "valetkey inside Flask",
        Part(
            "examples/embedded-flask/embedded_flask.py",
            (
                ("def who_is_signed_in", "    )"),
                ("def sign_out", "    session.clear()"),
                ("vk = Valetkey(", ")"),
            ),
            ("from valetkey.", "vk.", 'extensions["valetkey"]'),
        ),
        (),
        SAME,
    ),
    Ours(
        "your sign-in page in Django",
        Part(
            "examples/platform-django/platform_django.py",
            (("platform = Platform(", ")"),),
            ("from valetkey.", "view(platform", "sid = sid_of", "platform.end_sessions"),
        ),
        (CLIENT,),
        SAME,
    ),
    Ours(
        "your sign-in page in FastAPI",
        Part(
            "examples/platform-fastapi/platform_fastapi.py",
            (("platform = AsyncPlatform(", ")"), ("def who(", "    )")),
            ("from valetkey.", "route(platform", "platform.end_sessions"),
        ),
        (CLIENT,),
        SAME,
    ),
    Ours(
        "your sign-in page in Flask",
        Part(
            "examples/platform-flask/platform_flask.py",
            (("platform = Platform(", ")"), ("def who(", "    )")),
            ("from valetkey.", "view(platform", "platform.end_sessions"),
        ),
        (CLIENT,),
        SAME,
    ),
    Ours(
        "your sign-in page in Express, without a kit",
        Part(
            "examples/platform-express/platform-express.mjs",
            (("const basic", "// The platform's own pages, as they were before."),),
            ("/sessions/end",),
        ),
        (CLIENT,),
        SAME,
    ),
    Ours(
        "your OpenID provider",
        None,
        (
            Part(
                "docs/howto/sign-in-with-openid.md",
                (("[[sign_in.upstream]]", '   client_id = "login"'),),
            ),
        ),
        SAME,
    ),
)

OTHERS: Final = (
    Others(
        "django-oauth-toolkit",
        3,
        "*Installation*: app, import and URL, then a migration; OpenID Connect needs 8 lines of "
        "settings and a key more",
        "OAuth 2, OpenID Connect, a consent page without choices",
    ),
    Others(
        "django-allauth, as a provider",
        3,
        "*Identity Provider*: app, key and URL, beside allauth's own accounts",
        "OAuth 2, OpenID Connect, device flow",
    ),
    Others(
        "Authlib",
        219,
        "its example, with a sign-in form",
        "a library: grants, models and pages are yours",
        "authlib/example-oauth2-server",
        "d1f35586067c3990122b3b2b0c191385f2a9fed8",
        ("website/models.py", "website/oauth2.py", "website/routes.py"),
    ),
    Others(
        "Ory Hydra",
        239,
        "its sample login app, without templates; Hydra is a second server",
        "the sign-in, consent and sign-out pages that Hydra leaves to you",
        "ory/hydra-login-consent-node",
        "9995fe234bf4744ae03b8b3377de3de957ed3967",
        ("src/routes/login.ts", "src/routes/consent.ts", "src/routes/logout.ts"),
    ),
)


def count(part: Part) -> int:
    """The lines of the part. Raises ValueError if the file lacks one of its texts."""
    lines = (ROOT / part.file).read_text("utf-8").splitlines()
    numbers: set[int] = set()
    for first, last in part.ranges:
        begin = next((n for n, line in enumerate(lines) if first in line), None)
        if begin is None or last not in lines[begin:]:
            raise ValueError(f"{part.file}: no lines from {first!r} to {last!r}")
        numbers.update(range(begin, lines.index(last, begin) + 1))
    for text in part.also:
        matches = [n for n, line in enumerate(lines) if text in line]
        if not matches:
            raise ValueError(f"{part.file}: no line with {text!r}")
        numbers.update(matches)
    return _code_lines([lines[number] for number in sorted(numbers)])


def _code_lines(lines: Sequence[str]) -> int:
    return sum(NO_CODE.match(line) is None for line in lines)


def operator_lines() -> str:
    """The table of the documentation."""
    return "\n".join(f"| {' | '.join(row)} |" for row in _rows())


def _rows() -> Iterator[tuple[str, ...]]:
    yield "", "code", "settings", "counted in", "what it gives"
    yield ("---",) * 5
    for one in OURS:
        parts = (*((one.code,) if one.code else ()), *one.settings)
        files = ", ".join(f"`{file}`" for file in dict.fromkeys(part.file for part in parts))
        code = str(count(one.code)) if one.code else "0"
        settings = str(sum(map(count, one.settings)))
        yield one.name, code, settings, files, one.gives
    for other in OTHERS:
        yield other.name, str(other.lines), "", other.where, other.gives


def recount(other: Others, folder: Path) -> int:
    """The lines of the project's files, in a checkout below the folder."""
    checkout = folder / other.repository.partition("/")[2]
    texts = ((checkout / file).read_text("utf-8") for file in other.files)
    return sum(_code_lines(text.splitlines()) for text in texts)


def main() -> None:
    """Print the table, and check it."""
    parser = argparse.ArgumentParser(prog="docs._ext.operator_lines", description=__doc__)
    parser.add_argument("--others", type=Path, metavar="FOLDER")
    folder: Path | None = parser.parse_args().others
    print(operator_lines())
    if folder is None:
        return
    counted = {one.name: (recount(one, folder), one.lines) for one in OTHERS if one.files}
    wrong = [f"{name}: {now}, not {then}" for name, (now, then) in counted.items() if now != then]
    sys.exit("\n".join(wrong) or 0)


if __name__ == "__main__":
    main()
