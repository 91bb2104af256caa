"""Where the code cites which standard."""

import re
from pathlib import Path
from typing import Final

import valetkey

SOURCE: Final = Path(valetkey.__file__).parent
EXAMPLE: Final = SOURCE / "spec" / "cite.py"
"""Shows what a citation is; what it names there is no source of a rule."""

_CITED: Final = re.compile(
    r"(RFC \d{4,5}|draft-[a-z0-9]+(?:-[a-z0-9]+)*"
    r"|OpenID Connect (?:Core Unmet Authentication Requirements|Core|Discovery|CIBA"
    r"|Registration|Session Management|(?:RP-Initiated|Front-Channel|Back-Channel) Logout)"
    r"|Initiating User Registration|OAuth 2\.0 Form Post Response Mode|OAuth 2\.1"
    r"|JWT Secured Authorization Response Mode|FAPI 2\.0 Security Profile|FAPI 1\.0 Baseline"
    r"|Grant Management for OAuth 2\.0"
    r"|Standard Webhooks|Shared Signals Framework|CAEP Interoperability Profile|CAEP|RISC"
    r"|NIST SP 800-\d+B?)"
    # In prose, or as `Cite("RFC 6749", "4.1.3")`.
    r"(?:(?:\", \"| )(\d+(?:\.\d+)*|appendix [A-Z]))?"
)


def citations() -> dict[str, dict[str, set[str]]]:
    """The files in which each section of each document is named; section "" for the whole."""
    cited: dict[str, dict[str, set[str]]] = {}
    for file in sorted({*SOURCE.rglob("*.py")} - {EXAMPLE}):
        for document, section in _CITED.findall(file.read_text("utf-8")):
            sections = cited.setdefault(document, {})
            sections.setdefault(section, set()).add(file.relative_to(SOURCE).as_posix())
    return cited


def link(document: str, section: str, says: str) -> str:
    """The words, leading to the place in the standard where it is an RFC."""
    if not document.startswith("RFC "):
        return says
    place = section.replace("appendix ", "appendix-") if "app" in section else f"section-{section}"
    anchor = f"#{place}" if section else ""
    return f"[{says}](https://www.rfc-editor.org/rfc/rfc{document.removeprefix('RFC ')}{anchor})"
