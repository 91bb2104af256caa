"""Each page in the states that people meet: for previews, and for tests."""

from valetkey.server.pages.components import View
from valetkey.server.pages.samples.account import ACCOUNT
from valetkey.server.pages.samples.console import CONSOLE
from valetkey.server.pages.samples.console_organizations import ORGANIZATIONS
from valetkey.server.pages.samples.credentials import CREDENTIALS
from valetkey.server.pages.samples.grants import GRANTS
from valetkey.server.pages.samples.passkeys import PASSKEYS
from valetkey.server.pages.samples.places import PLACES
from valetkey.server.pages.samples.requests import REQUESTS
from valetkey.server.pages.samples.security import SECURITY

SAMPLES: dict[str, View] = {
    **REQUESTS,
    **PLACES,
    **GRANTS,
    **SECURITY,
    **CREDENTIALS,
    **ACCOUNT,
    **PASSKEYS,
    **CONSOLE,
    **ORGANIZATIONS,
}
