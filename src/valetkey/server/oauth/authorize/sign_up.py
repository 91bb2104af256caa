"""Sign-up that an app requests (Initiating User Registration 1.0). Off by default."""

from typing import Final

from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import Feature
from valetkey.spec.cite import Cite

SIGN_UP: Final = Feature(
    name="sign-up",
    on_by_default=False,
    requires=("authorization code",),
    pages=("/sign-up", "/continue/{pending}/sign-up"),
    cites=(Cite("Initiating User Registration", "4"),),
    metadata=lambda _: {"prompt_values_supported": ("create",)},
)


def is_offered(context: Context) -> bool:
    """Whether people may sign up."""
    return SIGN_UP.name in context.installation.enabled_features
