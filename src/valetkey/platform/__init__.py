"""The kit for a platform that signs its own users in: the page to which valetkey sends them.

    platform = Platform(issuer="https://id.chirp.example", client_id="chirp", secret=…)

    valetkey_login = view(platform, signed_in=who, sign_in="/login")     # valetkey.platform.flask

`who(request)` returns a `SignedIn`, or None. The rest is done here: what the app asks for is read,
a user who has to sign in (again) is led to the sign-in page and back, and the answer is sent.
`AsyncPlatform` is the same for async code. There are `valetkey.platform.starlette` (FastAPI too),
`valetkey.platform.flask` and `valetkey.platform.django`; other frameworks take `LoginPage`
and `Platform.answer`.
"""

from valetkey.platform.handoff import AsyncPlatform, Lapsed, Platform, PlatformError
from valetkey.platform.interaction import (
    Interaction,
    LoginPage,
    Refuse,
    RequestingClient,
    SignedIn,
    ToSignIn,
    move,
)

__all__ = [
    "AsyncPlatform",
    "Interaction",
    "Lapsed",
    "LoginPage",
    "Platform",
    "PlatformError",
    "Refuse",
    "RequestingClient",
    "SignedIn",
    "ToSignIn",
    "move",
]
