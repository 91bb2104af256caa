"""Authorization responses in a form (OAuth 2.0 Form Post Response Mode)."""

from typing import Final

from valetkey.server.oauth.authorize.reply_address import FORM_POST as MODE
from valetkey.server.oauth.core.feature import Feature
from valetkey.spec.cite import Cite

FORM_POST: Final = Feature(
    name="form post",
    cites=(Cite("OAuth 2.0 Form Post Response Mode", "2"),),
    requires=("authorization code",),
    response_modes=(MODE,),
)
