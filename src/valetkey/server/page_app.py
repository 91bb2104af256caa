"""Makes the application of the pages from the settings."""

import ipaddress
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from valetkey.server.admin.chosen_passwords import ChosenPasswords
from valetkey.server.admin.services import Services
from valetkey.server.http import log
from valetkey.server.http.countries import Countries
from valetkey.server.http.fetch import Fetcher
from valetkey.server.http.front import App, Network
from valetkey.server.http.hashing import Passwords
from valetkey.server.http.outbox import Outbox
from valetkey.server.http.shell import Shell
from valetkey.server.http.sign_in_failures import SignInFailures
from valetkey.server.oauth.authorize.browser_session import SESSION_MANAGEMENT
from valetkey.server.oauth.core.feature import Feature
from valetkey.server.oauth.endpoints.administration import ADMINISTRATION
from valetkey.server.oauth.features import pages_off
from valetkey.server.settings import Settings
from valetkey.server.settings.brand import read_brand
from valetkey.server.settings.describe import masked
from valetkey.server.settings.load import RELOADABLE
from valetkey.server.settings.outside import platform_sign_in
from valetkey.server.settings.sign_in import directory, new_passwords
from valetkey.server.settings.sign_in import origins as sign_in_origins


def page_app(
    settings: Settings,
    features: Collection[Feature],
    *,
    shell: Shell,
    outbox: Outbox,
    passwords: Passwords,
    failures: SignInFailures,
    host_way: Callable[[Any], Any] | None,
    fetch: Fetcher,
    countries: Countries,
    origins: Callable[[], Mapping[str, str]],
) -> App:
    """The pages. For `host_way` see `app.Host`; `origins` says where each setting comes from."""
    # Imported here: a start need not wait for pages, and an unvisited server needs no memory.
    from valetkey.server.pages.brand import CurrentBrand  # noqa: PLC0415
    from valetkey.server.pages.frame import LINKED, Frame, site_links  # noqa: PLC0415
    from valetkey.server.pages.locales import with_folder  # noqa: PLC0415
    from valetkey.server.pages.routes import pages  # noqa: PLC0415
    from valetkey.server.pages.ways import SignInChoice  # noqa: PLC0415
    from valetkey.server.settings.sign_in_ways import sign_in_ways  # noqa: PLC0415

    source = read_brand(settings.brand)
    links = site_links(settings.name, settings.privacy_url, settings.terms_url)
    files = {file.digest: file.body for file in source.files}
    locales, mistakes = with_folder(settings.locale_folder)
    for mistake in mistakes:
        log.warning("translation left out", detail=mistake)
    frame = Frame(
        shell,
        outbox=outbox,
        passwords=passwords,
        new_passwords=new_passwords(settings, fetch),
        issuer=settings.issuer,
        brand=CurrentBrand(shell, links=links, brand=source.brand, files=files, locales=locales),
        unthrottled=networks(settings.unthrottled),
        failures=failures,
        watched=SESSION_MANAGEMENT in features,
        sign_in_origins=sign_in_origins(settings.sign_in),
        linked=LINKED if settings.sign_in.upstream else None,
        platform=platform_sign_in(settings, fetch),
        directory=directory(settings.sign_in),
        passkeys=settings.relying_party if host_way is None else None,
        countries=countries,
    )
    off = pages_off(features)
    console = _console(frame, settings, features, origins=origins())
    ways = (host_way(frame),) if host_way is not None else sign_in_ways(frame, settings, fetch)
    return pages(frame, SignInChoice(ways), off=off, console=console)


def _console(
    frame: Any,
    settings: Settings,
    features: Collection[Feature],
    *,
    origins: Mapping[str, str],
) -> Sequence[Any]:
    """The pages of the console, none where the administration is off."""
    if ADMINISTRATION not in features:
        return ()
    from valetkey.server.pages.console.routes import console_pages  # noqa: PLC0415
    from valetkey.server.pages.console.settings import SettingValue  # noqa: PLC0415
    from valetkey.server.pages.console.staff import Console  # noqa: PLC0415

    values = tuple(
        SettingValue(name=name, value=value, origin=origins.get(name, ""), live=name in RELOADABLE)
        for name, value in masked(settings).items()
    )
    needs = settings.administration.second_factor
    passwords = ChosenPasswords(lambda: frame.new_passwords, frame.passwords.keep)
    services = Services(frame.shell, passwords=passwords)
    console = Console(frame, services, two_factors=needs)
    return console_pages(console, values)


def networks(addresses: Iterable[str]) -> tuple[Network, ...]:
    """Networks and addresses, by their texts."""
    return tuple(ipaddress.ip_network(address) for address in addresses)
