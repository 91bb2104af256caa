"""The settings of the ways to sign in, as other parts of the server read them."""

import msgspec

from valetkey.server.accounts.provisioning import read_profile
from valetkey.server.http.directory import Directory, DirectoryTerms
from valetkey.server.http.fetch import Fetcher
from valetkey.server.http.new_passwords import NewPasswords
from valetkey.server.model.assurance import PHISHING_RESISTANT, TWO_FACTORS
from valetkey.server.model.keys import Secret
from valetkey.server.oauth.core.context import HandOff, SignIn
from valetkey.server.settings.accounts import AccountSettings
from valetkey.server.settings.load import secret_in
from valetkey.server.settings.tree import Settings
from valetkey.server.settings.ways import SignInSettings
from valetkey.wire import address, redirect
from valetkey.wire.address import target


def for_rules(settings: SignInSettings, accounts: AccountSettings) -> SignIn:
    """How users sign in, for rules."""
    handoff = settings.handoff
    upstreams = [one for one in settings.upstream if one.enabled]
    levels = dict.fromkeys(level for one in upstreams for level in one.acr.values())
    own = (PHISHING_RESISTANT, TWO_FACTORS) if settings.password else ()
    ours = SignIn(
        # A choice needs a page.
        silently=is_alone(settings),
        levels=tuple(dict.fromkeys((*levels, *own))),
        second_factor=TWO_FACTORS if accounts.second_factor == "required" else "",
        trusted_seconds=accounts.trusted_device_days * 86400,
        mail_codes=accounts.mail_codes and settings.password,
        asks_in_new_country=(
            accounts.new_country == "second_factor" and accounts.countries_file is not None
        ),
    )
    if not handoff.url:
        return ours
    return msgspec.structs.replace(
        ours,
        silently=True,
        levels=tuple(dict.fromkeys((*handoff.acr, *ours.levels))),
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


def directory(settings: SignInSettings) -> Directory | None:
    """The directory that checks passwords, None for none."""
    ldap = settings.ldap
    if not ldap.url or not settings.password:
        return None
    terms = DirectoryTerms(
        url=ldap.url,
        source=ldap.source,
        base=ldap.base,
        filter=ldap.filter,
        bind_dn=ldap.bind_dn,
        bind_password=secret_in(ldap.bind_password, ldap.bind_password_file) or Secret(""),
        start_tls=ldap.start_tls,
        ca_file="" if ldap.ca_file is None else str(ldap.ca_file),
        id_attribute=ldap.id_attribute,
        claims=ldap.claims,
        email_verified=ldap.email_verified,
        groups=ldap.groups,
    )
    return Directory(terms)


def origins(settings: SignInSettings) -> str:
    """The origins at which users sign in and out elsewhere, for a Content-Security-Policy."""
    urls = (settings.handoff.url, settings.handoff.logout_url)
    return " ".join(dict.fromkeys(redirect.origin(url) for url in urls if url))


def new_passwords(settings: Settings, fetch: Fetcher) -> NewPasswords:
    """The rules for new passwords."""
    accounts = settings.accounts
    url = accounts.breached_passwords_url
    # The operator's own server of breaches may be in a network of theirs.
    ask = fetch.with_local(target(url).authority).ask if url else None
    return NewPasswords(
        shortest=accounts.password_min_length,
        names=(settings.name, address.host(settings.issuer), "valetkey"),
        more=accounts.password_blocklist_file,
        breaches=url,
        ask=ask,
    )
