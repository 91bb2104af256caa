"""The security page and the pages below it, in the states people meet."""

from valetkey.server.pages.components import View
from valetkey.server.pages.samples.parts import MIKO, SITE
from valetkey.server.pages.security import LinkedSection, SecurityView
from valetkey.server.pages.sessions import SessionsSection

SESSIONS = SessionsSection(href="/security/sessions", count=2)
LINKED = LinkedSection(href="/linked")

SECURITY: dict[str, View] = {
    "security": SecurityView(site=SITE, account=MIKO, sections=(SESSIONS, LINKED)),
}
"""Samples by name."""
