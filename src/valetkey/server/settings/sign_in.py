"""The settings of the ways to sign in, as other parts of the server read them."""

from valetkey.server.accounts.provisioning import read_profile
from valetkey.server.oauth.core.context import SIGN_IN_HERE, HandOff, SignIn
from valetkey.server.settings.tree import SignInSettings
from valetkey.wire import redirect


def for_rules(settings: SignInSettings) -> SignIn:
    """How users sign in, for rules."""
    handoff = settings.handoff
    if not handoff.url:
        return SIGN_IN_HERE
    return SignIn(
        silently=True,
        levels=handoff.acr,
        handoff=HandOff(
            client=handoff.client,
            acr=handoff.acr,
            amr=handoff.amr,
            remember=handoff.remember,
            max_seconds=handoff.max_seconds,
            form_post=handoff.form_post,
            check_claims=read_profile,
        ),
    )


def origins(settings: SignInSettings) -> str:
    """The origins at which users sign in and out elsewhere, for a Content-Security-Policy."""
    urls = (settings.handoff.url, settings.handoff.logout_url)
    return " ".join(dict.fromkeys(redirect.origin(url) for url in urls if url))
