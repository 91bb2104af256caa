"""The settings of the ways to sign in, as other parts of the server read them."""

from valetkey.server.accounts.provisioning import read_profile
from valetkey.server.oauth.core.context import HandOff, SignIn
from valetkey.server.settings.ways import SignInSettings
from valetkey.wire import redirect


def for_rules(settings: SignInSettings) -> SignIn:
    """How users sign in, for rules."""
    handoff = settings.handoff
    upstreams = [one for one in settings.upstream if one.enabled]
    levels = dict.fromkeys(level for one in upstreams for level in one.acr.values())
    if not handoff.url:
        # A choice needs a page.
        return SignIn(silently=is_alone(settings), levels=tuple(levels))
    return SignIn(
        silently=True,
        levels=tuple(dict.fromkeys((*handoff.acr, *levels))),
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


def is_alone(settings: SignInSettings) -> bool:
    """Whether an upstream provider is the only way to sign in."""
    upstreams = [one for one in settings.upstream if one.enabled]
    return len(upstreams) == 1 and not settings.password and not settings.handoff.url


def origins(settings: SignInSettings) -> str:
    """The origins at which users sign in and out elsewhere, for a Content-Security-Policy."""
    urls = (settings.handoff.url, settings.handoff.logout_url)
    return " ".join(dict.fromkeys(redirect.origin(url) for url in urls if url))
