"""The ways to sign in, as one list. A new way is a file with its class, and a line in `WAYS`."""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from valetkey.server.http.fetch import Fetcher
from valetkey.server.pages.credentials.password_way import PasswordWay
from valetkey.server.pages.frame import Frame
from valetkey.server.pages.handoff import HandoffWay
from valetkey.server.pages.upstream import UpstreamWay
from valetkey.server.pages.ways import Way
from valetkey.server.settings.sign_in import is_alone
from valetkey.server.settings.tree import Settings


def _password(frame: Frame, settings: Settings, fetch: Fetcher) -> Sequence[Way]:
    return (PasswordWay(frame),) if settings.sign_in.password else ()


def _platform(frame: Frame, settings: Settings, fetch: Fetcher) -> Sequence[Way]:
    handoff = settings.sign_in.handoff
    if not handoff.url:
        return ()
    label = handoff.name or settings.name
    return (HandoffWay(frame, url=handoff.url, label=label, sign_out_url=handoff.logout_url),)


def _upstreams(frame: Frame, settings: Settings, fetch: Fetcher) -> Sequence[Way]:
    alone = is_alone(settings.sign_in)
    upstreams = (one.upstream() for one in settings.sign_in.upstream)
    return tuple(UpstreamWay(frame, one, fetch.ask, alone=alone) for one in upstreams)


MakeWays: TypeAlias = Callable[[Frame, Settings, Fetcher], Sequence[Way]]
"""Makes the ways of one kind that the settings name, also those that are switched off."""

WAYS: Final[tuple[MakeWays, ...]] = (_password, _platform, _upstreams)
"""The kinds of ways, in the order of the sign-in page. A server that is embedded has the way of its
host alone (see `valetkey.embedded`)."""


def sign_in_ways(frame: Frame, settings: Settings, fetch: Fetcher) -> tuple[Way, ...]:
    """Every way that the settings name."""
    return tuple(way for make in WAYS for way in make(frame, settings, fetch))
