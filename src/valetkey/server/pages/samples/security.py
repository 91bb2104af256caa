"""The security page and the pages below it, in the states people meet."""

from valetkey.server.pages.components import View
from valetkey.server.pages.samples.parts import MIKO, SITE
from valetkey.server.pages.security import LinkedSection, SecurityView

LINKED = LinkedSection(href="/linked")

SECURITY: dict[str, View] = {
    "security": SecurityView(site=SITE, account=MIKO, sections=(LINKED,)),
}
"""Samples by name."""
